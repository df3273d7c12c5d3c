"""The U-Net's residual block, with STDA at a place that this project chose.

Structure and names are those of Stable Diffusion (diffusers' ``ResnetBlock2D``), so that its weights load. The norms
use the statistics of a whole clip, as LatentSync's do (``latentsync/models/resnet.py``). EAD-Net (arXiv 2604.23325,
section 3.2) integrates STDA "into the ResNet block" and does not state where: here it is applied to the output of the
second convolution, before the block's residual sum.

Shape legend: F = B * T frames, B clips, T frames a clip, C channels, H height, W width, E channels of the condition.
"""

from torch import Tensor, nn
from torch.nn.functional import silu

from eadnet.config.networks import Network
from eadnet.models.attention import zero_initialised
from eadnet.models.temporal.stda import STDA


class ClipNorm(nn.GroupNorm):
    """Group norm with one mean and variance for all frames of a clip, so that frames always influence each other."""

    def forward(self, maps_FCHW: Tensor, frames: int) -> Tensor:
        """Returns maps of the same shape; `frames` is T."""
        if frames == 1:
            return super().forward(maps_FCHW)
        # (B * T, C, H, W) -> (B, C, T, H, W): GroupNorm takes statistics over all axes after the channels
        clips_BCTHW = maps_FCHW.unflatten(0, (-1, frames)).transpose(1, 2)
        return super().forward(clips_BCTHW).transpose(1, 2).flatten(0, 1)


class ResidualBlock(nn.Module):
    """Two convolutions, each after a norm, modulated by the condition in between; their output is added to a shortcut.

    Args:
        inputs: channels of the input.
        width: channels of the output.
        network: gives groups, embedding, modulation and STDA's taps.
        stda: whether the block has STDA.
    """

    def __init__(self, inputs: int, width: int, network: Network, stda: bool) -> None:
        super().__init__()
        self.scale_shift = network.modulation == "scale_shift"
        self.norm1, self.norm2 = (ClipNorm(network.groups, channels, eps=1e-5) for channels in (inputs, width))
        self.conv1 = nn.Conv2d(inputs, width, 3, padding=1)
        self.time_emb_proj = nn.Linear(network.embedding, 2 * width if self.scale_shift else width)
        self.conv2 = zero_initialised(nn.Conv2d(width, width, 3, padding=1))
        self.stda = STDA(width, network.strip_taps) if stda else None
        self.conv_shortcut = nn.Conv2d(inputs, width, 1) if inputs != width else None

    def forward(self, maps_FCHW: Tensor, condition_FE: Tensor, frames: int) -> Tensor:
        """Returns (F, width, H, W); `frames` is T."""
        hidden = self.conv1(silu(self.norm1(maps_FCHW, frames)))
        hidden = self.conv2(silu(self._modulated(hidden, condition_FE, frames)))
        if self.stda is not None:
            hidden = self.stda(hidden)  # the branch, not the sum: the shortcut stays a shortcut
        return hidden + (maps_FCHW if self.conv_shortcut is None else self.conv_shortcut(maps_FCHW))

    def _modulated(self, hidden: Tensor, condition: Tensor, frames: int) -> Tensor:
        """The maps after the second norm: scaled and shifted after it (the default), or shifted before it (SD 1.5)."""
        condition = self.time_emb_proj(silu(condition))[..., None, None]  # (F, C or 2 C, 1, 1)
        if not self.scale_shift:
            return self.norm2(hidden + condition, frames)
        scale, shift = condition.chunk(2, 1)
        return self.norm2(hidden, frames) * (1 + scale) + shift
