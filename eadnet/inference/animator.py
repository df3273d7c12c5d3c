"""Crops in, crops out: source crops are encoded, denoised under audio and text, and decoded, in bounded memory.

What the test clips (``test_clips``) and any video (``eadnet.pipeline``) have in common. Reads the folders of a run and
of an autoencoder; writes nothing.

Shape legend: T frames of a clip, t of a stretch of it, S crop side, C latent channels, H latent side, W audio steps,
L text tokens.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from eadnet.config.section import parse
from eadnet.config.synthesis import Synthesis
from eadnet.config.training import Diffusion
from eadnet.data.clip_set import stored_pixels, unit_pixels
from eadnet.device import Device
from eadnet.inference.sampler import Conditions, OnStep, WindowedSampler
from eadnet.models.inpainting import Inpainting
from eadnet.models.loading import load_autoencoder
from eadnet.models.unet.audio_tokens import hide_beyond
from eadnet.models.unet.unet import EADNet

PART = 32
"""Frames that are encoded or decoded together."""

Progress = Callable[[float], None]
"""Called with the frames that were denoised since the last call; a step of many counts its share of the frames."""


@dataclass(frozen=True)
class Scene:
    """What a clip of any length, or a stretch of it, is generated from; parts are read when they are needed.

    Attributes:
        frames: T.
        source: gives the clip's crops first ... last - 1, (t, S, S, 3) uint8, or (1, S, S, 3) where all are alike.
        reference: (S, S, 3) uint8 crop that shows who speaks.
        audio: gives the audio windows of the clip's frames first ... last - 1, (t, W, C).
        text, text_mask: (L, C) and (L,).
        first: number of the first of the T frames in the clip.
    """

    frames: int
    source: Callable[[int, int], Tensor]
    reference: Tensor
    audio: Callable[[int, int], Tensor]
    text: Tensor
    text_mask: Tensor
    first: int = 0


class Codec:
    """An autoencoder between stored crops and latents, a few frames at a time.

    Args:
        autoencoder: the frozen network, on the device.
        device: device and precision.
    """

    def __init__(self, autoencoder: torch.nn.Module, device: Device) -> None:
        self.autoencoder, self.device = autoencoder.to(device.torch_device), device

    @classmethod
    def load(cls, folder: str | Path, device: Device) -> "Codec":
        """The autoencoder of a folder; raises CheckpointError where it is absent or damaged."""
        return cls(load_autoencoder(folder), device)

    @torch.inference_mode()
    def encode(self, crops_TSS3: Tensor, task: Inpainting | None = None) -> Tensor:
        """Latents (T, C, H, H) of stored crops; with a task, of the crops with the generated region hidden."""
        parts = []
        for part in crops_TSS3.split(PART):
            pixels = unit_pixels(part.to(self.device.torch_device))
            with self.device.autocast():
                parts.append(self.autoencoder.encode(task.hide(pixels) if task else pixels).float())
        return torch.cat(parts)

    def decode(self, latents_TCHH: Tensor) -> Iterator[Tensor]:
        """Stored crops (t, S, S, 3) of latents, in parts."""
        return (self._decode(part) for part in latents_TCHH.split(PART))

    @torch.inference_mode()
    def _decode(self, latents_TCHH: Tensor) -> Tensor:
        with self.device.autocast():
            pixels = self.autoencoder.decode(latents_TCHH.to(self.device.torch_device))
        return stored_pixels(pixels).cpu()


class Animator:
    """A trained run, ready to generate crops.

    Args:
        model: the frozen network.
        config: of its run (``config.json``).
        codec: the autoencoder that it was trained with.
        settings: how to sample.
        mask: generated region.
        resolution: S.
        compiled: whether to compile the network.
        batch: windows times guidance passes of one forward, at most (`WindowedSampler`).
    """

    def __init__(
        self,
        model: EADNet,
        config: dict,
        codec: Codec,
        settings: Synthesis,
        mask: str,
        resolution: int,
        compiled: bool = False,
        batch: int = 1,
    ) -> None:
        factor = codec.autoencoder.factor
        self.config, self.codec = config, codec
        self.task = Inpainting.make(mask, resolution, factor)
        network = torch.compile(model) if compiled else model
        trained, own = config["training"]["shared_noise"], settings.shared_noise
        shared_noise = trained if own is None else own
        self.sampler = WindowedSampler(
            network, self.task, parse(Diffusion, config["diffusion"]), settings, codec.device, shared_noise, batch
        )

    def crops(
        self, scene: Scene, seed: int, progress: Progress | None = None, on_step: OnStep | None = None
    ) -> Iterator[Tensor]:
        """Generated crops (t, S, S, 3) uint8 of consecutive stretches, on the CPU.

        Args:
            scene: what they are generated from.
            seed: of the noise; the same seed gives the same crops.
            progress: called with the frames that were denoised.
            on_step: called after every step; may change the latents (`WindowedSampler.stream`).
        """
        for latents in self.latents(scene, seed, progress, on_step):
            yield from self.codec.decode(latents)

    def latents(
        self, scene: Scene, seed: int, progress: Progress | None = None, on_step: OnStep | None = None
    ) -> Iterator[Tensor]:
        """Generated latents (t, C, H, H) of consecutive stretches, on the CPU; arguments as of `crops`."""
        reference = self.codec.encode(scene.reference[None])[0]

        def conditions(first: int, last: int) -> Conditions:
            return Conditions(
                masked=self._masked(scene, reference, first, last),
                reference=reference,
                audio=hide_beyond(scene.audio(first, last), self.config["audio"], self.config["training"]["visible"]),
                text=scene.text,
                text_mask=scene.text_mask,
            )

        yield from self.sampler.stream(scene.frames, conditions, seed, progress, on_step, scene.first)

    def _masked(self, scene: Scene, reference: Tensor, first: int, last: int) -> Tensor:
        """(t, C, H, H) latents of the masked frames; a portrait is generated from its reference alone."""
        if self.task.portrait:
            return reference.expand(last - first, -1, -1, -1)
        return self.codec.encode(scene.source(first, last), self.sampler.task).expand(last - first, -1, -1, -1)
