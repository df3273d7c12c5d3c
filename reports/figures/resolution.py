"""What 30 clips can decide.

Differences of the paper's ablations (Tables 3 and 4) to its base row, LatentSync's. Blue band: what 30 clips cannot
tell from chance if all rows are scored on the same clips, by the spread of our own rows; grey band: if every row has
clips of its own. Filled dots lie beyond the blue band, hollow ones within; of a cross nothing is
said: our rows have no spread there, or lie closer together than the paper's. The sentences
below the panels are computed.
"""

import math
import textwrap

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from metrics.summary.paper_columns import COLUMNS, Column
from reports.style import BLUE, INK, MUTED, PAPER, RULE, WIDTH
from reports.tables.paper_differences import counted_alone, laid, unit
from reports.tables.resolution import paragraphs

ROW, HEAD, FOOT = 0.27, 0.62, 0.82
"""Inches of a row, above and below."""
GAP = 0.8  # rows between the two corpora
LETTERS = 172  # of a line of the sentences


def build(resolution: pd.DataFrame) -> Figure:
    """A panel a column of the paper's tables, a row a difference.

    Args:
        resolution: columns of ``metrics.resolution.table.RESOLUTION``.
    """
    over = laid(resolution)
    places = _places(over)
    lines = [line for part in paragraphs(resolution) for line in textwrap.wrap(part, LETTERS)]
    grid_height, foot = ROW * (max(places.values()) + 1), FOOT + 0.15 * len(lines)
    total = HEAD + grid_height + foot
    figure = Figure(figsize=(WIDTH, total))
    grid = figure.subplots(
        1, len(COLUMNS), sharey=True,
        gridspec_kw={"left": 0.155, "right": 0.99, "top": 1 - HEAD / total, "bottom": foot / total, "wspace": 0.13},
    )  # fmt: skip
    for axes, column in zip(grid, COLUMNS, strict=True):
        _draw_panel(axes, over[over.column == column.name], column, places)
    _name_rows(grid[0], places)
    _explain(figure, (foot - 0.42) / total)
    figure.text(0.005, 0.012, "\n".join(lines), fontsize=7.2, color=MUTED, va="bottom", linespacing=1.3)
    return figure


def _places(over: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Height of each row: the corpora below one another, rows in the paper's order."""
    places, height = {}, 0.0
    for corpus, rows in over.groupby("corpus", sort=False):
        height += GAP
        for name in dict.fromkeys(rows.row):
            places[str(corpus), name] = height
            height += 1
    return places


def _draw_panel(axes: Axes, rows: pd.DataFrame, column: Column, places: dict[tuple[str, str], float]) -> None:
    limit = _limit(rows, column)
    for corpus, part in rows.groupby("corpus", sort=False):
        heights = [places[corpus, name] for name in part.row]
        for shown, colour, alpha in ((part.apart.iloc[0], MUTED, 0.13), (part.shows.iloc[0], BLUE, 0.22)):
            if pd.notna(shown):
                _band(axes, min(shown, limit), min(heights) - 0.5, max(heights) + 0.5, colour, alpha)
    for row in rows.itertuples():
        _draw_dot(axes, row, places[row.corpus, row.row])
    axes.axvline(0, color=MUTED, linewidth=0.8, zorder=1)
    if column.in_points:
        for side in (-1, 1):
            axes.axvline(side * counted_alone()[2], color=INK, linewidth=0.9, linestyle=(0, (1, 1.6)))
    judged = rows[rows.shows.notna() & ~rows.open]
    left = f", {int(rows.open.sum())} open" if rows.open.any() else ""
    finding = f"{int(judged.beyond.sum())} of {len(judged)} beyond{left}" if rows.shows.notna().any() else "no spread"
    axes.set_title(f"{column.name} {'↑' if column.higher_is_better else '↓'}\n{finding}", fontsize=9, linespacing=1.25)
    axes.set(xlim=(-limit, limit), ylim=(max(places.values()) + 0.7, 0.1), xlabel=_unit(column))
    tick = _tick(limit)
    axes.set_xticks([-tick, 0, tick], [f"−{tick:g}", "0", f"+{tick:g}"])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _limit(rows: pd.DataFrame, column: Column) -> float:
    """Half the width of a panel: all dots and the blue band; a wider grey band is cut."""
    wanted = [1.15 * rows.difference.abs().max(), 1.25 * rows.shows.max()]
    return max(value for value in [*wanted, 1.08 * counted_alone()[2] if column.in_points else 0] if pd.notna(value))


def _band(axes: Axes, reach: float, top: float, bottom: float, colour: str, alpha: float) -> None:
    axes.fill_betweenx([top, bottom], -reach, reach, color=colour, alpha=alpha, linewidth=0, zorder=0)


def _draw_dot(axes: Axes, row: object, height: float) -> None:
    if pd.isna(row.shows) or row.open:
        axes.plot(row.difference, height, "x", color=MUTED, markersize=5)
        return
    face = BLUE if row.beyond else PAPER
    axes.plot(row.difference, height, "o", color=BLUE, markerfacecolor=face, markersize=5, zorder=3)


def _name_rows(axes: Axes, places: dict[tuple[str, str], float]) -> None:
    axes.set_yticks(list(places.values()), [name for _, name in places], color=INK, fontsize=8)
    for corpus in dict.fromkeys(corpus for corpus, _ in places):
        first = min(height for (own, _), height in places.items() if own == corpus)
        axes.annotate(
            corpus.upper(), (-0.06, first - 0.72), xycoords=("axes fraction", "data"), ha="right", va="center",
            fontsize=8, fontweight="bold", color=MUTED, annotation_clip=False,
        )  # fmt: skip
        for panel in axes.figure.axes if first > GAP else ():
            panel.axhline(first - 0.9, color=RULE, linewidth=0.8)


def _explain(figure: Figure, top: float) -> None:
    """What the bands and the dots mean, below the panels."""
    dot = {"color": BLUE, "marker": "o", "linestyle": "", "markersize": 5}
    handles = [
        Patch(color=BLUE, alpha=0.22, linewidth=0, label="chance, same clips"),
        Patch(color=MUTED, alpha=0.13, linewidth=0, label="chance, other clips"),
        Line2D([], [], **dot, label="beyond"),
        Line2D([], [], **dot, markerfacecolor=PAPER, label="within"),
        Line2D([], [], color=MUTED, marker="x", linestyle="", markersize=5, label="open"),
        Line2D([], [], color=INK, linewidth=0.9, linestyle=(0, (1, 1.6)), label="other clips, by counting alone"),
    ]
    figure.legend(handles=handles, ncols=len(handles), loc="upper center", bbox_to_anchor=(0.5, top), fontsize=7.5,
                  columnspacing=1.6, handletextpad=0.5)  # fmt: skip


def _tick(limit: float) -> float:
    """The greatest of 1, 2 and 5 times a power of ten within three quarters of the panel."""
    power = 10.0 ** math.floor(math.log10(0.75 * limit))
    return max(step * power for step in (1, 2, 5) if step * power <= 0.75 * limit)


def _unit(column: Column) -> str:
    return {"%": "% of the base row", "points": "points", "": "difference"}[unit(column)]
