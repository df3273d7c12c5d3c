"""The 128 x 128 face crops of EAT's evaluation (yuangan/evaluation_eat@e39b004 code/utils_crop.py), and their files.

A frame is moved by the similarity that lays nose, right eye and the first half of the left eye on fixed places. The
crops are stored as MPEG-4 part 2 and read back: that loss belongs to the metric.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from eadnet.media.reading import iterate_video
from metrics.tables import FPS

SIDE = 128
CANVAS = 163
"""Side of the picture of which rows and columns 1 to 128 are kept."""
GUIDES = slice(27, 45)
"""The points of the 68 that align a face: nose 27 to 35, right eye 36 to 41, left eye 42 to 44."""
MOUTH = slice(48, 68)
PLACES = np.array(
    [(65, 37), (65, 47), (65, 57), (66, 68), (54, 75), (60, 77), (66, 78), (71, 76), (77, 75),
     (28, 39), (35, 35), (43, 35), (50, 40), (43, 42), (34, 42), (79, 40), (86, 34), (94, 34)], np.float64,
)  # fmt: skip
"""(18, 2) where the guides come to lie on the canvas, (x, y)."""


def crop(frame: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Move a face to its place.

    Args:
        frame: (H, W, 3) uint8 RGB.
        points: (68, 2) in pixels of the frame.

    Returns:
        (128, 128, 3) uint8; bilinear, black outside the frame, fractions of grey levels cut off.
    """
    from skimage.transform import SimilarityTransform, warp

    to_frame = SimilarityTransform.from_estimate(PLACES, points[GUIDES].astype(np.float64))
    moved = warp(frame, to_frame, output_shape=(CANVAS, CANVAS))
    return (moved * 255).astype(np.uint8)[1 : SIDE + 1, 1 : SIDE + 1]


def write_crops(path: Path, crops: Iterable[np.ndarray]) -> int:
    """Write crops as MPEG-4 part 2 at 25 fps, by OpenCV's own encoder and rate as evaluation_eat does.

    Returns:
        How many were written.

    Raises:
        OSError: OpenCV has no encoder for it.
    """
    import cv2

    count = 0
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), FPS, (SIDE, SIDE))
    if not writer.isOpened():
        raise OSError(f"{path}: this OpenCV writes no MPEG-4; install opencv-python-headless again")
    try:
        for picture in crops:
            writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
            count += 1
    finally:
        writer.release()
    return count


def read_crops(path: Path, count: int, wanted: int) -> Iterator[np.ndarray]:
    """`wanted` of the `count` crops of a file, evenly taken from the start on (crop floor(i * count / wanted))."""
    places = set(np.linspace(0, count, wanted, endpoint=False).astype(int).tolist())
    return (picture for place, picture in enumerate(iterate_video(path, FPS)) if place in places)


def mouth_and_face(made: list[np.ndarray], true: list[np.ndarray]) -> dict[str, float]:
    """Distances of points (LMD) and of their velocities (LVD) over frames in which both faces were found.

    Velocities lie between one such frame and the next, whatever lies between; their sum is divided by the number of
    frames, not by that of differences. `f_lvd` adds up the mouth's velocities and divides by the face's 68 points: that
    is a slip of evaluation_eat's `get_lmd`, which its published numbers contain.

    Args:
        made: (68, 2) points a frame, in pixels of the crops; at least one frame.
        true: as many.

    Returns:
        `m_lmd`, `f_lmd`, `m_lvd` and `f_lvd`, in pixels of the 128 x 128 crops.
    """
    pairs, frames = list(zip(made, true, strict=True)), len(made)
    mouths = [(one[MOUTH], other[MOUTH]) for one, other in pairs]
    moved = sum(_apart(now[0] - before[0], now[1] - before[1]) for before, now in pairwise(mouths))
    return {
        "m_lmd": sum(_apart(_centred(one), _centred(other)) for one, other in mouths) / (20 * frames),
        "f_lmd": sum(_apart(_centred(one), _centred(other)) for one, other in pairs) / (68 * frames),
        "m_lvd": moved / (20 * frames),
        "f_lvd": moved / (68 * frames),
    }


def _centred(points: np.ndarray) -> np.ndarray:
    return points - points.mean(0)


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    """Sum of the distances of corresponding points."""
    return float(np.linalg.norm(one - other, axis=1).sum())
