"""How far sound and lips of a clip are apart, by SyncNet v2 on the crops that it was trained on."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from eadnet.faces.search import frames_seen
from eadnet.published.syncnet_crops import face_crops
from eadnet.published.syncnet_v2 import FILE, WINDOW, Eyes, features, load_syncnet_v2, search_offset


class SyncJudge:
    """Measures the offset of one clip after another."""

    def __init__(self, weights: Path) -> None:
        """Load the published weights from their folder."""
        self.network = load_syncnet_v2(weights / FILE)
        self.eyes = Eyes(self.network)

    def measure(
        self, frames: Iterable[np.ndarray], landmarks: np.ndarray, wave: np.ndarray
    ) -> tuple[int, float] | None:
        """Frames by which the sound comes late, and SyncNet's confidence; None where the clip is too short.

        Args:
            frames: T (H, W, 3) uint8 RGB.
            landmarks: (T, 478, 2) in their pixels; pictures of gaps are not compared.
            wave: int16 at 16 kHz.
        """
        seen, heard = features(self.network, face_crops(frames, landmarks), wave, self.eyes)
        whole = _without_gaps(frames_seen(landmarks), len(seen))
        if not whole.any():
            return None
        late, confidence, _ = search_offset(seen, heard, whole)
        return late, confidence


def _without_gaps(seen: np.ndarray, count: int) -> Tensor:
    """(count,) bool: which windows of SyncNet's frames, one beginning at every frame, show a face throughout."""
    whole = np.lib.stride_tricks.sliding_window_view(seen, WINDOW).all(axis=1) if len(seen) >= WINDOW else seen[:0]
    return torch.from_numpy(whole[:count].copy())
