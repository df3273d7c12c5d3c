"""Family ``landmarks``: do mouth, face and eyelids move as in the true clip?

Landmarks are MediaPipe FaceMesh points (478, irises last) on the generated frames and those stored with the clip.
"""

from collections.abc import Iterator

import numpy as np

from eadnet.faces.alignment import apply
from eadnet.faces.landmarks import eye_opening, interocular, mouth_opening
from metrics.families.expression import seen_in_both
from metrics.functional.face_chips import has_face
from metrics.functional.trajectories import LIPS
from metrics.scoring.pairs import Pair, per_clip, unpaired
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.spec import family_specs
from metrics.tables import Unscorable

MESH_POINTS = 468
MIN_DEVIATION = 1e-4  # of the lip gap; less is a mouth that does not move at all
BLINK_DEPTH = 0.35  # a blink at least takes this share off the median eye opening


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """Landmark metrics of every pair."""
    return per_clip(pairs, [spec.key for spec in family_specs("landmarks")], _measure)


def correlation(generated: np.ndarray, truth: np.ndarray) -> float:
    """Pearson correlation of two (T,) series; 0 where the generated one is constant.

    Raises:
        Unscorable: the true series is constant, so that no correlation exists.
    """
    if truth.std() < MIN_DEVIATION:
        raise Unscorable("still_truth", "the true clip does not move; no correlation exists")
    if generated.std() < MIN_DEVIATION:
        return 0.0
    return float(np.corrcoef(generated, truth)[0, 1])


def landmark_distance(generated: np.ndarray, truth: np.ndarray, points: tuple[int, ...] | slice) -> float:
    """Mean Euclidean distance of points less their own mean (evaluation_eat ``code/test_lmd.py``).

    Args:
        generated: (T, 478, 2) in any unit.
        truth: same shape and unit.
        points: which of the 478 points.

    Returns:
        Distance in the landmarks' unit, >= 0.
    """
    first, second = generated[:, points], truth[:, points]
    first, second = (points_t - points_t.mean(axis=1, keepdims=True) for points_t in (first, second))
    return float(np.linalg.norm(first - second, axis=2).mean(dtype=np.float64))


def _measure(pair: Pair) -> Iterator[Value]:
    shown, real = pair.timed_landmarks, pair.true_landmarks
    both = seen_in_both(has_face(shown), has_face(real))
    generated, truth, wanted = shown[both], real[both], len(both)
    yield from _mouth(pair.clip_id, mouth_opening(generated), mouth_opening(truth), wanted)
    if pair.status == "ok":
        yield from _distances(pair)
    else:
        yield from unpaired(pair, (f"{name}@mediapipe" for name in ("m_lmd", "m_lmd_px", "f_lmd", "f_lmd_px")))
    yield _blink(pair.clip_id, eye_opening(generated), eye_opening(truth), wanted)


def _mouth(clip_id: str, generated: np.ndarray, truth: np.ndarray, wanted: int) -> Iterator[Value]:
    keys = ("mouth_correlation@mediapipe", "mouth_amplitude@mediapipe")
    try:
        values = correlation(generated, truth), float(generated.std() / truth.std())
    except Unscorable as fault:
        yield from (Value(key, clip_id, None, 0, fault.status, str(fault)) for key in keys)
        return
    note = "the mouth does not move; correlation set to 0" if generated.std() < MIN_DEVIATION else None
    for key, value in zip(keys, values, strict=True):
        yield Value(key, clip_id, value, len(truth), reason=note, n_wanted=wanted)


def _distances(pair: Pair) -> Iterator[Value]:
    shown, real = pair.generated_landmarks, pair.true_landmarks
    both = seen_in_both(has_face(shown), has_face(real))
    generated, truth, count = shown[both], real[both], int(both.sum())
    scale = float(interocular(truth).mean())
    in_crop = [apply(pair.truth.transforms[: pair.n_frames][both], points) for points in (generated, truth)]
    for name, points in (("m_lmd", LIPS), ("f_lmd", slice(MESH_POINTS))):
        relative, pixels = landmark_distance(generated, truth, points) / scale, landmark_distance(*in_crop, points)
        for key, value in ((f"{name}@mediapipe", relative), (f"{name}_px@mediapipe", pixels)):
            yield Value(key, pair.clip_id, value, count, n_wanted=len(both))


def _blink(clip_id: str, generated: np.ndarray, truth: np.ndarray, wanted: int) -> Value:
    key = "blink_correlation@mediapipe"
    if truth.min() > (1 - BLINK_DEPTH) * np.median(truth):
        return Value(key, clip_id, None, 0, "no_blink", "the true eyes do not blink in this clip")
    return Value(key, clip_id, correlation(generated, truth), len(truth), n_wanted=wanted)
