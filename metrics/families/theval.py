"""Family ``theval``: THEval's lip dynamics, eyebrows, silent lips and lip-sync by MediaPipe's mesh.

Values are of the video in its own size, rate and sound; ratios compare both videos at 25 fps in units of the face.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from metrics.families.parts import in_silence, own_pictures, part, relative, seen, speech
from metrics.functional import theval
from metrics.functional.face_chips import has_face
from metrics.functional.trajectories import at_rate, outer_distance
from metrics.measuring.footage import true_size
from metrics.networks.silero import RATE
from metrics.scoring.pairs import Pair, per_clip
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.spec import family_specs
from metrics.tables import FPS, Unscorable

SCORE = "score@theval-4of8"
MIN_CLIPS = 2
Measured = tuple[float, int, int]
"""A value, the frames behind it, and those that there were."""
Found = dict[str, dict[str, tuple[float, float]]]
"""Per metric and clip, the values of the generated and of the true video."""


class Sound:
    """Sound of one of the two videos, and its speech; `read` gives the wave, or raises `Unscorable`."""

    def __init__(self, read: Callable[[], np.ndarray]) -> None:
        """Nothing is read before it is needed."""
        self._read = read

    @cached_property
    def wave(self) -> np.ndarray:
        """(n,) at 16 kHz."""
        return self._read()

    @cached_property
    def spans(self) -> list[tuple[float, float]]:
        """Starts and ends of speech in seconds, rounded to 0.1 s as THEval's are."""
        return speech(self.wave, rounded=True)


@dataclass(frozen=True)
class Side:
    """One of the two videos: its (T, 478, 2) landmarks in pixels, its frames a second, its sound and its size.

    `size`, (height, width), is what some measures squash to a square; None leaves pixels square.
    """

    landmarks: np.ndarray
    fps: float
    sound: Sound
    size: tuple[int, int] | None

    @property
    def speaks(self) -> np.ndarray:
        """(T,) bool, the frames of speech."""
        return theval.speech_frames(self.sound.spans, self.fps, len(self.landmarks))

    @property
    def squashed(self) -> np.ndarray:
        """The landmarks in the square, or in pixels where no size is given."""
        return self.landmarks if self.size is None else theval.squashed(self.landmarks, self.size)

    def comparable(self) -> "Side":
        """The same at 25 fps and with square pixels, so that another size, aspect or rate does not count."""
        return Side(at_rate(self.landmarks, self.fps, FPS), FPS, self.sound, None)


def lip_dynamics(side: Side) -> Measured:
    """``metrics.functional.theval.lip_dynamics`` of frames with a face."""
    known = seen(side.landmarks)
    return theval.lip_dynamics(side.squashed[known]), int(known.sum()), len(known)


def eyebrow(side: Side) -> Measured:
    """``metrics.functional.theval.eyebrow`` of frames with a face."""
    known = seen(side.landmarks)
    return theval.eyebrow(side.landmarks[known]), int(known.sum()), len(known)


def silent_lip(side: Side) -> Measured:
    """``metrics.functional.theval.silent_stability`` of the silent frames with a face.

    Raises:
        Unscorable: there is no sound, or there are not two such frames.
    """
    silent = theval.silent_frames(side.speaks, side.fps)
    known = in_silence(silent, has_face(side.landmarks), least=2)
    openings = theval.silent_openings(side.squashed[known])
    return theval.silent_stability(openings), int(known.sum()), int(silent.sum())


def lip_sync(side: Side) -> Measured:
    """``metrics.functional.theval.lip_sync`` of the frames of speech with a face.

    Raises:
        Unscorable: there is no sound, or too little speech.
    """
    known = side.speaks & has_face(side.landmarks)
    if known.sum() < max(2, theval.MIN_SPEECH * len(known)):
        raise Unscorable("no_speech", f"{known.sum()} of {len(known)} frames with speech and a face; 10 % are needed")
    volume = theval.loudness(side.sound.wave, RATE, side.fps, len(known))[known]
    openness = theval.mouth_openness(side.squashed[known], (1, 1))
    return theval.lip_sync(openness, volume), int(known.sum()), int(side.speaks.sum())


MEASURES: dict[str, Callable[[Side], Measured]] = {
    "lip_dynamics@theval": lip_dynamics, "eyebrow@theval": eyebrow, "silent_lip@theval": silent_lip,
    "lip_sync@theval": lip_sync,
}  # fmt: skip
RATIOS = {key: key.replace("@", "_ratio@") for key in MEASURES} | {
    "lip_dynamics@theval": "lip_dynamics_ratio@theval-normalised"
}


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """Four measures of every pair, their ratios to the truth, and THEval's score of the four over the set."""
    found: Found = {key: {} for key in MEASURES}
    keys = [spec.key for spec in family_specs("theval") if spec.level == "clip"]
    yield from per_clip(pairs, keys, lambda pair: _measure(pair, found))
    yield set_score(found)


def set_score(found: Found) -> Value:
    """THEval's score of the metrics that have values of two clips at least.

    Args:
        found: per metric and clip, the values of the generated and of the true video.
    """
    enough = {key: np.array(list(clips.values())) for key, clips in found.items() if len(clips) >= MIN_CLIPS}
    if not enough:
        return Value(SCORE, None, None, 0, "too_few", f"no metric has a value in {MIN_CLIPS} clips and their truths")
    means, truth = ({key: float(both[:, side].mean()) for key, both in enough.items()} for side in (0, 1))
    clips = {clip for key in enough for clip in found[key]}
    note = "mean of " + ", ".join(f"{key.partition('@')[0]} ({len(both)} clips)" for key, both in enough.items())
    try:
        return Value(SCORE, None, theval.relative_score(means, truth), len(clips), reason=note)
    except ValueError as fault:
        return Value(SCORE, None, None, 0, "still_truth", str(fault))


def _measure(pair: Pair, found: Found) -> Iterator[Value]:
    size = next(own_pictures(pair)).shape[:2]
    own = Side(pair.own_landmarks, pair.own_fps, Sound(lambda: pair.own_audio), size)
    truth = Side(pair.true_landmarks, FPS, Sound(lambda: pair.true_audio), true_size(pair.truth))
    sides = own.comparable(), truth.comparable()
    for key, measure in MEASURES.items():
        yield from part(pair, [key], lambda key=key, measure=measure: [_raw(pair, key, measure(own))])
        yield from part(pair, [RATIOS[key]], lambda key=key: [_ratio(pair, key, *sides)])
        with suppress(Unscorable):
            found[key][pair.clip_id] = measure(own)[0], measure(truth)[0]


def _raw(pair: Pair, key: str, measured: Measured) -> Value:
    value, n, n_wanted = measured
    return Value(key, pair.clip_id, value, n, n_wanted=n_wanted)


def _ratio(pair: Pair, key: str, own: Side, truth: Side) -> Value:
    (value, n, n_wanted), (true, *_) = (MEASURES[key](side) for side in (own, truth))
    if key == "lip_dynamics@theval":  # the only one that is not relative to the face
        value, true = (
            each / np.nanmedian(outer_distance(side.landmarks)) for each, side in ((value, own), (true, truth))
        )
    return relative(RATIOS[key], pair, float(value), float(true), n, n_wanted)
