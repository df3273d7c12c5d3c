"""Aligned crops of a face by the video's own mesh, for judges of videos that the true clip's transforms do not fit."""

from collections.abc import Iterator

import numpy as np

from eadnet.config.preprocessing import Template
from eadnet.faces.alignment import CANVAS, warp_frame
from eadnet.faces.video import VideoFace

SMOOTHING = 3.0  # frames, as clips are cut by default
SQUEEZED = CANVAS[1] / CANVAS[0]  # of a crop whose canvas was squeezed to a square


def own_transforms(face: VideoFace, resolution: int, true_transforms: np.ndarray) -> np.ndarray:
    """(T, 2, 3) transforms that lay a video's own face where the true clip's template lays the true one.

    Args:
        face: of the video, in its own pixels; some frame shows it.
        resolution: side of the crops in pixels.
        true_transforms: (T', 2, 3) of the true clip, from which its template is read.
    """
    return face.transforms(resolution, SMOOTHING, template_of(true_transforms))


def template_of(transforms: np.ndarray) -> Template:
    """The template that a clip was cut by: the one of LatentSync squeezes, the other is a similarity."""
    across, down = (np.hypot(transforms[:, row, 0], transforms[:, row, 1]).mean() for row in (0, 1))
    return "latentsync" if abs(across / down / SQUEEZED - 1) < 0.1 else "eyes"


def cut(frames: Iterator[np.ndarray], transforms: np.ndarray, resolution: int) -> Iterator[np.ndarray]:
    """The (resolution, resolution, 3) uint8 crop of every frame."""
    for frame, matrix in zip(frames, transforms, strict=False):
        yield warp_frame(frame, matrix, resolution)
