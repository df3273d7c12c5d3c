"""Denoising a clip of any length: windows with overlap, guidance, DDIM.

All windows of a step are denoised, their clean-latent estimates blended with triangular weights, and the whole clip
takes one DDIM step: windows therefore agree at their seams.

Shape legend: T frames, C latent channels, H latent side, L text tokens, W window.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from eadnet.config import Synthesis
from eadnet.diffusion import TRAIN_STEPS, guide, mixed_noise, scheduler
from eadnet.inpainting import Inpainting
from eadnet.models.unet import EADNet
from eadnet.precision import autocast


@dataclass(frozen=True)
class Conditions:
    """What a clip is generated from.

    Attributes:
        masked: (T, C, H, H) latents of the masked frames.
        reference: (C, H, H) latent of the reference frame.
        mel: (T, 80, 23) mel windows.
        text, text_mask: (L, 384) and (L,); an all-False mask is the null text.
    """

    masked: Tensor
    reference: Tensor
    mel: Tensor
    text: Tensor
    text_mask: Tensor


@torch.inference_mode()
def generate_latents(model: EADNet, task: Inpainting, conditions: Conditions, settings: Synthesis, seed: int) -> Tensor:
    """Latents (T, C, H, H) of the generated clip, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    masked = conditions.masked[None]
    reference = conditions.reference[None, None].expand_as(masked)
    sample = mixed_noise(masked.shape, settings.shared_noise, generator)
    ddim = scheduler()
    ddim.set_timesteps(settings.steps)
    for timestep in ddim.timesteps:
        inputs = task.inputs(sample, masked, reference)
        correction = _blended(model, inputs[0], int(timestep), conditions, settings)
        clean = task.base(masked, reference) + correction[None]
        sample = ddim.step(clean, timestep, sample, eta=0.0).prev_sample
    return sample[0]


def window_starts(frames: int, window: int, overlap: int) -> list[int]:
    """First frames of windows that cover a clip; the last one ends with it."""
    if frames <= window:
        return [0]
    starts = list(range(0, frames - window, window - overlap))
    return [*starts, frames - window]


def blend_weights(length: int, overlap: int) -> Tensor:
    """(length,) weights that rise and fall linearly over the overlap, so that neighbours cross-fade."""
    ramp = torch.arange(1, length + 1, dtype=torch.float32)
    return torch.minimum(ramp, ramp.flip(0)).clamp(max=overlap + 1)


def _blended(model: EADNet, inputs: Tensor, timestep: int, conditions: Conditions, settings: Synthesis) -> Tensor:
    """(T, C, H, H) guided correction, blended over windows."""
    frames = len(inputs)
    weights = torch.zeros(frames)
    length = min(frames, settings.window)
    ramp = blend_weights(length, settings.overlap)
    corrections = []
    for start in window_starts(frames, settings.window, settings.overlap):
        span = slice(start, start + length)
        correction = _guided(model, inputs[span], timestep, conditions, span, settings)
        corrections.append((span, correction))
        weights[span] += ramp
    total = torch.zeros(frames, *corrections[0][1].shape[1:])
    for span, correction in corrections:
        total[span] += correction * (ramp / weights[span])[:, None, None, None]
    return total


def _guided(
    model: EADNet, inputs: Tensor, timestep: int, conditions: Conditions, span: slice, settings: Synthesis
) -> Tensor:
    """One window's correction; a pass whose guidance weight is nil is not run."""
    time = torch.tensor([timestep / (TRAIN_STEPS - 1)])

    def predict(audio: bool, text: bool) -> Tensor:
        mel = conditions.mel[span] if audio else torch.zeros_like(conditions.mel[span])
        mask = conditions.text_mask & text
        with autocast():
            return model(inputs[None], time, mel[None], conditions.text[None], mask[None])[0].float()

    both = predict(audio=True, text=True)
    if settings.audio_guidance == settings.text_guidance:  # the text-only term cancels
        null = both if settings.audio_guidance == 1 else predict(audio=False, text=False)
        return null + settings.audio_guidance * (both - null)
    text_only = predict(audio=False, text=True)
    null = text_only if settings.text_guidance == 1 else predict(audio=False, text=False)
    return guide(null, text_only, both, settings.text_guidance, settings.audio_guidance)
