"""EAD-Net: the denoising U-Net with its audio encoder, text adapter and temporal modules; one code at every scale.

Stable Diffusion 1.5's U-Net, inflated over time (``eadnet.models.levels``), with LatentSync's input (arXiv 2412.09262):
noisy latent | mask | masked-frame latent | reference latent, 3 z + 1 channels for z latent channels (13 for z = 4).
The default's numbers make it tiny; there `patch` 2 lets the finest level take 2 x 2 latent cells together, and a light
path at full resolution keeps the detail.

Shape legend: B clips, T frames, F = B * T, z latent channels, C channels, H, W latent grid, S text tokens, E embedding.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from torch import Tensor, nn
from torch.nn import functional

from eadnet.models.attention import zero_initialised
from eadnet.models.audio import make_audio_encoder
from eadnet.models.extended.fusion import TextAdapter, TextPool
from eadnet.models.levels import FRAMEWISE, DownLevel, Level, MiddleLevel, Temporal, UpLevel
from eadnet.models.transformer import Context

if TYPE_CHECKING:
    from eadnet.models.settings import Network

HEAD = 48
NEW_PARTS = ("motion.", "graph.", "fusion.text", "text_adapter.", "embed_text.", "embed_audio.")
"""What the published U-Nets lack: STDA, TFRM and the text branch."""
PARTS = {"all": ("",), "attention": ("attentions.", *NEW_PARTS), "modules": NEW_PARTS}
"""What a training phase may move, by the parts of the parameters' names (LatentSync's stage 2 moves `attention`)."""


class EADNet(nn.Module):
    """The whole network.

    Args:
        network: widths and module sizes.
        latent_channels: z.
        audio: kind of audio features, `mel` or `whisper`.
        text_input: channels of the frozen text states (384 MiniLM, 768 CLIP).
        temporal: variants of STDA and TFRM; without both, frames are independent.
    """

    def __init__(
        self,
        network: "Network",
        latent_channels: int,
        audio: str = "mel",
        text_input: int = 384,
        temporal: Temporal = FRAMEWISE,
    ) -> None:
        super().__init__()
        self.network, self.inputs, self.latent_channels = network, 3 * latent_channels + 1, latent_channels
        self.text_input = text_input
        widths, embedding = network.widths, network.embedding
        self.audio_encoder = make_audio_encoder(audio, network.audio_width)
        self.text_adapter = TextAdapter(text_input, network.text_width)
        self.time_proj = Timesteps(widths[0], flip_sin_to_cos=True, downscale_freq_shift=0)
        self.time_embedding = TimestepEmbedding(widths[0], embedding)
        self.embed_text = TextPool(network.text_width, embedding)
        audio_channels = network.audio_width * self.audio_encoder.tokens
        self.embed_audio = nn.Linear(audio_channels, embedding) if network.audio_embedding else None
        self.conv_in = nn.Conv2d(self.inputs, widths[0], 3, stride=network.patch, padding=1)
        self.down_blocks, skips = _encoder(network, temporal)
        self.mid_block = MiddleLevel(widths[-1], network, temporal)
        self.up_blocks = _decoder(network, temporal, skips)
        self.conv_norm_out = nn.GroupNorm(network.groups, widths[0], eps=1e-5)
        self.head = DetailHead(network, self.inputs, latent_channels) if network.detail_width else None
        cells = latent_channels * network.patch**2
        self.conv_out = None if self.head else zero_initialised(nn.Conv2d(widths[0], cells, 3, padding=1))

    def forward(
        self, inputs_BTCHW: Tensor, timesteps_B: Tensor, audio_BTSC: Tensor, text_BSC: Tensor, text_mask_BS: Tensor
    ) -> Tensor:
        """Predict the target of the diffusion process.

        Args:
            inputs_BTCHW: (B, T, 3 z + 1, H, W), H and W multiples of the network's stride.
            timesteps_B: (B,) diffusion time, 0 to 999.
            audio_BTSC: (B, T, S, C) audio windows; an all-zero clip is the null audio.
            text_BSC: (B, S, C) frozen text states.
            text_mask_BS: (B, S) bool, which of them are text; an all-False row is the null text.

        Returns:
            (B, T, z, H, W).

        Raises:
            ValueError: the input has other channels or a grid that the levels cannot halve, or the conditions are not
                of as many clips and frames.
        """
        self._check(inputs_BTCHW, timesteps_B, audio_BTSC, text_BSC, text_mask_BS)
        inputs, frames = inputs_BTCHW.flatten(0, 1), inputs_BTCHW.shape[1]
        condition, context = self._conditions(timesteps_B, audio_BTSC, text_BSC, text_mask_BS)
        maps = self.conv_in(inputs)
        skips = [maps]
        for level in self.down_blocks:
            maps, more = level(maps, condition, context)
            skips += more
        maps = self.mid_block(maps, condition, context)
        for level in self.up_blocks:
            maps = level(maps, skips, condition, context)
        maps = functional.silu(self.conv_norm_out(maps))
        if self.head:
            return self.head(maps, inputs).unflatten(0, (-1, frames))
        return functional.pixel_shuffle(self.conv_out(maps), self.network.patch).unflatten(0, (-1, frames))

    @property
    def stride(self) -> int:
        """Latent cells a side that the coarsest level takes together; H and W are multiples of it."""
        return self.network.patch * 2 ** (len(self.network.widths) - 1)

    def graphs(self) -> Iterator[tuple[str, nn.Module]]:
        """Names and modules of the frame graphs: `middle`, and `up_0` for the coarsest decoder level on."""
        named = {"middle": self.mid_block.graph} | {f"up_{n}": level.graph for n, level in enumerate(self.up_blocks)}
        return ((name, graph) for name, graph in named.items() if graph is not None)

    def graph_regulariser(self) -> Tensor:
        """Sum of the frame graphs' penalties in the last forward pass; zero without TFRM."""
        penalties = [graph.regulariser for _, graph in self.graphs()]
        return torch.stack(penalties).sum() if penalties else torch.zeros((), device=self.conv_in.weight.device)

    def part(self, name: str) -> list[nn.Parameter]:
        """Parameters of a part of the network: `all`, `attention` or `modules` (see ``PARTS``)."""
        return [value for key, value in self.named_parameters() if any(part in key for part in PARTS[name])]

    def temporal_parameters(self) -> list[nn.Parameter]:
        """Parameters of STDA and TFRM, which the backbone does not have."""
        return [value for key, value in self.named_parameters() if ".motion." in key or ".graph." in key]

    def checkpoint_gradients(self, switch: bool = True) -> None:
        """Whether layers make their activations again in the backward pass instead of keeping them."""
        for module in self.modules():
            if isinstance(module, Level):
                module.checkpointing = switch

    def _check(self, inputs: Tensor, timesteps: Tensor, audio: Tensor, text: Tensor, text_mask: Tensor) -> None:
        expected = f"inputs (B, T, {self.inputs}, H, W) with H and W multiples of {self.stride}"
        if inputs.ndim != 5 or inputs.shape[2] != self.inputs or any(side % self.stride for side in inputs.shape[-2:]):
            raise ValueError(f"the U-Net expects {expected}, got {tuple(inputs.shape)}")
        clips, frames = inputs.shape[:2]
        conditions = {
            f"timesteps ({clips},)": (timesteps, timesteps.shape == (clips,)),
            f"audio ({clips}, {frames}, S, C)": (audio, audio.ndim == 4 and audio.shape[:2] == (clips, frames)),
            f"text ({clips}, S, {self.text_input})": (text, text.shape == (*text_mask.shape, self.text_input)),
            f"a text mask ({clips}, S)": (text_mask, text_mask.ndim == 2 and len(text_mask) == clips),
        }
        for expected, (given, fits) in conditions.items():
            if not fits:
                raise ValueError(
                    f"the U-Net expects {expected} with inputs of {clips} clips and {frames} frames, "
                    f"got {tuple(given.shape)}"
                )

    def _conditions(self, timesteps: Tensor, audio: Tensor, text: Tensor, text_mask: Tensor) -> tuple[Tensor, Context]:
        """The embedding (F, E) that modulates residual blocks, and what the transformers attend to."""
        frames = audio.shape[1]
        present = audio.flatten(1).any(1).repeat_interleave(frames)
        tokens = self.audio_encoder(audio.flatten(0, 1)) * present[:, None, None]
        text, text_mask = self.text_adapter(text, text_mask)
        time = self.time_proj(timesteps).to(text.dtype)
        embedding = self.time_embedding(time) + self.embed_text(text, text_mask)
        embedding = embedding.repeat_interleave(frames, 0)
        if self.embed_audio is not None:
            embedding = embedding + self.embed_audio(tokens.flatten(1))
        by_frame = text.repeat_interleave(frames, 0), text_mask.repeat_interleave(frames, 0)
        return embedding, Context(tokens, *by_frame, frames)


