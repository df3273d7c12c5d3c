"""Caption engines: one interface, one row per clip.

An engine turns a batch of requests into caption records; `caption_rows` turns records into rows of
``eadnet.tables.CAPTIONS`` and everything that could not be captioned into rows with a status and a reason.
The `descriptor` engine needs no model: it takes the corpus label where there is one, reads the rest off measures of
face and voice, and writes with the grammar.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import ValidationError

from eadnet.captions.descriptors import Descriptors
from eadnet.captions.grammar import GRAMMAR, template_text, write_texts
from eadnet.captions.observation import observe, remarks
from eadnet.captions.prompt import Prompt
from eadnet.captions.schema import CaptionRecord
from eadnet.tables import CAPTIONS

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """What an engine may know of a clip: its row of the clips table and its measures."""

    row: Row
    descriptors: Descriptors


class Engine(Protocol):
    """Anything that writes captions.

    Attributes:
        name: Short name, the `engine` column.
        model: What exactly wrote the text, the `model` column.
        prompt: The instructions, the `prompt_version` and `prompt_sha256` columns.
    """

    name: str
    model: str
    prompt: Prompt

    def caption(self, batch: Sequence[Request]) -> list[CaptionRecord | str]:
        """Caption a batch, in order: a record, or one line that says why there is none."""
        ...


@dataclass(frozen=True)
class DescriptorEngine:
    """Deterministic captions from measures, corpus label and level."""

    seed: int
    name: str = "descriptor"
    model: str = "descriptor-1"
    prompt: Prompt = GRAMMAR

    def caption(self, batch: Sequence[Request]) -> list[CaptionRecord | str]:
        """Caption a batch, in order; the same request and seed give the same record."""
        return [self._record(request) for request in batch]

    def _record(self, request: Request) -> CaptionRecord | str:
        row, descriptors = request.row, request.descriptors
        try:
            observation = observe(descriptors, row["emotion"], level_of(row))
            texts = write_texts(observation, remarks(descriptors), key=f"{self.seed}:{row['clip_id']}")
            return CaptionRecord(**observation.model_dump(), **vars(texts))
        except ValidationError as error:
            return f"{row['clip_id']}: caption not admissible ({error.errors()[0]['msg']}); check the clip's landmarks"


ENGINES = {"descriptor": DescriptorEngine}
"""Engines by the name that `captions.engine` gives."""


def caption_rows(
    rows: Sequence[Row], measures: Mapping[str, Descriptors | str], engine: Engine, batch_size: int
) -> list[dict[str, Any]]:
    """Caption every clip of a table.

    Args:
        rows: Rows of the clips table; those whose status is not ``ok`` keep status and reason.
        measures: By clip_id, descriptors or why there are none (`descriptors.describe_shard`).
        engine: Who writes.
        batch_size: Clips per call of the engine.

    Returns:
        One row of ``eadnet.tables.CAPTIONS`` per given row, in the given order.
    """
    requests = [
        Request(row, found)
        for row in rows
        if row["status"] == "ok" and isinstance(found := measures[row["clip_id"]], Descriptors)
    ]
    written: dict[str, CaptionRecord | str] = {}
    for batch in _batches(requests, batch_size):
        names = [request.row["clip_id"] for request in batch]
        written.update(zip(names, engine.caption(batch), strict=True))
    return [_table_row(row, measures, written, engine) for row in rows]


def level_of(row: Row) -> int | None:
    """The level of a clip as an integer; missing levels come out of parquet as NaN."""
    level = row["level"]
    return None if level is None or level != level else int(level)


def _batches(requests: Sequence[Request], size: int) -> Iterator[Sequence[Request]]:
    for start in range(0, len(requests), size):
        yield requests[start : start + size]


def _table_row(
    row: Row, measures: Mapping[str, Descriptors | str], written: Mapping[str, CaptionRecord | str], engine: Engine
) -> dict[str, Any]:
    empty = dict.fromkeys(CAPTIONS.names) | {name: row[name] for name in ("clip_id", "corpus", "shard")}
    origin = {
        "engine": engine.name,
        "model": engine.model,
        "prompt_version": engine.prompt.version,
        "prompt_sha256": engine.prompt.sha256,
    }
    if row["status"] != "ok":
        return empty | origin | {"status": row["status"], "reason": row["reason"]}
    found = measures[row["clip_id"]]
    if isinstance(found, str):
        return empty | origin | {"status": "no_measures", "reason": found}
    record = written[row["clip_id"]]
    if isinstance(record, str):
        return empty | origin | {"status": "no_caption", "reason": record}
    return empty | origin | _texts(record, row) | {"status": "ok"}


def _texts(record: CaptionRecord, row: Row) -> dict[str, Any]:
    """The columns of a row that a record fills."""
    kept = ("caption_short", "emotion", "confidence", "intensity", "valence", "arousal", "dynamics")
    return {name: getattr(record, name) for name in kept} | {
        "caption": record.caption_full,
        "paraphrases": list(record.paraphrases),
        "action_units": list(record.action_units),
        "template": template_text(row["emotion"], level_of(row)),
    }
