"""Look at a long clip a few frames at a time, so that a network's memory does not grow with the clip."""

from collections.abc import Callable

import torch
from torch import Tensor

PART = 256  # frames; the clips of both corpora are shorter, so that this bounds memory and changes no number of theirs


def by_parts(look: Callable[..., Tensor], *rows: object) -> Tensor:
    """What `look` makes of rows of equal length, `PART` of each at a time, joined again.

    Args:
        look: gives (n, ...) for n rows of each.
        rows: arrays or tensors of one length, at least 1.
    """
    starts = range(0, len(rows[0]), PART)
    return torch.cat([look(*(array[start : start + PART] for array in rows)) for start in starts])
