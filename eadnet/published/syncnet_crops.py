"""The crop that SyncNet v2 was trained on, about the box of the face mesh.

As joonson/syncnet_python's run_pipeline.py (@6efbb1c): a square about the face's box, its centre and size smoothed by a
median of 13 frames, 1.4 half-sides to the left, right and above 1, below 1.8; grey 110 beyond the picture; 224 pixels.
The mesh stands in for its detector, gaps are bridged, and the cut is made between pixels.
"""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from scipy.signal import medfilt

SIZE = 224
MARGIN = 0.4  # crop_scale of the reference
GREY = 110
MEDIAN = 13


def face_crops(frames: Iterable[np.ndarray], landmarks: np.ndarray) -> Iterator[np.ndarray]:
    """Crops of all frames, (224, 224, 3) uint8.

    Args:
        frames: T (H, W, 3) uint8.
        landmarks: (T, 478, 2) in their pixels; NaN where no face is, but not everywhere.
    """
    for frame, square in zip(frames, face_squares(landmarks), strict=True):
        yield cut_square(frame, square)


def face_squares(landmarks: np.ndarray) -> np.ndarray:
    """(T, 3) half a side of the face's square and its centre x, y in pixels, smoothed; from (T, 478, 2) landmarks."""
    low, high = np.nanmin(landmarks, axis=1), np.nanmax(landmarks, axis=1)
    half, middle = (high - low).max(axis=1) / 2, (low + high) / 2
    return np.stack([_smoothed(values) for values in (half, middle[:, 0], middle[:, 1])], axis=1)


def cut_square(frame: np.ndarray, square: np.ndarray) -> np.ndarray:
    """The (224, 224, 3) crop of a frame about one of `face_squares`."""
    side, x, y = square
    left, top = x - side * (1 + MARGIN), y - side
    scale = SIZE / (2 * side * (1 + MARGIN))
    matrix = np.float64([[scale, 0, -left * scale], [0, scale, -top * scale]])
    return cv2.warpAffine(
        frame, matrix, (SIZE, SIZE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_CONSTANT, borderValue=(GREY,) * 3
    )


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Gaps bridged, and a running median with held ends."""
    time, seen = np.arange(len(values)), np.isfinite(values)
    filled = np.interp(time, time[seen], values[seen])
    reach = MEDIAN // 2
    return medfilt(np.pad(filled, reach, mode="edge"), MEDIAN)[reach : reach + len(values)]
