"""What a call of the pipeline gives back: a video, its sound, and its frames in the requested form.

Shape legend: T frames, H, W picture, C latent channels, S latent side.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from eadnet.inference.driving_audio import Sound
from eadnet.inference.pipeline_index import PipelineError

OutputType = Literal["np", "pil", "pt", "latent"]
Frame = np.ndarray | Image.Image | Tensor


@dataclass(frozen=True)
class Generation:
    """A generated video.

    Attributes:
        frames: made as they are taken, once; None where they were written. By `output_type`: `np` (H, W, 3) uint8 RGB;
            `pil` pictures; `pt` (3, H, W) float32 in [0, 1]; `latent` (C, S, S) float32 of the aligned crop, NaN where
            the frame shows no face.
        path: the written file, if one was requested.
        count: T.
        fps: frames per second.
        sound: that belongs to the frames.
        notes: clauses on its video and sound, such as "no face in 1.00-2.00 s; left as it is".
    """

    frames: Iterator[Frame] | None
    path: Path | None
    count: int
    fps: int
    sound: Sound
    notes: tuple[str, ...] = ()

    @property
    def audio(self) -> np.ndarray:
        """(n,) float32 mono wave in [-1, 1] that belongs to the frames; read from its file whenever it is asked for."""
        return self.sound.muxed

    @property
    def sample_rate(self) -> int:
        """Samples per second of `audio`."""
        return self.sound.rate


def check_output_type(output_type: str, written: bool) -> None:
    """Refuse an unknown form, and any but `np` where frames are written and none is given back.

    Raises:
        PipelineError: it is refused.
    """
    if output_type not in get_args(OutputType):
        raise PipelineError(f"output_type {output_type!r}: give one of {', '.join(get_args(OutputType))}")
    if written and output_type != "np":
        raise PipelineError(
            f"output_type {output_type!r} is of frames that are given back, output writes them; give one"
        )


def in_form(frames: Iterable[np.ndarray], output_type: str) -> Iterator[Frame]:
    """Frames (H, W, 3) uint8 as `np`, `pil` or `pt`, one at a time."""
    if output_type == "pil":
        return map(Image.fromarray, frames)
    if output_type == "pt":
        return (torch.from_numpy(frame).permute(2, 0, 1).float() / 255 for frame in frames)
    return iter(frames)
