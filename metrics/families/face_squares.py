"""Squares of a video's own pixels around the face, and judges of single pictures applied to them and to the truth's."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from metrics.scoring.pairs import Pair
from metrics.scoring.values import Value
from metrics.tables import FPS, Unscorable

FRAMES = 8
"""Evenly spread frames of a clip that are judged; neighbours are alike."""
OTHER_SIZE = 1.1  # sizes of faces that differ by more are noted

Judge = Callable[[np.ndarray], float]
"""(S, S, 3) uint8 RGB -> a number; raises `Unscorable` where there is none."""


@dataclass(frozen=True)
class Squares:
    """What is judged of a pair: the video's squares by frame, the true ones of the same moments by the same frame.

    `wanted` frames were to be judged; `fault` is why there are no true squares, `note` what a reader must know.
    """

    made: dict[int, np.ndarray]
    true: dict[int, np.ndarray]
    wanted: int
    fault: Unscorable | None = None
    note: str | None = None


def squares_of(pair: Pair, side: int) -> Squares:
    """Cut the squares of a pair.

    Raises:
        Unscorable: the video shows no face, or is smaller than the square.
    """
    own = pair.own_landmarks
    places = np.unique(np.linspace(0, len(own) - 1, min(FRAMES, len(own))).round().astype(int)).tolist()
    made = face_squares(pair.own_frames(), own, places, side)
    if not made:
        raise Unscorable(
            "no_face", f"no face in the {len(places)} frames that are judged; show the face in more frames"
        )
    moments = {place: round(place * FPS / pair.own_fps) for place in made}
    try:
        found = face_squares(pair.true_frames(), pair.true_landmarks, moments.values(), side)
    except Unscorable as fault:
        return Squares(made, {}, len(places), fault)
    true = {place: found[moment] for place, moment in moments.items() if moment in found}
    if not true:
        fault = Unscorable("no_face", "no face in the true frames of these moments; read the value without a ratio")
        return Squares(made, {}, len(places), fault)
    sizes = _size(own, true), _size(pair.true_landmarks, [moments[place] for place in true])
    differ = max(sizes) > OTHER_SIZE * min(sizes)
    note = f"the face is {sizes[0]:.0f} px across, the true one {sizes[1]:.0f}" if differ else None
    return Squares(made, true, len(places), None, note)


def face_squares(
    frames: Iterable[np.ndarray], landmarks: np.ndarray, places: Iterable[int], side: int
) -> dict[int, np.ndarray]:
    """The squares around the face in some frames; those without a face are left out.

    Args:
        frames: (H, W, 3) uint8 each.
        landmarks: (T, 478, 2) in pixels of the frames, NaN where no face is.
        places: which frames.
        side: pixels along a side; the square is moved into the frame where it would reach over its edge.

    Returns:
        (side, side, 3) uint8 by frame.

    Raises:
        Unscorable: the frames are smaller than the square.
    """
    wanted = {place for place in places if place < len(landmarks) and np.isfinite(landmarks[place]).all()}
    found: dict[int, np.ndarray] = {}
    for place, frame in enumerate(frames):
        if len(found) == len(wanted):
            break
        if place in wanted:
            found[place] = _square(frame, landmarks[place].mean(0), side)
    return found


def judged(squares: Squares, clip_id: str, key: str, ratio: str, judge: Judge) -> Iterator[Value]:
    """The mean over the squares, and that mean over the truth's of the same moments; rows with the cause otherwise."""
    try:
        values = {place: judge(square) for place, square in squares.made.items()}
    except Unscorable as fault:
        yield from (Value(name, clip_id, None, 0, fault.status, str(fault)) for name in (key, ratio))
        return
    yield Value(key, clip_id, float(np.mean(list(values.values()))), len(values), n_wanted=squares.wanted)
    try:
        value = _ratio(squares, values, judge)
        yield Value(ratio, clip_id, value, len(squares.true), n_wanted=squares.wanted, notes=squares.note)
    except Unscorable as fault:
        yield Value(ratio, clip_id, None, 0, fault.status, str(fault), n_wanted=squares.wanted)


def _ratio(squares: Squares, values: dict[int, float], judge: Judge) -> float:
    if squares.fault is not None:
        raise squares.fault
    truth = float(np.mean([judge(square) for square in squares.true.values()]))
    if truth <= 0:
        raise Unscorable("no_ratio", f"the truth reads {truth:.3g}, to which there is no ratio; read the value itself")
    return float(np.mean([values[place] for place in squares.true])) / truth


def _square(frame: np.ndarray, centre: np.ndarray, side: int) -> np.ndarray:
    height, width = frame.shape[:2]
    if min(height, width) < side:
        reason = f"frames are {width}x{height}; the square around the face has {side} pixels and is never scaled up"
        raise Unscorable("too_small", f"{reason}: give larger videos")
    left, top = np.clip(np.rint(centre - side / 2), 0, (width - side, height - side)).astype(int)
    return frame[top : top + side, left : left + side]


def _size(landmarks: np.ndarray, places: Iterable[int]) -> float:
    """Longer side of the face's bounding box in pixels, mean over frames."""
    return float(np.mean([np.ptp(landmarks[place], axis=0).max() for place in places]))
