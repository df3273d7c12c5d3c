"""What came of every download: counts by group of videos or by actor, and each that is not in order with its reason.

Reads the downloads tables of all shards; only corpora that are downloaded have any.
"""

import pandas as pd

from reports.numbers import NONE, count, duration, size
from reports.tables.layout import Cell, Panel, Table

USABLE = ("ok", "wrong_height")
COLUMNS = (
    "corpus", "group", "shard", "name", "status", "reason", "url", "path", "sha256", "bytes", "width", "height",
    "stated_height", "seconds", "fps",
)  # fmt: skip


def build(downloads: pd.DataFrame) -> Table:
    """Count what came, and list what did not.

    Args:
        downloads: Columns of ``eadnet.tables.DOWNLOADS``.
    """
    frame = downloads.assign(group=groups(downloads)).sort_values(["corpus", "group", "name"], kind="stable")
    frame = frame[list(COLUMNS)].reset_index(drop=True)
    panels = (_counts(frame), _faults(frame))
    return Table("availability", "Downloads", caption(frame), tuple(panel for panel in panels if panel.rows), frame)


def groups(downloads: pd.DataFrame) -> pd.Series:
    """What downloads are counted by: HDTF's RD, WDA or WRA, the first part of a name; else the shard (MEAD's actor)."""
    return downloads.name.str.split("_").str[0].where(downloads.corpus == "hdtf", downloads.shard)


def caption(frame: pd.DataFrame) -> str:
    """How much is here, in one sentence."""
    usable = frame[frame.status.isin(USABLE)]
    length = f", {duration(usable.seconds.sum())}" if usable.seconds.notna().any() else ""
    rest = len(frame) - len(usable)
    listed = f" {count(rest, 'download')} cannot be used; the reasons stand below." if rest else ""
    return (
        f"{len(usable):,} of {count(len(frame), 'download')} can be used{length}, {size(usable.bytes.sum())}.{listed}"
    )


def _counts(frame: pd.DataFrame) -> Panel:
    """A row for each group, a column for each status that occurs, the usable ones first."""
    statuses = sorted(frame.status.unique(), key=lambda status: (status not in USABLE, status))
    body = []
    for (corpus, group), rows in frame.groupby(["corpus", "group"], sort=True):
        numbers = [f"{(rows.status == status).sum():,}" for status in statuses]
        length = duration(rows.seconds.sum()) if rows.seconds.notna().any() else NONE
        cells = (corpus, group, f"{len(rows):,}", *numbers, length, size(rows.bytes.sum()))
        body.append(tuple(map(Cell, cells)))
    return Panel("By group", ("Corpus", "group", "wanted", *statuses, "length", "size"), tuple(body), names=2)


def _faults(frame: pd.DataFrame) -> Panel:
    rows = frame[frame.status != "ok"]
    body = [tuple(map(Cell, (row.corpus, _named(row), row.status, row.reason or NONE))) for row in rows.itertuples()]
    return Panel("Not in order", ("Corpus", "name", "status", "reason"), tuple(body), names=4)


def _named(row: object) -> str:
    """A video's name is unique; an archive's needs its actor."""
    return f"{row.shard}/{row.name}" if row.corpus == "mead" and row.name != row.shard else row.name
