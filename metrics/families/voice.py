"""Family ``voice``: does the mouth rest where the sound does, and move when it grows loud?

Reads the video and its own sound alone, so that videos driven by other speech can be scored.
"""

from collections.abc import Iterator

import numpy as np

from eadnet.faces.landmarks import mouth_opening
from metrics.families.landmarks import MIN_DEVIATION
from metrics.families.parts import in_silence, part, seen, speech
from metrics.functional.face_chips import has_face
from metrics.functional.loudness import LEAST, best_correlation, frame_levels, shuffled_correlation
from metrics.functional.theval import silent_frames, speech_frames
from metrics.functional.trajectories import at_rate
from metrics.networks.silero import RATE
from metrics.scoring.pairs import Pair, per_clip
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.spec import family_specs
from metrics.tables import FPS, Unscorable

OPEN = 0.25  # gap of the inner lips over the distance of the mouth's corners (KeySync, section 4.2)
GAP, CORNERS = (13, 14), (61, 291)
SPEED = ("mouth_speed_loudness@lag6", "mouth_speed_loudness_control@lag6")
LEAK = "open_in_silence@mar25"


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """Open mouths in silence, and the mouth's speed against loudness, of every video."""
    return per_clip(pairs, [spec.key for spec in family_specs("voice")], _measure)


def mouth_aspect(landmarks: np.ndarray) -> np.ndarray:
    """(T,) gap of the inner lips over the distance of the mouth's corners, from (T, 478, 2) landmarks."""
    gap, width = (np.linalg.norm(landmarks[:, b] - landmarks[:, a], axis=1) for a, b in (GAP, CORNERS))
    return gap / width


def _measure(pair: Pair) -> Iterator[Value]:
    landmarks, wave = at_rate(pair.own_landmarks, pair.own_fps, FPS), pair.own_audio
    face = seen(landmarks)
    yield from part(pair, [LEAK], lambda: [_leak(pair, landmarks, face, wave)])
    yield from part(pair, SPEED, lambda: _speed(pair, landmarks, wave))


def _leak(pair: Pair, landmarks: np.ndarray, face: np.ndarray, wave: np.ndarray) -> Value:
    silent = silent_frames(speech_frames(speech(wave), FPS, len(landmarks)), FPS)
    known = in_silence(silent, face)
    share = float((mouth_aspect(landmarks[known]) > OPEN).mean())
    return Value(LEAK, pair.clip_id, share, int(known.sum()), n_wanted=int(silent.sum()))


def _speed(pair: Pair, landmarks: np.ndarray, wave: np.ndarray) -> Iterator[Value]:
    speed = np.abs(np.diff(np.where(has_face(landmarks), mouth_opening(landmarks), np.nan)))
    levels = frame_levels(wave, RATE, FPS, len(landmarks))[1:]
    known = int(np.isfinite(speed).sum())
    still = known > 0 and np.nanstd(speed) < MIN_DEVIATION
    note = "the mouth does not move; correlation set to 0" if still else None
    values = (0.0, 0.0) if still else (best_correlation(speed, levels), shuffled_correlation(speed, levels))
    if np.isnan(values).any():
        raise Unscorable("too_short", f"{known} changes of the mouth; {LEAST} at every lag, and sound, are needed")
    for key, value in zip(SPEED, values, strict=True):
        yield Value(key, pair.clip_id, value, known, reason=note, n_wanted=len(speed))
