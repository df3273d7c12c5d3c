"""The diffusion process: schedule, mixed noise, targets and one-step estimates, solvers, classifier-free guidance.

Stable Diffusion's scaled-linear betas, as they are (LatentSync) or rescaled to zero terminal SNR (arXiv 2305.08891);
solvers come from diffusers and are always given clean-latent estimates, whatever the network predicts.

Shape legend: B clips, T frames, C latent channels, H, W latent grid.
"""

from typing import TYPE_CHECKING, TypeAlias

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor

from eadnet.config.training import Diffusion

if TYPE_CHECKING:
    from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler

TRAIN_STEPS = 1000
CPU = torch.device("cpu")
Solver: TypeAlias = "DDIMScheduler | DPMSolverMultistepScheduler"


class Process:
    """One diffusion process.

    Args:
        settings: what the network predicts, and the schedule.
    """

    def __init__(self, settings: Diffusion) -> None:
        self.settings = settings
        schedule = DDIMScheduler(**SCHEDULE, rescale_betas_zero_snr=settings.zero_terminal_snr)
        self.alphas = {CPU: schedule.alphas_cumprod}  # (1000,) alpha-bar, by device

    def draw_timesteps(self, count: int, generator: torch.Generator) -> Tensor:
        """(count,) integer timesteps, u^power spread over the schedule."""
        uniform = torch.rand(count, generator=generator)
        return (uniform**self.settings.timestep_power * (TRAIN_STEPS - 1)).round().long()

    def add_noise(self, clean: Tensor, noise: Tensor, timesteps_B: Tensor) -> Tensor:
        """x_t = sqrt(alpha-bar_t) x_0 + sqrt(1 - alpha-bar_t) noise, one timestep a clip."""
        signal, spread = self._shares(timesteps_B, clean)
        return signal * clean + spread * noise

    def target(self, clean: Tensor, noise: Tensor, base: Tensor, timesteps_B: Tensor) -> Tensor:
        """What the network should predict: the clean latent's difference from `base`, the noise, or the velocity."""
        if self.settings.prediction == "clean":
            return clean - base
        if self.settings.prediction == "noise":
            return noise
        signal, spread = self._shares(timesteps_B, clean)
        return signal * noise - spread * clean

    def clean(self, output: Tensor, noisy: Tensor, base: Tensor, timesteps_B: Tensor) -> Tensor:
        """One-step estimate of the clean latent, (B, T, C, H, W) float32.

        For noise: x_0 = (x_t - sqrt(1 - alpha-bar_t) noise) / sqrt(alpha-bar_t) (DDIM, arXiv 2010.02502, eq. 9); for
        velocity: sqrt(alpha-bar_t) x_t - sqrt(1 - alpha-bar_t) v (arXiv 2202.00512, appendix D).
        """
        output = output.float()
        if self.settings.prediction == "clean":
            return base + output
        signal, spread = self._shares(timesteps_B, noisy)
        if self.settings.prediction == "noise":
            return (noisy - spread * output) / signal
        return signal * noisy - spread * output

    def signal_share(self, timesteps_B: Tensor) -> Tensor:
        """(B,) alpha-bar_t: the share of the variance that is signal."""
        device = timesteps_B.device
        if device not in self.alphas:  # kept there: every copy to a GPU would have the process wait for it
            self.alphas[device] = self.alphas[CPU].to(device)
        return self.alphas[device][timesteps_B]

    def solver(self, name: str, steps: int) -> Solver:
        """A diffusers scheduler set to `steps` timesteps, which takes clean-latent estimates.

        Args:
            name: `ddim` or `dpmsolver++`.
            steps: denoising steps.
        """
        zero = self.settings.zero_terminal_snr
        spacing = {"timestep_spacing": "trailing"} if zero else {"timestep_spacing": "leading", "steps_offset": 1}
        common = {**SCHEDULE, "rescale_betas_zero_snr": zero, "prediction_type": "sample", **spacing}
        if name == "ddim":
            solver = DDIMScheduler(**common, clip_sample=False, set_alpha_to_one=zero)
        else:
            # here, because it brings scipy.stats, a second in which every process would wait
            from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler

            solver = DPMSolverMultistepScheduler(**common, algorithm_type="dpmsolver++", solver_order=2)
        solver.set_timesteps(steps)
        return solver

    def _shares(self, timesteps: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """sqrt(alpha-bar) and sqrt(1 - alpha-bar), shaped to multiply `like`."""
        alpha = self.signal_share(timesteps).to(like).view(-1, *[1] * (like.ndim - 1))
        return alpha.sqrt(), (1 - alpha).sqrt()


SCHEDULE = {
    "num_train_timesteps": TRAIN_STEPS,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
}


def mixed_noise(shape_BTCHW: tuple[int, ...], shared: float, generator: torch.Generator) -> Tensor:
    """Gaussian noise (B, T, C, H, W) of which a share of the variance is common to a clip's frames.

    PYoCo's mixed noise (arXiv 2305.10474, eq. 6); `shared` = alpha^2 / (1 + alpha^2), 0.5 for its alpha = 1.
    """
    batch, _, *grid = shape_BTCHW
    common = torch.randn((batch, 1, *grid), generator=generator)
    own = torch.randn(shape_BTCHW, generator=generator)
    return shared**0.5 * common + (1 - shared) ** 0.5 * own


def guide(null: Tensor, text: Tensor, both: Tensor, text_scale: float, audio_scale: float) -> Tensor:
    """Three-way classifier-free guidance: x_null + s_e (x_text - x_null) + s_a (x_both - x_text)."""
    return null + text_scale * (text - null) + audio_scale * (both - text)
