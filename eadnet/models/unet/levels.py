"""The U-Net's levels: residual blocks, spatial transformers and motion modules, with EAD-Net's additions.

Structure and names follow LatentSync's blocks (arXiv 2412.09262): Stable Diffusion 1.5's, inflated over time, frames
folded into the batch, a motion module after every layer of encoder and decoder and none in the middle. EAD-Net puts
STDA into every residual block and TFRM into the middle. Our extended STDA follows each motion module; our extended TFRM
follows the first layer of the middle, and the last layer of each decoder level.

Shape legend: F = B * T frames, B clips, T frames a clip, C channels, H, W grid, E embedding.
"""

from collections.abc import Callable
from dataclasses import dataclass

from diffusers.models.downsampling import Downsample2D
from diffusers.models.upsampling import Upsample2D
from torch import Tensor, cat, nn
from torch.utils.checkpoint import checkpoint

from eadnet.config.networks import Network
from eadnet.config.training import Training
from eadnet.models.extended.stda import make_stda
from eadnet.models.extended.tfrm import make_tfrm
from eadnet.models.temporal.motion import MotionModule
from eadnet.models.temporal.tfrm import TFRM
from eadnet.models.unet.residual import ResidualBlock
from eadnet.models.unet.transformer import Context, SpatialTransformer

NONE, PUBLISHED = "none", "published"
"""No module, and the variant of STDA and TFRM that the paper describes; all others are extensions of ours."""


@dataclass(frozen=True)
class Modules:
    """What a network has beside LatentSync's: variants of STDA, TFRM and the fusion of text, each `none` without it.

    Without `motion` LatentSync's motion modules are skipped (they keep the weights that they start with), and norms are
    of single frames.
    """

    stda: str = NONE
    tfrm: str = NONE
    fusion: str = NONE
    motion: bool = True


LATENTSYNC = Modules()
"""No addition: LatentSync's network."""


class Level(nn.Module):
    """Layers of one resolution: a residual block, a transformer (if `attends`), a motion module (if `moves`).

    Args:
        inputs: input channels of each layer's residual block; one entry a layer.
        width: channels of the level.
        network: sizes.
        modules: EAD-Net's additions.
        attends: for each layer, whether it has a transformer.
        moves: whether layers have motion modules.
    """

    def __init__(
        self,
        inputs: list[int],
        width: int,
        network: Network,
        modules: Modules,
        attends: list[bool],
        moves: bool = True,
    ) -> None:
        super().__init__()
        published, decoupled = modules.stda == PUBLISHED, modules.fusion == "decoupled"
        self.resnets = nn.ModuleList(ResidualBlock(channels, width, network, published) for channels in inputs)
        self.attentions = nn.ModuleList(
            SpatialTransformer(width, network, decoupled) if here else None for here in attends
        )
        self.motion_modules = nn.ModuleList(MotionModule(width, network) if moves else None for _ in inputs)
        ours = modules.stda not in (NONE, PUBLISHED)
        self.strips = nn.ModuleList(make_stda(width, network, modules.stda) if ours else None for _ in inputs)
        self.tfrm: nn.Module | None = None
        self.checkpointing = False

    def layer(self, index: int, maps_FCHW: Tensor, condition_FE: Tensor, context: Context) -> Tensor:
        """Run one layer; with `checkpointing` its activations are recomputed in the backward pass."""
        run: Callable = self._layer
        if self.checkpointing and self.training:
            return checkpoint(run, index, maps_FCHW, condition_FE, context, use_reentrant=False)
        return run(index, maps_FCHW, condition_FE, context)

    def _layer(self, index: int, maps: Tensor, condition: Tensor, context: Context) -> Tensor:
        # LatentSync's order: within a frame first (convolutions, attention over pixels), then over time. Maps are
        # (F, C, H, W); only modules over time get (B, T, C, H, W)
        maps = self.resnets[index](maps, condition, context.normed)
        if self.attentions[index] is not None:
            maps = self.attentions[index](maps, context)
        if self.motion_modules[index] is not None and not context.framewise:
            maps = by_clip(self.motion_modules[index], maps, context.frames)
        if self.strips[index] is not None:
            maps = by_clip(self.strips[index], maps, context.frames)
        return maps


