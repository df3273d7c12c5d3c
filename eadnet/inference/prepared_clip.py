"""A clip whose sound, face and text have been read, and how its video is generated.

Shape legend: T frames, H, W picture, C latent channels, S latent side.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from eadnet.inference.animator import Animator, Scene
from eadnet.inference.clip_requests import ClipRequest
from eadnet.inference.driving_audio import Sound
from eadnet.inference.paste_back import paste_stream, paste_weight
from eadnet.inference.pipeline_output import Generation, OutputType, in_form
from eadnet.inference.sampler import OnStep
from eadnet.inference.source_video import FPS, SourceVideo
from eadnet.inference.step_callbacks import StepCallbacks
from eadnet.media.writing import write_video

BAR = "{desc}: {percentage:3.0f}% |{bar}| {rate_fmt}, {remaining} left"


@dataclass(frozen=True)
class PreparedClip:
    """A clip that is ready to be generated.

    Attributes:
        request: the clip of the call.
        sound, footage: that it is made of.
        scenes: what the network makes of it: the stretches that show a face, in their order.
    """

    request: ClipRequest
    sound: Sound
    footage: SourceVideo
    scenes: list[Scene]

    @property
    def notes(self) -> tuple[str, ...]:
        """Clauses on its video and sound that a user should know, the gravest first."""
        return (*self.footage.warnings, *self.footage.notes, *self.sound.notes)

    def report(self) -> None:
        """Print the notes, a line each, on stderr: before a long generation, since it may be the wrong video."""
        given = self.request.audio
        sound = str(given) if isinstance(given, str | Path) else "the sound"
        for name, kind, notes in (
            (self.footage.name, "warning", self.footage.warnings),
            (self.footage.name, "note", self.footage.notes),
            (sound, "note", self.sound.notes),
        ):
            for note in notes:
                print(f"{kind}: {name}: {note}", file=sys.stderr)

    def made(self, animator: Animator, calls: StepCallbacks, output_type: OutputType, progress: bool) -> Generation:
        """The clip in the requested form: a file, or frames that are made when they are taken.

        Args:
            animator: what generates its crops.
            calls: called after every step.
            output_type: form of frames that are given back.
            progress: whether to show a bar.
        """
        settings, output = animator.sampler.settings, self.request.output
        on_step = calls.of_clip(self.request.position, self.sound.frames, settings.steps)
        if output_type == "latent":
            frames = self._latents(animator, on_step, progress)
        else:
            frames = in_form(self._frames(animator, on_step, progress), output_type)
        path = None if output is None else Path(output)
        if path:
            write_video(path, frames, FPS, self.sound.blocks(), self.sound.rate, settings.crf, self.footage.colour)
        return Generation(None if path else frames, path, self.sound.frames, FPS, self.sound, self.notes)

    def _frames(self, animator: Animator, on_step: OnStep | None, progress: bool) -> Iterator[np.ndarray]:
        """Frames (H, W, 3) uint8 with the generated crops pasted in, each made when it is taken."""
        count, weight = self.sound.frames, paste_weight(animator.task.pixels.numpy())
        transforms = self.footage.transforms[self.footage.positions(0, count)]
        with self.request.named(), self._bar(progress) as bar:

            def make(scene: Scene) -> Iterator[Tensor]:
                return animator.crops(scene, self.request.seed, bar.update, on_step)

            yield from paste_stream(self.footage.frames(0, count), self._where_seen(make), transforms, weight)

    def _latents(self, animator: Animator, on_step: OnStep | None, progress: bool) -> Iterator[Tensor]:
        """Latents (C, S, S) of the generated crops, each made when it is taken; NaN where no face is seen."""
        channels, factor = animator.codec.autoencoder.channels, animator.codec.autoencoder.factor
        unseen = torch.full((channels, *(animator.task.pixels.shape[-1] // factor,) * 2), torch.nan)
        with self.request.named(), self._bar(progress) as bar:

            def make(scene: Scene) -> Iterator[Tensor]:
                # no inference tensors, so that autograd takes them
                return map(torch.clone, animator.latents(scene, self.request.seed, bar.update, on_step))

            for latent in self._where_seen(make):
                yield unseen.clone() if latent is None else latent

    def _where_seen(self, make: Callable[[Scene], Iterator[Tensor]]) -> Iterator[Tensor | None]:
        """What is made of every frame of the clip; None where the frame shows no face.

        Args:
            make: gives what is made of a scene, part by part: (t, ...) each.
        """
        count, place = self.sound.frames, 0
        seen = self.footage.seen[self.footage.positions(0, count)]
        for scene in self.scenes:
            yield from repeat(None, scene.first - place)
            place = scene.first + scene.frames
            for one, shown in zip(chain.from_iterable(make(scene)), seen[scene.first : place], strict=True):
                yield one if shown else None
        yield from repeat(None, count - place)

    @contextmanager
    def _bar(self, shown: bool) -> Iterator[tqdm]:
        """A bar of denoised frames, with their pace and the time that is left."""
        frames = sum(scene.frames for scene in self.scenes)
        with tqdm(desc="generating", total=frames, unit=" frames", bar_format=BAR, disable=not shown) as bar:
            yield bar


def stretch_scenes(
    footage: SourceVideo, frames: int, audio: Callable[[int, int], Tensor], words: tuple[Tensor, Tensor]
) -> list[Scene]:
    """What the network makes of each stretch with a face, by the reference of its own shot.

    Args:
        footage: the video or picture.
        frames: T of the clip.
        audio: gives the audio windows of frames first ... last - 1 of the clip.
        words: states and mask of the text.
    """

    def source(first: int, last: int) -> Tensor:
        return torch.from_numpy(footage.crops(first, last))

    stretches = footage.stretches(frames)
    references = {shot: torch.from_numpy(footage.reference(shot)) for shot in {each.shot for each in stretches}}
    return [
        Scene(each.end - each.first, source, references[each.shot], audio, *words, first=each.first)
        for each in stretches
    ]
