"""Stable Diffusion's autoencoder (arXiv 2112.10752, appendix G) behind the interface of the small one.

The network is diffusers' AutoencoderKL, frozen, with the weights of `stabilityai/sd-vae-ft-mse` as in LatentSync.
Frames are processed in small parts, so that memory does not grow with the length of a clip.

Shape legend: N frames, S crop side in pixels, f = S / H pixels a cell, H latent side, C latent channels.
"""

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from eadnet.config.networks import Autoencoder as Settings

SCALING = 0.18215
PART = 8


class KLAutoencoder(nn.Module):
    """Frames (N, 3, S, S) in [-1, 1] to latents (N, C, H, H) and back.

    Args:
        settings: `widths`, `layers`, `channels` and `factor`.
        checkpointing: recompute the decoder's activations in the backward pass, so that only those of a few frames are
            kept.

    Raises:
        ValueError: the factor is not 2 to the number of widths minus one.
    """

    def __init__(self, settings: Settings, checkpointing: bool = False) -> None:
        super().__init__()
        widths, levels = tuple(settings.widths), len(settings.widths)
        if settings.factor != 2 ** (levels - 1):
            raise ValueError(
                f"autoencoder.factor: expected {2 ** (levels - 1)} with widths {widths}, got {settings.factor}"
            )
        self.factor, self.channels, self.checkpointing = settings.factor, settings.channels, checkpointing
        self.network = AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            block_out_channels=widths,
            layers_per_block=settings.layers,
            latent_channels=settings.channels,
            norm_num_groups=min(32, widths[0]),
            scaling_factor=SCALING,
        )
        self.register_buffer("mean", torch.zeros(1, settings.channels, 1, 1))
        self.register_buffer("scale", torch.full((1, settings.channels, 1, 1), 1 / SCALING))

    def encode(self, frames: Tensor) -> Tensor:
        """Latents (N, C, H, H) float32 of frames (N, 3, S, S).

        They are the mean of the posterior, while LatentSync samples it: latents are computed once and cached, and the
        posterior's deviation is far below that of the latents.

        Raises:
            ValueError: a side of the frames is not a multiple of f.
        """
        if frames.shape[-1] % self.factor or frames.shape[-2] % self.factor:
            raise ValueError(f"frames: expected sides that are multiples of {self.factor}, got {tuple(frames.shape)}")
        means = [self.network.encode(part).latent_dist.mode().float() for part in frames.split(PART)]
        return (torch.cat(means) - self.mean) / self.scale

    def decode(self, latents: Tensor) -> Tensor:
        """Frames (N, 3, S, S), about [-1, 1], of latents (N, C, H, H)."""
        raw = latents * self.scale + self.mean
        if self.checkpointing and torch.is_grad_enabled():
            return torch.cat([checkpoint(self._decode, part, use_reentrant=False) for part in raw.split(PART)])
        return torch.cat([self._decode(part) for part in raw.split(PART)])

    def _decode(self, raw: Tensor) -> Tensor:
        return self.network.decode(raw).sample


def from_published(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Parameters of `KLAutoencoder` from those of a published AutoencoderKL, whose attention may have older names."""
    renamed = {}
    for name, value in weights.items():
        for published, own in _NAMES.items():
            name = name.replace(published, own)
        is_projection = any(own in name for own in _NAMES.values())
        renamed[f"network.{name}"] = value.flatten(1) if is_projection and value.ndim == 4 else value
    return renamed


_NAMES = {".query.": ".to_q.", ".key.": ".to_k.", ".value.": ".to_v.", ".proj_attn.": ".to_out.0."}
"""Older names of the mid blocks' attention, whose layers were once 1 x 1 convolutions."""
