"""What families of face motion share: parts of a family that fail alone, both videos on one time line, and speech."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from eadnet.media.decoding import MediaError
from metrics.families.expression import MIN_FRAMES, seen_in_both
from metrics.functional.face_chips import has_face
from metrics.functional.trajectories import at_rate
from metrics.networks.silero import speech_spans
from metrics.scoring.pairs import Pair
from metrics.scoring.values import Value
from metrics.tables import FPS, Unscorable

IN_STEP = ("ok", "wrong_size")  # statuses of videos whose frames belong to the true clip's, one by one


def part(pair: Pair, keys: Iterable[str], measure: Callable[[], Iterable[Value]]) -> Iterator[Value]:
    """Values of some of a family's metrics for one clip; where they cannot be had, rows with the cause instead.

    Args:
        pair: the clip.
        keys: the metrics that `measure` gives.
        measure: gives their values; may raise `Unscorable`.
    """
    try:
        yield from list(measure())
    except Unscorable as fault:
        yield from (Value(key, pair.clip_id, None, 0, fault.status, str(fault)) for key in keys)


def check_timing(pair: Pair) -> None:
    """Make sure that frame by frame the video belongs to the true clip, in whatever size.

    Raises:
        Unscorable: it does not; with the cause.
    """
    if pair.status not in IN_STEP:
        raise Unscorable(pair.status, pair.reason or "the video could not be measured")


def own_pictures(pair: Pair) -> Iterator[np.ndarray]:
    """The (H, W, 3) uint8 frames of the video itself.

    Raises:
        Unscorable: it is not named, or cannot be read.
    """
    pair.check_own()
    if pair.video is None:
        raise Unscorable("not_measured", "the measurement names no video; measure again")
    try:
        yield from pair.own_frames()
    except MediaError as fault:
        raise Unscorable(fault.status, str(fault)) from None


def together(pair: Pair) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Landmarks of the video in its own pixels and of the true clip, frame by frame at 25 fps.

    Returns:
        (T, 478, 2), (T, 478, 2) in source pixels, T the frames that both have, and (T,) bool: both have a face.

    Raises:
        Unscorable: fewer than 10 frames have a face in both.
    """
    check_timing(pair)
    truth = pair.true_landmarks
    own = at_rate(pair.own_landmarks, pair.own_fps, FPS, len(truth))
    truth = truth[: len(own)]
    return own, truth, seen_in_both(has_face(own), has_face(truth))


def seen(landmarks: np.ndarray) -> np.ndarray:
    """(T,) bool, the frames with a face of (T, 478, 2) landmarks.

    Raises:
        Unscorable: there are fewer than 10.
    """
    return enough(has_face(landmarks))


def enough(face: np.ndarray) -> np.ndarray:
    """The (T,) bool given, frames with a face.

    Raises:
        Unscorable: there are fewer than 10.
    """
    if face.sum() < MIN_FRAMES:
        raise Unscorable("no_face", f"{face.sum()} frames with a face; {MIN_FRAMES} are needed")
    return face


def speech(wave: np.ndarray, rounded: bool = False) -> list[tuple[float, float]]:
    """Spans of speech in seconds, as ``metrics.networks.silero.speech_spans``.

    Raises:
        Unscorable: its package is not installed.
    """
    try:
        return speech_spans(wave, rounded)
    except ModuleNotFoundError as fault:
        raise Unscorable("package_absent", str(fault)) from None


def in_silence(silent: np.ndarray, face: np.ndarray, least: int = 1) -> np.ndarray:
    """(T,) bool, the silent frames with a face.

    Raises:
        Unscorable: the sound is never silent, or fewer than `least` silent frames show a face.
    """
    if not silent.any():
        raise Unscorable("no_silence", "no 0.3 s without speech in this clip; silent lips have no value")
    if (silent & face).sum() < least:
        raise Unscorable("no_face", f"fewer than {least} of {silent.sum()} silent frames show a face")
    return silent & face


def relative(key: str, pair: Pair, own: float, true: float, n: int, n_wanted: int | None = None) -> Value:
    """A clip's quantity over that of its truth; no value where the truth's is 0."""
    if not true > 0:
        return Value(key, pair.clip_id, None, 0, "still_truth", "the true clip does not move; no ratio exists")
    return Value(key, pair.clip_id, own / true, n, n_wanted=n_wanted)
