"""How far each judge can be trusted: what it scored on real held-out clips. Reads each judge's ``report.json``."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from reports.load import Inputs, ReportError
from reports.numbers import decimals, number
from reports.tables.layout import Cell, Panel, Table

CAPTION = (
    "Judges are trained on this corpus's real training clips only, with other seeds and architectures than the "
    "networks that supervise training, and tested on real held-out clips. Their scores bound what the comparison "
    "can tell."
)


def build(reports: Mapping[str, Mapping[str, Any]]) -> Table:
    """One panel a judge, one row a quantity.

    Args:
        reports: The ``report.json`` of each judge, by name; lists (confusions) are left to the figures.
    """
    facts = [(judge, *fact) for judge, report in reports.items() for fact in _facts(report)]
    frame = pd.DataFrame(facts, columns=["judge", "quantity", "value", "note"])
    panels = tuple(
        Panel(judge, ("Quantity", "value"), tuple(_row(row) for row in rows.itertuples()))
        for judge, rows in frame.groupby("judge", sort=False)
    )
    return Table("judges", "Judges", CAPTION, panels, frame.astype({"value": float}))


def draw(inputs: Inputs) -> Table:
    """Fetch the judges' reports and lay them out."""
    if not inputs.judges:
        raise ReportError(f"{inputs.path('judges')}: no */report.json; pass the folder of the judges")
    return build(inputs.judges)


def _facts(report: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float | None, str]]:
    """Scalars of a report in its own order: dotted name, number (or None), text (or '')."""
    for key, value in report.items():
        name = f"{prefix}{key}".replace("_", " ")
        if isinstance(value, Mapping):
            yield from _facts(value, f"{prefix}{key}, ")
        elif isinstance(value, bool):
            yield name, None, "yes" if value else "no"
        elif isinstance(value, int | float):
            yield name, float(value), ""
        elif isinstance(value, str) and value:
            yield name, None, value


def _row(row: object) -> tuple[Cell, ...]:
    whole = row.value == row.value and float(row.value).is_integer()
    shown = f"{int(row.value):,}" if whole else number(row.value, decimals([row.value]))
    return Cell(row.quantity), Cell(row.note or shown)
