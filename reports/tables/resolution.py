"""What 30 clips can decide: how far values over 30 clips move, and which of the paper's differences lie beyond that.

Reads the table of ``python -m metrics measure-resolution``.
"""

import math
import textwrap

import pandas as pd

from metrics.spec import REGISTRY, direction
from metrics.summary.paper_columns import COLUMNS
from reports.numbers import NONE, count, listing, number, span
from reports.published.printing import aligned
from reports.tables.layout import Cell, Panel, Table
from reports.tables.paper_differences import counted_alone, laid, spreads, unit

HEADER = (
    "Column", "our metric", "base row", "one row moves", "same clips: shows", "finds", "other clips: shows", "seeds",
    "paper's differences", "beyond: same clips", "other clips",
)  # fmt: skip
HOW = (
    "How far a table's values move when another 30 clips are drawn (one standard deviation), and the smallest "
    "difference to the base row that exceeds chance with 95 % confidence (shows) or would do so four times in five "
    "(finds, 80 % power): on the same clips in both rows, and on other clips. In percent of the base row's value, SSIM "
    "in its own unit, accuracy in points. Open: beyond, but further apart than our rows, whose spread then says too "
    "little. Seeds: standard deviation between training seeds, which the rest leaves out."
)
LETTERS = 120
"""Of a line in a terminal."""
BY_NAME = {column.name: column for column in COLUMNS}
CONFIDENCE = 0.95
"""Of `metrics.resolution.table.SHOWN`."""


def build(resolution: pd.DataFrame) -> Table:
    """A panel a corpus, a row a column of the paper's tables.

    Args:
        resolution: columns of ``metrics.resolution.table.RESOLUTION``.
    """
    known, over = spreads(resolution), laid(resolution)
    panels = tuple(
        Panel(_title(rows), HEADER, tuple(_row(row, over) for row in rows.itertuples()), names=2)
        for _, rows in known.groupby("corpus", sort=False)
    )
    frame = resolution.drop(columns="commit").reset_index(drop=True)
    return Table("resolution", "What 30 clips can decide", f"{HOW} {caption(resolution)}", panels, frame)


def text(resolution: pd.DataFrame) -> str:
    """The table for a terminal, and its sentences."""
    parts = []
    for panel in build(resolution).panels:
        lines = [panel.header, *(tuple(f"{cell.text} {cell.detail}".strip() for cell in row) for row in panel.rows)]
        parts += [panel.title, "", *aligned(lines, tuple(range(2, len(HEADER)))), ""]
    words = [HOW, *paragraphs(resolution)]
    return "\n".join([*parts, *(f"{textwrap.fill(part, LETTERS)}\n" for part in words)]).rstrip()


def caption(resolution: pd.DataFrame) -> str:
    """What can and cannot be decided, and on what that rests, in numbers computed from the table."""
    return " ".join(paragraphs(resolution))


def paragraphs(resolution: pd.DataFrame) -> list[str]:
    """The sentences of `caption`: what the paper's differences show, what an accuracy can, and what this rests on."""
    known, over = spreads(resolution), laid(resolution)
    return [verdicts(over), accuracy(over), basis(known)]


def verdicts(over: pd.DataFrame) -> str:
    """Of the paper's differences, how many lie beyond what 30 clips can show.

    Args:
        over: what `reports.tables.paper_differences.laid` returns.
    """
    known = over[over.shows.notna()]
    if known.empty:
        return "No corpus of ours has a spread for MEAD or HDTF, so that nothing is said of the paper's differences."
    judged, left = known[~known.open], int(known.open.sum())
    further = (
        f", {left} more exceed what our rows show but lie further apart than these do, so that nothing is said of them"
        if left
        else ""
    )
    apart = over[over.apart.notna()]
    chance = (1 - CONFIDENCE) * len(judged)
    return (
        f"{_clearly(judged)} Of the paper's differences to its base row (Tables 3 and 4), beyond what 30 clips can "
        f"show if all rows are scored on the same clips: {_counts(judged, 'beyond')} (about {chance:.0f} of "
        f"{len(judged)} would be by chance{further}); if each row has clips of its own: "
        f"{_counts(apart, 'beyond_apart')}. The paper does not say which of the two holds."
    )


def accuracy(over: pd.DataFrame) -> str:
    """What counting alone shows of an accuracy; needs no clip of ours.

    Args:
        over: what `reports.tables.paper_differences.laid` returns.
    """
    share, deviation, shown = counted_alone()
    largest = max(over[over.column.map(lambda name: BY_NAME[name].in_points)].difference, key=abs)
    return (
        f"By counting alone, an accuracy of {share:.0f} % over 30 clips has a standard deviation of {deviation:.1f} "
        f"points, and two rows on different clips must differ by {shown:.0f} (dotted in the figure); the paper's "
        f"differ by {abs(largest):.1f} at most."
    )


