"""Frames of a clip for a language model: evenly spread over its time, from the aligned crop.

The crop shows the face and little else, so most of what a caption must not mention (clothing, background) is not in
the picture in the first place.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eadnet.clips import Clip


@dataclass(frozen=True)
class ClipFrames(Sequence[np.ndarray]):
    """Frames of a clip, each read from disk on access: a batch of a thousand clips holds none.

    Attributes:
        clip: The clip.
        places: Which of its crops.
        size: Height and width of the frames; None leaves the crop's.
    """

    clip: Clip
    places: tuple[int, ...]
    size: int | None = None

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.places)

    def __getitem__(self, index: int) -> np.ndarray:
        """A frame, (H, W, 3) uint8 RGB."""
        return _scaled(self.clip.crop(self.places[index]), self.size)


def sample_frames(clip: Clip, count: int, size: int | None = None) -> ClipFrames:
    """Frames from the middles of `count` equal parts of the clip; all of a clip that has fewer.

    Args:
        clip: A preprocessed clip.
        count: Frames wanted, at least 1.
        size: Height and width of the frames; None leaves the crop's.

    Returns:
        The frames in the order of time.

    Raises:
        ClipError: the clip's crops cannot be read.
    """
    total = clip.count_crops()
    count = min(count, total)
    return ClipFrames(clip, tuple(int((place + 0.5) * total / count) for place in range(count)), size)


def png_bytes(frame: np.ndarray) -> bytes:
    """A frame as a PNG file: lossless, so that every engine sees the same pixels."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(frame).save(stream, format="PNG")
    return stream.getvalue()


def _scaled(frame: np.ndarray, size: int | None) -> np.ndarray:
    if size is None or frame.shape[:2] == (size, size):
        return np.ascontiguousarray(frame)
    from PIL import Image

    return np.asarray(Image.fromarray(frame).resize((size, size), Image.Resampling.BICUBIC))
