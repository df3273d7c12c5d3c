"""YuNet by OpenCV (Wu et al. 2023): a small detector under a permissive licence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from eadnet.assets import AssetError
from eadnet.faces.detectors.interface import Face, sorted_faces, weight_file
from eadnet.faces.mesh import mesh_anchors

FILE = "face_detection_yunet_2023mar.onnx"
MIN_CONFIDENCE = 0.6


class YuNetDetector:
    """Faces by YuNet, anchors by the mesh."""

    def __init__(self, network: Any) -> None:
        """Wrap an open ``cv2.FaceDetectorYN``."""
        self.network = network

    def detect(self, frame: np.ndarray) -> list[Face]:
        """Faces of a (H, W, 3) uint8 RGB picture, the largest first."""
        self.network.setInputSize((frame.shape[1], frame.shape[0]))
        rows = self.network.detect(np.ascontiguousarray(frame[..., ::-1]))[1]
        return sorted_faces([_face(row) for row in (rows if rows is not None else ())], frame.shape)

    def anchors(self, frame: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """(3, 2) means of brows and nose, from the mesh."""
        return mesh_anchors(landmarks)


@contextmanager
def opened(weights: Path | None) -> Iterator[YuNetDetector]:
    """The detector, from its ONNX file.

    Raises:
        AssetError: the file is absent, or OpenCV cannot read it.
    """
    path = weight_file(weights, "yunet", FILE)
    try:
        network = cv2.FaceDetectorYN.create(str(path), "", (320, 320), score_threshold=MIN_CONFIDENCE)
    except cv2.error as error:
        raise AssetError(f"{path}: not readable by OpenCV ({error.err}); fetch it again") from None
    yield YuNetDetector(network)


def _face(row: np.ndarray) -> Face:
    """A row of YuNet: x, y, width, height, five points in InsightFace's order, score."""
    x, y, width, height = row[:4]
    box = np.float32((x, y, x + width, y + height))
    return Face(box, float(row[14]), row[4:14].reshape(5, 2).astype(np.float32))
