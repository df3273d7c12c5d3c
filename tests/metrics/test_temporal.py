"""Flicker, jitter and motion: known flows, identity, direction, and independence of how a clip is cut."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from metrics.families import motion, temporal
from metrics.functional import flow
from metrics.functional.flow import compare, flow_between, interpolation_error, small, visible, warped, warping_error
from metrics.spec import family_specs
from tests.support.video_pairs import pair_of

SIDE = 128
KEYS = [spec.key for name in ("temporal", "motion") for spec in family_specs(name)]


def texture(seed: int = 0, side: int = 256) -> np.ndarray:
    """A smooth coloured pattern, (side, side, 3) uint8."""
    noise = np.random.default_rng(seed).uniform(0, 255, (side, side, 3))
    blurred = cv2.GaussianBlur(noise, (0, 0), 4)
    return np.uint8(np.clip(128 + 8 * (blurred - blurred.mean()), 0, 255))


def moving(count: int = 8, speed: tuple[int, int] = (2, 1), side: int = SIDE) -> np.ndarray:
    """(count, side, side, 3) window that slides over the pattern by whole pixels, so that its content moves back."""
    sheet = texture(side=side + 64)
    return np.stack([sheet[speed[1] * i :, speed[0] * i :][:side, :side] for i in range(count)])


def scores(generated: np.ndarray, truth: np.ndarray, points: np.ndarray | None = None) -> dict[str, float]:
    """Every metric of both families for one pair; the landmarks tremble a little."""
    if points is None:
        points = 40 + np.random.default_rng(0).normal(0, 1, (len(truth), 478, 2)) + np.arange(478)[:, None] / 8
    pair = pair_of("clip", generated, truth)
    pair.true_landmarks, pair.own_landmarks_25 = points, points
    settings = SimpleNamespace(region=lambda: np.ones(truth.shape[1:3], bool))
    values = [*temporal.score([pair], settings), *motion.score([pair], settings)]
    assert [value.metric for value in values] == KEYS
    return {value.metric.partition("@")[0]: value.value for value in values}


# ------------------------------------------------------------------------------------------------------------ flow
def test_flow_of_a_known_translation_and_the_error_along_it() -> None:
    first, second = moving(2)
    found = flow_between(first, second)
    inside = (slice(16, -16),) * 2
    assert found[inside].mean((0, 1)) == pytest.approx([-2, -1], abs=0.1)
    seen = visible(found, flow_between(second, first))
    assert seen[inside].mean() > 0.9
    along = warping_error(first, second, found, seen)
    across = warping_error(first, second, np.zeros_like(found), seen)
    assert along < across / 50


def test_warping_reads_between_pixels_and_repeats_the_edge() -> None:
    picture = texture(side=SIDE).astype(np.float32)
    bend = np.stack(np.meshgrid(*[np.sin(np.arange(SIDE) / 9)] * 2), -1).astype(np.float32) * 5
    rows, columns = np.indices((SIDE, SIDE))
    places = [np.clip(rows + bend[..., 1], 0, SIDE - 1), np.clip(columns + bend[..., 0], 0, SIDE - 1)]
    expected = np.stack([map_coordinates(picture[..., c], places, order=1) for c in range(3)], -1)
    difference = np.abs(warped(picture, bend) - expected)
    assert difference.mean() < 0.2  # OpenCV rounds places to 1/32 pixel
    assert difference.max() < 3


def test_visible_is_the_published_mask() -> None:
    """Written out from fast_blind_video_consistency utils.py `detect_occlusion`, pixel by pixel."""
    forward = np.zeros((8, 8, 2), np.float32)
    backward = np.zeros((8, 8, 2), np.float32)
    forward[2:5, 2:5] = (1.0, 0.0)
    backward[2:5, 2:6] = (-1.0, 0.5)
    forward[6, 6] = (0.04, 0.0)
    expected = np.ones((8, 8), bool)
    for y in range(8):
        for x in range(8):
            fx, fy = forward[y, x]
            bx, by = backward[min(7, round(y + fy)), min(7, round(x + fx))] if fx == round(fx) else (0, 0)
            length = fx**2 + fy**2
            hidden = (fx + bx) ** 2 + (fy + by) ** 2 > 0.01 * (length + bx**2 + by**2) + 0.5
            gradient = sum(
                float(((forward[y, x] - forward[ny, nx]) ** 2).sum())
                for ny, nx in ((y + 1, x), (y, x + 1))
                if ny < 8 and nx < 8
            )
            expected[y, x] = not (hidden or gradient > 0.01 * length + 0.002)
    assert np.array_equal(visible(forward, backward), expected)
    assert 0 < (~expected).sum() < 40


def test_nothing_seen_is_no_error_and_sizes_are_pinned() -> None:
    first, second = moving(2)
    assert warping_error(first, second, np.zeros((SIDE, SIDE, 2), np.float32), np.zeros((SIDE, SIDE), bool)) == 0
    assert (
        warping_error(first * 0, first * 0 + 255, np.zeros((SIDE, SIDE, 2), np.float32), np.ones((SIDE, SIDE), bool))
        == 1
    )
    for side in (96, 128, 256):
        assert small(texture(side=side)).shape == (SIDE, SIDE, 3)


def test_interpolation_expects_even_motion() -> None:
    even, jump = moving(3), moving(5)[[0, 3, 4]]
    inside = interpolation_error(*even)
    assert inside < interpolation_error(*jump) / 2
    assert interpolation_error(even[0], even[0], even[0]) == pytest.approx(0, abs=1e-6)


# ---------------------------------------------------------------------------------------------------------- family
def test_a_clip_and_itself() -> None:
    truth = moving()
    found = scores(truth.copy(), truth)
    assert found["tof"] == 0
    for name in ("flicker_ratio", "jitter_ratio", "landmark_jitter_ratio", "warping_error_ratio"):
        assert found[name] == pytest.approx(1)
    assert found["warping_error"] < 1e-3
    assert found["motion_smoothness"] > 0.98


def test_flicker_raises_flicker_warping_error_and_lowers_smoothness() -> None:
    truth = moving()
    bright = np.uint8(np.clip(truth.astype(int) + np.where(np.arange(8) % 2, 12, -12)[:, None, None, None], 0, 255))
    whole, found = scores(truth, truth), scores(bright, truth)
    assert found["flicker_ratio"] > 1.1
    assert found["warping_error"] > 3 * whole["warping_error"]
    assert found["warping_error_ratio"] > 3
    assert found["motion_smoothness"] < whole["motion_smoothness"] - 0.02


def test_frozen_and_shuffled_videos() -> None:
    truth = moving()
    frozen, shuffled = np.repeat(truth[:1], 8, 0), truth[[3, 0, 6, 1, 7, 4, 2, 5]]
    still, mixed, whole = scores(frozen, truth), scores(shuffled, truth), scores(truth, truth)
    assert still["flicker_ratio"] == 0
    assert still["motion_smoothness"] == pytest.approx(1, abs=1e-6)
    assert still["tof"] == pytest.approx(np.hypot(2, 1), rel=0.15)
    assert mixed["tof"] > still["tof"]
    assert mixed["warping_error"] > whole["warping_error"]
    assert mixed["motion_smoothness"] < whole["motion_smoothness"]


def test_jumping_landmarks_raise_the_ratio() -> None:
    truth = moving()
    rng = np.random.default_rng(0)
    points = 40 + rng.normal(0, 0.1, (8, 478, 2)) + np.arange(478)[:, None] / 8
    pair = pair_of("clip", truth, truth)
    pair.true_landmarks, pair.own_landmarks_25 = points, points + rng.normal(0, 0.3, points.shape)
    values = {value.metric: value for value in temporal._landmarks(pair)}
    own, ratio = (values[f"landmark_jitter{name}@mediapipe"] for name in ("", "_ratio"))
    assert ratio.value == pytest.approx(own.value / temporal.landmark_jitter(points))
    assert 2 < ratio.value < 5
    pair.true_landmarks = np.full_like(points, np.nan)
    assert [value.status for value in temporal._landmarks(pair)] == ["ok", "no_face"]
    pair.own_landmarks_25 = pair.true_landmarks
    assert [value.status for value in temporal._landmarks(pair)] == ["no_face", "no_face"]


def test_still_truth_and_short_clips() -> None:
    truth = np.repeat(moving(1), 4, 0)
    pair = pair_of("clip", truth, truth)
    pair.true_landmarks = pair.own_landmarks_25 = np.random.default_rng(0).uniform(0, 99, (4, 478, 2))
    settings = SimpleNamespace(region=lambda: np.ones((SIDE, SIDE), bool))
    values = [*temporal.score([pair], settings), *motion.score([pair], settings)]
    statuses = {value.metric: value.status for value in values}
    still = {"flicker_ratio@region", "jitter_ratio@region", "warping_error_ratio@farneback-128"}
    assert {key for key, status in statuses.items() if status == "still_truth"} == still
    short = pair_of("clip", truth[:2], truth[:2])
    for family in (temporal, motion):
        assert {value.status for value in family.score([short], settings)} == {"too_short"}


def test_cutting_a_clip_into_chunks_moves_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = moving(11, side=64)
    generated = np.uint8(np.clip(truth + np.random.default_rng(0).integers(-9, 9, truth.shape), 0, 255))
    region = np.zeros((64, 64), bool)
    region[20:, 10:50] = True
    whole = [temporal.mean_difference(generated, region, order) for order in (1, 2)]
    pixels = generated[:, region].astype(float)
    assert whole == pytest.approx([np.abs(np.diff(pixels, n=order, axis=0)).mean() for order in (1, 2)], rel=1e-12)
    for size in (1, 4, 10):
        monkeypatch.setattr(temporal, "CHUNK", size)
        assert [temporal.mean_difference(generated, region, order) for order in (1, 2)] == whole
    assert compare(iter(generated), iter(truth)) == compare(list(generated), list(truth))


def test_comparison_counts_pairs_and_dropped_frames() -> None:
    truth = moving(6)
    assert (compare(truth, truth).pairs, compare(truth, truth).triples) == (5, 2)
    assert compare(truth[:2], truth[:2]).expected is None
    assert flow.SIDE == SIDE
