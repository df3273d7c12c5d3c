"""A clip whose sound, face and text have been read, and how its video is generated.

Shape legend: T frames, H, W picture, C latent channels, S latent side.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
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
        scene: the same as the network takes it.
    """

    request: ClipRequest
    sound: Sound
    footage: SourceVideo
    scene: Scene

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
            write_video(path, frames, FPS, self.sound.blocks(), self.sound.rate, settings.crf)
        return Generation(None if path else frames, path, self.sound.frames, FPS, self.sound)

    def _frames(self, animator: Animator, on_step: OnStep | None, progress: bool) -> Iterator[np.ndarray]:
        """Frames (H, W, 3) uint8 with the generated crops pasted in, each made when it is taken."""
        count, weight = self.scene.frames, paste_weight(animator.task.pixels.numpy())
        transforms = self.footage.transforms[self.footage.positions(0, count)]
        with self.request.named(), _bar(count, progress) as bar:
            crops = animator.crops(self.scene, self.request.seed, bar.update, on_step)
            yield from paste_stream(self.footage.frames(0, count), crops, transforms, weight)

    def _latents(self, animator: Animator, on_step: OnStep | None, progress: bool) -> Iterator[Tensor]:
        """Latents (C, S, S) of the generated crops, each made when it is taken."""
        with self.request.named(), _bar(self.scene.frames, progress) as bar:
            for stretch in animator.latents(self.scene, self.request.seed, bar.update, on_step):
                yield from stretch.clone()  # no inference tensor, so that autograd takes it


@contextmanager
def _bar(frames: int, shown: bool) -> Iterator[tqdm]:
    """A bar of denoised frames, with their pace and the time that is left."""
    with tqdm(desc="generating", total=frames, unit=" frames", bar_format=BAR, disable=not shown) as bar:
        yield bar
