"""Every clip accounted for: by corpus, split and status, with hours, people and emotions. Reads the clips table."""

import pandas as pd

from reports.load import Inputs
from reports.numbers import count, duration, number
from reports.tables.layout import Cell, Panel, Table

KEYS = ["corpus", "split", "status", "reason"]


def build(clips: pd.DataFrame) -> Table:
    """Count clips; a clip that could not be used stands there with its reason.

    Args:
        clips: Columns of ``eadnet.tables.CLIPS``.
    """
    frame = counted(clips)
    body = tuple(_row(row) for row in frame.itertuples())
    header = ("Corpus", "split", "status", "reason", "clips", "length", "people", "emotions")
    usable = clips[clips.status == "ok"]
    caption = (
        f"{count(len(usable), 'usable clip')} of {len(clips):,}, "
        f"{duration(frame.hours[frame.status == 'ok'].sum() * 3600)} of "
        f"{count(usable.speaker.nunique(), 'person', 'people')}; "
        "every clip that could not be used is counted with its reason."
    )
    return Table("coverage", "Data", caption, (Panel("", header, body),), frame)


def draw(inputs: Inputs) -> Table:
    """Fetch the clips table and count it."""
    return build(inputs.clips)


def counted(clips: pd.DataFrame) -> pd.DataFrame:
    """One row per corpus, split, status and reason: clips, hours, people, emotions.

    A reason's particulars (after a colon) are left out, so that alike reasons are counted together.
    """
    seconds = (clips.n_frames / clips.fps).fillna(0.0)
    reason = clips.reason.fillna("").str.split(":").str[0].where(clips.status != "ok", "")
    rows = clips.assign(hours=seconds / 3600, reason=reason, split=clips.split.fillna(""))
    grouped = rows.groupby(KEYS, sort=True, dropna=False)
    frame = grouped.agg(
        clips=("status", "size"), hours=("hours", "sum"), people=("speaker", "nunique"), emotions=("emotion", "nunique")
    )
    return frame.reset_index()


def _row(row: object) -> tuple[Cell, ...]:
    texts = (row.corpus, row.split or number(float("nan")), row.status, row.reason)
    numbers = (f"{row.clips:,}", duration(row.hours * 3600), f"{row.people:,}", f"{row.emotions:,}")
    return tuple(Cell(text) for text in (*texts, *numbers))
