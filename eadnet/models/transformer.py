"""The U-Net's spatial transformer: self-attention, fusion of audio and text, feed-forward, over one frame's grid.

Parameters outside the fusion carry diffusers' names, so that the attention layers of Stable Diffusion and LatentSync
load (``eadnet.pretraining.published_unet``).

Shape legend: F = B * T frames, B clips, T frames a clip, L = H * W tokens, C channels, S context tokens.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from diffusers.models.attention import FeedForward
from torch import Tensor, nn

from eadnet.models.attention import CrossAttention, zero_initialised
from eadnet.models.extended.fusion import DecoupledFusion

if TYPE_CHECKING:
    from eadnet.models.settings import Network


@dataclass(frozen=True)
class Context:
    """What the transformer blocks attend to, by frame.

    Attributes:
        audio: (F, S, C) audio tokens.
        text, text_mask: (F, S', C') text tokens, and which of them may be attended to.
        frames: T.
    """

    audio: Tensor
    text: Tensor
    text_mask: Tensor
    frames: int


class TransformerBlock(nn.Module):
    """Pre-norm block: self-attention, parallel audio and text cross-attention, GEGLU feed-forward."""

    def __init__(self, width: int, network: "Network") -> None:
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))
        self.attn1 = CrossAttention(width, None, network.heads)
        self.fusion = DecoupledFusion(width, network.heads, network.audio_width, network.text_width, network.mouth_gate)
        self.ff = FeedForward(width, mult=network.feed_forward)

    def forward(self, tokens_FLC: Tensor, grid: tuple[int, int], context: Context) -> Tensor:
        """Returns (F, L, C); L = grid[0] * grid[1]."""
        tokens = tokens_FLC + self.attn1(self.norm1(tokens_FLC))
        tokens = tokens + self.fusion(self.norm2(tokens), grid, context.audio, context.text, context.text_mask)
        return tokens + self.ff(self.norm3(tokens))


class SpatialTransformer(nn.Module):
    """Residual transformer over the grid of each frame; the identity when newly made."""

    def __init__(self, width: int, network: "Network") -> None:
        super().__init__()
        self.norm = nn.GroupNorm(network.groups, width, eps=1e-6)
        self.proj_in = nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(width, network)])
        self.proj_out = zero_initialised(nn.Conv2d(width, width, 1))

    def forward(self, maps_FCHW: Tensor, context: Context) -> Tensor:
        """Returns maps of the same shape."""
        grid = tuple(maps_FCHW.shape[-2:])
        tokens = self.proj_in(self.norm(maps_FCHW)).flatten(2).transpose(1, 2)
        for block in self.transformer_blocks:
            tokens = block(tokens, grid, context)
        return maps_FCHW + self.proj_out(tokens.transpose(1, 2).unflatten(2, grid))
