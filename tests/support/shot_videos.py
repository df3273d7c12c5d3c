"""Videos of several camera shots: a photographed face on the left or right of a wall, slides, and what lies between."""

from pathlib import Path

import numpy as np
import skimage.data

from eadnet.media.writing import write_video

SIZE = (160, 256)
"""Height and width of the pictures; a face is about 50 pixels wide."""
LEFT, RIGHT = slice(0, 120), slice(136, 256)
"""Columns in which a face stands."""


def picture(what: str) -> np.ndarray:
    """(160, 256, 3) uint8: `left` and `right` are two looks of a face on two walls, `wall` is that of the first."""
    head = skimage.data.astronaut()[:240:2, 110:350:2]
    if what == "slide":
        rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
        return np.stack([60 + columns // 4, 90 + rows // 2, 200 - columns // 4], axis=-1).astype(np.uint8)
    if what == "right":
        shown = np.full((*SIZE, 3), (70, 110, 70), np.uint8)
        shown[20:140, RIGHT] = head[:, ::-1, [2, 1, 0]]  # mirrored, and of another colour
        return shown
    shown = np.full((*SIZE, 3), (120, 100, 90), np.uint8)
    if what != "wall":
        shown[20:140, LEFT] = head
    return shown


def shots(*parts: tuple[str, int]) -> list[np.ndarray]:
    """Frames of shots one after another, each named as in `picture` and so many frames long; faces sway a little.

    ``a>b`` dissolves from one to the other.
    """
    frames = []
    for what, count in parts:
        first, _, last = what.partition(">")
        for number in range(count):
            share = (number + 1) / (count + 1) if last else 0.0
            mixed = (1 - share) * picture(first) + share * picture(last or first)
            frames.append(np.roll(np.rint(mixed).astype(np.uint8), len(frames) % 3, axis=0))
    return frames


def write_shots(path: Path, *parts: tuple[str, int]) -> Path:
    """Write them as a video without sound; returns its path."""
    write_video(path, shots(*parts), crf=5)
    return path
