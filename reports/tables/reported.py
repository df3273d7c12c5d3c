"""What papers report of other methods: how far values of one method on one dataset spread between papers.

Reads the registry of published numbers only. Panels show the methods that several papers report; the frame holds all.
"""

import pandas as pd

from reports.load import Inputs
from reports.numbers import count, decimals, number
from reports.published.printing import times
from reports.published.registry import published, spreads
from reports.tables.layout import Cell, Panel, Table


def build(values: pd.DataFrame) -> Table:
    """Lay out spreads by dataset and metric.

    Args:
        values: columns of `reports.published.registry.published`.
    """
    frame = spreads(values)
    several = frame[frame.papers > 1]
    panels = [
        _panel(str(dataset), str(quantity), rows)
        for (dataset, quantity), rows in several.groupby(["dataset", "quantity"], sort=True)
    ]
    renamed = {"quantity": "metric", "subject": "method", "low": "min", "high": "max"}
    return Table(
        "reported", "Reported elsewhere", caption(values, several), tuple(panels), frame.rename(columns=renamed)
    )


def draw(inputs: Inputs) -> Table:
    """Lay out the whole registry; no input is needed."""
    return build(published())


def caption(values: pd.DataFrame, several: pd.DataFrame) -> str:
    """How many values there are, and how far they spread at most."""
    lead = (
        f"{count(len(values), 'value')} of {count(values.method.nunique(), 'method')} from "
        f"{count(values.paper.nunique(), 'source')}, as printed there under protocols that differ; most were read in "
        "third-party copies. A value compares with others of its own paper only and is never subtracted from another."
    )
    known = several[several.factor.notna()]
    if known.empty:
        return lead
    widest = known.loc[known.factor.idxmax()]
    return (
        f"{lead} Papers disagree about the same method on the same dataset by up to {times(widest.factor)} "
        f"({widest.quantity} of {widest.subject} on {widest.dataset})."
    )


def value_range(low: float, high: float) -> str:
    """The ends of a range with the digits of its smaller end; one number where they agree."""
    places = decimals([low if low > 0 else high])
    ends = number(low, places), number(high, places)
    return ends[0] if ends[0] == ends[1] else "–".join(ends)


def _panel(dataset: str, quantity: str, rows: pd.DataFrame) -> Panel:
    places = decimals(rows.high)
    body = [
        (Cell(row.subject), Cell(str(row.papers)), *(Cell(number(v, places)) for v in (row.low, row.median, row.high)),
         Cell(times(row.factor)))
        for row in rows.sort_values(["papers", "subject"], ascending=[False, True], kind="stable").itertuples()
    ]  # fmt: skip
    return Panel(quantity, ("Method", "papers", "min", "median", "max", "spread"), tuple(body), group=dataset)
