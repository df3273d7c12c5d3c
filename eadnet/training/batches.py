"""Training batches of both stages: clips with noise, reference, audio windows and text.

Shape legend: B clips, T frames, C latent channels, H latent side, L text tokens, S crop side, W audio steps, M columns.
"""

import random
from collections.abc import Collection
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from eadnet.checkpoint import digest, inputs_digest
from eadnet.config.training import Backbone
from eadnet.data.clip_set import ClipSet
from eadnet.data.clips import ClipError
from eadnet.diffusion import Process, mixed_noise
from eadnet.features.audio import VERB as AUDIO_VERB
from eadnet.features.audio import AudioFeatures
from eadnet.features.latents import FULL, MASKED, Latents
from eadnet.features.latents import VERB as LATENTS_VERB
from eadnet.features.shards import shards_identity
from eadnet.features.text_source import TextSource
from eadnet.features.text_tokens import NULL_TEXT
from eadnet.models.inpainting import Inpainting
from eadnet.models.syncnet import mel_columns
from eadnet.models.unet.audio_tokens import hide_beyond
from eadnet.training.references import References


@dataclass(frozen=True)
class TrainingInputs:
    """Paths of what stages 1 and 2 train on, and the corpora that they learn from (all where none is named).

    `audio` and `latents` are indices of shards (``features.shards``).
    """

    clips: str
    captions: str
    tokens: str
    audio: tuple[str, ...]
    latents: tuple[str, ...]
    corpora: tuple[str, ...] = ()

    def digest(self, *others: str | None) -> str:
        """Short name of the contents of all inputs (and of other files or model folders, where given).

        Of features the indices alone are read: they hold the digests of the shards' files. The name does not depend on
        how shards were put in batches.
        """
        files = inputs_digest([self.clips, self.captions, self.tokens, *(path for path in others if path)])
        features = [shards_identity(self.audio, AUDIO_VERB), shards_identity(self.latents, LATENTS_VERB)]
        return digest({"files": files, "features": features})


@dataclass(frozen=True)
class Batch:
    """One training batch.

    Attributes:
        which, first: (B,) clip positions and first frames.
        clean, noisy, noise, base: (B, T, C, H, H) latents.
        inputs: (B, T, 3 C + 1, H, H) network input.
        timesteps: (B,) 0 to 999.
        audio: (B, T, W, C) audio windows; all zero where the audio is dropped.
        has_audio: (B,) float, 0 where the audio is dropped.
        text, text_mask: (B, L, C) and (B, L).
        crops: (B, T, S, S, 3) uint8 true frames, where a loss needs them.
        mel: (B, 80, M) clean spectrogram of SyncNet's window, where a loss needs it.
    """

    which: Tensor
    first: Tensor
    clean: Tensor
    noisy: Tensor
    noise: Tensor
    base: Tensor
    inputs: Tensor
    timesteps: Tensor
    audio: Tensor
    has_audio: Tensor
    text: Tensor
    text_mask: Tensor
    crops: Tensor | None = None
    mel: Tensor | None = None

    @property
    def network_inputs(self) -> tuple[Tensor, ...]:
        """What the U-Net is called with."""
        return self.inputs, self.timesteps, self.audio, self.text, self.text_mask

    def tensors(self) -> list[Tensor]:
        """All that it holds."""
        return [value for field in fields(self) if (value := getattr(self, field.name)) is not None]

    def to(self, device: torch.device) -> "Batch":
        """The batch on another device, pinned on the way to a GPU; positions stay: they only name the clips."""
        if device.type == "cpu":
            return self
        held = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in ("which", "first")}
        held = {name: value for name, value in held.items() if value is not None}
        return replace(self, **{name: value.pin_memory().to(device, non_blocking=True) for name, value in held.items()})


@dataclass(frozen=True)
class BatchSpec:
    """What a stage draws: clips of how many frames, how their noise and audio are made, which text, and what else."""

    frames: int = 1
    shared_noise: float = 0.0
    text: str = "caption"
    visible: int = 23
    with_crops: bool = False
    with_mel: bool = False
    split: str = "train"


