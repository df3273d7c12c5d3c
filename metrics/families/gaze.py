"""Family ``gaze``: do eyes, lids, brows and mouth follow paths as smooth as the true ones, and the same paths?

A frame and its own sound do not determine a glance or a blink; only neighbouring frames do. A model without memory
makes these paths rough, a filter over time too smooth: both show in the ratio of roughness, neither in a correlation.
"""

from collections.abc import Callable, Iterator

import numpy as np

from eadnet.faces.landmarks import eye_opening, mouth_opening
from metrics.families.expression import steadied, upright
from metrics.families.landmarks import MIN_DEVIATION
from metrics.families.parts import part, relative, together
from metrics.functional.trajectories import (
    LEFT_BROW,
    LEFT_RING,
    PERCENT,
    RIGHT_BROW,
    RIGHT_RING,
    brow_heights,
    gaze,
    path_correlation,
    roughness,
)
from metrics.scoring.pairs import Pair, per_clip
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.spec import family_specs
from metrics.tables import Unscorable

PATHS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "gaze": gaze, "lid": eye_opening, "brow": lambda points: brow_heights(points).mean(1), "mouth": mouth_opening,
}  # fmt: skip
CORRELATED = ("gaze", "lid", "brow")  # the mouth's correlation is of family `landmarks`
UPPER_FACE = (*LEFT_BROW, *RIGHT_BROW, *LEFT_RING, *RIGHT_RING)


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """Roughness and correlation of every pair's paths, and how lively the upper face is."""
    return per_clip(pairs, [spec.key for spec in family_specs("gaze")], _measure)


def upper_face_dynamics(landmarks: np.ndarray) -> float:
    """Mean over points of brows and lids of how much their distance from the mean face varies over time.

    Args:
        landmarks: (T, 478, 2), none NaN; the head's motion is taken out by rigid points.

    Returns:
        Standard deviation >= 0 in per cent of the inter-ocular distance.
    """
    template = upright(landmarks).mean(0)
    away = np.linalg.norm(steadied(landmarks, template) - template, axis=2)
    return float(PERCENT * away[:, list(UPPER_FACE)].std(0).mean())


def _measure(pair: Pair) -> Iterator[Value]:
    own, truth, both = together(pair)
    for name, path in PATHS.items():
        paths = path(own), path(truth)
        yield from part(
            pair, [f"{name}_roughness@mediapipe"], lambda paths=paths, name=name: _rough(pair, name, *paths)
        )
        if name in CORRELATED:
            yield _correlated(pair, name, *(series[both] for series in paths))
    dynamics = [upper_face_dynamics(points[both]) for points in (own, truth)]
    yield Value("fdd@brows-lids", pair.clip_id, dynamics[0] - dynamics[1], int(both.sum()), n_wanted=pair.n_frames)


def _rough(pair: Pair, name: str, own: np.ndarray, truth: np.ndarray) -> Iterator[Value]:
    (rough, count), (true_rough, _) = roughness(own), roughness(truth)
    if np.isnan(rough) or np.isnan(true_rough):
        raise Unscorable("no_face", "no three frames with a face in a row")
    yield relative(f"{name}_roughness@mediapipe", pair, rough, true_rough, count, pair.n_frames - 2)


def _correlated(pair: Pair, name: str, own: np.ndarray, truth: np.ndarray) -> Value:
    key = f"{name}_correlation@mediapipe"
    if truth.std(0).max() < MIN_DEVIATION:
        return Value(key, pair.clip_id, None, 0, "still_truth", "the true clip does not move; no correlation exists")
    if own.std(0).max() < MIN_DEVIATION:
        note = f"the {name} does not move; correlation set to 0"
        return Value(key, pair.clip_id, 0.0, len(truth), reason=note, n_wanted=pair.n_frames)
    return Value(key, pair.clip_id, path_correlation(own, truth), len(truth), n_wanted=pair.n_frames)
