"""Score one run by one family: the values of the family's module, stamped with where they come from.

Reads a measurement folder, the clips and, for some families, a judge; writes a SCORES table.
"""

import hashlib
import importlib
from collections.abc import Collection, Iterable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from eadnet.provenance import commit, sha256_file
from eadnet.tables import write_table
from metrics.functional.clip_notes import BETWEEN, clauses, grouped
from metrics.networks import silero
from metrics.scoring.pairs import Pair, absent, empty, load_pairs
from metrics.scoring.sets import drawn_of, scored_sets
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from metrics.scoring.shown import note_of_unseen
from metrics.scoring.values import Value
from metrics.spec import REGISTRY, MetricSpec, family, family_specs, needs_of, pinned_sha256
from metrics.tables import ALL, MADE_UNDER, PARTIAL, SCORES, join_commits


def score_family(
    name: str,
    measurements: str | Path,
    clips: str | Path,
    settings: ScoringSettings,
    run: str,
    seed: int,
    output: str | Path,
    truth: str | Path | None = None,
    test_clips: str | Path | None = None,
    pooled: Collection[str] = (),
) -> int:
    """Score every measured video of a run by one family and write the SCORES table.

    Args:
        name: the family.
        measurements: folder that ``measure`` wrote for this run and seed.
        clips: table of the preprocessed clips.
        settings: judges, region and weights.
        run: name of the run, for the rows.
        seed: training seed, for the rows.
        output: parquet file to write.
        truth: folder that ``measure`` wrote of the true videos, for families that compare whole frames.
        test_clips: ``eadnet.tables.TEST_CLIPS``, with the clips that are drawn; None: there is no draw.
        pooled: corpora whose clips together count as `all`; empty: every corpus.

    Returns:
        Number of rows that hold a value.

    Raises:
        ConfigError: no such family.
    """
    pairs = load_pairs(measurements, clips, truth)
    judging = evaluators(name, settings)

    def score(part: list[Pair]) -> list[Value]:
        return score_pairs(name, part, settings)

    rows = []
    for (corpus, draw), part, values in scored_sets(name, pairs, pooled, drawn_of(test_clips), score):
        label = {"corpus": corpus, "draw": draw}
        stamped = stamp(values, part, run, seed, judging)
        rows += [row | label if row["level"] == "set" else row for row in stamped]
    write_table(rows, output, SCORES)
    return sum(row["value"] is not None for row in rows)


def score_pairs(name: str, pairs: list[Pair], settings: ScoringSettings) -> list[Value]:
    """Values of a family for some pairs; rows with the cause where its judge or its weights are absent.

    Raises:
        ConfigError: no such family.
    """
    module = importlib.import_module(family(name).module)
    if family(name).judge and settings.judges is None:
        return empty(family_specs(name), pairs, "no_judge", "no judges were given; train them, or give --judges")
    try:
        return list(module.score(pairs, settings))
    except WeightsAbsent as fault:
        return absent(family_specs(name), pairs, fault)


def stamp(
    values: Iterable[Value], pairs: Iterable[Pair], run: str, seed: int, evaluators: dict[str, str]
) -> list[dict]:
    """Rows of SCORES: each value with its clip's columns, the metric's version, its evaluator and the commits.

    The value of a set was to rest on all of the pairs, those that could not be measured too, unless it names a number.
    """
    pairs = list(pairs)
    clips = {pair.clip_id: pair for pair in pairs}
    common = {"run": run, "seed": seed, "split": "test", "commit": commit()}
    common |= {name: join_commits(getattr(pair, name) for pair in pairs) for name in MADE_UNDER}
    return [_row(value, clips, evaluators) | common for value in values]


