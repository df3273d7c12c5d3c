"""StableSyncNet, the published lip-sync supervisor of LatentSync (arXiv 2412.09262, section 3.3).

Two stacks of strided residual blocks reduce 48 x 128 x 256 pictures (16 RGB frames in channels) and 1 x 80 x 52
spectrograms to one vector each. Layout and parameter names follow bytedance/LatentSync
`latentsync/models/stable_syncnet.py` and `configs/syncnet/syncnet_16_pixel_attn.yaml`, so that `stable_syncnet.pt`
loads without renaming; every width is a multiple of the first audio block's, 32 as published.

Shape legend: B clips, T = 16 frames, S crop side, C channels, H, W grid, D embedding.
"""

from typing import NamedTuple

import torch
from diffusers.models.attention import FeedForward
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from eadnet.config.networks import SyncNet as Settings
from eadnet.published.resizing import resized

RESOLUTION = 256
VIDEO_CHANNELS = 48
HEADS = 8


class Level(NamedTuple):
    """One residual block: output width in units of `width`, stride over rows and columns, attention after it."""

    width: int
    stride: tuple[int, int]
    attention: bool = False


AUDIO = (
    Level(1, (2, 1)),
    Level(2, (2, 2)),
    Level(4, (2, 2)),
    Level(8, (1, 1), attention=True),
    Level(16, (2, 2), attention=True),
    Level(32, (2, 2)),
    Level(64, (2, 3)),
)
VIDEO = (
    Level(2, (1, 2)),
    Level(4, (2, 2)),
    Level(8, (2, 2)),
    Level(8, (2, 2)),
    Level(16, (2, 2), attention=True),
    Level(32, (2, 2), attention=True),
    Level(64, (2, 2)),
    Level(64, (2, 2)),
)


