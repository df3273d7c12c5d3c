"""How good a clip's crops look, by HyperIQA, as LatentSync filters its data (`preprocess/filter_visual_quality.py`)."""

from pathlib import Path

import cv2
import numpy as np
import torch

from eadnet.published.hyperiqa import FILE, SIDE, load_hyperiqa

CROP = 256
"""LatentSync's crops have this side, of which the network sees the middle `SIDE` pixels."""


class QualityJudge:
    """Measures one clip after another."""

    def __init__(self, weights: Path) -> None:
        """Load the published weights from their folder.

        Raises:
            ValueError: the file does not hold them.
        """
        self.network = load_hyperiqa(weights / FILE)

    @torch.inference_mode()
    def measure(self, crops: np.ndarray) -> float:
        """Mean score, about 0 to 100, higher is better, of the first, middle and last of (T, S, S, 3) uint8 RGB crops.

        Crops of another side are resized to 256 pixels first, so that the network always sees as much of the face.
        Enlarged ones are soft: LatentSync's threshold is too strict for them.
        """
        chosen = [_seen(crops[place]) for place in (0, len(crops) // 2, -1)]
        return float(self.network(torch.from_numpy(np.stack(chosen)).permute(0, 3, 1, 2).float() / 255).mean())


def _seen(crop: np.ndarray) -> np.ndarray:
    """(224, 224, 3) uint8: the middle of a crop of 256 pixels."""
    if len(crop) != CROP:
        crop = cv2.resize(crop, (CROP, CROP), interpolation=cv2.INTER_AREA if len(crop) > CROP else cv2.INTER_CUBIC)
    edge = (CROP - SIDE) // 2
    return crop[edge : edge + SIDE, edge : edge + SIDE]
