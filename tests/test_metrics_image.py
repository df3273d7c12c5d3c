"""PSNR, SSIM, flicker and jitter: against scikit-image, on equal clips, and under damage."""

import cv2
import numpy as np
import pytest
from metrics_fixture import RESOLUTION, draw, landmarks_of, smooth_noise
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from eadnet.regions import region_mask
from metrics.image import PSNR_CEILING, psnr, ssim
from metrics.temporal import landmark_jitter, mean_difference

REGION = region_mask("face", RESOLUTION, 16)


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    return draw(smooth_noise(np.random.default_rng(1), 12), (200, 160, 140), 0.5)


def blurred(frames: np.ndarray, sigma: float) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames])


def noisy(frames: np.ndarray, sigma: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, sigma, frames.shape)
    return np.clip(frames + noise, 0, 255).round().astype(np.uint8)


def test_psnr_equals_skimage_on_the_stacked_region(truth: np.ndarray) -> None:
    damaged = noisy(truth, 9)
    expected = peak_signal_noise_ratio(truth[:, REGION], damaged[:, REGION], data_range=255)
    assert psnr(damaged, truth, REGION) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("mode", ["face", "lower", "full"])
def test_ssim_equals_skimage_in_the_region(truth: np.ndarray, mode: str) -> None:
    region = region_mask(mode, RESOLUTION, 16)
    damaged = noisy(blurred(truth, 1.2), 5)
    maps = [
        structural_similarity(a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True,
                              channel_axis=-1, data_range=255)[1]
        for a, b in zip(damaged, truth, strict=True)
    ]  # fmt: skip
    expected = np.mean([frame[region].mean() for frame in maps])
    assert ssim(damaged, truth, region) == pytest.approx(expected, abs=2e-5)


def test_equal_clips_are_perfect(truth: np.ndarray) -> None:
    assert psnr(truth, truth, REGION) == PSNR_CEILING
    assert ssim(truth, truth, REGION) == pytest.approx(1)


def test_psnr_of_a_known_error() -> None:
    black = np.zeros((3, RESOLUTION, RESOLUTION, 3), np.uint8)
    assert psnr(black + 51, black, REGION) == pytest.approx(20 * np.log10(5))


@pytest.mark.parametrize("damage", [blurred, noisy])
def test_more_damage_scores_lower(truth: np.ndarray, damage: object) -> None:
    clips = [damage(truth, amount) for amount in (1, 2, 4)]
    for metric in (psnr, ssim):
        values = [metric(clip, truth, REGION) for clip in clips]
        assert values == sorted(values, reverse=True)


def test_damage_outside_the_region_does_not_count(truth: np.ndarray) -> None:
    damaged = truth.copy()
    damaged[:, ~REGION] = 0
    assert psnr(damaged, truth, REGION) == PSNR_CEILING


def test_frames_may_come_in_any_order(truth: np.ndarray) -> None:
    damaged, order = noisy(truth, 9), np.random.default_rng(2).permutation(len(truth))
    assert psnr(damaged[order], truth[order], REGION) == pytest.approx(psnr(damaged, truth, REGION))
    assert ssim(damaged[order], truth[order], REGION) == pytest.approx(ssim(damaged, truth, REGION))


def test_flicker_and_jitter_of_known_series() -> None:
    steps = np.array([0, 10, 20, 40], np.uint8)
    frames = np.broadcast_to(steps[:, None, None, None], (4, RESOLUTION, RESOLUTION, 3))
    assert mean_difference(frames, REGION, 1) == pytest.approx(40 / 3)
    assert mean_difference(frames, REGION, 2) == pytest.approx(10 / 2)


def test_noise_in_time_raises_flicker_and_a_frozen_clip_has_none(truth: np.ndarray) -> None:
    assert mean_difference(noisy(truth, 6), REGION, 1) > mean_difference(truth, REGION, 1)
    assert mean_difference(np.repeat(truth[:1], 5, axis=0), REGION, 1) == 0


def test_landmark_jitter_counts_trembling_and_not_steady_motion() -> None:
    points = landmarks_of(np.zeros(20), np.ones(20))
    moving = points + np.arange(20)[:, None, None]
    assert landmark_jitter(moving) == pytest.approx(0, abs=1e-5)
    trembling = moving + np.random.default_rng(0).normal(0, 0.5, moving.shape)
    assert landmark_jitter(trembling.astype(np.float32)) > 0.01
    trembling[5] = np.nan
    assert np.isfinite(landmark_jitter(trembling))
    assert np.isnan(landmark_jitter(np.full_like(points, np.nan)))
