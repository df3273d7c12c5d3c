"""Gestures: blinks that keep apart, glances inside the eye, beats that follow loudness, nods within reach."""

import numpy as np
import pytest
from pydantic import ValidationError

from eadnet.config.corpora import Movement
from eadnet.synthetic.gestures import BLINK_GAP, blink_moments, brow_beats, glances, nods
from eadnet.synthetic.motion import animate
from eadnet.synthetic.speech import silence

TEN_MINUTES = 600.0


def _generator() -> np.random.Generator:
    return np.random.default_rng(5)


def test_added_blinks_keep_apart_and_come_at_the_asked_rate() -> None:
    moments = np.array(blink_moments([], TEN_MINUTES, 15.0, _generator()))
    gaps = np.diff(moments)
    assert gaps.min() >= BLINK_GAP and len(moments) == pytest.approx(150, abs=35)
    assert 0.6 < gaps.std() / (gaps.mean() - BLINK_GAP) < 1.4  # as uneven as a Poisson process


def test_blinks_that_are_given_stay_and_keep_others_away() -> None:
    given = [10.0 * place for place in range(1, 59)]
    moments = blink_moments(given, TEN_MINUTES, 40.0, _generator())
    added = np.array(sorted(set(moments) - set(given)))
    assert set(given) < set(moments) and len(added) > 200
    assert np.abs(added[:, None] - given).min() >= BLINK_GAP
    assert blink_moments(given, TEN_MINUTES, 0.0, _generator()) == given


def test_every_blink_of_a_video_lasts_four_to_five_frames_and_is_fully_closed() -> None:
    times = np.arange(1500) / 25
    blink = animate(silence(60.0), times, 1.0, 0.0, 3, Movement(spontaneous_blinks=15.0)).blink
    edges = np.flatnonzero(np.diff(np.pad(blink > 0, 1).astype(int))).reshape(-1, 2)
    assert len(edges) >= 8
    for start, stop in edges:
        assert stop - start in (4, 5) and blink[start:stop].max() > 0.98


def test_glances_fixate_and_stay_inside_the_eye() -> None:
    times = np.arange(0, TEN_MINUTES, 0.005)
    gaze = glances(times, 50.0, _generator())
    assert np.abs(gaze[:, 0]).max() <= 0.085 and np.abs(gaze[:, 1]).max() <= 0.03
    still = (np.diff(gaze, axis=0) == 0).all(axis=1)
    edges = np.flatnonzero(np.diff(np.pad(still, 1).astype(int))).reshape(-1, 2)
    lengths = (edges[:, 1] - edges[:, 0])[1:-1] * 0.005
    assert lengths.min() > 0.35 and lengths.max() < 2.05
    assert len(lengths) / 10 == pytest.approx(50, rel=0.1)
    assert 0.3 < (gaze[:, 0] == 0).mean() < 0.7


def test_beats_follow_loudness_peaks_by_a_course_of_their_own() -> None:
    loudness = np.zeros(600)
    loudness[[100, 130, 400]] = 0.9, 0.8, 0.2  # the second is too near the first, the third too soft
    raised = brow_beats(loudness, 200)
    assert raised[:101].max() == 0 and raised[181:].max() == 0
    assert raised.argmax() == 140 and raised.max() == pytest.approx(0.055)


def test_nods_stay_within_reach_and_are_quick() -> None:
    times = np.arange(0, 60, 0.04)
    path = nods(times, 0.03, _generator())
    assert 0.02 < np.abs(path).max() <= 0.03
    power = np.abs(np.fft.rfft(path[:, 1])) ** 2
    hertz = np.fft.rfftfreq(len(times), 0.04)
    assert power[(hertz > 1.5) & (hertz < 3.6)].sum() > 0.99 * power.sum()


@pytest.mark.parametrize(
    ("wrong", "message"), [({"gaze_shifts": 10.0}, "32 to 120"), ({"nods": 0.5}, "0.1"), ({"nod": 0.1}, "Extra")]
)
def test_impossible_movement_is_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Movement(**wrong)
