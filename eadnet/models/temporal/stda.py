"""STDA as published: strip sums along rows, then columns, with weights from the mean of the whole map.

EAD-Net (arXiv 2604.23325), section 3.2, after the strip attention of SANet (Cui et al., IJCAI 2023). For the horizontal
direction, with K taps:

    A = sigmoid(Conv1x1(GAP(X)))                       K weights, shared by all positions and channels
    S_H(X)[c, h, w] = sum_k A_k X[c, h, w - K // 2 + k]
    STDA(X) = S_V(S_H(X))                              the vertical direction has a separate branch

There are no queries and keys, and no strip over time. Chosen here, where the paper gives no detail (docs/method.md):
the place (after a residual block's second convolution, before its sum), reflection at the edges, and the residual form
X + gain * STDA(X) with one gain a channel that starts at zero (SANet's), so that LatentSync's weights give LatentSync's
output.

The map is pooled once. The mean of each column is enough for the weights of both directions, because the strip sum
along rows and the mean over rows commute. On a small map both directions are one matrix product, which takes half the
time of two products with a transposition between them (benchmarks/modules.py).

Shape legend: F frames, C channels, H height, W width, K taps, L length of a strip, N = H * W.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from eadnet.models.constants import constant

DENSE = 64
"""Longest strip that is summed by one L x L matrix; longer ones are cut into blocks, so that cost is linear in L."""
SMALL = 64
"""Largest map, in pixels, that takes one N x N matrix for both directions; its cost is quadratic in N."""


class STDA(nn.Module):
    """X + gain * S_V(S_H(X)); the identity when newly made.

    Args:
        channels: C.
        taps: K, odd: a pixel sees its K x K surroundings.

    Raises:
        ValueError: K is even.
    """

    def __init__(self, channels: int, taps: int = 7) -> None:
        super().__init__()
        if taps % 2 == 0:
            raise ValueError(f"STDA needs an odd number of taps, got {taps}")
        self.horizontal, self.vertical = StripWeights(channels, taps), StripWeights(channels, taps)
        self.gain = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, maps_FCHW: Tensor) -> Tensor:
        """Returns maps of the same shape; any H and W."""
        columns_FCW = maps_FCHW.mean(2)  # over H: one mean a column
        across_FK = self.horizontal(columns_FCW.mean(2))  # over W too: GAP(X)
        # The vertical branch needs GAP(S_H(X)), but S_H(X) need not exist yet: its mean is a weighted sum of the
        # columns' means. read_FW holds for each column the weight with which all positions together read it.
        read_FW = across_FK.to(columns_FCW.dtype) @ shares(columns_FCW, columns_FCW.shape[2], across_FK.shape[1])
        down_FK = self.vertical((columns_FCW * read_FW[:, None]).sum(2))
        if maps_FCHW[0, 0].numel() <= SMALL:
            both = window_sum(maps_FCHW, down_FK, across_FK)
        else:
            # strip_sum runs along the last axis; .mT turns (F, C, H, W) into (F, C, W, H) for the columns, and back
            both = strip_sum(strip_sum(maps_FCHW, across_FK).mT, down_FK).mT
        return torch.addcmul(maps_FCHW, self.gain.to(maps_FCHW.dtype), both)  # X + gain * S_V(S_H(X))


class StripWeights(nn.Module):
    """The branch of one direction after global average pooling: a 1 x 1 convolution and a sigmoid."""

    def __init__(self, channels: int, taps: int) -> None:
        super().__init__()
        self.conv = nn.Linear(channels, taps, bias=False)  # equals a 1 x 1 convolution on one position, and is faster

    def forward(self, means_FC: Tensor) -> Tensor:
        """Returns (F, K) weights in (0, 1)."""
        return torch.sigmoid(self.conv(means_FC))


def window_sum(maps_FCHW: Tensor, down_FK: Tensor, across_FK: Tensor) -> Tensor:
    """Sums along rows, then columns, as one matrix product over the pixels of a frame.

    Args:
        maps_FCHW: (F, C, H, W).
        down_FK: (F, K) weights of the vertical strip.
        across_FK: (F, K) those of the horizontal one.

    Returns:
        (F, C, H, W).
    """
    weights_FKK = down_FK[:, :, None] * across_FK[:, None]  # weight of the tap (down, across) of the K x K window
    taps_KKNN = window_matrices(maps_FCHW, *maps_FCHW.shape[2:], down_FK.shape[1])
    matrix_FNN = torch.tensordot(weights_FKK.to(maps_FCHW.dtype), taps_KKNN, 2)  # sums over both K axes
    return (maps_FCHW.flatten(2) @ matrix_FNN).view_as(maps_FCHW)  # (F, C, N) @ (F, N, N)


def strip_sum(maps_FCHW: Tensor, weights_FK: Tensor) -> Tensor:
    """Weighted sum of each pixel's K neighbours along its row, edges reflected.

    Args:
        maps_FCHW: (F, C, H, W), W of any size, also below K.
        weights_FK: (F, K) one weight a tap and frame.

    Returns:
        (F, C, H, W).
    """
    length, taps = maps_FCHW.shape[-1], weights_FK.shape[1]
    weights = weights_FK.to(maps_FCHW.dtype)
    if length > DENSE:
        return _in_blocks(maps_FCHW, weights)
    matrix_FLL = torch.tensordot(weights, tap_matrices(maps_FCHW, length, taps), 1)  # sums over K
    # the weights are the same for all channels and rows, so these are one axis: (F, C * H, L) @ (F, L, L)
    return (maps_FCHW.flatten(1, 2) @ matrix_FLL).unflatten(1, maps_FCHW.shape[1:3])


def _in_blocks(maps_FCHW: Tensor, weights_FK: Tensor) -> Tensor:
    """`strip_sum` of long strips: equal blocks of at most `DENSE` positions, with K // 2 neighbours on both sides."""
    length, reach = maps_FCHW.shape[-1], weights_FK.shape[1] // 2
    count = -(-length // DENSE)
    block = -(-length // count)
    # the K // 2 positions beyond each end, reflected without repeating the end itself
    before, after = maps_FCHW[..., 1 : reach + 1].flip(-1), maps_FCHW[..., -reach - 1 : -1].flip(-1)
    # zeros fill the last block; its results beyond the strip are dropped at the end
    padded = functional.pad(torch.cat([before, maps_FCHW, after], -1), (0, count * block - length))
    blocks = padded.unfold(-1, block + 2 * reach, block)  # (F, C, H, blocks, block + K - 1), overlapping by K - 1
    matrix = torch.tensordot(weights_FK, band_matrices(maps_FCHW, block, weights_FK.shape[1]), 1)
    summed = (blocks.flatten(1, 3) @ matrix).unflatten(1, blocks.shape[1:4])  # one matrix serves all blocks of a frame
    return summed.flatten(-2)[..., :length]


@constant
def reflected(length: int, taps: int, device: torch.device, _dtype: torch.dtype) -> Tensor:
    """(L, K) positions along a strip that each tap reads; a strip shorter than K // 2 is reflected more than once."""
    places = torch.arange(length, device=device)[:, None] + torch.arange(taps, device=device) - taps // 2
    period = max(1, 2 * (length - 1))  # a reflected strip repeats after 2 (L - 1); 1 position repeats at once
    places = places.remainder(period)
    return torch.minimum(places, period - places).clamp(max=length - 1)


@constant
def shares(length: int, taps: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(K, L): for each tap, how often a position is read by the positions of the strip, divided by L.

    It is not constant along L, because reflection reads positions near an edge once more.
    """
    places = reflected(torch.empty(0, device=device), length, taps).T
    read = torch.zeros(taps, length, device=device)
    return read.scatter_add_(1, places, torch.full(places.shape, 1 / length, device=device)).to(dtype)


@constant
def tap_matrices(length: int, taps: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(K, L, L) of 0 and 1: for each tap, which position (row) is read by which position (column)."""
    places = reflected(torch.empty(0, device=device), length, taps)
    return functional.one_hot(places, length).permute(1, 2, 0).to(dtype)


@constant
def band_matrices(block: int, taps: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(K, L + K - 1, L) of 0 and 1: for each tap, which position of a padded block is read by which of the L in it."""
    places = torch.arange(block, device=device)[:, None] + torch.arange(taps, device=device)
    return functional.one_hot(places, block + taps - 1).permute(1, 2, 0).to(dtype)


@constant
def window_matrices(height: int, width: int, taps: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(K, K, N, N), N = H * W: for each tap down and across, which pixel (row) is read by which pixel (column)."""
    like = torch.empty(0, device=device, dtype=dtype)
    down, across = tap_matrices(like, height, taps), tap_matrices(like, width, taps)
    # j, k taps down and across; y, x the pixel that is read; v, w the pixel that reads it; then N = (y x) and (v w)
    return torch.einsum("jyv,kxw->jkyxvw", down, across).flatten(2, 3).flatten(3)
