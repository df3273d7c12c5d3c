"""Descriptors as a table, so that a clip is measured once and every engine reads the same figures.

``<results>/descriptors/{corpus}/{shard}.parquet`` has one row per row of the shard's clips table. Numbers come back bit
for bit; a measure that does not exist (the pitch of a silent clip) is missing in the table and NaN when read.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from eadnet import tables
from eadnet.captions.measures.descriptors import FULL_STRENGTH, Descriptors
from eadnet.captions.measures.voice import Voice

UNIT_COLUMNS = {unit: unit.replace(" ", "_") for unit in FULL_STRENGTH}
"""Column of each measured action unit."""

VOICE_COLUMNS = {"loudness": "voice_loudness", "rate": "voice_rate", "pitch_spread": "voice_pitch_spread"}
"""Column of each measure of the voice: dB, peaks per second and semitones more than the baseline."""

_SCALARS = ("head_motion", "head_tilt", "head_turn", "head_nod", "blink_rate")
_text, _real = pa.string(), pa.float64()

DESCRIPTORS = pa.schema(
    [("clip_id", _text), ("corpus", _text), ("shard", _text)]
    + [(column, _real) for column in UNIT_COLUMNS.values()]
    + [("own_baseline", pa.bool_())]
    + [(name, _real) for name in (*_SCALARS, "gaze_x", "gaze_y")]
    + [("dynamics", _text)]
    + [(column, _real) for column in VOICE_COLUMNS.values()]
    + [("status", _text), ("reason", _text)]
)
"""One row per clip, measures as in `measures.descriptors.Descriptors`. A clip that is not ``ok`` keeps status and
reason; one that cannot be measured has the status ``no_measures``."""


def descriptor_rows(
    clips: Sequence[Mapping[str, Any]], measures: Mapping[str, Descriptors | str]
) -> list[dict[str, Any]]:
    """Lay out the measures of a shard.

    Args:
        clips: Rows of the clips table, usable or not.
        measures: By clip_id, what `describe_shard` found of the usable ones.

    Returns:
        One row of `DESCRIPTORS` per given row, in the given order.
    """
    return [_row(clip, measures) for clip in clips]


def write_descriptors(rows: list[dict[str, Any]], path: str | Path) -> None:
    """Write rows of `descriptor_rows`, all or nothing."""
    tables.write_table(rows, path, DESCRIPTORS)


def read_descriptors(path: str | Path) -> dict[str, Descriptors | str]:
    """Read a table of descriptors.

    Returns:
        By clip_id, for every row: the descriptors, bit for bit as they were measured, or one line that says why there
        are none.

    Raises:
        eadnet.tables.TableError: the file is absent, is not parquet, or has other columns.
    """
    rows = tables.read_rows(path, DESCRIPTORS)
    return {row["clip_id"]: _measures(row) if row["status"] == "ok" else _why(row) for row in rows}


def _row(clip: Mapping[str, Any], measures: Mapping[str, Descriptors | str]) -> dict[str, Any]:
    names = {name: clip[name] for name in ("clip_id", "corpus", "shard")}
    empty = dict.fromkeys(DESCRIPTORS.names) | names
    if clip["status"] != "ok":
        return empty | {"status": clip["status"], "reason": clip["reason"]}
    found = measures[clip["clip_id"]]
    if isinstance(found, str):
        return empty | {"status": "no_measures", "reason": found}
    return empty | _columns(found) | {"status": "ok"}


def _columns(found: Descriptors) -> dict[str, Any]:
    """The columns that descriptors fill."""
    return (
        {column: found.units[unit] for unit, column in UNIT_COLUMNS.items()}
        | {name: getattr(found, name) for name in (*_SCALARS, "own_baseline", "dynamics")}
        | {"gaze_x": found.gaze[0], "gaze_y": found.gaze[1]}
        | {column: getattr(found.voice, name) for name, column in VOICE_COLUMNS.items()}
    )


def _measures(row: Mapping[str, Any]) -> Descriptors:
    """The descriptors of a row whose status is ok."""

    def number(column: str) -> float:
        return float("nan") if row[column] is None else row[column]

    return Descriptors(
        units={unit: number(column) for unit, column in UNIT_COLUMNS.items()},
        gaze=(number("gaze_x"), number("gaze_y")),
        voice=Voice(**{name: number(column) for name, column in VOICE_COLUMNS.items()}),
        own_baseline=row["own_baseline"],
        dynamics=row["dynamics"],
        **{name: number(name) for name in _SCALARS},
    )


def _why(row: Mapping[str, Any]) -> str:
    return row["reason"] or f"{row['clip_id']}: {row['status']}"
