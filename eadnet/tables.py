"""The tables that cross between stages: their columns, and reading and writing them whole.

Every table is parquet. Each row accounts for one input; a row that could not be used has a `status` other than
``ok`` and a `reason` that names the fix.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from eadnet.provenance import atomic_path

if TYPE_CHECKING:
    import pandas as pd

_text, _int, _real = pa.string(), pa.int64(), pa.float64()


EMOTIONS = ("angry", "contempt", "disgusted", "fear", "happy", "neutral", "sad", "surprised")
LABELS = (*EMOTIONS, "calm")  # of clips: RAVDESS has one that no recogniser, caption writer or training knows


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()))


SOURCES = _schema(
    corpus=_text, shard=_text, source_id=_text, uri=_text, sha256=_text, bytes=_int, status=_text, reason=_text
)
"""One row per input that a corpus holds (a file, an archive member or an annotated interval)."""

DOWNLOADS = _schema(
    corpus=_text, shard=_text, name=_text, url=_text, path=_text, sha256=_text, bytes=_int, width=_int, height=_int,
    stated_height=_int, seconds=_real, fps=_real, has_audio=pa.bool_(), status=_text, reason=_text,
)  # fmt: skip
"""One row per video or archive that was to be fetched. `path` is relative to the corpus's folder, null where nothing
came; `status` is ``ok``, ``wrong_height`` (usable: crops are scaled), ``no_audio``, ``unavailable``, ``private``,
``geo_blocked``, ``wrong_size``, ``wrong_checksum``, ``quota``, ``missing`` or ``failed``."""

CLIPS = _schema(
    clip_id=_text, corpus=_text, shard=_text, speaker=_text, emotion=_text, level=_int, view=_text, sentence=_text,
    split=_text, seen_speaker=pa.bool_(), reference=_text, video=_text, audio=_text, landmarks=_text, source=_text,
    start=_real, fps=_real, n_frames=_int, width=_int, height=_int, detected=_real, unseen=_int, second_face=_real,
    face_size=_real, blur=_real, loudness=_real, sync_offset=_real, sync_confidence=_real, quality=_real,
    sha256=_text, status=_text, reason=_text,
)  # fmt: skip
"""One row per clip. `video`, `audio` and `landmarks` name the shard's safetensors files (key: clip_id); `source`
names the 25 fps source video kept for paste-back (test split only); `reference` names the clip that shows the
speaker's appearance; `seen_speaker` says whether training clips show the same person. What was measured, null where it
could not be: `start` (seconds in the source), `detected` and `second_face` (shares of frames), `unseen` (frames that
show no face: their crops are not used), `face_size` (source pixels), `blur` (0 to 1), `loudness` (dBFS of the loudest
100 ms), `sync_offset` (frames that the sound came late and was moved by), `sync_confidence` and `quality` (HyperIQA's
score of the crops, about 0 to 100)."""

QUALITY_UNMEASURED = "quality not measured"
"""Begins the note in `reason` of a clip whose quality was to be measured and could not be."""

CAPTIONS = _schema(
    clip_id=_text, corpus=_text, shard=_text, caption=_text, caption_short=_text, paraphrases=pa.list_(_text),
    template=_text, emotion=_text, confidence=_real, intensity=_text, valence=_real, arousal=_real,
    action_units=pa.list_(_text), dynamics=_text, observation=_text, engine=_text, model=_text, prompt_version=_text,
    prompt_sha256=_text, decoding=_text, labelled=pa.bool_(), attempts=_int, faults=pa.list_(_text), status=_text,
    reason=_text,
)  # fmt: skip
"""One row per usable clip: the text that guides generation. `template` is the text of label and level alone,
`observation` the record behind the texts as JSON (regions of the face, head, gaze), `labelled` whether the writer was
given the corpus's label. `attempts` counts the answers that were read, `faults` names the kind of each that was refused
(``eadnet.captions.engines.answers.FAULTS``)."""

TRAINING_FILTER = _schema(
    clip_id=_text, corpus=_text, speaker=_text, emotion=_text, level=_int, cosine=_real, rival=_real,
    rival_emotion=_text,
)  # fmt: skip
"""One row per clip that training draws from: how alike its fused audio and text and its emotion's word are
(``eadnet.training.clip_filter``). `cosine` is that with its own emotion, `rival` the largest with another,
`rival_emotion`; all three are null where the clip has no label, no text is fused, or the clip could not be read."""

TEST_CLIPS = _schema(clip_id=_text, corpus=_text, speaker=_text, drawn=pa.bool_())
"""One row per test clip that is generated and scored. `drawn`: it is one of the test draw (``evaluation.draw``); all
are where no draw is made."""

VIDEOS = _schema(
    run=_text, seed=_int, corpus=_text, clip_id=_text, video=_text, reference=_text, driving_audio=_text,
    text=_text, n_frames=_int, seconds=_real, status=_text, reason=_text, model_commit=_text, videos_commit=_text,
)  # fmt: skip
"""One row per test clip and run: the generated video, what drove it, and the seconds that making it took.
`model_commit` is the project's commit under which the run was trained, `videos_commit` that under which its videos were
made or, if other people's, collected (``eadnet.provenance.commit``); null where there is none."""

