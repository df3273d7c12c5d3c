"""Family ``image``: PSNR and SSIM of the generated region, on aligned crops."""

from collections.abc import Iterator

import cv2
import numpy as np

from metrics.pairs import Pair, Value, per_clip
from metrics.scoring import Settings, check_shapes
from metrics.spec import family_specs

PSNR_CEILING = 100.0
SIGMA = 1.5
REACH = 5  # Gaussian truncated at 3.5 sigma, as scikit-image does
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def score(pairs: list[Pair], settings: Settings) -> Iterator[Value]:
    """PSNR and SSIM of every pair."""
    region = settings.region()
    return per_clip(pairs, [spec.key for spec in family_specs("image")], lambda pair: _measure(pair, region))


def psnr(generated: np.ndarray, truth: np.ndarray, region: np.ndarray) -> float:
    """Peak signal-to-noise ratio with the squared error pooled over region and frames.

    Args:
        generated: (T, H, W, 3) uint8.
        truth: same shape.
        region: (H, W) bool, True where pixels count.

    Returns:
        Decibels, at most 100 (identical clips).
    """
    error = generated[:, region].astype(np.float32) - truth[:, region]
    mean_square = float(np.mean(np.square(error), dtype=np.float64))
    if mean_square == 0:
        return PSNR_CEILING
    return min(PSNR_CEILING, 10 * float(np.log10(255**2 / mean_square)))


def ssim(generated: np.ndarray, truth: np.ndarray, region: np.ndarray) -> float:
    """Structural similarity (Wang et al. 2004, eq. 13), map averaged over the region, then over frames.

    Equals ``skimage.metrics.structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
    full=True, channel_axis=-1, data_range=255)`` averaged over `region`, several times faster.

    Args:
        generated: (T, H, W, 3) uint8.
        truth: same shape.
        region: (H, W) bool.

    Returns:
        Value in [-1, 1].
    """
    window, inner = _window(region)
    maps = (_ssim_map(a[window], b[window]) for a, b in zip(generated, truth, strict=True))
    return float(np.mean([frame[inner].mean(dtype=np.float64) for frame in maps]))


def _ssim_map(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    first, second = first.astype(np.float32), second.astype(np.float32)
    mean_1, mean_2 = _blur(first), _blur(second)
    variance_1 = _blur(first * first) - mean_1 * mean_1
    variance_2 = _blur(second * second) - mean_2 * mean_2
    covariance = _blur(first * second) - mean_1 * mean_2
    likeness = (2 * mean_1 * mean_2 + C1) * (2 * covariance + C2)
    return likeness / ((mean_1 * mean_1 + mean_2 * mean_2 + C1) * (variance_1 + variance_2 + C2))


def _blur(image: np.ndarray) -> np.ndarray:
    size = 2 * REACH + 1
    return cv2.GaussianBlur(image, (size, size), SIGMA, borderType=cv2.BORDER_REFLECT)


def _window(region: np.ndarray) -> tuple[tuple[slice, slice], np.ndarray]:
    """Bounding box of the region with the filter's reach around it, and the region within that box."""
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    box = (
        slice(max(rows[0] - REACH, 0), rows[-1] + REACH + 1),
        slice(max(columns[0] - REACH, 0), columns[-1] + REACH + 1),
    )
    return box, region[box]


def _measure(pair: Pair, region: np.ndarray) -> Iterator[Value]:
    generated, truth = pair.generated_crops, pair.true_crops
    check_shapes(pair, region)
    decibels = psnr(generated, truth, region)
    note = "identical to the truth; capped" if decibels == PSNR_CEILING else None
    yield Value("psnr@region", pair.clip_id, decibels, len(truth), reason=note)
    yield Value("ssim@region", pair.clip_id, ssim(generated, truth, region), len(truth))
