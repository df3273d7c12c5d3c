"""Small U-Nets of both structures, with weights that hide nothing, and inputs for them."""

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from eadnet.config.networks import Network
from eadnet.models.unet.levels import Modules
from eadnet.models.unet.unet import EADNet

TINY = Network(widths=(24, 48), audio_width=16, text_width=16, embedding=32, strip_head=8)
"""The default's structure: patches of 2 x 2 cells, audio in the time embedding."""
SHAPED = Network(
    widths=(32, 64, 64, 64), layers=2, attention_levels=3, heads=8, groups=16, feed_forward=4, embedding=128,
    modulation="additive", patch=1, audio_width=32, audio_embedding=False, text_width=32, strip_head=8,
)  # fmt: skip
"""Stable Diffusion 1.5's structure."""
STRUCTURES = {"tiny": TINY, "shaped": SHAPED}
LATENT_CHANNELS = 4
TEXT = 24
"""Channels of the text states."""


PAPER = Modules("published", "published", "added")
OURS = Modules("extended", "extended", "decoupled")
READS = Modules(fusion="added")
"""All of the paper's modules; all of our extensions; LatentSync that reads text as the paper does (the backbone)."""


def make(network: Network = TINY, modules: Modules = READS, audio: str = "mel") -> EADNet:
    """A newly made network in evaluation mode; the same every time."""
    torch.manual_seed(0)
    return EADNet(network, LATENT_CHANNELS, audio, TEXT, modules).eval()


def awakened(model: nn.Module) -> nn.Module:
    """The module with noise on all weights, so that zero-initialised outputs do not hide anything."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return model


def batch(frames: int, clips: int = 2, side: int = 16) -> dict[str, Tensor]:
    """What ``EADNet.forward`` takes, by the names of its arguments; the last clip has no text."""
    generator = torch.Generator().manual_seed(frames)
    draw = lambda *shape: torch.randn(shape, generator=generator)  # noqa: E731
    return {
        "inputs_BTCHW": draw(clips, frames, 3 * LATENT_CHANNELS + 1, side, side),
        "timesteps_B": torch.arange(clips) * 700 + 3,
        "audio_BTSC": draw(clips, frames, 23, 80),
        "text_BSC": draw(clips, 6, TEXT),
        "text_mask_BS": torch.arange(6) < torch.tensor([[4]] * (clips - 1) + [[0]]),
    }


def stable_diffusion(network: Network, channels: int, context: int) -> UNet2DConditionModel:
    """Diffusers' own U-Net of Stable Diffusion 1.5's form, with the sizes of `network`."""
    return UNet2DConditionModel(
        in_channels=channels,
        out_channels=LATENT_CHANNELS,
        cross_attention_dim=context,
        block_out_channels=network.widths,
        attention_head_dim=network.heads,
        norm_num_groups=network.groups,
    ).eval()
