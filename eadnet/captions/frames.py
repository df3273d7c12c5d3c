"""Frames of a clip for a language model: evenly spread over its time, from the aligned crop.

The crop shows the face and little else, so most of what a caption must not mention (clothing, background) is not in
the picture in the first place.
"""

import io

import numpy as np

from eadnet.clips import Clip


def sample_frames(clip: Clip, count: int, size: int | None = None) -> tuple[np.ndarray, ...]:
    """Frames from the middles of `count` equal parts of the clip; all of a clip that has fewer.

    Args:
        clip: A preprocessed clip.
        count: Frames wanted, at least 1.
        size: Height and width of the frames; None leaves the crop's.

    Returns:
        (size, size, 3) uint8 RGB frames, in the order of time.

    Raises:
        ClipError: the clip's crops cannot be read.
    """
    crops = clip.crops
    count = min(count, len(crops))
    places = (np.arange(count) + 0.5) * len(crops) / count
    return tuple(_scaled(crops[int(place)], size) for place in places)


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
