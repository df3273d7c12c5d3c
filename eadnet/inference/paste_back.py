"""Crops become video: pasted back into the source frames with a feathered seam, and written, one frame at a time.

Needs OpenCV and PyAV, which a GPU node may lack; ``test_clips.generate_crops`` does without this half.

Shape legend: t frames of a stretch, S crop side, H, W source frame.
"""

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path

import numpy as np
from torch import Tensor

from eadnet.data.clips import Clip, ClipError
from eadnet.faces.alignment import feather, paste
from eadnet.media.colour import Colour
from eadnet.media.decoding import MediaError
from eadnet.media.reading import MediaInfo, iterate_video, probe
from eadnet.media.writing import write_video


def paste_weight(region: np.ndarray) -> np.ndarray:
    """(S, S) float32 share of the generated crop in the picture, of a bool region; the seam lies inside it."""
    return feather(region)


def kept_colour(info: MediaInfo) -> Colour | None:
    """The colour in which a video made from this one is written; None, which writes no tags, where it is the usual."""
    return None if info.colour in (Colour(), Colour(stated=False)) else info.colour


def render_clip(clip: Clip, crops: Iterable[Tensor], weight: np.ndarray | None, path: Path, crf: int) -> int:
    """Write a test clip's video with its own sound; frames that show no face are the source's own.

    Args:
        clip: whose source frames and sound are used.
        crops: generated crops (t, S, S, 3) uint8, one stretch after another.
        weight: of the crop in the picture (`paste_weight`); None leaves the source as it is.
        path: ``.mp4`` to write.
        crf: x264 quality.

    Returns:
        The number of frames.

    Raises:
        ClipError: the source video cannot be read, or has another number of frames than the clip.
    """
    transforms, seen = clip.transforms, clip.seen

    def pasted() -> Iterator[np.ndarray]:
        source = iterate_video(clip.row["source"], 25)
        for frame, crop, transform, shown in zip_longest(source, _singly(crops), transforms, seen):
            if frame is None or crop is None or transform is None:
                raise ClipError(
                    f"{clip.row['source']} has {'fewer' if frame is None else 'more'} than the expected "
                    f"{len(transforms)} frames; delete it and run again"
                )
            yield paste(frame, crop, transform, weight) if shown and weight is not None else frame

    try:
        colour = kept_colour(probe(clip.row["source"]))
        write_video(path, pasted(), audio=clip.audio, crf=crf, colour=colour)
    except MediaError as error:
        raise ClipError(f"{clip.row['source']}: {error}") from None
    return len(transforms)


def paste_stream(
    frames: Iterable[np.ndarray],
    crops: Iterable[Tensor | None],
    transforms: Iterable[np.ndarray],
    weight: np.ndarray,
) -> Iterator[np.ndarray]:
    """Frames (H, W, 3) with generated crops pasted in, as many as there are crops.

    Args:
        frames: source frames (H, W, 3) uint8.
        crops: (S, S, 3) uint8 each; None leaves the frame as it is.
        transforms: (2, 3) each, source to crop pixels.
        weight: of the crop in the picture (`paste_weight`).
    """
    for crop, frame, transform in zip(crops, frames, transforms, strict=False):
        yield frame if crop is None else paste(frame, crop.numpy(), transform, weight)


def _singly(crops: Iterable[Tensor]) -> Iterator[np.ndarray]:
    return (crop for stretch in crops for crop in stretch.numpy())
