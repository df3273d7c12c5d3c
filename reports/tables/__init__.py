"""The tables, by name: one module a table, each with a pure ``build`` and a ``draw`` that fetches its inputs."""

from importlib import import_module

from reports.load import Inputs, ReportError
from reports.tables.layout import Table

TABLES = {
    "comparison": "reports.tables.comparison",
    "paper_1": "reports.tables.paper:1",
    "paper_2": "reports.tables.paper:2",
    "paper_3": "reports.tables.paper:3",
    "paper_4": "reports.tables.paper:4",
    "paper_generalisation": "reports.tables.paper:generalisation",
    "ablation": "reports.tables.ablation",
    "resolution": "reports.tables.resolution",
    "worst": "reports.tables.worst",
    "captions": "reports.tables.captions",
    "action_units": "reports.tables.action_units",
    "judges": "reports.tables.judges",
    "supervision": "reports.tables.supervision",
    "coverage": "reports.tables.coverage",
    "availability": "reports.tables.availability",
    "losses": "reports.tables.losses",
    "filter": "reports.tables.filter",
    "calibration": "reports.tables.calibration",
    "reported": "reports.tables.reported",
}
"""Module of each table, in the order of the report; what stands after a colon is handed to its ``draw``."""


def draw(name: str, inputs: Inputs) -> Table:
    """Build one table from whatever of the inputs it needs.

    Raises:
        ReportError: there is no such table, or an input that it needs is missing; the message names the mend.
    """
    if name not in TABLES:
        raise ReportError(f"no table '{name}'; there are {', '.join(TABLES)}")
    module, _, which = TABLES[name].partition(":")
    return import_module(module).draw(inputs, *([which] if which else []))