def _row(value: Value, clips: dict[str, Pair], evaluators: dict[str, str]) -> dict:
    spec, pair = REGISTRY[value.metric], clips.get(value.clip_id)
    clip = pair.row if pair else {}
    level = clip.get("level")
    wanted = (len(clips) if spec.level == "set" else value.n) if value.n_wanted is None else value.n_wanted
    if value.value is not None:
        wanted += _trimmed(spec, pair)
    return {
        "corpus": clip.get("corpus", ALL),
        "draw": ALL,
        "clip_id": value.clip_id,
        "speaker": clip.get("speaker"),
        "seen_speaker": clip.get("seen_speaker"),
        "emotion": clip.get("emotion"),
        "emotion_level": None if level is None or np.isnan(level) else int(level),
        "family": spec.family,
        "metric": spec.key,
        "metric_version": family(spec.family).version,
        "level": spec.level,
        "evaluator_sha256": evaluators.get(spec.key),
        "value": None if value.value is None else float(value.value),
        "ci_low": value.ci_low,
        "ci_high": value.ci_high,
        "n": value.n,
        "n_wanted": wanted,
        "share": value.n / wanted if wanted else None,
        "status": PARTIAL if value.status == "ok" and value.n < wanted else value.status,
        "reason": value.reason,
        "notes": _notes(value, spec, [pair] if pair else list(clips.values()) if spec.level == "set" else []),
    }


def _trimmed(spec: MetricSpec, pair: Pair | None) -> int:
    """Frames of the true clip that a video is too short for, of metrics that go through both in step."""
    if pair is None or needs_of(spec.key) not in ("frames", "timing"):
        return 0
    return max(0, int(pair.row.get("n_frames") or 0) - pair.n_frames)


def _notes(value: Value, spec: MetricSpec, pairs: list[Pair]) -> str | None:
    """What was done to the video (of a set: to how many) before it was measured, and what the family adds."""
    aligned = needs_of(spec.key) in ("frames", "timing")
    seen = [_aligned_notes(pair) if aligned else pair.own_notes for pair in pairs]
    if spec.level == "set":
        seen = [f"{count} of {len(pairs)} clips: {text}" for count, text in grouped(map(clauses, seen))]
    return BETWEEN.join(filter(None, (*seen, value.notes))) or None


def _aligned_notes(pair: Pair) -> str | None:
    return BETWEEN.join(filter(None, (pair.notes, note_of_unseen(pair)))) or None


def evaluators(name: str, settings: ScoringSettings) -> dict[str, str]:
    """SHA-256 of what judges, by metric key: weights of a judge or published ones, MediaPipe's mesh, the region."""
    found = {spec.key: _evaluator_sha256(spec, settings) for spec in family_specs(name)}
    return {key: digest for key, digest in found.items() if digest}


def _evaluator_sha256(spec: MetricSpec, settings: ScoringSettings) -> str | None:
    kind, _, place = spec.evaluator.partition(":")
    if kind == "region":
        text = f"region_mask({settings.mask},{settings.resolution},{settings.cells})"
        return hashlib.sha256(text.encode()).hexdigest()
    if spec.evaluator == "package:silero-vad":
        speech = silero.weights_path()
        return sha256_file(speech) if speech else None
    if kind == "sha256":
        return place
    if kind == "package":
        return _mediapipe_sha256()
    if kind == "judge" and settings.judges is not None:
        weights = settings.judge(place) / "model.safetensors"
        return sha256_file(weights) if weights.exists() else None
    if kind == "asset" and settings.assets is not None:
        weights = Path(settings.assets.folder) / place
        known = settings.assets.sha256.get(place, "").lower() or pinned_sha256(spec)
        return known or (sha256_file(weights) if weights.exists() else None)
    return None


def _mediapipe_sha256() -> str:
    """Digest of the FaceMesh weights inside the installed package, without importing it."""
    spec = find_spec("mediapipe")
    weights = Path(spec.origin).parent / "modules/face_landmark/face_landmark_with_attention.tflite" if spec else None
    if weights is None or not weights.exists():
        return hashlib.sha256(f"mediapipe {version('mediapipe')}".encode()).hexdigest()
    return sha256_file(weights)
