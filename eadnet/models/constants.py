"""Tensors that depend only on sizes (masks, positions, tables): made once for a device and a type, then shared.

They are not buffers of the modules that use them: their sizes depend on the maps, and they do not belong in a state
dict, a copy or an average of weights.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

import torch
from torch import Tensor, nn

KEPT = 32
"""Number of results that each function keeps; the least recently used is dropped first."""
Made = TypeVar("Made")


def constant(make: Callable[..., Made]) -> Callable[..., Made]:
    """Decorate ``make(*sizes, device, dtype)``: ``made(like, *sizes)`` returns its result on the device of `like`.

    Results have the type of `like`. They are shared between calls and threads: never write into them. While torch
    traces (``torch.compile``, fake tensors), tensors are placeholders and are not kept.
    """

    @lru_cache(KEPT)
    def kept(*key: object) -> Made:
        with torch.inference_mode(False):  # otherwise training could not use tensors that were made during sampling
            return make(*key)

    @wraps(make)
    def made(like: Tensor, *sizes: object) -> Made:
        traced = torch.compiler.is_compiling() or type(like) not in (Tensor, nn.Parameter)
        return (make if traced else kept)(*sizes, like.device, like.dtype)

    made.forget = kept.cache_clear
    return made
