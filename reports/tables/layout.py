"""What a table is, before it is written: cells for people beside the plain frame for machines.

A `Table` holds the same facts twice. `panels` are laid out for reading (rounded, marked, grouped) and feed Markdown,
LaTeX and HTML; `frame` is long and unrounded and feeds CSV and parquet. Reads and writes nothing.
"""

import re
from dataclasses import dataclass

import pandas as pd

_BRACKETED = re.compile(r"(?P<name>[^()]+) (?P<bracket>\([^()]+\)(?: \([^()]+\))*)(?P<arrow>(?: [↑↓→].*)?)")


@dataclass(frozen=True)
class Cell:
    """One cell: what is read first, the smaller detail after it (an interval), and whether it stands out or back."""

    text: str
    detail: str = ""
    strong: bool = False
    muted: bool = False


@dataclass(frozen=True)
class Panel:
    """A grid of cells under one header; the first `names` columns name the rows, the others hold numbers.

    Panels of one `group` stand together under its heading.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    group: str = ""
    names: int = 1

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(f"panel '{self.title}': a row has {len(row)} cells, the header {len(self.header)}")


@dataclass(frozen=True)
class Table:
    """One table of the report.

    Attributes:
        name: File name without suffix, and LaTeX label.
        title: Heading.
        caption: What it shows and how to read it; plain text.
        panels: The readable form.
        frame: The same numbers, long, unrounded and complete.
    """

    name: str
    title: str
    caption: str
    panels: tuple[Panel, ...]
    frame: pd.DataFrame


def parted(label: str) -> tuple[str, str]:
    """A column's heading without and with nothing but what stands in brackets (a variant, a unit), which may be empty.

    Formats that can set the second below the first keep columns narrow.
    """
    found = _BRACKETED.fullmatch(label)
    return (found["name"] + found["arrow"], found["bracket"]) if found else (label, "")
