"""Attention between all tokens of a clip: the reference to which strip attention is compared.

Shape legend: B clips, T frames, H height, W width, N heads, D channels a head.
"""

import torch
from torch import Tensor, nn

from eadnet.models.attention import attention, rotary
from eadnet.models.extended.strips import AXES


class Volume(nn.Module):
    """Full attention over the T * H * W tokens, quadratic in their number.

    Rotary positions are axial: a third of a head's channels is rotated by the frame number, a third by the row and a
    third by the column.

    Args:
        head_width: D, even.
        rotary_base: as for `eadnet.models.extended.strips.Strip`.
    """

    def __init__(self, head_width: int, rotary_base: float) -> None:
        super().__init__()
        third = head_width // 6 * 2
        self.shares, self.rotary_base = (head_width - 2 * third, third, third), rotary_base

    def forward(self, query_key_value_BTHW3ND: Tensor) -> Tensor:
        """Returns (B, T, H, W, N * D)."""
        parts = query_key_value_BTHW3ND.movedim(4, 0)
        sizes = parts.shape[1:5]
        query, key = self._turn(parts[:2])
        # (B, T, H, W, N, D) -> (B, T * H * W, N, D) -> (B, N, T * H * W, D)
        mixed = attention(*(part.flatten(1, 3).transpose(1, 2) for part in (query, key, parts[2])))
        return mixed.transpose(1, 2).unflatten(1, sizes[1:]).flatten(-2)

    def _turn(self, query_key: Tensor) -> Tensor:
        turned = []
        for share, axis in zip(query_key.split(self.shares, -1), AXES.values(), strict=True):
            strips = share.movedim(axis + 1, -2)  # + 1: axis 0 holds query and key; `rotary` turns along axis -2
            turned.append(rotary(strips, self.rotary_base).movedim(-2, axis + 1))
        return torch.cat(turned, -1)
