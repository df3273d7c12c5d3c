"""The data at a glance.

What became of every input and every clip, and the split of the usable ones (bars; one scale a corpus); usable clips by
emotion and level; length, size of the face and share of frames with a face of all clips that were measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure, SubFigure

from eadnet.corpora.sources import USED
from metrics.tables import ALL
from reports.load import EmptyInputs, Inputs
from reports.numbers import count, duration, percent
from reports.style import BLUE, BLUES, GREEN, INK, MUTED, ORANGE, PAPER, PURPLE, RULE, SKY, VERMILION, WIDTH, YELLOW
from reports.tables.coverage import SPLITS, counted

GOOD = {"ok": BLUE, "companion": SKY}
REFUSED = (VERMILION, ORANGE, PURPLE, YELLOW, "#8c6d1f", "#4d4d4d")
OTHER = "#9aa2ad"  # statuses beyond the colours
SPLIT_COLOURS = dict(zip(SPLITS, (BLUE, GREEN, ORANGE, SKY), strict=True))
COLOURS_OF_CORPORA = (BLUE, ORANGE, GREEN, PURPLE)
MEASURED = {  # column: title, unit, highest value that any clip can have
    "seconds": ("Length", "seconds", None),
    "face_size": ("Size of the face", "source pixels", None),
    "detected": ("Frames with a face", "share of the clip", 1.0),
}
BAR_INCHES, HEAT_INCHES = 1.5, 1.7
KEY = (0.0145, 0.0066, 0.022)  # widths of a swatch, a character and a gap in a key, as shares of the axes


@dataclass(frozen=True)
class Part:
    """One segment of a bar."""

    name: str
    number: int
    colour: str


def build(sources: pd.DataFrame, clips: pd.DataFrame) -> Figure:
    """Bars, heat maps, histograms.

    Args:
        sources: Columns of ``eadnet.tables.SOURCES``.
        clips: Columns of ``eadnet.tables.CLIPS``.
    """
    frame = counted(sources, clips)
    corpora = [name for name in dict.fromkeys(frame.corpus) if name != ALL]
    labelled = [name for name in corpora if not _of(frame, "emotions", name).emotion.isna().all()]
    heights = [BAR_INCHES * len(corpora) + 0.2, *([HEAT_INCHES] if labelled else []), 2.1]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    colours = status_colours(frame)
    for axes, corpus in zip(parts[0].subplots(len(corpora), 1, squeeze=False)[:, 0], corpora, strict=True):
        _draw_bars(axes, frame, corpus, colours)
    if labelled:
        _draw_emotions(parts[1], frame, labelled)
    _draw_histograms(parts[-1], clips, corpora)
    return figure


def draw(inputs: Inputs) -> Figure:
    """Fetch the sources and clips tables and draw them."""
    if inputs.clips.empty:
        raise EmptyInputs(f"{inputs.path('clips')}: holds no clip; see the sources' reasons")
    return build(inputs.sources, inputs.clips)


def status_colours(frame: pd.DataFrame) -> dict[str, str]:
    """A colour for each status: blue for what could be used, the set's others for the most frequent rest."""
    rows = frame[frame.panel.isin(("inputs", "clips")) & (frame.corpus == ALL)]
    numbers = rows.inputs.fillna(0) + rows.clips.fillna(0)
    refused = (
        numbers.groupby(rows.status).sum().drop(list(USED), errors="ignore").sort_values(ascending=False, kind="stable")
    )
    named = [*REFUSED, *[OTHER] * max(0, len(refused) - len(REFUSED))]
    return GOOD | dict(zip(refused.index, named, strict=False))


def _of(frame: pd.DataFrame, panel: str, corpus: str) -> pd.DataFrame:
    return frame[(frame.panel == panel) & (frame.corpus == corpus)]


def _draw_bars(axes: Axes, frame: pd.DataFrame, corpus: str, colours: Mapping[str, str]) -> None:
    """Inputs, clips and splits of one corpus, each bar on the scale of the longest."""
    bars = {}
    for kind in ("inputs", "clips"):
        rows = _of(frame, kind, corpus).sort_values("status", key=lambda words: words.map(list(colours).index))
        bars[kind] = [Part(row.status, int(getattr(row, kind)), colours[row.status]) for row in rows.itertuples()]
    splits = _of(frame, "splits", corpus).set_index("split").clips
    bars["usable"] = [Part(name, int(splits[name]), SPLIT_COLOURS[name]) for name in SPLITS if name in splits]
    longest = max(sum(part.number for part in bar) for bar in bars.values())
    for place, bar in enumerate(bars.values()):
        left = 0
        for part in bar:
            axes.barh(place, part.number, left=left, height=0.52, color=part.colour, edgecolor=PAPER, linewidth=0.6)
            if part.number > 0.04 * longest:
                axes.text(left + part.number / 2, place, f"{part.number:,}", ha="center", va="center", fontsize=7,
                          color=_ink_on(part.colour))  # fmt: skip
            left += part.number
        _draw_key(axes, place, bar, left)
    axes.set_yticks(range(3), [f"{kind}  {sum(part.number for part in bar):,}" for kind, bar in bars.items()])
    axes.set(xlim=(0, longest), ylim=(2.6, -0.4), xticks=[])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.spines[:].set_visible(False)
    whole = _of(frame, "corpora", corpus).iloc[0]
    axes.set_title(f"{corpus}: {count(int(whole.people), 'person', 'people')}, {duration(whole.hours * 3600)} usable")


