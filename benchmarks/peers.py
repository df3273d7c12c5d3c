"""Published designs that the temporal modules are measured against, on the same projections and attention.

Shape legend: B clips, T frames, C channels, H height, W width, L sequence length, N heads, D channels a head.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from eadnet.models.attention import attention


class SequenceAttention(nn.Module):
    """Residual self-attention of sequences (..., L, C), with sinusoidal positions where asked."""

    def __init__(self, channels: int, heads: int, positions: bool = False) -> None:
        super().__init__()
        self.heads, self.positions = heads, positions
        self.norm = nn.LayerNorm(channels)
        self.to_query_key_value = nn.Linear(channels, 3 * channels, bias=False)
        self.to_output = nn.Linear(channels, channels)

    def forward(self, sequences: Tensor) -> Tensor:
        """Returns sequences of the same shape."""
        normed = self.norm(sequences)
        if self.positions:
            normed = normed + sinusoids(*normed.shape[-2:], normed)
        parts = self.to_query_key_value(normed).unflatten(-1, (3, self.heads, -1))
        query, key, value = parts.movedim(-3, 0).transpose(-2, -3)
        return sequences + self.to_output(attention(query, key, value).transpose(-2, -3).flatten(-2))


class DividedAttention(nn.Module):
    """Attention over each frame's pixels, then over each pixel's frames (divided space-time, arXiv 2102.05095)."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.space, self.time = SequenceAttention(channels, heads), SequenceAttention(channels, heads)

    def forward(self, maps_BTCHW: Tensor) -> Tensor:
        """Returns maps of the same shape."""
        batch, frames, _, height, width = maps_BTCHW.shape
        tokens = self.space(maps_BTCHW.flatten(3).transpose(2, 3).flatten(0, 1))
        tokens = self.time(tokens.unflatten(0, (batch, frames)).transpose(1, 2).flatten(0, 1))
        return tokens.unflatten(0, (batch, height, width)).permute(0, 3, 4, 1, 2)


class MotionModule(nn.Module):
    """AnimateDiff's temporal layers, in LatentSync's setting (arXiv 2307.04725, 2412.09262).

    Group norm, linear, two temporal self-attentions of 8 heads with sinusoidal positions, gated feed-forward, linear.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(32, channels)
        self.to_inner, self.to_output = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.attentions = nn.Sequential(*(SequenceAttention(channels, 8, positions=True) for _ in range(2)))
        self.widen = nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, 8 * channels))
        self.narrow = nn.Linear(4 * channels, channels)

    def forward(self, maps_BTCHW: Tensor) -> Tensor:
        """Returns maps of the same shape."""
        batch, _, _, height, width = maps_BTCHW.shape
        normed = self.norm(maps_BTCHW.transpose(1, 2))
        tokens = self.attentions(self.to_inner(normed.permute(0, 3, 4, 2, 1).flatten(0, 2)))
        value, gate = self.widen(tokens).chunk(2, -1)
        tokens = self.to_output(tokens + self.narrow(value * functional.gelu(gate)))
        return maps_BTCHW + tokens.unflatten(0, (batch, height, width)).permute(0, 3, 4, 1, 2)


def sinusoids(length: int, channels: int, like: Tensor) -> Tensor:
    """(L, C) sinusoidal positions (arXiv 1706.03762, section 3.5)."""
    frequencies = torch.exp(-math.log(10000) * torch.arange(0, channels, 2, device=like.device) / channels)
    angles = torch.arange(length, device=like.device)[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], -1).to(like.dtype)
