"""LatentSync's motion module: each pixel attends to itself in the other frames of the clip.

AnimateDiff's "vanilla" module (arXiv 2307.04725) in LatentSync's setting (bytedance/LatentSync,
``latentsync/models/motion_module.py`` and ``configs/unet/stage2.yaml``): group norm, linear, two temporal
self-attentions with sinusoidal positions, gated feed-forward, and a linear layer that starts at zero. Parameters carry
LatentSync's names. Its table of positions ends at 24 frames; for longer clips the same sinusoids are computed further.

Shape legend: B clips, T frames, C channels, H height, W width, N = B * H * W pixels.
"""

import torch
from diffusers.models.attention import FeedForward
from torch import Tensor, nn

from eadnet.config.networks import Network
from eadnet.models.attention import CrossAttention, zero_initialised
from eadnet.models.constants import constant
from eadnet.published.videomae_v2 import sinusoids

STORED_POSITIONS = 24
"""Frames in the table of positions that a published file holds."""


class MotionModule(nn.Module):
    """Residual attention through time over a clip's maps; the identity when newly made."""

    def __init__(self, width: int, network: Network) -> None:
        super().__init__()
        self.temporal_transformer = TemporalTransformer(width, network)

    def forward(self, maps_BTCHW: Tensor) -> Tensor:
        """Returns maps of the same shape; any T."""
        return self.temporal_transformer(maps_BTCHW)


class TemporalTransformer(nn.Module):
    """Norm, projection, one block, projection, over the frames of each pixel."""

    def __init__(self, width: int, network: Network) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(network.groups, width, eps=1e-6)
        self.proj_in = nn.Linear(width, width)
        self.transformer_blocks = nn.ModuleList([TemporalBlock(width, network)])
        self.proj_out = zero_initialised(nn.Linear(width, width))

    def forward(self, maps_BTCHW: Tensor) -> Tensor:
        """Returns maps of the same shape."""
        clips, _, _, height, width = maps_BTCHW.shape
        # each frame has its own statistics, (B * T, C, H, W), unlike in the residual blocks (ClipNorm)
        normed = self.norm(maps_BTCHW.flatten(0, 1)).view_as(maps_BTCHW)
        # (B, T, C, H, W) -> (B, H, W, T, C) -> (N, T, C): every pixel becomes a batch entry, so that attention along
        # axis 1 connects only the same pixel in different frames
        sequences = self.proj_in(normed.permute(0, 3, 4, 1, 2).flatten(0, 2))
        for block in self.transformer_blocks:
            sequences = block(sequences)
        moved = self.proj_out(sequences).unflatten(0, (clips, height, width))
        return maps_BTCHW + moved.permute(0, 3, 4, 1, 2)  # (B, H, W, T, C) -> (B, T, C, H, W)


class TemporalBlock(nn.Module):
    """Two pre-norm self-attentions over frames, then a gated feed-forward."""

    def __init__(self, width: int, network: Network) -> None:
        super().__init__()
        self.attention_blocks = nn.ModuleList(TemporalAttention(width, None, network.heads) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.ff = FeedForward(width, mult=network.feed_forward)
        self.ff_norm = nn.LayerNorm(width)

    def forward(self, sequences_NTC: Tensor) -> Tensor:
        """Returns (N, T, C)."""
        for attend, norm in zip(self.attention_blocks, self.norms, strict=True):
            sequences_NTC = sequences_NTC + attend(norm(sequences_NTC))
        return sequences_NTC + self.ff(self.ff_norm(sequences_NTC))


class TemporalAttention(CrossAttention):
    """Self-attention over frames, with the position in the clip added to queries, keys and values."""

    def __init__(self, width: int, context_width: int | None, heads: int) -> None:
        super().__init__(width, context_width, heads)
        self.pos_encoder = Positions(width)

    def forward(self, sequences_NTC: Tensor) -> Tensor:
        """Returns (N, T, C)."""
        return super().forward(self.pos_encoder(sequences_NTC))


class Positions(nn.Module):
    """Adds the sinusoid of each frame's position: from the stored table up to 24 frames, else computed."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("pe", sinusoids(STORED_POSITIONS, width)[None])

    def forward(self, sequences_NTC: Tensor) -> Tensor:
        """Returns (N, T, C)."""
        frames, width = sequences_NTC.shape[1:]
        # `pe` is a buffer so that the table of LatentSync's file loads; it cannot be resized to the clip
        table = self.pe if frames <= STORED_POSITIONS else longer_table(self.pe, frames, width)
        return sequences_NTC + table[:, :frames].to(sequences_NTC.dtype)


@constant
def longer_table(frames: int, width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(1, T, C) sinusoids of T positions; the first 24 rows equal the stored table."""
    return sinusoids(frames, width)[None].to(device, dtype)
