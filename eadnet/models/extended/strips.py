"""Attention along strips of a clip's feature maps: rows, columns, and each pixel over time.

A strip has attention along its axis with rotary positions (RoFormer, arXiv 2104.09864), and adds a depthwise
convolution of the values along the same axis (LePE of CSWin, arXiv 2107.00652). Neither has a table of absolute
positions, so any length is possible.

Shape legend: B clips, T frames, H height, W width, N heads, D channels a head, L strip length, A and E the two axes
across the strip, K blocks of a strip, S positions of a block.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from eadnet.models.attention import attention, rotary
from eadnet.models.constants import constant

AXES = {"time": 1, "height": 2, "width": 3}
"""Axis of each direction in (B, T, H, W, ...)."""


class Strip(nn.Module):
    """Attention along one axis, separately in each strip (axial attention, arXiv 1912.12180).

    Args:
        direction: a key of `AXES`.
        heads: N.
        head_width: D, even.
        rotary_base: the longest rotary wavelength is about 2 pi of it, in positions.
    """

    def __init__(self, direction: str, heads: int, head_width: int, rotary_base: float) -> None:
        super().__init__()
        self.axis, self.rotary_base = AXES[direction], rotary_base
        self.local = nn.Parameter(torch.empty(3, heads, 1, head_width).uniform_(-1, 1) * 3**-0.5)

    def forward(self, query_key_value_BTHW3ND: Tensor) -> Tensor:
        """Returns (B, T, H, W, N * D)."""
        # the strip's axis goes next to the channels: (3, B, A, E, N, L, D)
        parts = query_key_value_BTHW3ND.movedim((4, self.axis), (0, -2))
        query, key = rotary(parts[:2], self.rotary_base)
        value = parts[2].contiguous()  # read several times below
        mixed = self._mix(*(part.flatten(0, 2) for part in (query, key, value)))  # the batch is B * A * E strips
        # back to (B, A, E, N, L, D), then the strip's axis to its place, and heads joined
        return self._enhance(mixed.unflatten(0, value.shape[:3]), value).movedim(-2, self.axis).flatten(-2)

    def _mix(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attention of (B * A * E, N, L, D) strips."""
        return attention(query, key, value)

    def _enhance(self, mixed: Tensor, value: Tensor) -> Tensor:
        """Add the depthwise convolution of width 3, as shifted sums: faster than a grouped convolution on a CPU."""
        before, here, after = self.local.to(value.dtype)
        mixed = torch.addcmul(mixed, value, here)
        mixed[..., 1:, :].addcmul_(value[..., :-1, :], before)
        mixed[..., :-1, :].addcmul_(value[..., 1:, :], after)
        return mixed


class BandedStrip(Strip):
    """Attention over time in which frame i attends to the frames j with |i - j| <= R, linear in T.

    A clip longer than `chunk` is cut into K equal blocks of queries, each with its keys and a halo of R frames on
    both sides; the blocks are batched with the heads in one attention call. The learned distance bias has an entry for
    each of the distances 0 ... R: with R below the training length, training covers every distance of any clip.

    Args:
        heads, head_width, rotary_base: as for `Strip`.
        radius: R.
        chunk: largest number of frames in a block.
    """

    def __init__(self, heads: int, head_width: int, rotary_base: float, radius: int, chunk: int) -> None:
        super().__init__("time", heads, head_width, rotary_base)
        self.radius, self.chunk = radius, chunk
        self.distance_bias = nn.Parameter(torch.zeros(heads, radius + 1))

    def _mix(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        frames = query.shape[-2]
        blocks = _blocks(query, frames, self.radius, self.chunk)
        # (N, 1, L, S) by broadcasting to (N, K, L, S): the bias is the same in all blocks, the mask is not
        bias = self.distance_bias[:, None, blocks.distance_LS].masked_fill(blocks.unseen_KLS, float("-inf"))
        query = windows(query, blocks.queries_KL)
        key, value = windows(key, blocks.keys_KS), windows(value, blocks.keys_KS)
        mixed = attention(query, key, value, bias.flatten(0, 1).to(query.dtype))
        # (batch, N * K, L, D) -> (batch, N, K, L, D) -> (batch, N, K * L, D); the padding of the last block goes
        return mixed.unflatten(1, (-1, len(blocks.queries_KL))).flatten(2, 3)[:, :, :frames]


class Blocks(NamedTuple):
    """The blocks of a banded strip.

    Attributes:
        queries_KL, keys_KS: frame numbers of each block; beyond an end of the clip, the number of the end frame.
        distance_LS: |i - j| of queries and keys, clamped to R; the same in all blocks.
        unseen_KLS: True where a query must not attend to a key.
    """

    queries_KL: Tensor
    keys_KS: Tensor
    distance_LS: Tensor
    unseen_KLS: Tensor


@constant
def _blocks(frames: int, radius: int, chunk: int, device: torch.device, _: torch.dtype) -> Blocks:
    count = -(-frames // chunk)
    length = -(-frames // count)
    halo = radius if count > 1 else 0
    starts = length * torch.arange(count, device=device)[:, None]
    queries = starts + torch.arange(length, device=device)
    keys = starts + torch.arange(-halo, length + halo, device=device)
    distance = (queries[0][:, None] - keys[0]).abs()
    outside = ((keys < 0) | (keys >= frames))[:, None]
    # a query beyond the clip's end attends at least to itself: the softmax of a row of minus infinities is NaN
    unseen = (distance > radius) | (outside & (distance > 0))
    return Blocks(queries.clamp(max=frames - 1), keys.clamp(0, frames - 1), distance.clamp(max=radius), unseen)


def windows(values: Tensor, index_KS: Tensor) -> Tensor:
    """Cut strips into blocks that may overlap.

    Args:
        values: (batch, N, L, D).
        index_KS: positions of each block.

    Returns:
        (batch, N * K, S, D).
    """
    if len(index_KS) == 1:
        return values
    return values.index_select(-2, index_KS.flatten()).unflatten(-2, index_KS.shape).flatten(1, 2)


def check_maps(maps_BTCHW: Tensor, channels: int) -> None:
    """Raise a ValueError unless the maps are a clip's with the channels that a module was made for."""
    if maps_BTCHW.dim() != 5 or maps_BTCHW.shape[2] != channels:
        raise ValueError(f"STDA expects maps (B, T, C, H, W) with C = {channels}, got {tuple(maps_BTCHW.shape)}")