GENERATED = _schema(
    run=_text, seed=_int, corpus=_text, clip_id=_text, reference=_text, driving_audio=_text, text=_text,
    n_frames=_int, seconds=_real, status=_text, reason=_text,
)  # fmt: skip
"""One row per test clip and run whose crops were generated without being pasted back: ``crops.safetensors`` beside the
table holds them by clip_id, (n_frames, S, S, 3) uint8; those of a clip that failed are black."""

LATENT_ERRORS = _schema(
    run=_text, seed=_int, corpus=_text, clip_id=_text, region=_text, timestep=_int, n_frames=_int, cells=_int,
    error=_real, variance=_real, model_commit=_text, commit=_text,
)  # fmt: skip
"""One row per run, validation clip, region and timestep: the squared error of the network's one-step estimate of the
clean latents, and their variance, both means over the clip's frames, channels and the region's `cells`
(``eadnet.inference.latent_errors``); null where no cell of the region is generated. The run was trained under
`model_commit`, its estimates were made under `commit`."""

GRAPHS = _schema(run=_text, seed=_int, module=_text, clip_id=_text, query=_int, key=_int, weight=_real)
"""The learned frame graphs (`tfrm: extended`) of a trained run on a few validation clips, one row per edge of positive
weight: frame `query` takes `weight` of what it receives from frame `key`. `module` names the place in the U-Net
(middle, up_0, ...)."""


class TableError(ValueError):
    """A table that lacks a column, holds a wrong type or cannot be read; the message names the file."""


def write_table(rows: "pd.DataFrame | list[dict]", path: str | Path, schema: pa.Schema) -> None:
    """Write rows as parquet, all or nothing, columns in the schema's order.

    Raises:
        TableError: a column is missing or unknown, or a value does not fit its column.
    """
    columns = list(rows.columns) if hasattr(rows, "columns") else list(rows[0]) if rows else schema.names
    if set(columns) != set(schema.names):
        wrong = sorted(set(columns) ^ set(schema.names))
        raise TableError(f"{path}: columns missing or unknown: {', '.join(wrong)}")
    try:
        table = _as_table(rows, schema)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise TableError(f"{path}: {error}") from None
    with atomic_path(path) as temporary:
        pq.write_table(table.replace_schema_metadata(None), temporary)


def read_rows(path: str | Path, schema: pa.Schema, columns: Sequence[str] | None = None) -> list[dict]:
    """Read a table that `write_table` wrote, a dictionary a row; missing values are None.

    Equal texts of a column are one object: 35,000 clips take 64 MB instead of 99.

    Args:
        path: of the table.
        schema: its columns.
        columns: those wanted; all if left out.

    Raises:
        TableError: the file is absent, is not parquet, or has other columns.
    """
    table = _read(path, schema)
    names = schema.names if columns is None else list(columns)
    values = [_values(table.column(name)) for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]


def read_table(path: str | Path, schema: pa.Schema) -> "pd.DataFrame":
    """Read a table that `write_table` wrote as a data frame; missing text is None. Errors as `read_rows`."""
    frame = _read(path, schema).to_pandas()
    text = [name for name in schema.names if schema.field(name).type == _text]
    frame[text] = frame[text].astype(object).where(frame[text].notna(), None)
    return frame


def read_tables(paths: list[str | Path], schema: pa.Schema) -> "pd.DataFrame":
    """Read and concatenate several tables of one schema, in the given order."""
    import pandas as pd  # not at the top: training reads rows only, on machines without pandas

    frames = [read_table(path, schema) for path in paths]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=schema.names)


def _values(column: pa.ChunkedArray) -> list:
    """A column's values; each distinct text once, however often it is there."""
    if column.type != _text:
        return column.to_pylist()
    encoded = column.combine_chunks().dictionary_encode()
    words = encoded.dictionary.to_pylist()
    return [None if place is None else words[place] for place in encoded.indices.to_pylist()]


def _read(path: str | Path, schema: pa.Schema) -> pa.Table:
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise TableError(f"{path}: no such table; run the stage that makes it") from None
    except (OSError, pa.ArrowInvalid) as error:
        raise TableError(f"{path}: not a readable table ({error}); delete it and run again") from None
    if table.schema.names != schema.names:
        raise TableError(f"{path}: has columns {table.schema.names}, expected {schema.names}; delete it and run again")
    return table


def _as_table(rows: "pd.DataFrame | list[dict]", schema: pa.Schema) -> pa.Table:
    if not hasattr(rows, "columns"):
        return pa.Table.from_pylist([{name: _whole(row[name]) for name in schema.names} for row in rows], schema)
    return pa.Table.from_pandas(rows[schema.names], schema=schema, preserve_index=False)


def _whole(value: object) -> object:
    """Numpy scalars as Python's, not-a-number as missing: what pandas made of a list of rows."""
    value = value.item() if hasattr(value, "item") and getattr(value, "shape", None) == () else value
    return None if isinstance(value, float) and value != value else value
