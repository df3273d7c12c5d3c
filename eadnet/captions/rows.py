"""The rows of a captions table: one per clip, with or without a caption."""

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from eadnet.captions.answer_cache import ShardCaches, key_of
from eadnet.captions.engines import Engine
from eadnet.captions.grammar.sentences import template_text
from eadnet.captions.measures.descriptors import Descriptors
from eadnet.captions.requests import Outcome, Request, Row, level_of
from eadnet.captions.schema import CaptionRecord
from eadnet.tables import CAPTIONS


def caption_rows(
    rows: Sequence[Row],
    measures: Mapping[str, Descriptors | str],
    engine: Engine,
    labelled: bool = True,
    batch: int = 1024,
    caches: ShardCaches | None = None,
    report: Callable[[str], None] = print,
) -> list[dict[str, Any]]:
    """Caption every clip of some shards.

    Args:
        rows: Rows of the shards' clips tables; those whose status is not ``ok`` keep status and reason.
        measures: By clip_id, descriptors or why there are none.
        engine: The caption engine.
        labelled: Whether the engine may see the corpus's emotion and level.
        batch: Clips per call of the engine, of several shards where one has fewer; after each, its outcomes are cached.
        caches: Outcomes of earlier runs.
        report: Takes lines of progress.

    Returns:
        One row of ``eadnet.tables.CAPTIONS`` per given row, in the given order.
    """
    requests = [
        Request(row, found, labelled)
        for row in rows
        if row["status"] == "ok" and isinstance(found := measures[row["clip_id"]], Descriptors)
    ]
    outcomes = _outcomes(requests, engine, batch, caches or ShardCaches(None), report)
    return [_table_row(row, measures, outcomes, engine, labelled) for row in rows]


def _outcomes(
    requests: Sequence[Request], engine: Engine, size: int, caches: ShardCaches, report: Callable[[str], None]
) -> dict[str, Outcome]:
    """Outcomes by clip_id: the cached ones, and the others batch by batch."""
    keys = {request.clip_id: _key(request, engine) for request in requests}
    known = {
        request.clip_id: outcome
        for request in requests
        if (outcome := caches.of(request.row).get(keys[request.clip_id]))
    }
    missing = [request for request in requests if request.clip_id not in known]
    if known:
        report(f"{len(known)} of {len(requests)} clips were captioned before: these answers are used again")
    for start in range(0, len(missing), size):
        part = missing[start : start + size]
        made = dict(zip([request.clip_id for request in part], engine.caption(part), strict=True))
        for _, own in groupby(part, lambda request: (request.row["corpus"], request.row["shard"])):
            shard = list(own)
            caches.of(shard[0].row).put({keys[each.clip_id]: made[each.clip_id] for each in shard})
        known |= made
        written = sum(outcome.record is not None for outcome in made.values())
        report(f"{start + len(part)} of {len(missing)} clips processed; captions for {written} of these {len(part)}")
    return known


def _key(request: Request, engine: Engine) -> str:
    """Digest of everything that the outcome of a clip depends on."""
    return key_of(
        {
            "clip": [request.clip_id, request.row["sha256"]],
            "engine": engine.name,
            "model": engine.model,
            "prompt": engine.prompt.sha256,
            "question": engine.question(request),
            "decoding": engine.decoding,
        }
    )


def _table_row(
    row: Row,
    measures: Mapping[str, Descriptors | str],
    outcomes: Mapping[str, Outcome],
    engine: Engine,
    labelled: bool,
) -> dict[str, Any]:
    empty = dict.fromkeys(CAPTIONS.names) | {name: row[name] for name in ("clip_id", "corpus", "shard")}
    origin = {
        "engine": engine.name,
        "model": engine.model,
        "prompt_version": engine.prompt.version,
        "prompt_sha256": engine.prompt.sha256,
        "decoding": json.dumps(engine.decoding, sort_keys=True),
        "labelled": labelled and row["emotion"] is not None,
    }
    if row["status"] != "ok":
        return empty | origin | {"status": row["status"], "reason": row["reason"]}
    found = measures[row["clip_id"]]
    if isinstance(found, str):
        return empty | origin | {"status": "no_measures", "reason": found}
    outcome = outcomes[row["clip_id"]]
    tries = {"attempts": outcome.attempts, "faults": [fault.kind for fault in outcome.faults]}
    if outcome.record is None:
        return empty | origin | tries | {"status": "no_caption", "reason": _reason(row["clip_id"], outcome)}
    return empty | origin | tries | _texts(outcome.record, row) | {"status": "ok"}


def _reason(clip_id: str, outcome: Outcome) -> str:
    """Why a clip has no caption, and what to do."""
    last = outcome.faults[-1]
    if last.kind == "unreachable":
        return f"{clip_id}: {last.message}; run again once the engine answers"
    if last.kind == "frames":
        return last.message
    if last.kind in ("misplaced", "too_long"):
        return f"{clip_id}: no answer ({last.kind}): {last.message}"
    if len(outcome.faults) == 1:
        return f"{clip_id}: the answer was refused ({last.kind}): {last.message}"
    return f"{clip_id}: all {len(outcome.faults)} answers were refused, the last for {last.kind}: {last.message}"


def _texts(record: CaptionRecord, row: Row) -> dict[str, Any]:
    """The columns of a row that a record fills."""
    kept = ("caption_short", "emotion", "confidence", "intensity", "valence", "arousal", "dynamics")
    return {name: getattr(record, name) for name in kept} | {
        "caption": record.caption_full,
        "paraphrases": list(record.paraphrases),
        "action_units": list(record.action_units),
        "template": template_text(row["emotion"], level_of(row)),
        "observation": record.model_dump_json(exclude={"caption_short", "caption_full", "paraphrases"}),
    }
