"""EAD-Net: LatentSync's U-Net with STDA, TFRM and fused text; one code at every scale.

LatentSync's (arXiv 2412.09262) is Stable Diffusion 1.5's U-Net, inflated over time (``levels``). Its input is noisy
latent | mask | masked-frame latent | reference latent, 3 z + 1 channels for z latent channels (13 for z = 4). The
default configuration makes it tiny; with its `patch` 2 a position of the finest level covers 2 x 2 latent cells.

Shape legend: B clips, T frames, F = B * T, z latent channels, C channels, H, W latent grid, S text tokens, E embedding.
"""

from collections.abc import Iterator

import torch
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from torch import Tensor, nn
from torch.nn import functional

from eadnet.config.networks import Network
from eadnet.models.attention import zero_initialised
from eadnet.models.extended.fusion import TextAdapter
from eadnet.models.extended.tfrm import ExtendedTFRM
from eadnet.models.unet.audio_tokens import make_audio_encoder
from eadnet.models.unet.fusion import AddedText
from eadnet.models.unet.levels import LATENTSYNC, DownLevel, Level, MiddleLevel, Modules, UpLevel
from eadnet.models.unet.residual import ClipNorm
from eadnet.models.unet.transformer import Context

NEW_PARTS = ("stda.", "strips.", "tfrm.", "text_fusion.", "text_attention.", "text_adapter.")
"""Parts of parameter names by which EAD-Net's modules and our extensions are found."""
PARTS = {"all": ("",), "attention": ("attentions.", "motion_modules.", *NEW_PARTS), "modules": NEW_PARTS}
"""Parameters that a training phase trains, by parts of their names (LatentSync's stage 2 trains `attention`)."""


