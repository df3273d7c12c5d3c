"""What the faces of the drawn corpora really do: emotion, level and action units, to judge captions and measures by.

Reads the truth that the drawing of the corpora leaves beside them (``<resources>/synthetic/truth/{corpus}/{shard}
.safetensors``, its metadata `notes`) and writes one table for all shards, ``<results>/true_units.parquet``. No stage
that writes captions or trains reads it.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from eadnet import tables
from eadnet.data.clips import ClipError
from eadnet.data.tensor_files import TensorFile, TensorFileError

UNIT_NAMES = {
    1: "inner brow raiser",
    2: "outer brow raiser",
    4: "brow lowerer",
    5: "upper lid raiser",
    6: "cheek raiser",
    7: "lid tightener",
    9: "nose wrinkler",
    10: "upper lip raiser",
    12: "lip corner puller",
    14: "left lip corner puller",
    15: "lip corner depressor",
    17: "chin raiser",
    20: "lip stretcher",
    23: "lip tightener",
    25: "lips part",
    26: "jaw drop",
}
"""Name in ``eadnet.captions.schema.ACTION_UNITS`` of each FACS number that ``eadnet.synthetic.expressions`` draws.

14 (dimpler) is drawn as it shows in contempt, on one side only: it raises the corner of the mouth on the person's left
and tightens nothing, so it has the name of that movement. 43 (eyes closed, drawn as drooping lids) has no name there
and is left out."""

UNNAMED = frozenset({43})
"""Numbers that are drawn but have no name in the caption record."""

TRUE_UNITS = pa.schema(
    [
        ("clip_id", pa.string()),
        ("emotion", pa.string()),
        ("level", pa.int64()),
        ("units", pa.list_(pa.string())),
        ("strengths", pa.list_(pa.float64())),
    ]
)
"""One row per drawn clip: what was acted, and the units that are present with their strengths in (0, 1], side by side
and in the order of their numbers. `level` is 1 to 3, also where the corpus does not give it."""


def true_unit_rows(truths: Sequence[str | Path], clip_ids: Iterable[str] | None = None) -> list[dict[str, Any]]:
    """What was drawn, clip by clip.

    Args:
        truths: Truth files of any shards and corpora.
        clip_ids: The clips that there are. A drawn clip that preprocessing cut into pieces (``{name}_0``, ``{name}_1``,
            ...) then gives a row per piece, and one of which no clip came gives none; without it each drawn clip is one
            row under its own name.

    Returns:
        Rows of `TRUE_UNITS`, sorted by clip_id.

    Raises:
        TensorFileError: a file is unreadable or is no truth.
        ClipError: a unit without a name is drawn.
    """
    drawn: dict[str, dict[str, Any]] = {}
    for path in truths:
        drawn.update(_notes(path))
    named = {clip_id: _row(clip_id, note) for clip_id, note in drawn.items()}
    if clip_ids is not None:
        named = dict(_of_clips(named, clip_ids))
    return [named[clip_id] for clip_id in sorted(named)]


def write_true_units(rows: list[dict[str, Any]], path: str | Path) -> None:
    """Write rows of `true_unit_rows`, all or nothing."""
    tables.write_table(rows, path, TRUE_UNITS)


def _notes(path: str | Path) -> dict[str, dict[str, Any]]:
    """Notes of the clips of a truth file; those of people are left out."""
    fix = "delete it and draw again"
    try:
        notes = json.loads(TensorFile(path, "numpy", fix).metadata("notes"))
    except json.JSONDecodeError as error:
        raise TensorFileError(f"{path}: not the truth of a drawn shard ({error}); {fix}") from None
    return {clip_id: note for clip_id, note in notes.items() if "action_units" in note}


def _row(clip_id: str, note: Mapping[str, Any]) -> dict[str, Any]:
    strengths = {int(number): float(strength) for number, strength in note["action_units"].items()}
    if unknown := sorted(set(strengths) - set(UNIT_NAMES) - UNNAMED):
        raise ClipError(f"{clip_id}: action unit {unknown[0]} has no name; add it to UNIT_NAMES or UNNAMED")
    present = [number for number in sorted(strengths) if strengths[number] > 0 and number in UNIT_NAMES]
    return {
        "clip_id": clip_id,
        "emotion": note["emotion"],
        "level": note["level"],
        "units": [UNIT_NAMES[number] for number in present],
        "strengths": [strengths[number] for number in present],
    }


def _of_clips(named: Mapping[str, dict[str, Any]], clip_ids: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows under the names of the clips that came of what was drawn."""
    for clip_id in clip_ids:
        whole = clip_id if clip_id in named else re.sub(r"_\d+$", "", clip_id)
        if whole in named:
            yield clip_id, named[whole] | {"clip_id": clip_id}
