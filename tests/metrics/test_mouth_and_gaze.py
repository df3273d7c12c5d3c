"""Mouth shapes inside a band, and paths of gaze, lids and brows: known costs, invariances, other sizes and rates."""

from functools import cache

import numpy as np
import pytest

from eadnet.faces.landmarks import eye_opening
from metrics.families import gaze as gaze_family
from metrics.families import mouth as mouth_family
from metrics.functional.banded_dtw import dtw_cost
from metrics.functional.trajectories import (
    LEFT_BROW,
    LIPS,
    RIGHT_BROW,
    at_rate,
    brow_heights,
    gaze,
    path_correlation,
    roughness,
    stabilised_mouth,
)
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.spec import REGISTRY, family_specs
from tests.support.face_motion import face, motion_pair

NOWHERE = ScoringSettings(None, "face", 96, 16)
RNG = np.random.default_rng(0)


def moving_face(seed: int, frames: int = 60) -> np.ndarray:
    """A face all of whose points wander by a few tenths of a pixel, smoothly."""
    steps = np.random.default_rng(seed).normal(0, 0.3, (frames, 478, 2))
    return face(frames) + np.cumsum(steps, axis=0) * np.exp(-np.arange(frames) / 200)[:, None, None]


def scored(family: object, pair: object) -> dict[str, Value]:
    """Values of one pair by key; every key of the family has one."""
    values = list(family.score([pair], NOWHERE))
    assert {value.metric for value in values} == {spec.key for spec in family_specs(family.__name__.split(".")[-1])}
    return {value.metric: value for value in values}


# ------------------------------------------------------------------------------------------------------------- band
def by_recursion(first: np.ndarray, second: np.ndarray, radius: int) -> float:
    """The definition, cell by cell."""

    @cache
    def cost(i: int, j: int) -> float:
        if i < 0 or j < 0 or abs(i - j) > radius:
            return np.inf
        before = 0.0 if i == j == 0 else min(cost(i - 1, j), cost(i, j - 1), cost(i - 1, j - 1))
        return before + float(((first[i] - second[j]) ** 2).sum())

    return cost(len(first) - 1, len(second) - 1)


@pytest.mark.parametrize("radius", [0, 1, 3, 40])
def test_the_band_is_its_definition(radius: int) -> None:
    first, second = RNG.normal(size=(2, 30, 4))
    assert dtw_cost(first, second, radius) == pytest.approx(by_recursion(first, second, radius), rel=1e-12)


def test_radius_zero_is_the_frame_wise_mean_and_a_wider_band_never_costs_more() -> None:
    first, second = RNG.normal(size=(2, 50, 4))
    assert dtw_cost(first, second, 0) == pytest.approx(50 * ((first - second) ** 2).sum(1).mean(), rel=1e-12)
    costs = [dtw_cost(first, second, radius) for radius in range(8)]
    assert costs == sorted(costs, reverse=True) and costs[-1] < costs[0]
    assert dtw_cost(first, second, 5) == pytest.approx(dtw_cost(second, first, 5), rel=1e-12)


@pytest.mark.parametrize("delay", [1, 2, 3])
def test_a_delay_within_the_band_costs_only_the_ends(delay: int) -> None:
    path = np.cumsum(RNG.normal(size=(80, 3)), axis=0)
    late = path[np.maximum(np.arange(80) - delay, 0)]
    ends = sum(((path[-1 - delay] - path[-1 - k]) ** 2).sum() for k in range(delay))  # its last frames never come
    assert dtw_cost(path, late, 3) <= ends + 1e-9
    assert dtw_cost(path, late, delay - 1) > dtw_cost(path, late, delay)


def test_sequences_of_two_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="give two of one shape"):
        dtw_cost(np.zeros((3, 2)), np.zeros((4, 2)), 1)


# ------------------------------------------------------------------------------------------------------------ mouth
def test_the_stabilised_mouth_knows_no_place_tilt_or_size() -> None:
    points = moving_face(1)
    turn = 2.5 * np.array([[np.cos(0.4), np.sin(0.4)], [-np.sin(0.4), np.cos(0.4)]])
    assert stabilised_mouth(points @ turn + (300, -40)) == pytest.approx(stabilised_mouth(points), abs=1e-9)
    moved = points.copy()
    moved[:, list(LIPS[::2])] += (0.4, 0)  # half of the points by 1 % of the 40 px between the outer corners
    moved[:, list(LIPS[1::2])] -= (0.4, 0)
    apart = ((stabilised_mouth(moved) - stabilised_mouth(points)) ** 2).sum(1)
    assert np.median(apart) == pytest.approx(1, rel=0.1)


def test_mouths_of_a_square_video_against_a_wide_source() -> None:
    truth = moving_face(2)
    small = scored(mouth_family, motion_pair("a", truth * 0.4 + 100, truth))
    assert all(value.value == pytest.approx(0, abs=1e-6) and value.n == 60 for value in small.values())
    late = truth[np.maximum(np.arange(60) - 2, 0)]
    found = scored(mouth_family, motion_pair("a", late, truth))
    assert found["mouth_dtw@r3"].value < found["mouth_frame@r0"].value / 2
    other = scored(mouth_family, motion_pair("a", moving_face(3), truth))
    assert other["mouth_dtw@r3"].value > 2 * found["mouth_dtw@r3"].value