class StableSyncNet(nn.Module):
    """Embeds lower-half video and audio windows in one space of 64 `width` dimensions.

    Args:
        settings: `width` and `embedding`.
        checkpointing: recompute activations in the backward pass, a block at a time.

    Raises:
        ValueError: the embedding is not 64 widths.
    """

    def __init__(self, settings: Settings, checkpointing: bool = False) -> None:
        super().__init__()
        width, embedding = settings.width, settings.embedding
        if embedding != AUDIO[-1].width * width:
            raise ValueError(
                f"syncnet.embedding: expected {AUDIO[-1].width * width}, 64 times syncnet.width, got {embedding}"
            )
        self.audio_encoder = Encoder(1, width, AUDIO, checkpointing)
        self.visual_encoder = Encoder(VIDEO_CHANNELS, width, VIDEO, checkpointing)

    @staticmethod
    def mouth_region(crops: Tensor) -> Tensor:
        """(B, T, 3, 128, 256) lower half of aligned crops (B, T, 3, S, S), resized as a whole before it is cut."""
        return resized(crops, (RESOLUTION, RESOLUTION), "bicubic")[..., RESOLUTION // 2 :, :]

    def embed_video(self, mouths: Tensor) -> Tensor:
        """(B, D) unit vectors of mouth regions (B, 16, 3, 128, 256) in [-1, 1], as `mouth_region` cuts them."""
        expected = (VIDEO_CHANNELS // 3, 3, RESOLUTION // 2, RESOLUTION)
        if mouths.shape[1:] != expected:
            raise ValueError(f"mouth regions: expected {expected} a clip, got {tuple(mouths.shape[1:])}")
        return _unit(self.visual_encoder(mouths.flatten(1, 2)))

    def embed_audio(self, mel: Tensor) -> Tensor:
        """(B, D) unit vectors of mel windows (B, 80, 52)."""
        if mel.shape[1:] != (80, 52):
            raise ValueError(f"mel windows: expected (80, 52) a clip, got {tuple(mel.shape[1:])}")
        return _unit(self.audio_encoder(mel[:, None]))

    def forward(self, crops: Tensor, mel: Tensor) -> Tensor:
        """(B,) cosines in [0, 1] of aligned crops (B, 16, 3, S, S) and mel windows (B, 80, 52)."""
        return (self.embed_video(self.mouth_region(crops)) * self.embed_audio(mel)).sum(1)


class Encoder(nn.Module):
    """(B, C, H, W) to (B, D, 1, 1), not negative."""

    def __init__(self, channels: int, unit: int, levels: tuple[Level, ...], checkpointing: bool) -> None:
        super().__init__()
        self.checkpointing = checkpointing
        groups, width = min(32, unit), levels[0].width * unit
        self.conv_in = nn.Conv2d(channels, width, 3, padding=1)
        self.down_blocks = nn.ModuleList()
        for level in levels:
            self.down_blocks.append(ResidualBlock(width, level.width * unit, level.stride, groups))
            width = level.width * unit
            if level.attention:
                self.down_blocks.append(AttentionBlock(width, groups))
        self.norm_out = nn.GroupNorm(groups, width, eps=1e-6)

    def forward(self, maps_BCHW: Tensor) -> Tensor:
        """Returns (B, D, 1, 1)."""
        hidden = self.conv_in(maps_BCHW)
        for block in self.down_blocks:
            checkpointed = self.checkpointing and torch.is_grad_enabled()
            hidden = checkpoint(block, hidden, use_reentrant=False) if checkpointed else block(hidden)
        return functional.relu(self.norm_out(hidden))


class ResidualBlock(nn.Module):
    """Two convolutions with a shortcut, then a strided convolution."""

    def __init__(self, width: int, output_width: int, stride: tuple[int, int], groups: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, width, eps=1e-6)
        self.conv1 = nn.Conv2d(width, output_width, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, output_width, eps=1e-6)
        self.conv2 = nn.Conv2d(output_width, output_width, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(width, output_width, 1) if width != output_width else None
        self.downsample_conv = nn.Conv2d(output_width, output_width, 3, stride) if stride != (1, 1) else None
        # A strided axis is padded at its far end only, as in diffusers; one of stride 1 at both, to keep its length.
        self.padding = [int(stride[1] == 1), 1, int(stride[0] == 1), 1]

    def forward(self, maps_BCHW: Tensor) -> Tensor:
        """Returns (B, output width, H', W')."""
        hidden = self.conv1(functional.silu(self.norm1(maps_BCHW)))
        hidden = self.conv2(functional.silu(self.norm2(hidden)))
        hidden = hidden + (maps_BCHW if self.conv_shortcut is None else self.conv_shortcut(maps_BCHW))
        if self.downsample_conv is None:
            return hidden
        return self.downsample_conv(functional.pad(hidden, self.padding))


class AttentionBlock(nn.Module):
    """Self-attention and feed-forward over the cells of a map, between two 1 x 1 convolutions."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, width, eps=1e-6)
        self.conv_in = nn.Conv2d(width, width, 1)
        self.norm2 = nn.LayerNorm(width)
        self.attn = Attention(width, heads=HEADS, dim_head=width // HEADS, bias=True)
        self.norm3 = nn.LayerNorm(width)
        self.ff = FeedForward(width, activation_fn="geglu")
        self.conv_out = nn.Conv2d(width, width, 1)

    def forward(self, maps_BCHW: Tensor) -> Tensor:
        """Returns (B, C, H, W)."""
        tokens = self.conv_in(self.norm1(maps_BCHW)).flatten(2).transpose(1, 2)
        tokens = self.attn(self.norm2(tokens)) + tokens
        tokens = self.ff(self.norm3(tokens)) + tokens
        return self.conv_out(tokens.transpose(1, 2).reshape(maps_BCHW.shape)) + maps_BCHW


def _unit(vectors_BD11: Tensor) -> Tensor:
    return functional.normalize(vectors_BD11.flatten(1).float(), dim=1, eps=1e-6)
