"""The U-Net's levels: residual blocks, spatial transformers, and STDA and TFRM where they are switched on.

Shaped and named as Stable Diffusion 1.5's blocks (diffusers' ``UNet2DConditionModel``), inflated over time as
LatentSync does: frames are folded into the batch, and the temporal module of a layer stands in AnimateDiff's
motion-module slot, after its residual block and transformer. TFRM closes the middle and every decoder level.

Shape legend: F = B * T frames, B clips, T frames a clip, C channels, H, W grid, E embedding.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diffusers.models.downsampling import Downsample2D
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D
from torch import Tensor, cat, nn
from torch.utils.checkpoint import checkpoint

from eadnet.models.attention import zero_initialised
from eadnet.models.extended.stda import make_stda
from eadnet.models.extended.tfrm import make_tfrm
from eadnet.models.transformer import Context, SpatialTransformer

if TYPE_CHECKING:
    from eadnet.models.settings import Network


@dataclass(frozen=True)
class Temporal:
    """Which temporal modules a network has: variants of STDA and TFRM, or `none`."""

    stda: str = "none"
    tfrm: str = "none"


FRAMEWISE = Temporal()
"""Frames do not see each other: the backbone."""


class Level(nn.Module):
    """Layers of one resolution; a layer is a residual block, a transformer (where `attends`) and STDA.

    Args:
        inputs: channels that each layer's residual block takes; as many layers as entries.
        width: channels of the level.
    """

    def __init__(
        self, inputs: list[int], width: int, network: "Network", temporal: Temporal, attends: bool | list[bool]
    ) -> None:
        super().__init__()
        attends = attends if isinstance(attends, list) else [attends] * len(inputs)
        self.resnets = nn.ModuleList(_residual_block(channels, width, network) for channels in inputs)
        self.attentions = nn.ModuleList(SpatialTransformer(width, network) if here else None for here in attends)
        self.motion = nn.ModuleList(make_stda(width, network, temporal.stda) for _ in attends)
        self.graph = None
        self.checkpointing = False

    def layer(self, index: int, maps_FCHW: Tensor, condition_FE: Tensor, context: Context) -> Tensor:
        """Run one layer; its activations are made again in the backward pass where `checkpointing` is on."""
        run: Callable = self._layer
        if self.checkpointing and self.training:
            return checkpoint(run, index, maps_FCHW, condition_FE, context, use_reentrant=False)
        return run(index, maps_FCHW, condition_FE, context)

    def reason(self, maps_FCHW: Tensor, frames: int) -> Tensor:
        """Run TFRM, where the level has one."""
        return maps_FCHW if self.graph is None else _by_clip(self.graph, maps_FCHW, frames)

    def _layer(self, index: int, maps: Tensor, condition: Tensor, context: Context) -> Tensor:
        maps = self.resnets[index](maps, condition)
        if self.attentions[index] is not None:
            maps = self.attentions[index](maps, context)
        if self.motion[index] is not None:
            maps = _by_clip(self.motion[index], maps, context.frames)
        return maps


class DownLevel(Level):
    """Encoder level; hands every layer's maps on as skips."""

    def __init__(
        self, before: int, width: int, network: "Network", temporal: Temporal, attends: bool, last: bool
    ) -> None:
        super().__init__([before] + [width] * (network.layers - 1), width, network, temporal, attends)
        samplers = [] if last else [Downsample2D(width, use_conv=True, out_channels=width, name="op")]
        self.downsamplers = nn.ModuleList(samplers)

    def forward(self, maps_FCHW: Tensor, condition_FE: Tensor, context: Context) -> tuple[Tensor, list[Tensor]]:
        """Returns the maps for the next level and the skips."""
        skips = []
        for index in range(len(self.resnets)):
            maps_FCHW = self.layer(index, maps_FCHW, condition_FE, context)
            skips.append(maps_FCHW)
        for sampler in self.downsamplers:
            maps_FCHW = sampler(maps_FCHW)
            skips.append(maps_FCHW)
        return maps_FCHW, skips


class MiddleLevel(Level):
    """Residual block, transformer, residual block; STDA and TFRM after the last."""

    def __init__(self, width: int, network: "Network", temporal: Temporal) -> None:
        super().__init__([width, width], width, network, temporal, [True, False])
        self.motion[0] = None
        self.graph = make_tfrm(width, network, temporal.tfrm)

    def forward(self, maps_FCHW: Tensor, condition_FE: Tensor, context: Context) -> Tensor:
        """Returns maps of the same shape."""
        for index in range(len(self.resnets)):
            maps_FCHW = self.layer(index, maps_FCHW, condition_FE, context)
        return self.reason(maps_FCHW, context.frames)


class UpLevel(Level):
    """Decoder level; each layer takes one skip."""

    def __init__(
        self,
        before: int,
        width: int,
        skips: list[int],
        network: "Network",
        temporal: Temporal,
        attends: bool,
        last: bool,
    ) -> None:
        inputs = [kept + skip for kept, skip in zip([before] + [width] * network.layers, skips, strict=True)]
        super().__init__(inputs, width, network, temporal, attends)
        self.graph = make_tfrm(width, network, temporal.tfrm)
        samplers = [] if last else [Upsample2D(width, use_conv=True, out_channels=width)]
        self.upsamplers = nn.ModuleList(samplers)

    def forward(self, maps_FCHW: Tensor, skips: list[Tensor], condition_FE: Tensor, context: Context) -> Tensor:
        """Returns the maps for the next level; takes its skips from the end of the list."""
        for index in range(len(self.resnets)):
            maps_FCHW = self.layer(index, cat([maps_FCHW, skips.pop()], 1), condition_FE, context)
        maps_FCHW = self.reason(maps_FCHW, context.frames)
        for sampler in self.upsamplers:
            maps_FCHW = sampler(maps_FCHW)
        return maps_FCHW


def _residual_block(channels: int, width: int, network: "Network") -> ResnetBlock2D:
    modulation = {"additive": "default", "scale_shift": "scale_shift"}[network.modulation]
    block = ResnetBlock2D(
        in_channels=channels,
        out_channels=width,
        temb_channels=network.embedding,
        groups=network.groups,
        eps=1e-5,
        time_embedding_norm=modulation,
    )
    zero_initialised(block.conv2)
    return block


def _by_clip(module: nn.Module, maps: Tensor, frames: int) -> Tensor:
    """Run a module that sees whole clips (B, T, C, H, W) on maps with frames folded into the batch."""
    return module(maps.unflatten(0, (-1, frames))).flatten(0, 1)
