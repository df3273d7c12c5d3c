"""Pictures as judges see them: boxes of the aligned crop, tensors, and what may differ without another meaning."""

import cv2
import numpy as np
import torch
from torch import Tensor


def cut(crops: np.ndarray, box: tuple[float, float, float, float], size: tuple[int, int]) -> np.ndarray:
    """Cut a box out of aligned crops and shrink it, whatever the crops' resolution.

    Args:
        crops: (T, H, W, 3) uint8.
        box: top, bottom, left, right as shares of the crop.
        size: height and width of the result in pixels.

    Returns:
        (T, *size, 3) uint8.
    """
    height, width = crops.shape[1:3]
    top, bottom = round(box[0] * height), round(box[1] * height)
    left, right = round(box[2] * width), round(box[3] * width)
    shrinks = bottom - top > size[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.stack([cv2.resize(crop[top:bottom, left:right], size[::-1], interpolation=method) for crop in crops])


def to_tensor(frames: np.ndarray) -> Tensor:
    """(N, H, W, 3) uint8 to (N, 3, H, W) float32 in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 127.5 - 1


def recolour(images: Tensor, rng: np.random.Generator, groups: int = 1) -> Tensor:
    """Random contrast and colour shift of (N, 3, H, W) images in [-1, 1]; `groups` neighbours share one."""
    count = len(images) // groups
    gain = torch.from_numpy(rng.normal(1, 0.15, (count, 1, 1, 1)).astype(np.float32)).repeat_interleave(groups, 0)
    shift = torch.from_numpy(rng.normal(0, 0.15, (count, 3, 1, 1)).astype(np.float32)).repeat_interleave(groups, 0)
    return images * gain + shift


def grain(like: Tensor, rng: np.random.Generator) -> Tensor:
    """Standard normal noise of the shape of `like`; numpy draws it several times faster than torch does on a CPU."""
    return torch.from_numpy(rng.standard_normal(tuple(like.shape), dtype=np.float32))