class DetailHead(nn.Module):
    """The output at full latent resolution: the U-Net's maps, unfolded, beside a light convolution of the input."""

    def __init__(self, network: "Network", inputs: int, latent_channels: int) -> None:
        super().__init__()
        detail, self.patch = network.detail_width, network.patch
        self.unfold = nn.Conv2d(network.widths[0], detail * self.patch**2, 1)
        self.stem = nn.Conv2d(inputs, detail, 3, padding=1)
        self.mix = nn.Conv2d(2 * detail, HEAD, 3, padding=1)
        self.output = zero_initialised(nn.Conv2d(HEAD, latent_channels, 3, padding=1))

    def forward(self, maps_FCHW: Tensor, inputs_FCHW: Tensor) -> Tensor:
        """Returns (F, z, H, W)."""
        detail = functional.pixel_shuffle(self.unfold(maps_FCHW), self.patch)
        hidden = functional.silu(torch.cat([detail, self.stem(inputs_FCHW)], 1))
        return self.output(functional.silu(self.mix(hidden)))


def _encoder(network: "Network", temporal: Temporal) -> tuple[nn.ModuleList, list[int]]:
    """The encoder's levels, and the channels of all skips, finest first."""
    levels, skips = [], [network.widths[0]]
    for number, width in enumerate(network.widths):
        last = number == len(network.widths) - 1
        attends = number < network.attention_levels
        levels.append(DownLevel(skips[-1], width, network, temporal, attends, last))
        skips += [width] * (network.layers + (not last))
    return nn.ModuleList(levels), skips


def _decoder(network: "Network", temporal: Temporal, skips: list[int]) -> nn.ModuleList:
    levels, before, left = [], network.widths[-1], list(skips)
    for number, width in reversed(list(enumerate(network.widths))):
        taken = [left.pop() for _ in range(network.layers + 1)]
        attends = number < network.attention_levels
        levels.append(UpLevel(before, width, taken, network, temporal, attends, last=number == 0))
        before = width
    return nn.ModuleList(levels)
