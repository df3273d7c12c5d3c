"""PSNR, SSIM, blur, flicker and jitter: against scikit-image, on equal clips, and under damage."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from skimage.measure import blur_effect
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from eadnet.faces.regions import region_mask
from eadnet.media.reading import read_video
from metrics.families import frames, image
from metrics.families.image import blur, compare
from metrics.families.temporal import landmark_jitter, mean_difference
from metrics.functional.pixels import PSNR_CEILING
from metrics.measuring.extractors.frames import Extractor
from metrics.scoring.settings import ScoringSettings
from metrics.tables import Unscorable
from tests.support.lossless import write_lossless
from tests.support.metrics_fixture import RESOLUTION, draw, landmarks_of, smooth_noise
from tests.support.video_pairs import pair_of

REGION = region_mask("face", RESOLUTION, 16)


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    return draw(smooth_noise(np.random.default_rng(1), 12), (200, 160, 140), 0.5)


def blurred(frames: np.ndarray, sigma: float) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames])


def noisy(frames: np.ndarray, sigma: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, sigma, frames.shape)
    return np.clip(frames + noise, 0, 255).round().astype(np.uint8)


def psnr(generated: np.ndarray, truth: np.ndarray, region: np.ndarray) -> float:
    return compare(generated, truth, region).psnr_region


def ssim(generated: np.ndarray, truth: np.ndarray, region: np.ndarray) -> float:
    return compare(generated, truth, region).ssim_region


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


def similarity(generated: np.ndarray, truth: np.ndarray) -> float:
    """scikit-image's mean over frames."""
    return np.mean([
        structural_similarity(a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, channel_axis=-1,
                              data_range=255) for a, b in zip(generated, truth, strict=True)
    ])  # fmt: skip


def test_the_whole_crop_equals_skimage(truth: np.ndarray) -> None:
    damaged = noisy(blurred(truth, 1.2), 5)
    found = compare(damaged, truth, REGION)
    assert found.psnr_crop == pytest.approx(peak_signal_noise_ratio(truth, damaged, data_range=255), abs=1e-9)
    assert found.ssim_crop == pytest.approx(similarity(damaged, truth), abs=2e-5)


def test_black_against_white_reads_the_published_anchor() -> None:
    """common_metrics_on_video_quality, zeros against ones with range 1: PSNR 0, SSIM 9.999e-5.

    A thousandth of it: means of 255 squared in float32 come in steps of 0.004, in another order on each instruction
    set, and stand here in a sum with C2 = 58.5. Another C1 or range changes the value in proportion.
    """
    black = np.zeros((2, RESOLUTION, RESOLUTION, 3), np.uint8)
    found = compare(black + np.uint8(255), black, REGION)
    assert (found.psnr_region, found.psnr_crop) == (0, 0)
    assert found.ssim_region == pytest.approx(9.999e-5, rel=1e-3) == found.ssim_crop


def test_blur_is_that_of_scikit_image_and_rises(truth: np.ndarray) -> None:
    rows, columns = np.flatnonzero(REGION.any(1)), np.flatnonzero(REGION.any(0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    assert blur(truth, REGION) == pytest.approx(np.mean([blur_effect(f[box], channel_axis=-1) for f in truth]))
    values = [blur(clip, REGION) for clip in (truth, blurred(truth, 1), blurred(truth, 3))]
    assert values == sorted(values) and 0 < values[0] < values[2] < 1
    assert blur(truth.repeat(9, axis=0), REGION) == pytest.approx(values[0], abs=0.02)


def test_values_of_a_clip(truth: np.ndarray) -> None:
    pair = pair_of("a", blurred(truth, 2), truth)
    found = {value.metric: value for value in image.score([pair], ScoringSettings(None, "face", RESOLUTION, 16))}
    assert set(found) == {"psnr@region", "ssim@region", "psnr@crop", "ssim@crop", "blur@region", "blur_ratio@region"}
    assert found["blur_ratio@region"].value > 1.1 and found["psnr@crop"].value > found["psnr@region"].value
    pair.generated_crops = truth
    same = {value.metric: value for value in image.score([pair], ScoringSettings(None, "face", RESOLUTION, 16))}
    assert same["blur_ratio@region"].value == 1 and same["ssim@crop"].value == pytest.approx(1)
    assert same["psnr@crop"].value == PSNR_CEILING and "identical" in same["psnr@crop"].reason


def test_whole_frames_equal_skimage_however_they_come(truth: np.ndarray, tmp_path: Path) -> None:
    write_lossless(tmp_path / "truth.mp4", truth)
    source, made = read_video(tmp_path / "truth.mp4"), noisy(truth, 9)
    found = []
    for size in (5, 12):
        extractor = Extractor(ScoringSettings(None, "face", RESOLUTION, 16))
        extractor.begin(len(made), SimpleNamespace(row={"source": str(tmp_path / "truth.mp4")}))
        for start in range(0, len(made), size):
            extractor.see(made[start : start + size], np.zeros((size, 478, 2)))
        found.append(extractor.finish(lambda: iter(made), np.zeros(0, np.int16)))
    assert all(np.array_equal(found[0][name], found[1][name]) for name in ("frame_mse", "frame_ssim"))
    seen = np.ones(len(made), bool)
    pair = SimpleNamespace(clip_id="a", status="ok", features=found[0].__getitem__, seen=seen, n_frames=len(made))
    values = {value.metric: value for value in frames.score([pair], ScoringSettings(None, "face", RESOLUTION, 16))}
    assert values["psnr@frame"].value == pytest.approx(peak_signal_noise_ratio(source, made, data_range=255))
    assert values["ssim@frame"].value == pytest.approx(similarity(made, source), abs=2e-5)
    assert values["ssim@frame"].n == len(made)


def test_a_clip_without_a_kept_source_has_no_frame_values() -> None:
    extractor = Extractor(ScoringSettings(None, "face", RESOLUTION, 16))
    extractor.begin(2, SimpleNamespace(row={"source": None}))
    extractor.see(np.zeros((2, 8, 8, 3), np.uint8), np.zeros((2, 478, 2)))
    assert extractor.finish(lambda: iter(()), np.zeros(0, np.int16)) == {}

    def nothing(name: str) -> np.ndarray:
        raise Unscorable("not_measured", f"no {name}")

    pair = SimpleNamespace(clip_id="a", status="ok", features=nothing)
    assert {v.status for v in frames.score([pair], ScoringSettings(None, "face", RESOLUTION, 16))} == {"not_measured"}


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
