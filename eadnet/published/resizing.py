"""Resizing as two matrix products, one for rows and one for columns.

Interpolation is linear and separable. torch's own backward pass of bicubic and area resizing adds up atomically on
CUDA, hence differs from run to run and is refused under deterministic algorithms; matrix products are not.
"""

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional


def resized(frames: Tensor, size: tuple[int, int], mode: str) -> Tensor:
    """Frames (..., R, S) resized to (..., *size) in float32, to rounding as ``torch.nn.functional.interpolate`` does.

    Args:
        frames: pictures of any leading shape.
        size: rows and columns of the result.
        mode: `bicubic` (no antialiasing, corners not aligned) or `area`.
    """
    if frames.shape[-2:] == size:
        return frames
    row_weights, column_weights = (
        _weights(old, new, mode, frames.device) for old, new in zip(frames.shape[-2:], size, strict=True)
    )
    with torch.autocast(frames.device.type, enabled=False):
        return row_weights @ frames.float() @ column_weights.T


@cache
@torch.inference_mode(False)  # kept for later calls, which may need gradients
def _weights(old: int, new: int, mode: str, device: torch.device) -> Tensor:
    """(new, old) weights of the old samples in each new one: the identity, resized."""
    return functional.interpolate(torch.eye(old)[None, None], size=(new, old), mode=mode)[0, 0].to(device)
