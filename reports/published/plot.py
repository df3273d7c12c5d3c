"""How far papers disagree about a metric, as a picture: a row a method, a dot a paper.

Reads the registry only. The area of a dot is the number of test clips that its paper states; a hollow dot states none.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from reports import style
from reports.load import ReportError
from reports.numbers import count
from reports.published.registry import SUSPICIOUS, by_paper, spreads
from reports.published.vocabulary import METRICS, READABLE, REAL
from reports.style import BLUE, INK, MUTED, ORANGE, RULE, VERMILION, WIDTH, figure_style

MOST = 25
"""Rows that a person still reads."""
HIGHLIGHT = "EAD-Net"
"""Method that is shown however few papers report it, its name in bold."""
LOG_FROM = 7.0  # times that the 95th dot in a hundred is the 5th: beyond, small values would lie on one another
CLIPS = (20, 200, 2000)  # of the legend
_HOLLOW = 26.0  # points² of a dot whose paper states no number of clips
DPI = 110  # of a PNG
_SUFFIXES = (".png", ".svg")


def build(rows: pd.DataFrame) -> Figure:
    """A strip of dots for each method, methods that most papers report on top.

    Args:
        rows: columns of `reports.published.registry.published`, of one quantity and dataset.

    Raises:
        ReportError: no row has a value that counts.
    """
    dots = by_paper(rows)
    if dots.empty:
        raise ReportError("nothing to plot: every value is suspicious; list them with --papers")
    table = _shown(spreads(rows))
    dots = dots[dots.subject.isin(table.subject)]
    zeros = dots[dots.common <= 0].groupby("subject").size() if _wide(dots.common) else pd.Series(dtype=int)
    with figure_style():
        figure = Figure(figsize=(WIDTH, 1.75 + 0.235 * len(table)), layout="constrained")
        axes = figure.subplots()
        places = {name: place for place, name in enumerate(table.subject)}
        _scale_axis(axes, dots.common)
        _draw_rows(axes, table)
        _draw_copies(axes, rows, places)
        _draw_dots(axes, dots.assign(place=dots.subject.map(places).astype(float)))
        _label(axes, rows, table, zeros)
        _entitle(figure, rows, table)
        _legend(figure, rows, dots)
    return figure


def write(figure: Figure, path: Path) -> None:
    """Write a figure in the form of its suffix; the same figure gives the same bytes.

    Args:
        figure: what `build` made.
        path: ends in ``.png`` or ``.svg``.

    Raises:
        ReportError: `path` ends in neither ``.png`` nor ``.svg``.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise ReportError(f"{path}: a plot is written as .png or .svg; give it such a name")
    style.write(figure, path, DPI)


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """The methods that most papers report, in that order; the highlighted one and real video always.

    A method of a single paper shows nothing of how far papers disagree: those come only where there are few others.
    """
    table = table[table.papers > 0]
    ordered = table.sort_values(["papers", "values", "subject"], ascending=[False, False, True], kind="stable")
    always = ordered.subject.isin([HIGHLIGHT, REAL])
    several = ordered[~always & (ordered.papers > 1)]
    rest = (several if len(several) > 4 else ordered[~always]).head(MOST - int(always.sum()))
    return ordered[always | ordered.subject.isin(rest.subject)]


def _wide(values: pd.Series) -> bool:
    """Whether the bulk of the values spans so much that only a logarithmic axis separates them."""
    positive = values[values > 0]
    if len(positive) < 0.9 * len(values):
        return False
    low, high = np.quantile(positive, (0.05, 0.95))
    return high / low > LOG_FROM


def _scale_axis(axes: Axes, values: pd.Series) -> None:
    if _wide(values):
        positive = values[values > 0]
        axes.set_xscale("log")
        axes.set_xlim(positive.min() / 1.15, positive.max() * 1.15)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="x")
    axes.set_axisbelow(True)


def _draw_rows(axes: Axes, table: pd.DataFrame) -> None:
    """From the smallest to the largest paper, with a mark at the median."""
    logarithmic = axes.get_xscale() == "log"
    for place, row in enumerate(table.itertuples()):
        low = max(row.low, axes.get_xlim()[0]) if logarithmic else row.low
        axes.plot([low, row.high], [place, place], color=RULE, linewidth=1.2, zorder=1)
        if row.papers > 2 and (not logarithmic or row.median > low):
            axes.plot([row.median] * 2, [place - 0.3, place + 0.3], color=INK, linewidth=1.6, zorder=4)