def basis(known: pd.DataFrame) -> str:
    """Which clips and metrics the spreads rest on, and what they leave out.

    Args:
        known: what `reports.tables.paper_differences.spreads` returns.
    """
    measured = known[known.sd.notna()]
    if measured.empty:
        return f"No spread was measured: {'; '.join(dict.fromkeys(known.reason.dropna()))}."
    clips = [_clips(rows) for _, rows in measured.groupby("corpus", sort=False)]
    rows = count(int(measured.rows.max()), "row")
    judges = measured.metric.str.contains("@corpus-v1").any()
    seeds = "is not measured (one seed)" if measured.sd_seeds.isna().all() else "is not in these numbers"
    drawn = measured.synthetic.astype("boolean").fillna(False).any()
    sentences = (
        f"This rests on {listing(clips)}; {listing(list(dict.fromkeys(measured.metric)))}; the widest of {rows} "
        f"beside the base; {span(measured.draws)} draws.",
        "Drawn people are not real ones: they may differ more or less." if drawn else "",
        "Judges trained on this corpus (@corpus-v1) may move more or less than the paper's." if judges else "",
        "Rows that differ more from their base than ours do also move more against it.",
        f"The spread between training seeds {seeds} and comes on top.",
    )
    return " ".join(filter(None, sentences))


def _clearly(judged: pd.DataFrame) -> str:
    """The short answer: columns most of whose differences could be decided, and those where most could not."""
    shares = judged.groupby("column", sort=False).beyond.mean()
    most = [name for name in BY_NAME if shares.get(name, 0) > 0.5]
    few = [name for name in BY_NAME if name in shares.index and name not in most]
    if not few and not most:
        return ""
    if not most:
        return f"Even the same 30 clips in all rows could not decide most of the paper's differences in {listing(few)}."
    rest = f", but not most of those in {listing(few)}" if few else ""
    return f"The same 30 clips in all rows could decide most of the paper's differences in {listing(most)}{rest}."


def _counts(rows: pd.DataFrame, beyond: str) -> str:
    """How many differences of each column lie beyond, as ``FID 3 of 10``."""
    parts = [(name, rows[rows.column == name][beyond]) for name in BY_NAME]
    return ", ".join(f"{name} {int(part.sum())} of {len(part)}" for name, part in parts if len(part))


def amount(value: float, column: str, signed: bool = False) -> str:
    """A difference in the units of `reports.tables.paper_differences.unit`."""
    if value is None or math.isnan(value):
        return NONE
    places = 4 if BY_NAME[column].absolute else 1
    sign = "+" if signed and value > 0 else ""
    return f"{sign}{number(value, places)} {unit(BY_NAME[column])}".strip()


def _clips(rows: pd.DataFrame) -> str:
    first = rows.loc[rows.clips.idxmax()]
    people = count(int(first.people), "person", "people")
    size, kind = int(first["size"]), "drawn" if first.synthetic else "real"
    stands = (
        ""
        if first.clips >= size
        else f", which stand for {size} of {count(int(first.people_drawn), 'person', 'people')}"
    )
    return f"{first.corpus}: {int(first.clips)} {kind} clips of {people}{stands}"


def _title(rows: pd.DataFrame) -> str:
    measured = rows[rows.sd.notna()]
    return _clips(measured) if len(measured) else rows.corpus.iloc[0]


def _row(row: object, over: pd.DataFrame) -> tuple[Cell, ...]:
    name = row.column
    own = over[(over.corpus == row.corpus) & (over.column == name)]
    key = row.metric if isinstance(row.metric, str) else None
    heading = f"{name} {direction(REGISTRY[key])}" if key else name
    if pd.isna(row.level):
        return Cell(heading), Cell(key or NONE), Cell(NONE, row.reason), *[Cell(NONE)] * (len(HEADER) - 3)
    level = number(100 * row.level, 1) + " %" if BY_NAME[name].in_points else number(row.level, 3)
    base = Cell(level, f"({row.base})" if isinstance(row.base, str) else "")
    moves = [Cell(amount(value, name)) for value in (row.sd, row.shows, row.finds, row.apart, row.sd_seeds)]
    return Cell(heading), Cell(key), base, *moves, *_paper(own, name)


def _paper(own: pd.DataFrame, name: str) -> tuple[Cell, ...]:
    """The range of the paper's differences on this corpus, and how many lie beyond either threshold."""
    if own.empty:
        return Cell(NONE), Cell(NONE), Cell(NONE)
    low, high = (amount(value, name, signed=True) for value in (own.difference.min(), own.difference.max()))
    left = int(own.open.sum())
    same = Cell(
        f"{int(own.beyond.sum())} of {len(own) - left}", f"({left} open)" if left else "", bool(own.beyond.any())
    )
    other = Cell(f"{int(own.beyond_apart.sum())} of {len(own)}", strong=bool(own.beyond_apart.any()))
    known = own.shows.notna().all(), own.apart.notna().all()
    counts = [cell if there else Cell(NONE) for cell, there in zip((same, other), known, strict=True)]
    return Cell(f"{low} to {high}"), *counts
