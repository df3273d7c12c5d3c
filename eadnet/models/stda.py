"""STDA: spatio-temporal directional attention by strips.

The paper's abstract binds STDA to strip attention, long sequences and global motion; its equations are not public.
Ours (docs/method.md): three parallel strip attentions along width, height and time (axial, arXiv 1912.12180; stripes
as in CSWin, arXiv 2107.00652) with rotary positions, depthwise local enhancement along the strip (CSWin's LePE) and
a gate over the three directions driven by motion. The temporal strip is banded, so weights trained on short clips run
at any length; its logits are dense within a window, and long clips go in windows (eadnet/generation.py).

Shape legend: B clips, T frames, C channels, H height, W width, G = C / 3 channels a direction, L strip length.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from eadnet.models.attention import attend, rotary, zero_initialised

DIRECTIONS = ("width", "height", "time")


class STDA(nn.Module):
    """Residual strip attention over a clip's feature maps; the identity when newly made.

    Args:
        channels: C, a multiple of 6 (three directions, rotary pairs).
        radius: R, the temporal strip's band: frame i sees frames with |i - j| <= R.
    """

    def __init__(self, channels: int, radius: int) -> None:
        super().__init__()
        if channels % 6:
            raise ValueError(f"STDA needs a multiple of 6 channels, got {channels}")
        group = channels // 3
        self.radius = radius
        self.norm = nn.LayerNorm(channels)
        self.to_query_key_value = nn.Linear(channels, 3 * channels, bias=False)
        self.local = nn.ModuleList(nn.Conv1d(group, group, 3, padding=1, groups=group) for _ in DIRECTIONS)
        self.distance_bias = nn.Parameter(torch.zeros(radius + 1))
        self.gate = nn.Sequential(
            nn.Linear(2 * channels, channels // 2), nn.SiLU(), zero_initialised(nn.Linear(channels // 2, 3))
        )
        self.to_output = zero_initialised(nn.Linear(channels, channels))

    def forward(self, maps_BTCHW: Tensor) -> Tensor:
        """Returns maps of the same shape; any T, H and W."""
        normed = self.norm(maps_BTCHW.permute(0, 1, 3, 4, 2))
        by_direction = [part.chunk(3, -1) for part in self.to_query_key_value(normed).chunk(3, -1)]
        weights = self.direction_weights(normed)
        strips = [
            self._strip(direction, *(part[direction] for part in by_direction))
            * weights[..., direction, None, None, None]
            for direction in range(3)
        ]
        return maps_BTCHW + self.to_output(torch.cat(strips, -1)).permute(0, 1, 4, 2, 3)

    def direction_weights(self, normed_BTHWC: Tensor) -> Tensor:
        """Gate (B, T, 3), positive, summing to 3, from each frame's mean and its change since the frame before."""
        mean = normed_BTHWC.mean((2, 3))
        motion = torch.cat([torch.zeros_like(mean[:, :1]), mean.diff(dim=1)], 1).abs()
        return 3 * self.gate(torch.cat([mean, motion], -1)).softmax(-1)

    def _strip(self, direction: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attend along one axis of (B, T, H, W, G) tensors."""
        axis = (3, 2, 1)[direction]
        query, key, value = (part.movedim(axis, -2) for part in (query, key, value))
        positions = torch.arange(query.shape[-2], device=query.device)
        bias = self._band(positions).to(query.dtype) if direction == 2 else None
        mixed = attend(rotary(query, positions), rotary(key, positions), value, bias)
        return (mixed + self._enhance(direction, value)).movedim(-2, axis)

    def _band(self, positions: Tensor) -> Tensor:
        """(T, T) logits: the learned bias of each distance, minus infinity outside the band."""
        distance = (positions[:, None] - positions[None]).abs()
        bias = self.distance_bias[distance.clamp(max=self.radius)]
        return bias.masked_fill(distance > self.radius, float("-inf"))

    def _enhance(self, direction: int, value: Tensor) -> Tensor:
        """Depthwise convolution of width 3 along the strip, as shifted sums: quicker than grouped conv on CPU."""
        weight, bias = self.local[direction].weight.to(value.dtype), self.local[direction].bias.to(value.dtype)
        padded = functional.pad(value, (0, 0, 1, 1))
        length = value.shape[-2]
        return bias + sum(padded[..., tap : tap + length, :] * weight[:, 0, tap] for tap in range(3))
