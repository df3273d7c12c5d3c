"""How far sound and lips of a clip are apart, by SyncNet v2 on the crops that it was trained on.

The crop follows joonson/syncnet_python's run_pipeline.py: a square about the face's box, its centre and size smoothed
by a median of 13 frames, 1.4 half-sides to the left, right and above 1, below 1.8; grey 110 beyond the picture; 224
pixels.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
from scipy.signal import medfilt

from eadnet.syncnet_v2 import SIZE, features, load_syncnet_v2, search_offset

FILE = "syncnet_v2.model"
MARGIN = 0.4  # crop_scale of the reference
GREY = 110
MEDIAN = 13


class SyncJudge:
    """Measures the offset of one clip after another."""

    def __init__(self, weights: Path) -> None:
        """Load the published weights from their folder."""
        self.network = load_syncnet_v2(weights / FILE)

    def measure(
        self, frames: Iterable[np.ndarray], landmarks: np.ndarray, wave: np.ndarray
    ) -> tuple[int, float] | None:
        """Frames by which the sound comes late, and SyncNet's confidence; None where the clip is too short.

        Args:
            frames: T (H, W, 3) uint8 RGB.
            landmarks: (T, 478, 2) in their pixels; gaps are bridged.
            wave: int16 at 16 kHz.
        """
        seen, heard = features(self.network, _crops(frames, landmarks), wave)
        if not len(seen):
            return None
        late, confidence, _ = search_offset(seen, heard)
        return late, confidence


def _crops(frames: Iterable[np.ndarray], landmarks: np.ndarray) -> Iterator[np.ndarray]:
    low, high = np.nanmin(landmarks, axis=1), np.nanmax(landmarks, axis=1)
    half, middle = (high - low).max(axis=1) / 2, (low + high) / 2
    smooth = [_smoothed(values) for values in (half, middle[:, 0], middle[:, 1])]
    for frame, side, x, y in zip(frames, *smooth, strict=True):
        left, top = x - side * (1 + MARGIN), y - side
        scale = SIZE / (2 * side * (1 + MARGIN))
        matrix = np.float64([[scale, 0, -left * scale], [0, scale, -top * scale]])
        yield cv2.warpAffine(
            frame, matrix, (SIZE, SIZE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_CONSTANT, borderValue=(GREY,) * 3
        )


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Gaps bridged, and a running median with held ends."""
    time, seen = np.arange(len(values)), np.isfinite(values)
    filled = np.interp(time, time[seen], values[seen])
    reach = MEDIAN // 2
    return medfilt(np.pad(filled, reach, mode="edge"), MEDIAN)[reach : reach + len(values)]
