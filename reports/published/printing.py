"""Published numbers as text: the spread of each method, or every value with its paper. Reads the registry only."""

import pandas as pd

from reports.numbers import NONE, count, decimals, number, span
from reports.published.registry import SUSPICIOUS, factor, spreads
from reports.published.vocabulary import METRICS, REAL

WHOSE_SHORT = {"own method": "own", "this paper": "again", "unknown": "unknown"}
"""How a value came about, in a column."""

NEVER = (
    "Papers differ in crops, clips, extractors and scripts: a value compares with others of the same paper only, "
    "and no difference between papers means anything."
)


COUNTS = (
    "A paper counts once for a method, by the median of what it prints of it; copies count with the paper that "
    "measured. Clips: the test clips that papers state."
)


def spread_text(rows: pd.DataFrame, every: bool = False) -> str:
    """One aligned line a method: papers, the clips they state, smallest, median and largest value, and their ratio.

    Args:
        rows: columns of `registry.published`, of one quantity and dataset.
        every: whether methods that a single paper reports are listed, too.
    """
    table = spreads(rows).sort_values(["papers", "subject"], ascending=[False, True], kind="stable")
    several = table if every or not (table.papers > 1).any() else table[table.papers > 1]
    lines = [("method", "papers", "clips", "min", "median", "max", "spread", "")]
    lines += [
        (row.subject, str(row.papers), clips_text(row), *ends(row), times(row.factor) if row.papers > 1 else NONE,
         _note(rows, row))
        for row in several.itertuples()
    ]  # fmt: skip
    rest = len(table) - len(several)
    more = [f"{count(rest, 'method')} more in one paper each; --papers lists every value.", ""] if rest else []
    title = f"{rows.quantity.iloc[0]} on {rows.dataset.iloc[0]}, as reported{_scale(rows)}"
    return "\n".join([title, "", *aligned(lines), "", *more, *_overall(table), COUNTS, NEVER])


def ends(row: object) -> tuple[str, str, str]:
    """Smallest, median and largest value of a method, with the digits that its smallest needs.

    Args:
        row: one of `registry.spreads`.
    """
    places = decimals([row.low if row.low > 0 else row.high])
    return tuple(number(value, places) for value in (row.low, row.median, row.high))


def papers_text(rows: pd.DataFrame) -> str:
    """One aligned line a value: method, value as printed, clips, whose run it is, paper with table, and protocol."""
    ordered = rows.sort_values(["subject", "common"], kind="stable")
    lines = [("method", "value", "clips", "run", "paper", "protocol")]
    lines += [
        (row.method, f"{row.printed}{' %' if row.unit == '%' else ''}", NONE if pd.isna(row.clips) else str(row.clips),
         _run(row), _paper(row), "; ".join(filter(None, (row.flags.replace(" ", "; "), row.note))))
        for row in ordered.itertuples()
    ]  # fmt: skip
    title = f"{rows.quantity.iloc[0]} on {rows.dataset.iloc[0]}, {count(len(rows), 'value')} as printed"
    return "\n".join([title, "", *aligned(lines, numbers=(1, 2)), "", NEVER])


def clips_text(row: object) -> str:
    """The fewest and the most test clips that papers state for a method; nothing known is `NONE`.

    Args:
        row: one of `registry.spreads`.
    """
    return NONE if not row.stated else span([row.clips_low, row.clips_high])


def _run(row: object) -> str:
    return f"copied from {row.copied_from or 'elsewhere'}" if row.kind == "copy" else WHOSE_SHORT[row.whose]


def _paper(row: object) -> str:
    known = f"arXiv {row.paper_id}" if row.paper_id else ""
    return ", ".join(filter(None, [f"{row.paper} ({known})" if known else row.paper, row.table]))


def aligned(lines: list[tuple[str, ...]], numbers: tuple[int, ...] = (1, 2, 3, 4, 5, 6)) -> list[str]:
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
    doubted = rows[(rows.subject == row.subject) & rows["flags"].str.contains(SUSPICIOUS)]
    left_out = f"left out as suspicious: {', '.join(doubted.printed)}" if len(doubted) else ""
    return "; ".join(filter(None, [count(row.copies, "copy", "copies") if row.copies else "", left_out]))


def _overall(table: pd.DataFrame) -> list[str]:
    """The widest disagreement about one method, and the range over all methods."""
    methods = table[~table.subject.str.startswith(REAL) & (table.papers > 0)]
    if len(methods) < 2:
        return []
    low, high = methods.low.min(), methods.high.max()
    places = decimals([low if low > 0 else high])
    whole = f"{number(low, places)} to {number(high, places)}"
    lines = [f"All {count(len(methods), 'method')}: {whole}, {times(factor(low, high))}."]
    several = methods[(methods.papers > 1) & methods.factor.notna()]
    if len(several):
        widest = several.loc[several.factor.idxmax()]
        lines.append(
            f"One method in several papers: up to {times(widest.factor)} ({widest.subject}, {widest.papers} papers); "
            f"median {times(several.factor.median())} over {count(len(several), 'method')}."
        )
    return lines


def _scale(rows: pd.DataFrame) -> str:
    usual = METRICS[rows.quantity.iloc[0]].unit
    other = "shares" if usual == "%" else "percent"
    return f" ({other} brought to {'percent' if usual == '%' else 'shares'})" if (rows.unit != usual).any() else ""
