"""EAD-Net: the denoising U-Net with its audio and text encoders.

Input per frame: noisy latent | mask | masked-frame latent | reference latent (LatentSync's order, arXiv 2412.09262),
3 z + 1 channels for z latent channels. The network predicts the clean latent as a correction to a base: reference
inside the mask, masked frame outside.

Shape legend: B clips, T frames, F = B * T, C channels, H height, W width, S text tokens.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from eadnet.config import Network
from eadnet.models.attention import CrossAttention, zero_initialised
from eadnet.models.audio import TOKENS, AudioEncoder
from eadnet.models.fusion import Fusion, TextAdapter, TextPool
from eadnet.models.stda import STDA
from eadnet.models.tfrm import TFRM

TEXT_INPUT_WIDTH = 384
EMBEDDING = 192
DETAIL = 32


class ResidualBlock(nn.Module):
    """Two convolutions with group norm; the condition scales and shifts between them."""

    def __init__(self, width: int, output_width: int) -> None:
        super().__init__()
        self.norm_in = nn.GroupNorm(8, width)
        self.conv_in = nn.Conv2d(width, output_width, 3, padding=1)
        self.modulate = nn.Linear(EMBEDDING, 2 * output_width)
        self.norm_out = nn.GroupNorm(8, output_width)
        self.conv_out = zero_initialised(nn.Conv2d(output_width, output_width, 3, padding=1))
        self.skip = nn.Conv2d(width, output_width, 1) if width != output_width else nn.Identity()

    def forward(self, maps_FCHW: Tensor, condition_FC: Tensor) -> Tensor:
        """Returns (F, output_width, H, W)."""
        hidden = self.conv_in(functional.silu(self.norm_in(maps_FCHW)))
        scale, shift = self.modulate(functional.silu(condition_FC))[:, :, None, None].chunk(2, 1)
        hidden = self.norm_out(hidden) * (1 + scale) + shift
        return self.skip(maps_FCHW) + self.conv_out(functional.silu(hidden))


class TransformerBlock(nn.Module):
    """Spatial self-attention, fusion with audio and text, feed-forward, then STDA where it is switched on."""

    def __init__(self, width: int, network: Network, stda: bool) -> None:
        super().__init__()
        self.attention = CrossAttention(width, zero_output=True)
        self.fusion = Fusion(width, network.audio_width, network.text_width, network.mouth_gate)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 2 * width),
            nn.GELU(),
            zero_initialised(nn.Linear(2 * width, width)),
        )
        self.stda = STDA(width, network.temporal_radius) if stda else None

    def forward(self, maps_FCHW: Tensor, context: tuple[Tensor, Tensor, Tensor], frames: int) -> Tensor:
        """Returns maps of the same shape; `context` is (audio, text, text mask) by frame."""
        height, width = maps_FCHW.shape[-2:]
        tokens = maps_FCHW.flatten(2).transpose(1, 2)
        tokens = tokens + self.attention(tokens)
        tokens = self.fusion(tokens, (height, width), *context)
        tokens = tokens + self.feed_forward(tokens)
        maps = tokens.transpose(1, 2).unflatten(2, (height, width))
        if self.stda is None:
            return maps
        return self.stda(maps.unflatten(0, (-1, frames))).flatten(0, 1)


class EADNet(nn.Module):
    """Audio encoder, text adapter and U-Net.

    Args:
        network: widths and module sizes.
        latent_channels: z.
        stda, tfrm: whether the temporal modules exist; without both, frames are independent.
    """

    def __init__(self, network: Network, latent_channels: int, stda: bool = False, tfrm: bool = False) -> None:
        super().__init__()
        half, quarter = network.widths
        inputs = 3 * latent_channels + 1
        self.audio_encoder = AudioEncoder(network.audio_width)
        self.text_adapter = TextAdapter(TEXT_INPUT_WIDTH, network.text_width)
        self.embed_time = nn.Sequential(nn.Linear(64, EMBEDDING), nn.SiLU(), nn.Linear(EMBEDDING, EMBEDDING))
        self.embed_audio = nn.Linear(network.audio_width * TOKENS, EMBEDDING)
        self.embed_text = TextPool(network.text_width, EMBEDDING)
        self.stem = nn.Conv2d(inputs, half, 2, stride=2)
        self.stem_detail = nn.Conv2d(inputs, DETAIL, 3, padding=1)
        self.down_half = ResidualBlock(half, half)
        self.down_half_block = TransformerBlock(half, network, stda)
        self.downsample = nn.Conv2d(half, quarter, 3, stride=2, padding=1)
        self.down_quarter = ResidualBlock(quarter, quarter)
        self.down_quarter_block = TransformerBlock(quarter, network, stda)
        self.middle = ResidualBlock(quarter, quarter)
        self.middle_graph = TFRM(quarter, network.graph_radius, network.graph_neighbours) if tfrm else None
        self.up_quarter = ResidualBlock(2 * quarter, quarter)
        self.up_quarter_block = TransformerBlock(quarter, network, stda)
        self.upsample = nn.Conv2d(quarter, half, 3, padding=1)
        self.up_half = ResidualBlock(2 * half, half)
        self.up_half_block = TransformerBlock(half, network, stda)
        self.up_graph = TFRM(half, network.graph_radius, network.graph_neighbours) if tfrm else None
        self.to_detail = nn.Sequential(nn.GroupNorm(8, half), nn.SiLU(), nn.Conv2d(half, 4 * DETAIL, 1))
        self.head = nn.Sequential(
            nn.SiLU(),
            nn.Conv2d(2 * DETAIL, 48, 3, padding=1),
            nn.SiLU(),
            zero_initialised(nn.Conv2d(48, latent_channels, 3, padding=1)),
        )

    def forward(
        self, inputs_BTCHW: Tensor, time_B: Tensor, mel_BT80M: Tensor, text_BSC: Tensor, text_mask_BS: Tensor
    ) -> Tensor:
        """Predict the correction to the base latent.

        Args:
            inputs_BTCHW: (B, T, 3 z + 1, H, W), H and W multiples of 4.
            time_B: (B,) diffusion time in [0, 1], 1 is pure noise.
            mel_BT80M: (B, T, 80, 23) mel windows; an all-zero clip is the null audio.
            text_BSC: (B, S, 384) frozen text states.
            text_mask_BS: (B, S) bool, which of them are text; an all-False row is the null text.

        Returns:
            (B, T, z, H, W).
        """
        frames = inputs_BTCHW.shape[1]
        condition, context = self._conditions(time_B, mel_BT80M, text_BSC, text_mask_BS)
        inputs = inputs_BTCHW.flatten(0, 1)
        half = self.down_half_block(self.down_half(self.stem(inputs), condition), context, frames)
        quarter = self.down_quarter(self.downsample(half), condition)
        quarter = self.down_quarter_block(quarter, context, frames)
        hidden = _graph(self.middle_graph, self.middle(quarter, condition), frames)
        hidden = self.up_quarter(torch.cat([hidden, quarter], 1), condition)
        hidden = self.up_quarter_block(hidden, context, frames)
        hidden = self.upsample(functional.interpolate(hidden, scale_factor=2.0))
        hidden = self.up_half(torch.cat([hidden, half], 1), condition)
        hidden = _graph(self.up_graph, self.up_half_block(hidden, context, frames), frames)
        detail = functional.pixel_shuffle(self.to_detail(hidden), 2)
        return self.head(torch.cat([detail, self.stem_detail(inputs)], 1)).unflatten(0, (-1, frames))

    def graph_regulariser(self) -> Tensor:
        """Sum of the frame graphs' penalties in the last forward pass; zero without TFRM."""
        graphs = [module.regulariser for module in self.modules() if isinstance(module, TFRM)]
        return torch.stack(graphs).sum() if graphs else torch.zeros(())

    def temporal_parameters(self) -> list[nn.Parameter]:
        """Parameters of STDA and TFRM, which the backbone does not have."""
        modules = [module for module in self.modules() if isinstance(module, STDA | TFRM)]
        return [parameter for module in modules for parameter in module.parameters()]

    def _conditions(self, time: Tensor, mel: Tensor, text: Tensor, text_mask: Tensor) -> tuple[Tensor, tuple]:
        """The embedding (F, 192) that modulates residual blocks, and the context of the attention blocks."""
        frames = mel.shape[1]
        present = mel.flatten(1).any(1).repeat_interleave(frames)
        audio = self.audio_encoder(mel.flatten(0, 1)) * present[:, None, None]
        text, text_mask = self.text_adapter(text, text_mask)
        embedding = self.embed_time(_sinusoid(time)) + self.embed_text(text, text_mask)
        embedding = embedding.repeat_interleave(frames, 0) + self.embed_audio(audio.flatten(1))
        by_frame = text.repeat_interleave(frames, 0), text_mask.repeat_interleave(frames, 0)
        return embedding, (audio, *by_frame)


def _graph(graph: TFRM | None, maps: Tensor, frames: int) -> Tensor:
    return maps if graph is None else graph(maps.unflatten(0, (-1, frames))).flatten(0, 1)


def _sinusoid(time_B: Tensor) -> Tensor:
    """(B, 64) sinusoidal embedding of time in [0, 1]."""
    frequencies = torch.exp(-math.log(1000) * torch.arange(32, device=time_B.device) / 32)
    angles = 1000 * time_B[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], -1)
