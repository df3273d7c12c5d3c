"""Family ``temporal``: how much the picture moves and trembles, compared with the truth.

A frozen face flickers least, so these are read beside the rows of ``ground_truth`` and ``still``.
"""

from collections.abc import Iterator

import numpy as np

from eadnet.landmarks import interocular
from metrics.landmarks import MESH_POINTS
from metrics.pairs import Pair, Unscorable, Value, per_clip
from metrics.scoring import Settings, check_shapes
from metrics.spec import family_specs


def score(pairs: list[Pair], settings: Settings) -> Iterator[Value]:
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
    pixels = frames[:, region].astype(np.int16)
    return float(np.abs(np.diff(pixels, n=order, axis=0)).mean(dtype=np.float64))


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
    generated, truth = pair.generated_crops, pair.true_crops
    if len(truth) < 3:
        raise Unscorable("too_short", f"{len(truth)} frames; jitter needs 3")
    for key, order in (("flicker_ratio@region", 1), ("jitter_ratio@region", 2)):
        still = mean_difference(truth, region, order)
        if still == 0:
            yield Value(key, pair.clip_id, None, 0, "still_truth", "the true clip does not move; no ratio exists")
        else:
            yield Value(key, pair.clip_id, mean_difference(generated, region, order) / still, len(truth) - order)
    jitter = landmark_jitter(pair.generated_landmarks)
    if np.isnan(jitter):
        yield Value("landmark_jitter@mediapipe", pair.clip_id, None, 0, "no_face", "no three frames with a face in row")
    else:
        yield Value("landmark_jitter@mediapipe", pair.clip_id, jitter, len(truth) - 2)
