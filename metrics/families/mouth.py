"""Family ``mouth``: does the mouth take the true shapes at the true time, or a few frames early or late?

Landmarks are those of the video in its own pixels and of the true clip, so that a square video of one shot can be
compared with a wide source. Frames in which either has no face are left out of both.
"""

from collections.abc import Iterator

import numpy as np

from eadnet.faces.landmarks import mouth_opening
from metrics.families.parts import together
from metrics.functional.banded_dtw import dtw_cost
from metrics.functional.trajectories import PERCENT, stabilised_mouth
from metrics.scoring.pairs import Pair, per_clip
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.spec import family_specs

RADIUS = 3  # frames, 120 ms: about as far as delayed sound is noticed late by viewers (ITU-R BT.1359-1)


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """Shape of the mouth of every pair, frame by frame and inside a band."""
    return per_clip(pairs, [spec.key for spec in family_specs("mouth")], _measure)


def _measure(pair: Pair) -> Iterator[Value]:
    own, truth, both = together(pair)
    shapes = [stabilised_mouth(points[both]) for points in (own, truth)]
    count = int(both.sum())
    for key, radius in ((f"mouth_dtw@r{RADIUS}", RADIUS), ("mouth_frame@r0", 0)):
        yield Value(key, pair.clip_id, (dtw_cost(*shapes, radius) / count) ** 0.5, count, n_wanted=pair.n_frames)
    gaps = [PERCENT * mouth_opening(points[both]) for points in (own, truth)]
    yield Value("mod@mediapipe", pair.clip_id, float(np.abs(gaps[0] - gaps[1]).mean()), count, n_wanted=pair.n_frames)
