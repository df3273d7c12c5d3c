"""The latent autoencoder: a linear code of patches in closed form (principal components), refined by convolutions.

Heavy convolutions run on the latent grid only; two light ones at half resolution hide the borders between patches. It
replaces `sd-vae-ft-mse`, which is used at paper scale (eadnet.models.kl_autoencoder).

Shape legend: N frames, S crop side in pixels, f = S / H pixels a cell, H latent side, C latent channels.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from eadnet.config.networks import Autoencoder as Settings
from eadnet.models.attention import zero_initialised

if TYPE_CHECKING:
    from eadnet.models.kl_autoencoder import KLAutoencoder


class LatentAutoencoder(nn.Module):
    """Frames (N, 3, S, S) in [-1, 1] to latents (N, C, H, H) and back.

    Latents are centred, and scaled so that a channel's deviation grows with its effect on the picture: the diffusion
    loss then weights channels by their visible effect.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        if settings.factor % 2:
            raise ValueError(f"autoencoder.factor must be even, got {settings.factor}")
        patch, latent = 3 * settings.factor**2, settings.channels
        wide, deep, detail = settings.encoder_width, settings.decoder_width, settings.detail_width
        self.factor, self.channels = settings.factor, latent
        self.encode_linear = nn.Conv2d(patch, latent, 1)
        self.encode_residual = nn.Sequential(
            nn.Conv2d(patch, wide, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(wide, wide, 3, padding=1),
            nn.SiLU(),
            zero_initialised(nn.Conv2d(wide, 2 * latent, 1)),
        )
        self.decode_linear = nn.Conv2d(latent, patch, 1)
        self.decode_stem = nn.Conv2d(latent, deep, 3, padding=1)
        self.decode_blocks = nn.ModuleList(_convolution_block(deep) for _ in range(2))
        self.decode_detail = nn.Conv2d(deep, detail * (settings.factor // 2) ** 2, 1)
        self.refine = nn.Sequential(
            nn.SiLU(),
            nn.Conv2d(detail, detail, 3, padding=1),
            nn.SiLU(),
            zero_initialised(nn.Conv2d(detail, 3 * 4, 3, padding=1)),
        )
        self.register_buffer("mean", torch.zeros(1, latent, 1, 1))
        self.register_buffer("scale", torch.ones(1, latent, 1, 1))

    def encode(self, frames: Tensor) -> Tensor:
        """Latents (N, C, H, H) float32 of frames (N, 3, S, S)."""
        return (self.posterior(frames)[0].float() - self.mean) / self.scale

    def decode(self, latents: Tensor) -> Tensor:
        """Frames (N, 3, S, S), about [-1, 1], of latents (N, C, H, H)."""
        return self.decode_raw(latents * self.scale + self.mean)

    def posterior(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, each (N, C, H, H), of the unscaled latents of frames (N, 3, S, S)."""
        patches = functional.pixel_unshuffle(frames, self.factor)
        mean, log_variance = self.encode_residual(patches).chunk(2, 1)
        return self.encode_linear(patches) + mean, (log_variance - 4).clamp(-8, 4)

    def decode_raw(self, latents: Tensor) -> Tensor:
        """Frames (N, 3, S, S) of unscaled latents (N, C, H, H)."""
        hidden = self.decode_stem(latents)
        for block in self.decode_blocks:
            hidden = hidden + block(hidden)
        detail = functional.pixel_shuffle(self.decode_detail(functional.silu(hidden)), self.factor // 2)
        coarse = functional.pixel_shuffle(self.decode_linear(latents), self.factor)
        return coarse + functional.pixel_shuffle(self.refine(detail), 2)

    @torch.no_grad()
    def initialise_linear(self, frames: Tensor) -> float:
        """Set the linear paths to the principal components of the patches of frames (N, 3, S, S).

        Returns:
            the share of the patches' variance, 0 to 1, that the components do not explain.
        """
        patches = functional.pixel_unshuffle(frames, self.factor).movedim(1, -1).flatten(0, 2)
        mean = patches.mean(0)
        covariance = (patches - mean).T @ (patches - mean) / len(patches)
        directions, variances, _ = torch.linalg.svd(covariance)
        basis, deviation = directions[:, : self.channels], variances[: self.channels].sqrt().clamp(min=1e-3)
        self.encode_linear.weight.copy_((basis / deviation).T[..., None, None])
        self.encode_linear.bias.copy_(-(mean @ basis) / deviation)
        self.decode_linear.weight.copy_((basis * deviation)[..., None, None])
        self.decode_linear.bias.copy_(mean)
        return float(variances[self.channels :].sum() / variances.sum())

    @torch.no_grad()
    def calibrate(self, frames: Tensor) -> None:
        """Set `mean` and `scale` from frames (N, 3, S, S): deviation = sqrt(decoder sensitivity), mean square 1."""
        latents = self.posterior(frames)[0].float()
        self.mean.copy_(latents.mean((0, 2, 3), keepdim=True))
        self.scale.copy_(latents.std((0, 2, 3), keepdim=True))
        weights = self._sensitivity(frames).sqrt()
        self.scale.div_((weights / weights.square().mean().sqrt()).view_as(self.scale))

    def _sensitivity(self, frames: Tensor) -> Tensor:
        """(C,) root-mean-square picture change when one channel moves by 0.3 deviations."""
        latents, changes = self.encode(frames), []
        picture = self.decode(latents)
        generator = torch.Generator().manual_seed(0)
        for channel in range(self.channels):
            moved = latents.clone()
            noise = torch.randn(moved[:, channel].shape, generator=generator)
            moved[:, channel] += 0.3 * noise.to(moved.device)
            changes.append((self.decode(moved) - picture).square().mean().sqrt())
        return torch.stack(changes)


def make_autoencoder(settings: Settings, checkpointing: bool = False) -> "LatentAutoencoder | KLAutoencoder":
    """The network of `settings.kind`; with `checkpointing` the large one takes less memory and more time."""
    if settings.kind == "patch":
        return LatentAutoencoder(settings)
    from eadnet.models.kl_autoencoder import KLAutoencoder  # imports diffusers, which takes seconds

    return KLAutoencoder(settings, checkpointing)


def _convolution_block(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.SiLU(), nn.Conv2d(width, width, 3, padding=1), nn.SiLU(), nn.Conv2d(width, width, 3, padding=1)
    )
