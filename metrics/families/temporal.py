"""Family ``temporal``: how much the picture moves and trembles, compared with the truth.

A frozen face flickers least, so these are read beside the rows of ``ground_truth`` and ``still``.
"""

from collections.abc import Iterator

import numpy as np

from eadnet.faces.landmarks import interocular
from metrics.families.landmarks import MESH_POINTS
from metrics.scoring.pairs import Pair, Value, check_shapes, per_clip
from metrics.scoring.settings import ScoringSettings
from metrics.spec import family_specs
from metrics.tables import Unscorable

CHUNK = 64


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """Flicker and jitter of every pair."""
    region = settings.region()
    return per_clip(pairs, [spec.key for spec in family_specs("temporal")], lambda pair: _measure(pair, region))


def mean_difference(frames: np.ndarray, region: np.ndarray, order: int) -> float:
    """Mean absolute difference over time, in grey levels.

    Args:
        frames: (T, H, W, 3) uint8, T > `order`.
        region: (H, W) bool, True where pixels count.
        order: 1 for first differences (flicker), 2 for second ones (jitter).
    """
    total, count = 0, 0
    for first in range(0, len(frames) - order, CHUNK):
        pixels = frames[first : first + CHUNK + order][:, region].astype(np.int16)
        differences = np.abs(np.diff(pixels, n=order, axis=0))
        total, count = total + int(differences.sum(dtype=np.int64)), count + differences.size
    return total / count


def landmark_jitter(landmarks: np.ndarray) -> float:
    """Mean length of the mesh points' second difference over time, in inter-ocular distances.

    Args:
        landmarks: (T, 478, 2), NaN where no face was found; three neighbouring frames with a face are needed.

    Returns:
        Jitter >= 0; NaN where no three neighbouring frames show a face.
    """
    second = np.diff(landmarks[:, :MESH_POINTS], n=2, axis=0)
    lengths = np.linalg.norm(second, axis=2).mean(axis=1)
    valid = np.isfinite(lengths)
    return float(lengths[valid].mean() / np.nanmean(interocular(landmarks))) if valid.any() else float("nan")


def _measure(pair: Pair, region: np.ndarray) -> Iterator[Value]:
    check_shapes(pair, region)
    if len(pair.true_crops) < 3:
        raise Unscorable("too_short", f"{len(pair.true_crops)} frames; jitter needs 3")
    for key, order in (("flicker_ratio@region", 1), ("jitter_ratio@region", 2)):
        own, true = (mean_difference(crops, region, order) for crops in (pair.generated_crops, pair.true_crops))
        yield ratio(key, pair, own, true, len(pair.true_crops) - order)
    yield from _landmarks(pair)


def _landmarks(pair: Pair) -> Iterator[Value]:
    keys = ("landmark_jitter@mediapipe", "landmark_jitter_ratio@mediapipe")
    own, true = landmark_jitter(pair.generated_landmarks), landmark_jitter(pair.true_landmarks)
    count = len(pair.true_crops) - 2
    for key in keys:
        if np.isnan(own) or (key == keys[1] and np.isnan(true)):
            yield Value(key, pair.clip_id, None, 0, "no_face", "no three frames with a face in row")
        elif key == keys[0]:
            yield Value(key, pair.clip_id, own, count)
        else:
            yield ratio(key, pair, own, true, count)


def ratio(key: str, pair: Pair, own: float, true: float, count: int) -> Value:
    """A clip's quantity over that of its truth; no value where the truth does not move."""
    if true == 0:
        return Value(key, pair.clip_id, None, 0, "still_truth", "the true clip does not move; no ratio exists")
    return Value(key, pair.clip_id, own / true, count)
