"""Family ``expression``: do faces make the true expressions, by the mesh landmarks of brows, lids and mouth?

Head motion and scale are taken out by fitting rigid points (corners of the eyes, bridge of the nose) to the true clip's
mean face, identity by subtracting it. Needs no weights but MediaPipe's mesh. ``metrics.families.blendshapes`` compares
learned coefficients by the same two distances.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import fields

import numpy as np

from eadnet.data.clips import ClipError
from eadnet.faces.alignment import RIGID
from eadnet.faces.landmarks import INNER_LIPS, LEFT_EYE, LEFT_LIDS, RIGHT_EYE, RIGHT_LIDS
from metrics.families.feature_sets import FeatureSet, clips_warning, joined_notes, names_of
from metrics.functional.distances import Moments, frechet_distance, jackknife, plain_moments
from metrics.functional.face_chips import has_face
from metrics.functional.set_samples import frechet_kind
from metrics.scoring.pairs import Pair, per_clip
from metrics.scoring.sets import SetValue
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.tables import Unscorable

NOSE_BASE, CHIN = 2, 152
OUTER_LIPS = (0, 17)
MOUTH_CORNERS = (61, 291)
INNER_BROWS, OUTER_BROWS = (55, 285), (70, 300)
NOSE_WINGS = (64, 294)
PERCENT = 100.0
MIN_FRAMES = 10
MIN_CLIPS = 2
ENOUGH = 10  # frames per dimension
LOADING = 1e-6  # added to all variances, so that a coefficient that never moves is no division by zero

Coefficients = dict[str, tuple[np.ndarray, np.ndarray]]
"""Per clip, the (N, d) coefficients of the generated and of the true frames."""
COEFFICIENTS = (
    "mouth_opening", "mouth_width", "right_corner_height", "left_corner_height", "upper_lip", "lower_lip",
    "upper_lip_height", "jaw_drop", "jaw_shift", "right_inner_brow", "left_inner_brow", "right_outer_brow",
    "left_outer_brow", "brow_distance", "right_lids", "left_lids", "nose_width", "nose_wrinkle",
)  # fmt: skip
"""What `coefficients` measures, in its order: lengths and heights in per cent of the inter-ocular distance."""


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """Average expression distance of every pair, and the Frechet distance of all frames."""
    return compared(pairs, "mesh-v1", expressions)


def compared(
    pairs: list[Pair], variant: str, express: Callable[[Pair], tuple[np.ndarray, np.ndarray]]
) -> Iterator[Value]:
    """Both distances of any coefficients of expression.

    Args:
        pairs: what was measured.
        variant: of the keys ``aed@<variant>`` and ``efid@<variant>``.
        express: gives the (N, d) coefficients of a pair's generated and of its true frames; may raise `Unscorable`.
    """
    pairs = list(pairs)
    found: Coefficients = {}

    def measure(pair: Pair) -> Iterator[Value]:
        found[pair.clip_id] = both = express(pair)
        distance, count = expression_distance(*both), len(both[0])
        yield Value(f"aed@{variant}", pair.clip_id, distance, count, n_wanted=pair.n_frames)

    yield from per_clip(pairs, (f"aed@{variant}",), measure)
    yield of_set(f"efid@{variant}", [pair.clip_id for pair in pairs], found)


def of_set(key: str, clip_ids: Collection[str], found: Coefficients) -> SetValue:
    """`efid` of those of some clips that have coefficients, and of any of them again."""
    value = efid(key, {name: both for name, both in found.items() if name in clip_ids})
    facts = {part.name: getattr(value, part.name) for part in fields(Value)} | {"n_wanted": len(clip_ids)}
    return SetValue(**facts, again=lambda pairs: of_set(key, {pair.clip_id for pair in pairs}, found))


def feature_sets(pairs: list[Pair], settings: ScoringSettings, keys: Collection[str]) -> Iterator[FeatureSet]:
    """The coefficients of the frames of measured pairs, where the Frechet distance is among `keys`."""
    if "efid@mesh-v1" in keys:
        yield expression_set("efid@mesh-v1", pairs, expressions)


def expression_set(key: str, pairs: list[Pair], express: Callable[[Pair], tuple[np.ndarray, np.ndarray]]) -> FeatureSet:
    """The coefficients behind an E-FID; a clip that has none gives no feature."""
    names, generated, truth = names_of(pairs), [], []
    for pair in sorted(pairs, key=lambda pair: pair.clip_id):
        try:
            both = express(pair)
        except (Unscorable, ClipError):
            both = (np.empty((0, 1)),) * 2
        generated.append(both[0])
        truth.append(both[1])
    dimensions = max((side.shape[1] for side in truth), default=1)
    kind = frechet_kind(dimensions, _loaded_distance, loading=LOADING)
    return FeatureSet(key, names, generated, truth, _loaded_distance, kind)


def expressions(pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    """(N, 18) coefficients of the generated and of the true frames in which both have a face.

    Raises:
        Unscorable: there are fewer than `MIN_FRAMES`.
    """
    generated, truth = pair.timed_landmarks, pair.true_landmarks
    both = seen_in_both(has_face(generated), has_face(truth))
    mean_face = upright(truth[both]).mean(0)
    return tuple(coefficients(steadied(points[both], mean_face), mean_face) for points in (generated, truth))


def seen_in_both(generated: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(T,) bool, the frames with a face in both videos.

    Raises:
        Unscorable: there are fewer than `MIN_FRAMES`.
    """
    both = generated & truth
    if both.sum() < MIN_FRAMES:
        raise Unscorable("no_face", f"{both.sum()} frames with a face in both videos; {MIN_FRAMES} are needed")
    return both


