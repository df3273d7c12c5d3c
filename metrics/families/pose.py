"""Family ``pose``: does the head turn as the true one, as far, as fast, and on the beat of the speech?

Reads the pose matrices that the extractor ``blendshapes`` left of the generated and of the true frames.
"""

from collections.abc import Iterator

import numpy as np

from metrics.families.expression import efid
from metrics.families.parts import check_timing, enough, part, relative, seen
from metrics.functional import poses as turning
from metrics.functional.beats import agreement, chance, resting_points, sound_onsets
from metrics.functional.theval import head_motion, head_rotation, head_translation
from metrics.functional.trajectories import PERCENT, outer_distance
from metrics.networks.silero import RATE
from metrics.scoring.pairs import Pair, absent, per_clip
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from metrics.scoring.values import Value
from metrics.spec import family_specs
from metrics.tables import FPS, OTHER_SIZE, Unscorable

PFID = "pfid@mediapipe-yxz"
APD = "apd@mediapipe"
ANGLES = ("pose_diversity@mediapipe-yxz", "delta_p@mediapipe-yxz", "head_rotation@theval-matrix")
ANGLE_RATIOS = tuple(key.replace("@", "_ratio@") for key in ANGLES)
PLACE, PLACE_RATIO = "head_translation@theval-matrix", "head_translation_ratio@theval-matrix"
BY_MESH = (PLACE, PLACE_RATIO)
"""Metrics that need no pose matrix, and so no weights."""
MOTION = "head_motion@theval-matrix"
FRAMED = "another framing: the pose matrix assumes a camera before the middle of the picture, so the angle is too large"
BEATS, BEATS_GAP = "beat_align@onsets", "beat_align_gap@onsets"


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """Poses of every pair, and the Frechet distance of all frames' poses; without the weights, what the mesh gives."""
    try:
        settings.weights("face-landmarker")
    except WeightsAbsent as fault:
        yield from absent((spec for spec in family_specs("pose") if spec.key not in BY_MESH), pairs, fault)
        yield from per_clip(pairs, BY_MESH, _places)
        return
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    keys = [spec.key for spec in family_specs("pose") if spec.level == "clip"]
    yield from per_clip(pairs, keys, lambda pair: _measure(pair, found))
    yield efid(PFID, found)


def _measure(pair: Pair, found: dict[str, tuple[np.ndarray, np.ndarray]]) -> Iterator[Value]:
    own = pair.features("poses")
    enough(turning.has_pose(own))
    yield from part(pair, [APD], lambda: _paired(pair, own, found))
    measured = _angles(own)
    for key, (value, count) in measured.items():
        yield Value(key, pair.clip_id, value, count, n_wanted=len(own))
    yield from part(pair, ANGLE_RATIOS, lambda: _angle_ratios(pair, measured, len(own)))
    yield from _places(pair)
    yield from part(pair, [MOTION], lambda: [_motion(pair, own)])
    yield from part(pair, [BEATS], lambda: [Value(BEATS, pair.clip_id, *_beats(own, pair.own_audio))])
    yield from part(pair, [BEATS_GAP], lambda: [_beats_apart(pair, own)])


def _paired(pair: Pair, own: np.ndarray, found: dict[str, tuple[np.ndarray, np.ndarray]]) -> Iterator[Value]:
    check_timing(pair)
    count = min(len(own), len(_truth(pair)))
    own, truth = own[:count], _truth(pair)[:count]
    both = turning.has_pose(own) & turning.has_pose(truth)
    enough(both)
    framed = pair.status == OTHER_SIZE
    if not framed:
        found[pair.clip_id] = turning.placed(own[both]), turning.placed(truth[both])
    distance = float(turning.geodesic_distances(own[both], truth[both]).mean())
    yield Value(APD, pair.clip_id, distance, int(both.sum()), n_wanted=pair.n_frames, notes=FRAMED if framed else None)


def _angles(poses: np.ndarray) -> dict[str, tuple[float, int]]:
    """Value and number of frames of each of `ANGLES`."""
    angles = turning.euler_angles(poses)
    known = angles[np.isfinite(angles).all(1)]
    change, pairs = turning.pose_change(angles)
    if not pairs:
        raise Unscorable("no_face", "no two frames with a face in a row")
    values = (turning.diversity(known), len(known)), (change, pairs + 1), (head_rotation(known) ** 0.5, len(known))
    return dict(zip(ANGLES, values, strict=True))


def _angle_ratios(pair: Pair, own: dict[str, tuple[float, int]], frames: int) -> Iterator[Value]:
    truth = _truth(pair)
    enough(turning.has_pose(truth))
    for key, (value, _) in _angles(truth).items():
        yield relative(key.replace("@", "_ratio@"), pair, own[key][0], value, own[key][1], frames)


def _places(pair: Pair) -> Iterator[Value]:
    yield from part(pair, [PLACE], lambda: [_moves(pair)])
    yield from part(pair, [PLACE_RATIO], lambda: [_moves_relatively(pair)])


def _moves(pair: Pair) -> Value:
    landmarks = pair.own_landmarks
    points = landmarks[seen(landmarks)]
    return Value(PLACE, pair.clip_id, _translation(points), len(points), n_wanted=len(landmarks))


def _motion(pair: Pair, poses: np.ndarray) -> Value:
    angles = turning.euler_angles(poses[turning.has_pose(poses)])
    landmarks = pair.own_landmarks
    points = landmarks[seen(landmarks)]
    value = head_motion(angles, _centres(points))
    return Value(MOTION, pair.clip_id, value, len(points), n_wanted=len(landmarks))


def _moves_relatively(pair: Pair) -> Value:
    own, truth = pair.own_landmarks, pair.true_landmarks
    values = [_translation(points[seen(points)]) for points in (own, truth)]
    return relative(PLACE_RATIO, pair, *values, int(seen(own).sum()), len(own))


def _translation(landmarks: np.ndarray) -> float:
    """Spread of the face's place in per cent of the median distance of the outer corners of its eyes."""
    return PERCENT * head_translation(_centres(landmarks)) ** 0.5 / float(np.median(outer_distance(landmarks)))


def _centres(landmarks: np.ndarray) -> np.ndarray:
    """(T, 2) centre of the box round all points."""
    points = landmarks.astype(np.float64)
    return (points.min(1) + points.max(1)) / 2


def _beats(poses: np.ndarray, wave: np.ndarray) -> tuple[float, int]:
    """Agreement of motion and sound less that of chance, and the number of events."""
    seconds = len(poses) / FPS
    motion, sound = resting_points(turning.speeds(poses), FPS), sound_onsets(wave, RATE)
    sound = sound[sound < seconds]
    if not len(motion) or not len(sound):
        raise Unscorable("no_beat", f"{len(motion)} resting points of the head and {len(sound)} onsets of the sound")
    return agreement(motion, sound) - chance(motion, sound, seconds), len(motion) + len(sound)


def _beats_apart(pair: Pair, own: np.ndarray) -> Value:
    (value, count), (truth, _) = _beats(own, pair.own_audio), _beats(_truth(pair), pair.true_audio)
    return Value(BEATS_GAP, pair.clip_id, value - truth, count)


def _truth(pair: Pair) -> np.ndarray:
    """Poses of the true clip, as many as are compared; all where no frame is."""
    return pair.true_features("poses")[: pair.n_frames or None]
