"""The U-Net's spatial transformer: self-attention, attention to audio and text, feed-forward, in each frame separately.

Parameters carry diffusers' names, so that the attention layers of Stable Diffusion and LatentSync load
(``eadnet.training.unet_weights``).

Shape legend: F = B * T frames, B clips, T frames a clip, L = H * W image tokens, C channels, S context tokens.
"""

from dataclasses import dataclass

from diffusers.models.attention import FeedForward
from torch import Tensor, nn

from eadnet.config.networks import Network
from eadnet.models.attention import CrossAttention, zero_initialised
from eadnet.models.extended.fusion import TextAttention


@dataclass(frozen=True)
class Context:
    """Input of the network's layers in addition to the maps.

    Attributes:
        heard: (F, S, C) fused features f_c: audio tokens, plus the text vector if the network has the fusion.
        frames: T.
        text, text_mask: (B, S', C') text tokens for the decoupled attention, and (B, S') bool, True where a token may
            be attended to.
        objects: (B, T, O, D) features of detected objects for TFRM's object branch.
        framewise: whether motion modules are skipped (LatentSync's stage 1).
        alone: whether norms are of single frames; LatentSync's are of whole clips.
    """

    heard: Tensor
    frames: int
    text: Tensor | None = None
    text_mask: Tensor | None = None
    objects: Tensor | None = None
    framewise: bool = False
    alone: bool = False

    @property
    def normed(self) -> int:
        """Frames that share the statistics of a norm."""
        return 1 if self.alone else self.frames


class TransformerBlock(nn.Module):
    """Pre-norm block: self-attention, cross-attention, GEGLU feed-forward.

    Args:
        width: C.
        network: gives the sizes.
        decoupled: whether a second cross-attention reads text tokens (`fusion: decoupled`).
    """

    def __init__(self, width: int, network: Network, decoupled: bool) -> None:
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))
        self.attn1 = CrossAttention(width, None, network.heads)
        self.attn2 = CrossAttention(width, network.audio_width, network.heads)
        text = TextAttention(width, network.heads, network.text_width, network.mouth_gate) if decoupled else None
        self.text_attention = text
        self.ff = FeedForward(width, mult=network.feed_forward)

    def forward(self, tokens_FLC: Tensor, grid: tuple[int, int], context: Context) -> Tensor:
        """Returns (F, L, C); L = grid[0] * grid[1]."""
        tokens = tokens_FLC + self.attn1(self.norm1(tokens_FLC))
        tokens = tokens + self._attended(self.norm2(tokens), grid, context)
        return tokens + self.ff(self.norm3(tokens))

    def _attended(self, normed: Tensor, grid: tuple[int, int], context: Context) -> Tensor:
        # attention is within a frame: image tokens of frame f read the S audio tokens of frame f only
        heard = self.attn2(normed, context.heard)
        if self.text_attention is None:
            return heard
        return heard + self.text_attention(normed, grid, context.text, context.text_mask)


class SpatialTransformer(nn.Module):
    """Residual transformer over the grid of each frame; the identity when newly made."""

    def __init__(self, width: int, network: Network, decoupled: bool) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(network.groups, width, eps=1e-6)
        self.proj_in = nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(width, network, decoupled)])
        self.proj_out = zero_initialised(nn.Conv2d(width, width, 1))

    def forward(self, maps_FCHW: Tensor, context: Context) -> Tensor:
        """Returns maps of the same shape."""
        grid = tuple(maps_FCHW.shape[-2:])
        tokens = self.proj_in(self.norm(maps_FCHW)).flatten(2).transpose(1, 2)  # (F, C, H, W) -> (F, H * W, C)
        for block in self.transformer_blocks:
            tokens = block(tokens, grid, context)
        return maps_FCHW + self.proj_out(tokens.transpose(1, 2).unflatten(2, grid))  # back to (F, C, H, W)
