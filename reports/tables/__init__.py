"""The tables, by name: one module a table, each with a pure ``build`` and a ``draw`` that fetches its inputs."""

from importlib import import_module

from reports.load import Inputs, ReportError
from reports.registry import TABLES
from reports.tables.layout import Table


def draw(name: str, inputs: Inputs) -> Table:
    """Build one table from whatever of the inputs it needs.

    Raises:
        ReportError: there is no such table, or an input that it needs is missing; the message names the fix.
    """
    if name not in TABLES:
        raise ReportError(f"no table '{name}'; there are {', '.join(TABLES)}")
    item = TABLES[name]
    return import_module(item.module).draw(inputs, *([item.paper] if item.paper else []))
