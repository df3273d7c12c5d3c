"""The diffusion process: schedule, mixed noise, one-step estimates, classifier-free guidance.

Stable Diffusion's scaled-linear betas rescaled to zero terminal SNR (arXiv 2305.08891), DDIM from diffusers, and a
network that predicts the clean latent as a correction to a base latent.
"""

from functools import cache

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor

TRAIN_STEPS = 1000


@cache
def scheduler() -> DDIMScheduler:
    """DDIM over the training schedule; `sample` prediction, no clipping, steps counted from the noisiest."""
    return DDIMScheduler(
        num_train_timesteps=TRAIN_STEPS,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        rescale_betas_zero_snr=True,
        prediction_type="sample",
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
    )


def draw_timesteps(count: int, power: float, generator: torch.Generator) -> Tensor:
    """(count,) integer timesteps, u^power spread over the schedule; power < 1 favours noisy ones."""
    uniform = torch.rand(count, generator=generator)
    return (uniform**power * (TRAIN_STEPS - 1)).round().long()


def mixed_noise(shape_BTCHW: tuple[int, ...], shared: float, generator: torch.Generator) -> Tensor:
    """Gaussian noise (B, T, C, H, W) of which a share of the variance is common to a clip's frames.

    PYoCo's mixed noise (arXiv 2305.10474, eq. 6); `shared` = alpha^2 / (1 + alpha^2), 0.5 for its alpha = 1.
    """
    batch, _, *grid = shape_BTCHW
    common = torch.randn((batch, 1, *grid), generator=generator)
    own = torch.randn(shape_BTCHW, generator=generator)
    return shared**0.5 * common + (1 - shared) ** 0.5 * own


def add_noise(clean: Tensor, noise: Tensor, timesteps_B: Tensor) -> Tensor:
    """x_t = sqrt(alpha-bar_t) x_0 + sqrt(1 - alpha-bar_t) noise, one timestep a clip."""
    return scheduler().add_noise(clean, noise, timesteps_B)


def guide(null: Tensor, text: Tensor, both: Tensor, text_scale: float, audio_scale: float) -> Tensor:
    """Three-way classifier-free guidance: x_null + s_e (x_text - x_null) + s_a (x_both - x_text)."""
    return null + text_scale * (text - null) + audio_scale * (both - text)