def upright(landmarks: np.ndarray) -> np.ndarray:
    """(T, 478, 2) landmarks with the eyes' midpoint at 0, the eyes level and their centres 1 apart (y runs down)."""
    points = landmarks.astype(np.float64) @ (1, 1j)
    right, left = (points[:, list(corners)].mean(1, keepdims=True) for corners in (RIGHT_EYE, LEFT_EYE))
    turned = (points - (right + left) / 2) / (left - right)
    return np.stack([turned.real, turned.imag], axis=-1)


def steadied(landmarks: np.ndarray, mean_face: np.ndarray) -> np.ndarray:
    """Landmarks carried onto a face by the least-squares similarity of the rigid points (Umeyama 1991; Procrustes).

    Args:
        landmarks: (T, 478, 2) in any unit.
        mean_face: (478, 2) upright face.

    Returns:
        (T, 478, 2) float64 in the unit of `mean_face`, the inter-ocular distance.
    """
    points, goal = landmarks.astype(np.float64) @ (1, 1j), mean_face[list(RIGID)] @ (1, 1j)
    centre, rigid = points[:, list(RIGID)].mean(1, keepdims=True), points[:, list(RIGID)]
    rigid = rigid - centre
    turn = (rigid.conj() @ (goal - goal.mean())) / (np.abs(rigid) ** 2).sum(1)
    moved = (points - centre) * turn[:, None] + goal.mean()
    return np.stack([moved.real, moved.imag], axis=-1)


def coefficients(faces: np.ndarray, mean_face: np.ndarray) -> np.ndarray:
    """(T, 18) `COEFFICIENTS` of steadied (T, 478, 2) faces less those of the (478, 2) mean face, in per cent."""
    return PERCENT * (_measures(faces) - _measures(mean_face[None]))


def expression_distance(generated: np.ndarray, truth: np.ndarray) -> float:
    """Mean absolute difference of (N, d) coefficients over frames and coefficients."""
    return float(np.abs(generated.astype(np.float64) - truth).mean())


def efid(key: str, clips: Coefficients) -> Value:
    """Frechet distance of the frames' coefficients, all frames of all clips pooled, as the row of a set.

    Args:
        key: metric of the row.
        clips: per clip, the (N, d) coefficients of the generated and of the true frames.

    Returns:
        The value with a 95 % interval by jackknife over clips; the notes have the number of frames and the loading, and
        warn where there are fewer than ten frames a dimension, or few clips.
    """
    if len(clips) < MIN_CLIPS:
        return Value(
            key, None, None, 0, "too_few", f"clips with frames to compare: {len(clips)}; {MIN_CLIPS} are needed"
        )
    generated, truth = zip(*(clips[clip_id] for clip_id in sorted(clips)), strict=True)
    n, d = sum(map(len, truth)), truth[0].shape[1]
    note = f"{n} frames of {d} coefficients, {LOADING:g} added to the variances"
    if n < ENOUGH * d:
        note += f"; warning: fewer than {ENOUGH} frames a coefficient, the distance is too high"
    value, low, high = jackknife(generated, truth, _loaded_distance)
    notes = joined_notes(note, clips_warning(len(clips)))
    return Value(key, None, value, len(clips), ci_low=low, ci_high=high, notes=notes)


def _loaded_distance(generated: np.ndarray, truth: np.ndarray) -> float:
    return frechet_distance(_loaded(plain_moments(generated)), _loaded(plain_moments(truth)))


def _loaded(plain: Moments) -> Moments:
    return Moments(plain.mean, plain.covariance + LOADING * np.eye(len(plain.mean)), plain.n, 0.0)


def _measures(faces: np.ndarray) -> np.ndarray:
    """(T, 18) `COEFFICIENTS` in inter-ocular distances; heights count upwards from the base of the nose or the eyes."""

    def place(*points: int) -> np.ndarray:
        return faces[:, list(points)].mean(1)

    def length(first: int, second: int) -> np.ndarray:
        return np.linalg.norm(place(first) - place(second), axis=1)

    lips, nose = place(*INNER_LIPS), place(NOSE_BASE)
    right_eye, left_eye = place(*RIGHT_EYE)[:, 1], place(*LEFT_EYE)[:, 1]
    measured = (
        length(*INNER_LIPS), length(*MOUTH_CORNERS), *(lips[:, 1] - place(corner)[:, 1] for corner in MOUTH_CORNERS),
        length(OUTER_LIPS[0], INNER_LIPS[0]), length(INNER_LIPS[1], OUTER_LIPS[1]),
        nose[:, 1] - place(INNER_LIPS[0])[:, 1], place(CHIN)[:, 1] - nose[:, 1], place(CHIN)[:, 0] - nose[:, 0],
        right_eye - place(INNER_BROWS[0])[:, 1], left_eye - place(INNER_BROWS[1])[:, 1],
        right_eye - place(OUTER_BROWS[0])[:, 1], left_eye - place(OUTER_BROWS[1])[:, 1], length(*INNER_BROWS),
        length(*RIGHT_LIDS), length(*LEFT_LIDS), length(*NOSE_WINGS),
        place(*NOSE_WINGS)[:, 1] - place(*INNER_BROWS)[:, 1],
    )  # fmt: skip
    return np.stack(measured, axis=1)