class EADNet(nn.Module):
    """The whole network.

    Args:
        network: widths and module sizes.
        latent_channels: z.
        audio: kind of audio features, `mel` or `whisper`.
        text_input: channels of the frozen text states (384 MiniLM, 768 T5-base and CLIP).
        modules: variants of STDA, TFRM and fusion; without them it is LatentSync's network.

    Attributes:
        framewise: whether motion modules are skipped, as in LatentSync's first stage and in runs without them.
        alone: whether norms are of single frames and not of whole clips, so that in runs without motion modules only
            TFRM and our strips over time connect frames.
    """

    def __init__(
        self,
        network: Network,
        latent_channels: int,
        audio: str = "mel",
        text_input: int = 384,
        modules: Modules = LATENTSYNC,
    ) -> None:
        super().__init__()
        self.network, self.inputs, self.latent_channels = network, 3 * latent_channels + 1, latent_channels
        self.text_input, self.framewise, self.alone = text_input, not modules.motion, not modules.motion
        widths, embedding, reads = network.widths, network.embedding, modules.fusion != "none"
        self.audio_encoder = make_audio_encoder(audio, network.audio_width)
        self.text_fusion = AddedText(text_input, network.audio_width) if reads else None
        decoupled = modules.fusion == "decoupled"
        self.text_adapter = TextAdapter(text_input, network.text_width) if decoupled else None
        self.time_proj = Timesteps(widths[0], flip_sin_to_cos=True, downscale_freq_shift=0)
        self.time_embedding = TimestepEmbedding(widths[0], embedding)
        audio_channels = network.audio_width * self.audio_encoder.tokens
        self.embed_audio = nn.Linear(audio_channels, embedding) if network.audio_embedding else None
        self.conv_in = nn.Conv2d(self.inputs, widths[0], 3, stride=network.patch, padding=1)
        self.down_blocks, skips = _encoder(network, modules)
        self.mid_block = MiddleLevel(widths[-1], network, modules)
        self.up_blocks = _decoder(network, modules, skips)
        self.conv_norm_out = ClipNorm(network.groups, widths[0], eps=1e-5)
        self.conv_out = zero_initialised(nn.Conv2d(widths[0], latent_channels * network.patch**2, 3, padding=1))

    def forward(
        self,
        inputs_BTCHW: Tensor,
        timesteps_B: Tensor,
        audio_BTSC: Tensor,
        text_BSC: Tensor,
        text_mask_BS: Tensor,
        object_features_BTOD: Tensor | None = None,
    ) -> Tensor:
        """Predict the target of the diffusion process.

        Args:
            inputs_BTCHW: (B, T, 3 z + 1, H, W), H and W multiples of the network's stride.
            timesteps_B: (B,) diffusion time, 0 to 999.
            audio_BTSC: (B, T, S, C) audio windows; an all-zero clip is the null audio.
            text_BSC: (B, S, C) frozen text states.
            text_mask_BS: (B, S) bool, which of them are text; an all-False row is the null text.
            object_features_BTOD: (B, T, O, D) features of detected objects for TFRM's object branch
                (`network.graph_object_width`); None, as in the paper's experiments, leaves it out.

        Returns:
            (B, T, z, H, W).

        Raises:
            ValueError: the input has other channels or a grid that the levels cannot halve, or the conditions differ
                from it in the number of clips or frames.
        """
        self._check(inputs_BTCHW, timesteps_B, audio_BTSC, text_BSC, text_mask_BS)
        frames = inputs_BTCHW.shape[1]
        # from here on frames are folded into the batch, clip by clip: F = B * T; modules over time unfold them
        heard = self.fused(audio_BTSC, text_BSC, text_mask_BS).flatten(0, 1)
        condition = self._condition(timesteps_B, heard, frames)
        read = (None, None) if self.text_adapter is None else self.text_adapter(text_BSC, text_mask_BS)
        context = Context(heard, frames, *read, object_features_BTOD, self.framewise, self.alone)
        maps = self.conv_in(inputs_BTCHW.flatten(0, 1))
        skips = [maps]
        for level in self.down_blocks:
            maps, more = level(maps, condition, context)
            skips += more
        maps = self.mid_block(maps, condition, context)
        for level in self.up_blocks:
            maps = level(maps, skips, condition, context)
        maps = functional.silu(self.conv_norm_out(maps, context.normed))
        # (F, z * patch^2, H / patch, W / patch) -> (F, z, H, W) -> (B, T, z, H, W)
        return functional.pixel_shuffle(self.conv_out(maps), self.network.patch).unflatten(0, (-1, frames))

    def fused(self, audio_BTSC: Tensor, text_BSC: Tensor, text_mask_BS: Tensor) -> Tensor:
        """(B, T, A, C) context of the cross-attention: the audio tokens f_a, or f_c = f_a + text if text is fused.

        Args: as for `forward`.
        """
        frames = audio_BTSC.shape[1]
        # Null audio is a clip of zeros; its tokens are set to zero, since the encoder's biases would make them nonzero.
        # f_c then is the text's vector alone.
        present = audio_BTSC.flatten(1).any(1)[:, None, None, None]
        tokens = self.audio_encoder(audio_BTSC.flatten(0, 1)).unflatten(0, (-1, frames)) * present
        return tokens if self.text_fusion is None else self.text_fusion(tokens, text_BSC, text_mask_BS)

    @property
    def stride(self) -> int:
        """Side, in latent cells, of the area that a position of the coarsest level covers; H and W are multiples."""
        return self.network.patch * 2 ** (len(self.network.widths) - 1)

    def graphs(self) -> Iterator[tuple[str, nn.Module]]:
        """Names and modules of the learned frame graphs: `middle`, and `up_0` for the coarsest decoder level on."""
        named = {"middle": self.mid_block.tfrm} | {f"up_{n}": level.tfrm for n, level in enumerate(self.up_blocks)}
        return ((name, graph) for name, graph in named.items() if isinstance(graph, ExtendedTFRM))

    def graph_regulariser(self) -> Tensor:
        """Sum of the frame graphs' penalties in the last forward pass; zero without learned graphs."""
        penalties = [graph.regulariser for _, graph in self.graphs()]
        return torch.stack(penalties).sum() if penalties else torch.zeros((), device=self.conv_in.weight.device)

    def part(self, name: str) -> list[nn.Parameter]:
        """Parameters of a part of the network: `all`, `attention` or `modules` (see ``PARTS``)."""
        return [value for key, value in self.named_parameters() if any(part in key for part in PARTS[name])]

    def checkpoint_gradients(self, switch: bool = True) -> None:
        """Switch gradient checkpointing: layers recompute activations in the backward pass instead of keeping them."""
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

    def _condition(self, timesteps: Tensor, heard: Tensor, frames: int) -> Tensor:
        """The embedding (F, E) that modulates residual blocks: the timestep's, plus the audio's (`audio_embedding`)."""
        time = self.time_proj(timesteps).to(self.conv_in.weight.dtype)
        embedding = self.time_embedding(time).repeat_interleave(frames, 0)
        return embedding if self.embed_audio is None else embedding + self.embed_audio(heard.flatten(1))


def _encoder(network: Network, modules: Modules) -> tuple[nn.ModuleList, list[int]]:
    """The encoder's levels, and the channels of all skips, finest first."""
    levels, skips = [], [network.widths[0]]
    for number, width in enumerate(network.widths):
        last = number == len(network.widths) - 1
        attends = number < network.attention_levels
        levels.append(DownLevel(skips[-1], width, network, modules, attends, last))
        skips += [width] * (network.layers + (not last))
    return nn.ModuleList(levels), skips


def _decoder(network: Network, modules: Modules, skips: list[int]) -> nn.ModuleList:
    levels, before, left = [], network.widths[-1], list(skips)
    for number, width in reversed(list(enumerate(network.widths))):
        taken = [left.pop() for _ in range(network.layers + 1)]
        attends = number < network.attention_levels
        levels.append(UpLevel(before, width, taken, network, modules, attends, last=number == 0))
        before = width
    return nn.ModuleList(levels)
