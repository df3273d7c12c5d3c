"""Divided space-time attention, which STDA is measured against, on the same projections and attention.

Shape legend: B clips, T frames, C channels, H height, W width, L sequence length, N heads, D channels a head.
"""

from torch import Tensor, nn

from eadnet.models.attention import attention


class SequenceAttention(nn.Module):
    """Residual self-attention of sequences (..., L, C)."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(channels)
        self.to_query_key_value = nn.Linear(channels, 3 * channels, bias=False)
        self.to_output = nn.Linear(channels, channels)

    def forward(self, sequences: Tensor) -> Tensor:
        """Returns sequences of the same shape."""
        parts = self.to_query_key_value(self.norm(sequences)).unflatten(-1, (3, self.heads, -1))
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
