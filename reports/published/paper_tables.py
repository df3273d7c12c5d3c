"""EAD-Net's own Tables 1 to 4, as its paper prints them: for standing beside our values, never for subtraction.

Reads the registry of published numbers (arXiv 2604.23325); the order of rows and columns is the paper's.
"""

import re

import pandas as pd

from reports.load import ReportError
from reports.published.registry import published

PAPER = "2604.23325"
TABLES = {1: "HDTF", 2: "MEAD", 3: "MEAD", 4: "HDTF"}
"""Corpus of each table. Tables 1 and 2 compare methods, 3 and 4 switch the components on and off."""
FACTORS = {3: ("STDA", "TFRM", "Text"), 4: ("STDA", "TFRM")}
"""Components that a table of the ablation switches, in the paper's order."""

Row = str | tuple[bool, ...]
_SWITCH = re.compile(r"(\w+)=([+-])")


def paper_rows(table: int) -> dict[Row, dict[str, float]]:
    """One table of the paper.

    Args:
        table: 1 to 4.

    Returns:
        By row, in the paper's order, the values by metric, in the order of its columns. A row is the name of a method
        (Tables 1 and 2) or, for each of ``FACTORS[table]``, whether it is on (Tables 3 and 4). Metrics are FID, SSIM,
        Sync-C (SyncNet's confidence), FVD, and on MEAD Acc_emo in percent.

    Raises:
        ReportError: there is no such table.
    """
    return {
        row: dict(zip(cells.metric, cells.value.astype(float), strict=True)) for row, cells in _grouped(table).items()
    }


def printed_rows(table: int) -> dict[Row, dict[str, str]]:
    """One table of the paper, with each value's digits as the paper prints them.

    Args:
        table: 1 to 4.

    Raises:
        ReportError: there is no such table.
    """
    return {row: dict(zip(cells.metric, cells.printed, strict=True)) for row, cells in _grouped(table).items()}


def paper_values() -> dict[tuple[str, str, str], float]:
    """What the paper's Tables 1 and 2 print, by data set, method and metric."""
    return {
        (TABLES[table], row, metric): value
        for table in (1, 2)
        for row, values in paper_rows(table).items()
        for metric, value in values.items()
    }


def _grouped(table: int) -> dict[Row, pd.DataFrame]:
    if table not in TABLES:
        raise ReportError(f"the paper has no table {table!r}; there are {', '.join(map(str, TABLES))}")
    rows = published()
    rows = rows[(rows.paper_id == PAPER) & (rows.table == f"Table {table}")]
    return {_row(str(method), table): cells for method, cells in rows.groupby("method", sort=False)}


def _row(method: str, table: int) -> Row:
    if table not in FACTORS:
        return method
    switches = dict(_SWITCH.findall(method))
    return tuple(switches[factor] == "+" for factor in FACTORS[table])
