"""Tensors that follow from sizes alone (masks, positions, tables): made once for a device and a type, then shared.

They are no buffers of the modules that use them: their sizes come with the maps, and a state dict, a copy or an average
of weights has no use for them.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

import torch
from torch import Tensor, nn

KEPT = 32
"""Results that each function keeps, the last used."""
Made = TypeVar("Made")


def constant(make: Callable[..., Made]) -> Callable[..., Made]:
    """Decorate ``make(*sizes, device, dtype)`` so that ``made(like, *sizes)`` gives its result for the tensor `like`.

    Results are shared between calls and threads: never write into them. Where torch traces (``torch.compile``, fake
    tensors), tensors stand for others and are not kept.
    """

    @lru_cache(KEPT)
    def kept(*key: object) -> Made:
        with torch.inference_mode(False):  # or training could not use what sampling has made
            return make(*key)

    @wraps(make)
    def made(like: Tensor, *sizes: object) -> Made:
        traced = torch.compiler.is_compiling() or type(like) not in (Tensor, nn.Parameter)
        return (make if traced else kept)(*sizes, like.device, like.dtype)

    made.forget = kept.cache_clear
    return made
