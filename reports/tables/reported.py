"""What papers report of other methods: EAD-Net's own published values with its rivals', and how far papers disagree.

Reads the registry of published numbers only. Panels show the methods and data sets that the settings name, under the
metrics that are scored here; the frame holds every method, data set and metric.
"""

import pandas as pd

from reports.load import Inputs
from reports.numbers import NONE, count, decimals, number
from reports.published.paper_tables import paper_values
from reports.published.printing import clips_text, ends, times
from reports.published.registry import chosen, published, spreads, without_ablations
from reports.published.vocabulary import OURS
from reports.tables.layout import Cell, Panel, Table

HEADER = ("Method", "EAD-Net's paper", "papers", "clips", "min", "median", "max", "spread")
RENAMED = {"quantity": "metric", "subject": "method", "low": "min", "high": "max"}


def build(methods: tuple[str, ...], datasets: tuple[str, ...]) -> Table:
    """Lay out the registry: panels by dataset and metric of what is chosen, and a frame of everything.

    Args:
        methods: rows of the panels, in this order.
        datasets: groups of panels, in this order.

    Raises:
        ReportError: nothing is published of a method or on a dataset.
    """
    shown, own = chosen(methods, datasets), paper_values()
    panels = [
        _panel(str(dataset), quantity, rows, own)
        for dataset, of_dataset in shown.groupby("dataset", sort=False)
        for quantity in OURS
        if len(rows := of_dataset[(of_dataset.quantity == quantity) & (of_dataset.papers > 0)])
    ]
    frame = spreads(without_ablations(published()))
    keys = zip(frame.dataset, frame.subject, frame.quantity, strict=True)
    frame["eadnet_paper"] = [own.get(key, float("nan")) for key in keys]
    return Table(
        "reported", "Reported elsewhere", caption(published(), shown), tuple(panels), frame.rename(columns=RENAMED)
    )


def draw(inputs: Inputs) -> Table:
    """Lay out what the settings name; no input is needed."""
    return build(inputs.settings.reported_methods, inputs.settings.reported_datasets)


def caption(values: pd.DataFrame, shown: pd.DataFrame) -> str:
    """How many values there are, how to read them, and how far those shown spread at most.

    Args:
        values: columns of `reports.published.registry.published`.
        shown: columns of `reports.published.registry.spreads`.
    """
    lead = (
        f"{count(len(values), 'value')} from {count(values.source.nunique(), 'source')}, as printed there under "
        "protocols that differ; read by machine from full texts. EAD-Net's paper: what it prints itself (its Tables 1 "
        "and 2). min to max: over papers, each counted once by its median, copies with the paper that measured, "
        "variants of a paper's own method left out; clips: the test clips that papers state. A value compares with "
        "others of its own paper only and is never subtracted from another."
    )
    known = shown[shown.factor.notna() & (shown.papers > 1)]
    if known.empty:
        return lead
    widest = known.loc[known.factor.idxmax()]
    return (
        f"{lead} Papers disagree about the same method on the same dataset by up to {times(widest.factor)} "
        f"({widest.quantity} of {widest.subject} on {widest.dataset}, {count(widest.papers, 'paper')}), in part since "
        "one name stands for several quantities."
    )


def value_range(low: float, high: float) -> str:
    """The ends of a range with the digits of its smaller end; one number where they agree."""
    places = decimals([low if low > 0 else high])
    ends = number(low, places), number(high, places)
    return ends[0] if ends[0] == ends[1] else "–".join(ends)


def _panel(dataset: str, quantity: str, rows: pd.DataFrame, own: dict[tuple[str, str, str], float]) -> Panel:
    body = [
        tuple(map(Cell, (row.subject, _own(own.get((dataset, row.subject, quantity))), str(row.papers),
                         clips_text(row), *ends(row), times(row.factor) if row.papers > 1 else NONE)))
        for row in rows.itertuples()
    ]  # fmt: skip
    return Panel(quantity, HEADER, tuple(body), group=dataset)


def _own(value: float | None) -> str:
    return NONE if value is None else number(value, decimals([value]))
