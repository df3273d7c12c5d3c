"""ArcFace embeddings of every frame: of the aligned face, and of the whole frame squashed.

Reads ``w600k_r50.onnx`` (InsightFace's buffalo_l: ResNet-50, WebFace600K). InsightFace aligns by the five points of its
SCRFD detector; here the same five places are read off the FaceMesh, which sees all videos alike. On 21 real clips they
lay 1.5 of the template's 112 pixels from SCRFD's (2.5g), so numbers are near InsightFace's own, not equal to them.
"""

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np

from eadnet.data.clips import Clip
from metrics.functional.face_chips import similarity
from metrics.networks.onnx import open_onnx
from metrics.scoring.settings import ScoringSettings

ASSET, FILE = "arcface-r50", "w600k_r50.onnx"
SIDE = 112
# Where InsightFace puts the eyes, the tip of the nose and the corners of the mouth (python-package/insightface/utils/
# face_align.py `arcface_dst`, package 2.1); left in the picture first
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
IRISES, NOSE_TIP, MOUTH_CORNERS = (468, 473), (1, 4), (61, 291)  # of the FaceMesh; SCRFD's nose lies between 1 and 4


class Extractor:
    """Arrays ``arcface`` (NaN where no face is) and ``arcface_squashed``, each (T, 512) float32, not normalised."""

    VIEW, RATE = "own", 25  # of a pair are compared frame by frame

    def __init__(self, settings: ScoringSettings) -> None:
        """Open the network.

        Raises:
            metrics.scoring.settings.WeightsAbsent: it is not here.
            ValueError: the file is no ONNX network.
        """
        self._network = open_onnx(settings.weights(ASSET) / FILE)
        self._aligned: list[np.ndarray] = []
        self._squashed: list[np.ndarray] = []

    def begin(self, n_frames: int, clip: Clip) -> None:
        """A video starts."""
        self._aligned, self._squashed = [], []

    def see(self, frames: np.ndarray, landmarks: np.ndarray) -> None:
        """Embed the next frames, (n, H, W, 3) uint8, by their (n, 478, 2) landmarks."""
        for frame, points in zip(frames, landmarks, strict=True):
            self._squashed.append(embed(self._network, cv2.resize(frame, (SIDE, SIDE))))
            if np.isfinite(points).all():
                self._aligned.append(embed(self._network, aligned_face(frame, points)))
            else:
                self._aligned.append(np.full_like(self._squashed[-1], np.nan))

    def finish(self, again: Callable[[], Iterator[np.ndarray]], wave: np.ndarray) -> dict[str, np.ndarray]:
        """The video's arrays."""
        return {"arcface": np.stack(self._aligned), "arcface_squashed": np.stack(self._squashed)}


def embed(network: Any, face: np.ndarray) -> np.ndarray:
    """Embedding (512,) float32 of one (112, 112, 3) uint8 RGB face, as InsightFace's ``arcface_onnx.py`` feeds it."""
    picture = (face.astype(np.float32) - 127.5) / 127.5
    return network.run(None, {network.get_inputs()[0].name: picture.transpose(2, 0, 1)[None]})[0][0]


def aligned_face(frame: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The face turned, scaled and moved onto InsightFace's template, (112, 112, 3) uint8; black beyond the frame.

    Args:
        frame: (H, W, 3) uint8.
        landmarks: (478, 2) pixels, where pixel i covers [i, i + 1).
    """
    # OpenCV's and InsightFace's integers are pixel centres
    transform = similarity(five_points(landmarks) - 0.5, TEMPLATE)
    return cv2.warpAffine(frame, transform, (SIDE, SIDE), borderValue=0)


def five_points(landmarks: np.ndarray) -> np.ndarray:
    """(5, 2) irises, tip of the nose and corners of the mouth, left in the picture first."""
    return np.stack([*landmarks[list(IRISES)], landmarks[list(NOSE_TIP)].mean(axis=0), *landmarks[list(MOUTH_CORNERS)]])