def _draw_key(axes: Axes, place: int, bar: list[Part], total: int) -> None:
    """What a bar's segments are, in words under it and in their order, as many as there is room for."""
    swatch, letter, gap = KEY
    style = {"xycoords": ("axes fraction", "data"), "fontsize": 6.5, "va": "center", "parse_math": False}
    x = 0.0
    for part in bar:
        words = f"{part.name} {part.number:,} ({percent(part.number / total)})"
        if x + swatch + letter * len(words) > 1:
            axes.annotate("…", (x, place + 0.44), color=MUTED, **style)
            return
        axes.annotate("■", (x, place + 0.44), color=part.colour, **style)
        axes.annotate(words, (x + swatch, place + 0.44), color=MUTED, **style)
        x += swatch + letter * len(words) + gap


def _draw_emotions(part: SubFigure, frame: pd.DataFrame, corpora: list[str]) -> None:
    """Emotions across, levels down, one map a corpus that has labels."""
    for axes, corpus in zip(part.subplots(1, len(corpora), squeeze=False)[0], corpora, strict=True):
        rows = _of(frame, "emotions", corpus)
        rows = rows.assign(emotion=rows.emotion.fillna("none"), level=rows.level.fillna(0))
        table = rows.pivot_table(index="level", columns="emotion", values="clips", aggfunc="sum", fill_value=0)
        table = table.astype(int)
        axes.imshow(table, cmap=BLUES, vmin=0, aspect="auto", interpolation="nearest")
        for (row, column), number in np.ndenumerate(table.to_numpy()):
            colour = PAPER if number > 0.55 * table.to_numpy().max() else INK
            axes.text(column, row, f"{number:,.0f}", ha="center", va="center", fontsize=7.5, color=colour)
        axes.set_xticks(range(table.shape[1]), table.columns, rotation=30 if len(corpora) > 1 else 0)
        axes.set_yticks(range(len(table)), [f"level {level}" if level else "no level" for level in table.index])
        axes.tick_params(length=0, labelcolor=INK)
        axes.spines[:].set_visible(False)
        axes.set_title(f"{corpus}: usable clips by emotion and level", parse_math=False)


def _draw_histograms(part: SubFigure, clips: pd.DataFrame, corpora: list[str]) -> None:
    """One histogram a measure, corpora stacked; clips that were refused are hatched on top."""
    rows = clips.assign(seconds=(clips.n_frames / clips.fps).where(clips.n_frames > 0))
    colours = {name: COLOURS_OF_CORPORA[place % len(COLOURS_OF_CORPORA)] for place, name in enumerate(corpora)}
    grid = part.subplots(1, len(MEASURED))
    for axes, (column, (title, unit, limit)) in zip(grid, MEASURED.items(), strict=True):
        values = rows[column].astype(float)
        axes.set_title(title)
        axes.set(xlabel=unit)
        axes.set_ylabel("clips" if axes is grid[0] else "")
        if values.notna().sum() == 0:
            axes.set(xticks=[], yticks=[])
            axes.text(0.5, 0.5, "not measured", ha="center", transform=axes.transAxes, color=MUTED)
            continue
        edges = np.linspace(0, limit or values.max() * 1.02, 21)
        usable = [values[(rows.corpus == name) & (rows.status == "ok")].dropna() for name in corpora]
        refused = values[rows.status != "ok"].dropna()
        labels = [*corpora, "rejected"] if len(refused) else corpora
        series, shades = [*usable, refused][: len(labels)], [*colours.values(), PAPER][: len(labels)]
        bars = axes.hist(series, edges, stacked=True, color=shades, label=labels, linewidth=0.4, edgecolor=RULE)[2]
        axes.yaxis.get_major_locator().set_params(integer=True)
        if len(refused):
            _hatch(list(bars)[-1] if len(labels) > 1 else bars)
    grid[0].legend(loc="best", fontsize=7.5)


def _hatch(bars: object) -> None:
    for bar in bars:
        bar.set(hatch="//////", edgecolor=VERMILION, linewidth=0.4 if bar.get_height() else 0)


def _ink_on(colour: str) -> str:
    """Dark or light, whichever is read on a colour."""
    return INK if np.dot(to_rgb(colour), (0.299, 0.587, 0.114)) > 0.55 else PAPER
