"""Family ``temporal``: how much the picture moves and trembles, compared with the truth.

A frozen face flickers least, so these are read beside the rows of ``ground_truth`` and ``still``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from eadnet.faces.landmarks import interocular
from metrics.families.landmarks import MESH_POINTS
from metrics.scoring.pairs import Pair, per_clip, unpaired
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.shown import check_shapes, stretches_shown
from metrics.scoring.values import Value
from metrics.spec import family_specs
from metrics.tables import Unscorable

CHUNK = 64


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """Flicker and jitter of every pair."""
    region = settings.region()
    return per_clip(pairs, [spec.key for spec in family_specs("temporal")], lambda pair: _measure(pair, region))


def mean_difference(
    frames: np.ndarray, region: np.ndarray, order: int, spans: Sequence[tuple[int, int]] | None = None
) -> float:
    """Mean absolute difference over time, in grey levels.

    Args:
        frames: (T, H, W, 3) uint8, T > `order`.
        region: (H, W) bool, True where pixels count.
        order: 1 for first differences (flicker), 2 for second ones (jitter).
        spans: first frame and the one behind the last of the stretches that count, each longer than `order`; None:
            all frames.
    """
    total, count = 0, 0
    for begin, end in spans or [(0, len(frames))]:
        for first in range(begin, end - order, CHUNK):
            pixels = frames[first : min(first + CHUNK + order, end)][:, region].astype(np.int16)
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
    lengths = _second_differences(landmarks)
    valid = np.isfinite(lengths)
    return float(lengths[valid].mean() / np.nanmean(interocular(landmarks))) if valid.any() else float("nan")


def _second_differences(landmarks: np.ndarray) -> np.ndarray:
    """(T - 2,) mean lengths of the mesh points' second differences; NaN where a face is missing."""
    return np.linalg.norm(np.diff(landmarks[:, :MESH_POINTS], n=2, axis=0), axis=2).mean(axis=1)


def _measure(pair: Pair, region: np.ndarray) -> Iterator[Value]:
    pictures = ("flicker_ratio@region", "jitter_ratio@region")
    yield from _pictures(pair, region, pictures) if pair.status == "ok" else unpaired(pair, pictures)
    yield from _landmarks(pair)


def _pictures(pair: Pair, region: np.ndarray, keys: tuple[str, str]) -> Iterator[Value]:
    check_shapes(pair, region)
    spans = [span for span in stretches_shown(pair) if span[1] - span[0] > 2]
    if not spans:
        raise Unscorable("too_short", "no 3 neighbouring frames that show the true face; jitter needs them")
    for order, key in enumerate(keys, start=1):
        own, true = (mean_difference(crops, region, order, spans) for crops in (pair.generated_crops, pair.true_crops))
        count = sum(last - first - order for first, last in spans)
        yield replace(ratio(key, pair, own, true, count), n_wanted=pair.n_frames - order)


def _landmarks(pair: Pair) -> Iterator[Value]:
    """Of the video's own face at 25 fps, so that the second differences of all videos span one time."""
    keys = ("landmark_jitter@mediapipe", "landmark_jitter_ratio@mediapipe")
    shown = pair.own_landmarks_25
    if len(shown) < 3:
        raise Unscorable("too_short", f"{len(shown)} frames; jitter needs 3")
    own, true = landmark_jitter(shown), landmark_jitter(pair.true_landmarks)
    wanted, count = max(0, len(shown) - 2), int(np.isfinite(_second_differences(shown)).sum())
    for key in keys:
        if np.isnan(own) or (key == keys[1] and np.isnan(true)):
            yield Value(key, pair.clip_id, None, 0, "no_face", "no three frames with a face in a row")
        elif key == keys[0]:
            yield Value(key, pair.clip_id, own, count, n_wanted=wanted)
        else:
            yield replace(ratio(key, pair, own, true, count), n_wanted=wanted)


def ratio(key: str, pair: Pair, own: float, true: float, count: int) -> Value:
    """A clip's quantity over that of its truth; no value where the truth does not move."""
    if true == 0:
        return Value(key, pair.clip_id, None, 0, "still_truth", "the true clip does not move; no ratio exists")
    return Value(key, pair.clip_id, own / true, count)
