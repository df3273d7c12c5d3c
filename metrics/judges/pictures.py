"""Pictures as judges see them: boxes of the aligned crop, tensors, and what may differ without another meaning."""

from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor

PART = 256  # frames; the clips of both corpora are shorter, so that this bounds memory and changes no number of theirs


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


def by_parts(look: Callable[..., Tensor], *rows: object) -> Tensor:
    """What `look` makes of rows of equal length, `PART` of each at a time, joined again.

    Args:
        look: gives (n, ...) for n rows of each.
        rows: arrays or tensors of one length, at least 1.
    """
    starts = range(0, len(rows[0]), PART)
    return torch.cat([look(*(array[start : start + PART] for array in rows)) for start in starts])
