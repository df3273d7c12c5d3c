"""The tables, by name: one module a table, each with a pure ``build``."""

from reports.load import Inputs, ReportError, made_of
from reports.registry import TABLES
from reports.tables.layout import Table


def draw(name: str, inputs: Inputs) -> Table:
    """Build one table from whatever of the inputs it needs.

    Raises:
        ReportError: there is no such table, or an input that it needs is missing; the message names the fix.
    """
    if name not in TABLES:
        raise ReportError(f"no table '{name}'; there are {', '.join(TABLES)}")
    return made_of(TABLES[name], inputs)