def test_a_video_at_50_fps_and_frames_without_a_face() -> None:
    truth = moving_face(4)
    fast = np.repeat(truth, 2, axis=0)
    assert scored(mouth_family, motion_pair("a", fast, truth, fps=50.0))["mouth_frame@r0"].value < 1e-6
    blind = truth.copy()
    blind[10:30] = np.nan
    value = scored(mouth_family, motion_pair("a", blind, truth))["mouth_dtw@r3"]
    assert value.value == pytest.approx(0, abs=1e-6) and (value.n, value.n_wanted) == (40, 60)
    blind[5:] = np.nan
    assert scored(mouth_family, motion_pair("a", blind, truth))["mod@mediapipe"].status == "no_face"


def test_the_opening_difference_is_in_per_cent_of_the_eyes_distance() -> None:
    truth = face(20)
    open_mouth = truth.copy()
    open_mouth[:, 14, 1] += 3  # the eyes' centres are 30 px apart
    assert scored(mouth_family, motion_pair("a", open_mouth, truth))["mod@mediapipe"].value == pytest.approx(10)


def test_a_video_of_other_speech_is_not_compared() -> None:
    pair = motion_pair("a", face(20), face(20), status="wrong_audio", reason="its sound is not the clip's")
    for family in (mouth_family, gaze_family):
        assert {value.status for value in family.score([pair], NOWHERE)} == {"wrong_audio"}


# ------------------------------------------------------------------------------------------------------------ paths
@pytest.mark.parametrize(("fps", "expected"), [(25, [0, 1, 2, 3]), (50, [0, 2]), (12.5, [0, 1, 1, 2, 2, 3, 3, 3])])
def test_frames_at_another_rate(fps: float, expected: list[int]) -> None:
    assert at_rate(np.arange(4), fps, 25).tolist() == expected
    assert at_rate(np.arange(4), fps, 25, count=2).tolist() == expected[:2]


def test_gaze_is_in_eye_widths_and_knows_no_pose() -> None:
    points = face(30)
    for iris in (468, 473):
        points[:, iris] += (1, -0.5)  # eyes are 10 px wide
    assert gaze(points) == pytest.approx(np.tile([0.1, -0.05], (30, 1)))
    turned = points @ np.array([[0.6, 0.8], [-0.8, 0.6]]) * 3 + 50
    assert gaze(turned) == pytest.approx(gaze(points)) and brow_heights(turned) == pytest.approx(brow_heights(points))


def test_roughness_of_known_paths() -> None:
    time = np.arange(40.0)
    assert roughness(3 * time)[0] == pytest.approx(0)
    assert roughness(0.5 * time**2) == (pytest.approx(1), 38)
    assert roughness(np.stack([1.5 * time**2, 2 * time**2], 1))[0] == pytest.approx(5)
    gap = 0.5 * time**2
    gap[20] = np.nan
    assert roughness(gap) == (pytest.approx(1), 35)
    assert np.isnan(roughness(np.full(9, np.nan))[0])


def test_correlation_of_one_and_of_two_numbers() -> None:
    first, second = RNG.normal(size=(2, 50))
    assert path_correlation(first, second) == pytest.approx(np.corrcoef(first, second)[0, 1])
    plane = RNG.normal(size=(50, 2))
    assert path_correlation(3 * plane + 7, plane) == pytest.approx(1)
    assert path_correlation(-plane, plane) == pytest.approx(-1)


def test_paths_of_the_truth_of_noise_and_of_a_filter() -> None:
    truth = moving_face(5, 120)
    ideal = scored(gaze_family, motion_pair("a", truth / 3, truth))
    for key, value in ideal.items():
        target = REGISTRY[key].target if REGISTRY[key].target is not None else 1
        assert value.value == pytest.approx(target, abs=1e-6), key
    noisy = scored(gaze_family, motion_pair("a", truth + RNG.normal(0, 0.5, truth.shape), truth))
    smooth = scored(
        gaze_family, motion_pair("a", np.stack([truth[max(0, i - 2) : i + 3].mean(0) for i in range(120)]), truth)
    )
    for name in ("gaze", "lid", "brow", "mouth"):
        key = f"{name}_roughness@mediapipe"
        assert noisy[key].value > 1.2 > 0.6 > smooth[key].value, key
    assert noisy["fdd@brows-lids"].value > 0 > smooth["fdd@brows-lids"].value


def test_a_frozen_face_and_a_still_truth() -> None:
    truth = moving_face(6)
    frozen = scored(gaze_family, motion_pair("a", np.repeat(truth[:1], 60, axis=0), truth))
    assert frozen["fdd@brows-lids"].value < 0 and "does not move" in frozen["lid_correlation@mediapipe"].reason
    assert all(value.value == 0 for key, value in frozen.items() if not key.startswith("fdd"))
    still = scored(gaze_family, motion_pair("a", truth, face(60)))
    assert {value.status for key, value in still.items() if not key.startswith("fdd")} == {"still_truth"}


def test_a_blink_and_a_brow_raised_at_the_wrong_time() -> None:
    truth = face(60)
    truth[20:25, [145, 374], 1] -= 3
    truth[40:50, list(LEFT_BROW + RIGHT_BROW), 1] -= 2
    truth[:, 468] += np.sin(np.arange(60))[:, None] * (0.5, 0)
    found = scored(gaze_family, motion_pair("a", np.roll(truth, 15, axis=0), truth))
    assert found["lid_correlation@mediapipe"].value < 0.1 and found["brow_correlation@mediapipe"].value < 0.1
    assert found["lid_roughness@mediapipe"].value == pytest.approx(1, rel=0.1)
    assert found["fdd@brows-lids"].value == pytest.approx(0, abs=1e-6)
    assert eye_opening(truth)[22] < eye_opening(truth)[0]
