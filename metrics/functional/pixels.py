"""Squared error, decibels and structural similarity of pictures (H, W, 3) uint8."""

import cv2
import numpy as np

PSNR_CEILING = 100.0
SIGMA = 1.5
REACH = 5  # Gaussian truncated at 3.5 sigma, as scikit-image does
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def squared_error(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(H, W) int32 squared error summed over the channels of two (H, W, 3) uint8 pictures."""
    return np.square(first.astype(np.int32) - second).sum(-1, dtype=np.int32)


def decibels(mean_square: float) -> float:
    """PSNR of a mean squared error of 8-bit values; at most 100, where nothing differs."""
    return PSNR_CEILING if mean_square == 0 else min(PSNR_CEILING, 10 * float(np.log10(255**2 / mean_square)))


def ssim_map(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(H, W, 3) float32 structural similarity around every pixel of two (H, W, 3) uint8 pictures."""
    first, second = first.astype(np.float32), second.astype(np.float32)
    mean_1, mean_2 = _smooth(first), _smooth(second)
    variance_1 = _smooth(first * first) - mean_1 * mean_1
    variance_2 = _smooth(second * second) - mean_2 * mean_2
    covariance = _smooth(first * second) - mean_1 * mean_2
    likeness = (2 * mean_1 * mean_2 + C1) * (2 * covariance + C2)
    return likeness / ((mean_1 * mean_1 + mean_2 * mean_2 + C1) * (variance_1 + variance_2 + C2))


def ssim_mean(similarity: np.ndarray) -> float:
    """Mean of an `ssim_map` but for the border that its window reaches over, as scikit-image takes it."""
    return float(similarity[REACH:-REACH, REACH:-REACH].mean(dtype=np.float64))


def _smooth(image: np.ndarray) -> np.ndarray:
    size = 2 * REACH + 1
    return cv2.GaussianBlur(image, (size, size), SIGMA, borderType=cv2.BORDER_REFLECT)
