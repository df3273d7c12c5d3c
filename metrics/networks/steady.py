"""Running a published network so that its numbers depend on its input alone: evaluation mode, full precision."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn


def device() -> torch.device:
    """The GPU where there is one. Both compute in float32, in another order of sums, so last digits may differ."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def steady() -> Iterator[None]:
    """No gradients, no TF32 and no choice of algorithm by timing within the block."""
    exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    with torch.inference_mode(), exact:
        yield


def frozen(module: nn.Module, weights: dict[str, Tensor]) -> nn.Module:
    """The module with these weights, in evaluation mode on `device()`; counts of seen batches may be absent.

    Raises:
        ValueError: a tensor is missing, unknown or of another shape.
    """
    try:
        missing, unexpected = module.load_state_dict(weights, strict=False)
    except RuntimeError as error:  # PyTorch lists every tensor that does not fit
        raise ValueError(f"{type(module).__name__}: {' '.join(str(error).split()[:30])}") from None
    missing = [name for name in missing if not name.endswith(("num_batches_tracked", "shift", "scale"))]
    if missing or unexpected:
        names = ", ".join((missing + unexpected)[:3])
        raise ValueError(f"{type(module).__name__}: weights missing or unknown ({names} ...)")
    return module.eval().requires_grad_(False).to(device())


def to_tensor(crops: np.ndarray) -> Tensor:
    """(N, 3, H, W) float32 of (N, H, W, 3) crops, on `device()`; values stay as they are."""
    return torch.tensor(crops, device=device()).permute(0, 3, 1, 2).float()