class BatchSampler:
    """Draws batches from a split; reads memory-mapped files, so it may run in a thread.

    Args:
        inputs: what to read.
        settings: the backbone's settings, which fix mask, dropout, references, process and balance for both stages.
        spec: what the stage draws.
        factor: pixels of a latent cell.
        kept: names of the clips to draw from; None draws from all of the split.
    """

    def __init__(
        self,
        inputs: TrainingInputs,
        settings: Backbone,
        spec: BatchSpec,
        factor: int,
        kept: Collection[str] | None = None,
    ) -> None:
        self.settings, self.spec = settings, spec
        self.clips = ClipSet.read(inputs.clips, spec.split, inputs.corpora)
        self.clips = self.clips if kept is None else self.clips.only(kept)
        self.latents = Latents.read(inputs.latents)
        self.offsets = self.latents.offsets(self.clips)
        self.references = References(self.clips, ClipSet.read(inputs.clips), self.latents)
        self.texts = TextSource(inputs.captions, inputs.tokens, spec.text)
        self.audio = AudioFeatures.read(inputs.audio)
        self.process = Process(settings.diffusion)
        self.task = Inpainting.make(settings.mask, self.latents.shape[-1] * factor, factor)

    @classmethod
    def held_out(
        cls, inputs: TrainingInputs, settings: Backbone, spec: BatchSpec, factor: int
    ) -> "BatchSampler | None":
        """The same over clips that are kept out of training, or None (printed once) where there is none long enough."""
        try:
            batches = cls(inputs, settings, replace(spec, split="validation", with_crops=True), factor)
            batches.clips.draw(1, spec.frames, torch.Generator(), settings.balance)
        except ClipError:
            print("no clip is held out for validation; its loss and strips are left out", flush=True)
            return None
        return batches

    def __call__(self, count: int, generator: torch.Generator) -> Batch:
        """A batch of `count` clips of T frames."""
        which, first = self.clips.draw(count, self.spec.frames, generator, self.settings.balance)
        rows = (self.offsets[which] + first)[:, None] + torch.arange(self.spec.frames)
        clean, masked = (self.latents.take(name, rows).float() for name in (FULL, MASKED))
        reference = self._reference(which, first, generator)[:, None].expand_as(clean)
        timesteps = self.process.draw_timesteps(count, generator)
        noise = mixed_noise(clean.shape, self.spec.shared_noise, generator)
        noisy = self.process.add_noise(clean, noise, timesteps)
        has_audio, has_text = self._kept(count, generator)
        text, text_mask = self._text(which, has_text, generator)
        return Batch(
            which=which,
            first=first,
            clean=clean,
            noisy=noisy,
            noise=noise,
            base=self.task.base(masked, reference),
            inputs=self.task.inputs(noisy, masked, reference),
            timesteps=timesteps,
            audio=self._audio(which, first, generator) * has_audio[:, None, None, None],
            has_audio=has_audio,
            text=text,
            text_mask=text_mask,
            crops=self.clips.stored_windows(which, first, self.spec.frames) if self.spec.with_crops else None,
            mel=self.clips.mel_spans(which, mel_columns(first)) if self.spec.with_mel else None,
        )

    @property
    def latent_channels(self) -> int:
        """Channels of the latents."""
        return self.latents.shape[0]

    def named(self, which: Tensor, first: Tensor) -> str:
        """Clips by their positions, with first frames (B,), for messages."""
        names = self.clips.names(which)
        return ", ".join(f"{name} from frame {frame}" for name, frame in zip(names, first.tolist(), strict=True))

    def _audio(self, which: Tensor, first: Tensor, generator: torch.Generator) -> Tensor:
        """(B, T, W, C) windows of one version of each clip's sound."""
        names = self.clips.names(which)
        versions = torch.tensor([self.audio.variants(name) for name in names])
        chosen = (torch.rand(len(which), generator=generator) * versions).long()
        windows = self.audio.windows(names, first[:, None] + torch.arange(self.spec.frames), chosen)
        return hide_beyond(windows, self.audio.kind, self.spec.visible)

    def _reference(self, which: Tensor, first: Tensor, generator: torch.Generator) -> Tensor:
        """(B, C, H, H) a frame of the same clip or of the speaker's reference clip; sometimes none (zero)."""
        elsewhere = torch.rand(len(which), generator=generator) < self.settings.neutral_reference
        place = torch.rand(len(which), generator=generator)
        kept = torch.rand(len(which), generator=generator) >= self.settings.dropout.reference
        rows = self.references.rows(which, first, self.spec.frames, elsewhere, place)
        return self.latents.take(FULL, rows).float() * kept[:, None, None, None]

    def _kept(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """(count,) float each: 0 where the audio, and where the text, is dropped."""
        dropout = self.settings.dropout
        uniform = torch.rand(count, generator=generator)  # one number a clip, so that the cases exclude each other
        both = uniform < dropout.both
        audio = (uniform >= dropout.both) & (uniform < dropout.both + dropout.audio)
        text = (uniform >= dropout.both + dropout.audio) & (uniform < dropout.both + dropout.audio + dropout.text)
        return (~(both | audio)).float(), (~(both | text)).float()

    def _text(self, which: Tensor, read: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        # Python's generator, which chooses a text, is seeded from the step's own: it follows (seed, share, step), too
        choice = random.Random(int(torch.randint(2**31, (), generator=generator)))
        texts = [self.texts.training_text(self.clips.clips[clip], choice) for clip in which.tolist()]
        return self.texts.encode([text if keep else NULL_TEXT for text, keep in zip(texts, read.tolist(), strict=True)])
