"""Family ``flicker``: VBench's temporal flickering of whole frames, and its ratio to the truth."""

from collections.abc import Iterable, Iterator
from itertools import islice

import cv2
import numpy as np

from metrics.families.parts import own_pictures, part, relative
from metrics.scoring.pairs import Pair, per_clip
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.spec import family_specs
from metrics.tables import FPS, Unscorable

FLICKER, RATIO = "flicker@vbench", "flicker_ratio@vbench"
WHITE = 255.0


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """Flicker of every video."""
    return per_clip(pairs, [spec.key for spec in family_specs("flicker")], _measure)


def changes(frames: Iterable[np.ndarray]) -> np.ndarray:
    """(T - 1,) mean absolute difference of neighbouring (H, W, 3) uint8 frames, in grey levels."""
    found, before = [], None
    for frame in frames:
        if before is not None:
            found.append(cv2.norm(frame, before, cv2.NORM_L1) / frame.size)
        before = frame
    return np.array(found)


def _measure(pair: Pair) -> Iterator[Value]:
    own = changes(own_pictures(pair))
    if not len(own):
        raise Unscorable("too_short", "a single frame; flicker needs 2")
    yield Value(FLICKER, pair.clip_id, 1 - float(own.mean()) / WHITE, len(own))
    yield from part(pair, [RATIO], lambda: [_ratio(pair, own)])


def _ratio(pair: Pair, own: np.ndarray) -> Value:
    pair.check_aligned()  # another framing shows more or less that moves
    if abs(pair.own_fps - FPS) > 0.01:
        raise Unscorable("wrong_rate", f"{pair.own_fps:g} fps changes by other steps than the truth; make it {FPS} fps")
    own = own[: pair.n_frames - 1]
    truth = changes(islice(pair.true_frames(), len(own) + 1))
    own = own[: len(truth)]
    if not len(truth):
        raise Unscorable("too_short", "a single frame; flicker needs 2")
    return relative(RATIO, pair, float(own.mean()), float(truth.mean()), len(own), pair.n_frames - 1)
