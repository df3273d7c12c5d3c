"""Strip attention without queries and keys: sums along strips whose weights come from pooled features.

After SANet's strip attention (IJCAI 2023; DSANet, 10.1016/j.neunet.2023.12.003), with the third axis, time, added
and the weights divided by the taps, so that three strips in a row keep the scale of the maps.

Shape legend: B clips, T frames, C channels, H height, W width, G groups of channels, K taps, L strip length.
"""

import torch
from torch import Tensor, nn

from eadnet.models.constants import constant
from eadnet.models.extended.strips import check_maps

GROUPS = 8
REACH = 3
"""Positions to either side of a strip's centre: 7 taps, SANet's shorter kernel."""


class LightSTDA(nn.Module):
    """Weighted strip sums along width, then height, then time, in place of attention; the identity when newly made.

    Args:
        channels: C, a multiple of 8.
        radius: most frames that the strip in time reaches to either side.
    """

    def __init__(self, channels: int, radius: int) -> None:
        super().__init__()
        if channels % GROUPS:
            raise ValueError(f"STDA 'extended_light' needs a multiple of {GROUPS} channels, got {channels}")
        self.channels = channels
        self.reaches = {4: REACH, 3: REACH, 1: min(REACH, radius)}  # by axis of (B, T, C, H, W)
        taps = [2 * reach + 1 for reach in self.reaches.values()]
        self.to_weights = nn.ModuleList(nn.Linear(channels, GROUPS * count, bias=False) for count in taps)
        self.gain = nn.Parameter(torch.ones(channels, 1, 1))
        self.strip_gain = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, maps_BTCHW: Tensor) -> Tensor:
        """Returns maps of the same shape; any T, H and W."""
        check_maps(maps_BTCHW, self.channels)
        summed = maps_BTCHW
        # one after another, so that a position depends on a whole block of width x height x time
        for (axis, reach), to_weights in zip(self.reaches.items(), self.to_weights, strict=True):
            summed = strip_sum(summed, to_weights(summed.mean((3, 4))), axis, reach)
        return self.gain * maps_BTCHW + self.strip_gain * summed


def strip_sum(maps_BTCHW: Tensor, logits_BTGK: Tensor, axis: int, reach: int) -> Tensor:
    """Weighted sum of 2 * reach + 1 neighbours along an axis; beyond an end, the end's value.

    Args:
        maps_BTCHW: (B, T, C, H, W).
        logits_BTGK: (B, T, G * K) logits of the taps' weights, for each frame and group of channels.
        axis: of the strip: 1 time, 3 height, 4 width.
        reach: positions on either side.

    Returns:
        maps of the same shape.
    """
    taps, length = 2 * reach + 1, maps_BTCHW.shape[axis]
    weights = logits_BTGK.unflatten(-1, (-1, taps)).sigmoid() / taps  # (B, T, G, K)
    # (B, T, C, 1, 1, K): all channels of a group have the same weights; H and W broadcast
    weights = weights.repeat_interleave(maps_BTCHW.shape[2] // weights.shape[2], 2)[..., None, None, :]
    index = _neighbours_KL(maps_BTCHW, length, reach)
    return sum(maps_BTCHW.index_select(axis, index[tap]) * weights[..., tap] for tap in range(taps))


@constant
def _neighbours_KL(length: int, reach: int, device: torch.device, _: torch.dtype) -> Tensor:
    """(K, L) position that each tap reads for each position of a strip; beyond an end, the end."""
    taps = torch.arange(-reach, reach + 1, device=device)
    return (taps[:, None] + torch.arange(length, device=device)).clamp(0, length - 1)
