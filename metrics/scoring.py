"""Score one run by one family: the values of the family's module, stamped with where they come from.

Reads a measurement folder, the clips and, for some families, a judge; writes a SCORES table.
"""

import hashlib
import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from eadnet.provenance import commit, sha256_file
from eadnet.tables import write_table
from metrics.pairs import Pair, Unscorable, Value, load_pairs
from metrics.spec import FAMILIES, REGISTRY, MetricSpec, family
from metrics.tables import ALL, SCORES


@dataclass(frozen=True)
class Settings:
    """What families need to know: the judges' folder, and which pixels of the crop are generated."""

    judges: Path | None
    mask: str
    resolution: int
    cells: int

    def region(self) -> np.ndarray:
        """(resolution, resolution) bool mask of the generated pixels."""
        from eadnet.regions import region_mask

        return region_mask(self.mask, self.resolution, self.cells)

    def judge(self, name: str) -> Path:
        """Folder of a judge.

        Raises:
            ValueError: no judges were given.
        """
        if self.judges is None:
            raise ValueError(f"this family needs the {name} judge; give --judges")
        return self.judges / name


def check_shapes(pair: Pair, region: np.ndarray) -> None:
    """Make sure that both crops have the region's size and one length.

    Raises:
        Unscorable: they do not; the reason names both shapes.
    """
    generated, truth = pair.generated_crops.shape, pair.true_crops.shape
    if generated != truth or truth[1:3] != region.shape:
        reason = f"crops are {generated}, the truth {truth}, the region {region.shape}; measure again"
        raise Unscorable("wrong_size", reason)


def score_family(
    name: str, measurements: str | Path, clips: str | Path, settings: Settings, run: str, seed: int, output: str | Path
) -> int:
    """Score every measured video of a run by one family and write the SCORES table.

    Args:
        name: the family.
        measurements: folder that ``measure`` wrote for this run and seed.
        clips: table of the preprocessed clips.
        settings: judges and region.
        run: name of the run, for the rows.
        seed: training seed, for the rows.
        output: parquet file to write.

    Returns:
        Number of rows that hold a value.

    Raises:
        metrics.spec.SpecError: no such family.
    """
    module = importlib.import_module(family(name).module)
    pairs = load_pairs(measurements, clips)
    values = list(module.score(pairs, settings))
    rows = stamp(values, pairs, run, seed, evaluators(name, settings))
    write_table(rows, output, SCORES)
    return sum(row["value"] is not None for row in rows)


def stamp(
    values: Iterable[Value], pairs: Iterable[Pair], run: str, seed: int, evaluators: dict[str, str]
) -> list[dict]:
    """Rows of SCORES: each value with its clip's columns, the metric's version, its evaluator and the commit."""
    clips = {pair.clip_id: pair.row for pair in pairs}
    common = {"run": run, "seed": seed, "split": "test", "commit": commit()}
    return [_row(value, clips, evaluators) | common for value in values]


def _row(value: Value, clips: dict[str, dict], evaluators: dict[str, str]) -> dict:
    spec = REGISTRY[value.metric]
    clip = clips.get(value.clip_id, {})
    level = clip.get("level")
    return {
        "corpus": clip.get("corpus", ALL),
        "clip_id": value.clip_id,
        "speaker": clip.get("speaker"),
        "seen_speaker": clip.get("seen_speaker"),
        "emotion": clip.get("emotion"),
        "emotion_level": None if level is None or np.isnan(level) else int(level),
        "family": spec.family,
        "metric": spec.key,
        "metric_version": spec.version,
        "level": spec.level,
        "evaluator_sha256": evaluators.get(spec.variant),
        "value": None if value.value is None else float(value.value),
        "ci_low": value.ci_low,
        "ci_high": value.ci_high,
        "n": value.n,
        "status": value.status,
        "reason": value.reason,
    }


def evaluators(name: str, settings: Settings) -> dict[str, str]:
    """SHA-256 of what judges, by key variant: a judge's weights, MediaPipe's mesh model, the region's definition."""
    variants = {spec.variant for spec in REGISTRY.values() if spec.family == name}
    found = {}
    if "region" in variants:
        text = f"region_mask({settings.mask},{settings.resolution},{settings.cells})"
        found["region"] = hashlib.sha256(text.encode()).hexdigest()
    if "mediapipe" in variants:
        found["mediapipe"] = _mediapipe_sha256()
    judge = FAMILIES[name].judge
    if judge is not None and (weights := settings.judge(judge) / "model.safetensors").exists():
        found["corpus-v1"] = sha256_file(weights)
    return found


def _mediapipe_sha256() -> str:
    """Digest of the FaceMesh weights inside the installed package, without importing it."""
    spec = find_spec("mediapipe")
    weights = Path(spec.origin).parent / "modules/face_landmark/face_landmark_with_attention.tflite" if spec else None
    if weights is None or not weights.exists():
        return hashlib.sha256(f"mediapipe {version('mediapipe')}".encode()).hexdigest()
    return sha256_file(weights)


def empty(specs: Iterable[MetricSpec], pairs: Iterable[Pair], status: str, reason: str) -> list[Value]:
    """Rows without value for every clip (or the set), where a whole family cannot score."""
    pairs = list(pairs)
    rows = []
    for spec in specs:
        clip_ids = [pair.clip_id for pair in pairs] if spec.level == "clip" else [None]
        rows += [Value(spec.key, clip_id, None, 0, status, reason) for clip_id in clip_ids]
    return rows