class DownLevel(Level):
    """Encoder level; returns the maps of every layer, and of the downsampling, as skips for the decoder."""

    def __init__(self, before: int, width: int, network: Network, modules: Modules, attends: bool, last: bool) -> None:
        inputs = [before] + [width] * (network.layers - 1)
        super().__init__(inputs, width, network, modules, [attends] * len(inputs))
        samplers = [] if last else [Downsample2D(width, use_conv=True, out_channels=width, name="op")]
        self.downsamplers = nn.ModuleList(samplers)

    def forward(self, maps_FCHW: Tensor, condition_FE: Tensor, context: Context) -> tuple[Tensor, list[Tensor]]:
        """Returns the maps for the next level, and the skips."""
        skips = []
        for index in range(len(self.resnets)):
            maps_FCHW = self.layer(index, maps_FCHW, condition_FE, context)
            skips.append(maps_FCHW)
        for sampler in self.downsamplers:
            maps_FCHW = sampler(maps_FCHW)
            skips.append(maps_FCHW)
        return maps_FCHW, skips


class MiddleLevel(Level):
    """Residual block, transformer, TFRM, residual block (EAD-Net, section 3.3).

    Without motion modules, TFRM and the norms over whole clips are the middle's only links between frames.
    """

    def __init__(self, width: int, network: Network, modules: Modules) -> None:
        super().__init__([width, width], width, network, modules, [True, False], moves=False)
        self.strips[0] = None  # our extended STDA comes once in the middle, after the second residual block
        if modules.tfrm == PUBLISHED:
            self.tfrm = TFRM(width, network.graph_rounds, network.graph_object_width)
        elif modules.tfrm != NONE:
            self.tfrm = make_tfrm(width, network, modules.tfrm)

    def forward(self, maps_FCHW: Tensor, condition_FE: Tensor, context: Context) -> Tensor:
        """Returns maps of the same shape."""
        maps_FCHW = self.layer(0, maps_FCHW, condition_FE, context)
        if isinstance(self.tfrm, TFRM):
            maps_FCHW = by_clip(self.tfrm, maps_FCHW, context.frames, context.objects)
        elif self.tfrm is not None:
            maps_FCHW = by_clip(self.tfrm, maps_FCHW, context.frames)
        return self.layer(1, maps_FCHW, condition_FE, context)


class UpLevel(Level):
    """Decoder level; each layer takes one skip. The extended TFRM follows the last layer."""

    def __init__(
        self,
        before: int,
        width: int,
        skips: list[int],
        network: Network,
        modules: Modules,
        attends: bool,
        last: bool,
    ) -> None:
        # a layer's input is the maps so far, concatenated with one skip along the channels
        inputs = [kept + skip for kept, skip in zip([before] + [width] * network.layers, skips, strict=True)]
        super().__init__(inputs, width, network, modules, [attends] * len(inputs))
        if modules.tfrm not in (NONE, PUBLISHED):
            self.tfrm = make_tfrm(width, network, modules.tfrm)
        samplers = [] if last else [Upsample2D(width, use_conv=True, out_channels=width)]
        self.upsamplers = nn.ModuleList(samplers)

    def forward(self, maps_FCHW: Tensor, skips: list[Tensor], condition_FE: Tensor, context: Context) -> Tensor:
        """Returns the maps for the next level; removes its skips, the last ones made, from the end of the list."""
        for index in range(len(self.resnets)):
            maps_FCHW = self.layer(index, cat([maps_FCHW, skips.pop()], 1), condition_FE, context)
        if self.tfrm is not None:
            maps_FCHW = by_clip(self.tfrm, maps_FCHW, context.frames)
        for sampler in self.upsamplers:
            maps_FCHW = sampler(maps_FCHW)
        return maps_FCHW


def by_clip(module: nn.Module, maps: Tensor, frames: int, *others: Tensor | None) -> Tensor:
    """Run a module over whole clips (B, T, C, H, W) on maps (B * T, C, H, W); returns the latter shape."""
    return module(maps.unflatten(0, (-1, frames)), *others).flatten(0, 1)


def run_modules(training: Training) -> Modules:
    """The additions of a run to LatentSync's network; a run without text has no fusion."""
    fusion = "none" if training.text == "none" else training.fusion
    return Modules(training.stda, training.tfrm, fusion, training.motion)
