"""Training batches of both stages: clips with noise, reference, audio windows and text.

Shape legend: B clips, T frames, C latent channels, H latent side, L text tokens.
"""

import random
from dataclasses import dataclass

import torch
from torch import Tensor

from eadnet.checkpoint import inputs_digest
from eadnet.conditioning import TextSource
from eadnet.config import Backbone
from eadnet.dataset import ClipSet, Latents, reference_positions
from eadnet.diffusion import TRAIN_STEPS, add_noise, draw_timesteps, mixed_noise
from eadnet.inpainting import Inpainting
from eadnet.models.text import NULL_TEXT
from eadnet.pretraining.autoencoder import load_autoencoder


@dataclass(frozen=True)
class TrainingInputs:
    """Paths of everything that stages 1 and 2 train on."""

    clips: str
    captions: str
    tokens: str
    latents: str
    autoencoder: str

    def digest(self, *others: str | None) -> str:
        """Short name of the contents of all inputs (and of other files or model folders, where given)."""
        return inputs_digest([*vars(self).values(), *(path for path in others if path)])


@dataclass(frozen=True)
class Batch:
    """One training batch.

    Attributes:
        which, first: (B,) clip positions and first frames.
        clean, base: (B, T, C, H, H) latents.
        inputs: (B, T, 3 C + 1, H, H) network input.
        time: (B,) in [0, 1].
        mel: (B, T, 80, 23); all zero where the audio is dropped.
        heard: (B,) float, 0 where the audio is dropped.
        text, text_mask: (B, L, 384) and (B, L).
    """

    which: Tensor
    first: Tensor
    clean: Tensor
    base: Tensor
    inputs: Tensor
    time: Tensor
    mel: Tensor
    heard: Tensor
    text: Tensor
    text_mask: Tensor


class Sampler:
    """Draws batches from the train split.

    Args:
        inputs: what to read.
        settings: the backbone's settings, which fix mask, dropout, references and timesteps for both stages.
        text: `caption`, `label` or `none`.
        frames: T.
        shared_noise: share of the noise variance common to a clip's frames.
    """

    def __init__(self, inputs: TrainingInputs, settings: Backbone, text: str, frames: int, shared_noise: float) -> None:
        self.settings, self.frames, self.shared_noise = settings, frames, shared_noise
        self.clips = ClipSet.read(inputs.clips, "train")
        self.latents = Latents.read(inputs.latents)
        self.offsets = self.latents.offsets(self.clips)
        self.references = reference_positions(self.clips)
        self.texts = TextSource(inputs.captions, inputs.tokens, text)
        self.autoencoder = load_autoencoder(inputs.autoencoder)
        factor = self.autoencoder.factor
        self.task = Inpainting.make(settings.mask, self.latents.full.shape[-1] * factor, factor)

    def __call__(self, count: int, generator: torch.Generator) -> Batch:
        """A batch of `count` clips of T frames."""
        which, first = self.clips.draw(count, self.frames, generator)
        frames = first[:, None] + torch.arange(self.frames)
        rows = self.offsets[which][:, None] + frames
        clean, masked = self.latents.full[rows].float(), self.latents.masked[rows].float()
        reference = self._reference(which, generator)[:, None].expand_as(clean)
        timesteps = draw_timesteps(count, self.settings.timestep_power, generator)
        noisy = add_noise(clean, mixed_noise(clean.shape, self.shared_noise, generator), timesteps)
        heard, read = self._kept(count, generator)
        text, text_mask = self._text(which, read, generator)
        return Batch(
            which=which,
            first=first,
            clean=clean,
            base=self.task.base(masked, reference),
            inputs=self.task.inputs(noisy, masked, reference),
            time=timesteps / (TRAIN_STEPS - 1),
            mel=self._mel(which, frames) * heard[:, None, None, None],
            heard=heard,
            text=text,
            text_mask=text_mask,
        )

    def _mel(self, which: Tensor, frames: Tensor) -> Tensor:
        flat = which.repeat_interleave(self.frames)
        return self.clips.mel_windows(flat, frames.flatten()).unflatten(0, frames.shape)

    def _reference(self, which: Tensor, generator: torch.Generator) -> Tensor:
        """(B, C, H, H) a random frame of the same clip or of the speaker's reference clip."""
        elsewhere = torch.rand(len(which), generator=generator) < self.settings.neutral_reference
        clip = torch.where(elsewhere, self.references[which], which)
        frame = (torch.rand(len(which), generator=generator) * self.clips.lengths[clip]).long()
        return self.latents.full[self.offsets[clip] + frame].float()

    def _kept(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """(count,) float each: 0 where the audio, and where the text, is dropped."""
        dropout = self.settings.dropout
        draw = torch.rand(count, generator=generator)
        both = draw < dropout.both
        audio = (draw >= dropout.both) & (draw < dropout.both + dropout.audio)
        text = (draw >= dropout.both + dropout.audio) & (draw < dropout.both + dropout.audio + dropout.text)
        return (~(both | audio)).float(), (~(both | text)).float()

    def _text(self, which: Tensor, read: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        choice = random.Random(int(torch.randint(2**31, (), generator=generator)))
        texts = [self.texts.training_text(self.clips.clips[clip], choice) for clip in which.tolist()]
        return self.texts.encode([text if keep else NULL_TEXT for text, keep in zip(texts, read.tolist(), strict=True)])