def _draw_copies(axes: Axes, rows: pd.DataFrame, places: dict[str, int]) -> None:
    copies = rows[(rows.kind == "copy") & rows.subject.isin(places) & ~rows["flags"].str.contains(SUSPICIOUS)]
    axes.scatter(
        copies.common, copies.subject.map(places).astype(float) + 0.36, marker="|", s=16, color=ORANGE, zorder=2
    )


def _draw_dots(axes: Axes, dots: pd.DataFrame) -> None:
    if axes.get_xscale() == "log":
        dots = dots[dots.common > 0]
    stated = dots.clips.notna()
    for known, own in ((False, False), (True, False), (False, True), (True, True)):
        some = dots[(stated == known) & (dots.own == own)]
        colour = VERMILION if own else BLUE
        axes.scatter(
            some.common, some.place, s=_area(some.clips) if known else _HOLLOW, marker="D" if own else "o",
            facecolor=colour if known else "none", edgecolor=colour, linewidth=0.9, alpha=0.75, zorder=5 if own else 3,
            clip_on=False,
        )  # fmt: skip


def _area(clips: pd.Series) -> np.ndarray:
    """Points²; the root keeps 2048 clips from covering their neighbours."""
    return 4.2 * np.sqrt(clips.to_numpy(float)) + 6


def _label(axes: Axes, rows: pd.DataFrame, table: pd.DataFrame, zeros: pd.Series) -> None:
    """Names of rows, each with its papers, and of the axis; a logarithmic axis has no zero, so that one is named."""
    quantity = METRICS[rows.quantity.iloc[0]]
    names = [
        f"{row.subject}  ({row.papers}{f', {zeros[row.subject]} print 0' if row.subject in zeros else ''})"
        for row in table.itertuples()
    ]
    axes.set_yticks(range(len(table)), names)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    for label, subject in zip(axes.get_yticklabels(), table.subject, strict=True):
        label.set_fontweight("bold" if subject == HIGHLIGHT else "normal")
    axes.set_ylim(len(table) - 0.4, -0.6)
    unit = f" ({quantity.unit})" if quantity.unit else ""
    better = {"↑": ", more is better", "↓": ", less is better"}.get(quantity.direction, "")
    scaled = ", logarithmic" if axes.get_xscale() == "log" else ""
    axes.set_xlabel(f"{rows.quantity.iloc[0]}{unit} on {rows.dataset.iloc[0]} as printed{better}{scaled}")


def _entitle(figure: Figure, rows: pd.DataFrame, table: pd.DataFrame) -> None:
    quantity = rows.quantity.iloc[0]
    heading = f"{READABLE.get(quantity, quantity)} on {rows.dataset.iloc[0]}: what papers report of one method"
    total = int((spreads(rows).papers > 0).sum())
    shown = f"{count(len(table), 'method')}{f' of {total}' if total > len(table) else ''}"
    figure.suptitle(f"{heading} (papers in brackets; {shown})", x=0.01, ha="left", fontsize=10, fontweight="bold")


def _legend(figure: Figure, rows: pd.DataFrame, dots: pd.DataFrame) -> None:
    dot = {"linestyle": "", "color": BLUE, "markeredgecolor": BLUE}
    entries = [
        Line2D([], [], marker="o", markersize=np.sqrt(_HOLLOW), fillstyle="none", label="clips not stated", **dot)
    ]
    if dots.clips.notna().any():
        sizes = np.sqrt(_area(pd.Series(CLIPS)))
        entries += [
            Line2D([], [], marker="o", markersize=size, label=f"{n} clips", **dot)
            for n, size in zip(CLIPS, sizes, strict=True)
        ]
    if dots.own.any():
        entries.append(Line2D([], [], marker="D", markersize=5, linestyle="", color=VERMILION, label="own method"))
    entries.append(
        Line2D([], [], marker="|", markersize=9, linestyle="", color=INK, markeredgewidth=1.6, label="median")
    )
    if (rows.kind == "copy").any():
        entries.append(
            Line2D([], [], marker="|", markersize=5, linestyle="", color=ORANGE, label="copied by another paper")
        )
    figure.legend(handles=entries, loc="outside lower left", ncols=len(entries), labelcolor=MUTED, handletextpad=0.3,
                  columnspacing=1.2)  # fmt: skip
