"""Mouth, face and eyelid metrics on landmarks whose truth is known."""

import numpy as np
import pytest
from scipy.stats import pearsonr

from metrics.families.landmarks import LIPS, MESH_POINTS, correlation, landmark_distance
from metrics.tables import Unscorable
from tests.support.metrics_fixture import landmarks_of, smooth_noise

OPENING = smooth_noise(np.random.default_rng(3), 50)
POINTS = landmarks_of(OPENING, np.ones(50))


def test_correlation_equals_scipy() -> None:
    other = OPENING + np.random.default_rng(0).normal(0, 0.2, 50)
    assert correlation(other, OPENING) == pytest.approx(pearsonr(other, OPENING)[0])


def test_a_still_mouth_reads_zero_and_a_still_truth_has_no_value() -> None:
    assert correlation(np.full(50, 0.3), OPENING) == 0
    with pytest.raises(Unscorable, match="does not move"):
        correlation(OPENING, np.full(50, 0.3))


def test_shuffled_audio_direction() -> None:
    assert correlation(np.roll(OPENING, 20), OPENING) < 0.5 < correlation(OPENING, OPENING)


def test_lips_are_those_of_mediapipe() -> None:
    from mediapipe.python.solutions.face_mesh_connections import FACEMESH_LIPS

    assert set(LIPS) == {point for line in FACEMESH_LIPS for point in line}


def test_landmark_distance_by_hand() -> None:
    moved = POINTS.copy()
    moved[:, LIPS[0]] += (3, 4)
    change = 5 * np.array([39 / 40] + [1 / 40] * 39)
    assert landmark_distance(moved, POINTS, LIPS) == pytest.approx(change.mean(), rel=1e-4)


def test_landmark_distance_ignores_position_and_grows_with_error() -> None:
    mesh = slice(MESH_POINTS)
    assert landmark_distance(POINTS + 7, POINTS, mesh) == pytest.approx(0, abs=1e-4)
    noise = np.random.default_rng(0).normal(0, 1, POINTS.shape)
    values = [landmark_distance(POINTS + amount * noise, POINTS, mesh) for amount in (0.5, 1, 2)]
    assert values == sorted(values)
