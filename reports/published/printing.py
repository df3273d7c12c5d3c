"""Published numbers as text: the spread of each method, or every value with its paper. Reads the registry only."""

import pandas as pd

from reports.numbers import NONE, count, decimals, number
from reports.published.registry import REAL, factor, spreads

NEVER = (
    "Papers differ in crops, clips, extractors and scripts: a value compares with others of the same paper only, "
    "and no difference between papers means anything."
)


def spread_text(rows: pd.DataFrame) -> str:
    """One aligned line a method: papers, smallest, median and largest value, and how many times the one is the other.

    Args:
        rows: columns of `registry.published`, of one quantity and dataset.
    """
    table = spreads(rows).sort_values(["papers", "subject"], ascending=[False, True], kind="stable")
    places = decimals(table.high)
    lines = [("method", "papers", "min", "median", "max", "spread", "")]
    lines += [
        (row.subject, str(row.papers), *(number(value, places) for value in (row.low, row.median, row.high)),
         times(row.factor) if row.papers > 1 else NONE, _note(rows, row))
        for row in table.itertuples()
    ]  # fmt: skip
    title = f"{rows.quantity.iloc[0]} on {rows.dataset.iloc[0]}, as reported{_scale(rows)}"
    return "\n".join([title, "", *aligned(lines), "", *_overall(table, places), NEVER])


def papers_text(rows: pd.DataFrame) -> str:
    """One aligned line a value: method, value as printed, flags, paper and what is known of its protocol."""
    ordered = rows.sort_values(["subject", "common"], kind="stable")
    lines = [("method", "value", "flags", "paper", "protocol")]
    lines += [
        (row.method, f"{row.value:g}", row.flags or NONE, row.paper, row.protocol_note) for row in ordered.itertuples()
    ]
    title = f"{rows.quantity.iloc[0]} on {rows.dataset.iloc[0]}, {count(len(rows), 'value')} as printed"
    return "\n".join([title, "", *aligned(lines, numbers=(1,)), "", NEVER])


def aligned(lines: list[tuple[str, ...]], numbers: tuple[int, ...] = (1, 2, 3, 4, 5)) -> list[str]:
    """Rows of words in columns, two blanks apart; `numbers` are the columns set to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if place in numbers else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def times(value: float) -> str:
    """A factor as ``×5.7``."""
    return NONE if value != value else f"×{number(value, 1 if value < 10 else 0)}"


def _note(rows: pd.DataFrame, row: object) -> str:
    doubted = rows[(rows.subject == row.subject) & rows["flags"].str.contains("suspicious")]
    return "; ".join(f"left out as suspicious: {value:g}" for value in doubted.common)


def _overall(table: pd.DataFrame, places: int) -> list[str]:
    """The widest disagreement about one method, and the range over all methods."""
    methods = table[(table.subject != REAL) & (table.papers > 0)]
    if len(methods) < 2:
        return []
    low, high = methods.low.min(), methods.high.max()
    ends = f"{number(low, places)} to {number(high, places)}"
    lines = [f"All {count(len(methods), 'method')}: {ends}, {times(factor(low, high))}."]
    several = methods[(methods.papers > 1) & methods.factor.notna()]
    if len(several):
        widest = several.loc[several.factor.idxmax()]
        lines.append(
            f"One method in several papers: up to {times(widest.factor)} ({widest.subject}, {widest.papers} papers); "
            f"median {times(several.factor.median())} over {count(len(several), 'method')}."
        )
    return lines


def _scale(rows: pd.DataFrame) -> str:
    return " (shares brought to percent)" if rows["flags"].str.contains("share").any() else ""
