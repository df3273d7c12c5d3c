"""MediaPipe's full-range face detector; its weights come with the package."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from eadnet.faces.detectors.interface import Face, sorted_faces
from eadnet.faces.detectors.muted import opened_graph
from eadnet.faces.mesh import mesh_anchors

MIN_CONFIDENCE = 0.4


class MediaPipeDetector:
    """Faces by MediaPipe, anchors by the mesh."""

    def __init__(self, process: Callable[[np.ndarray], Any]) -> None:
        """Wrap an open ``FaceDetection`` graph."""
        self.process = process

    def detect(self, frame: np.ndarray) -> list[Face]:
        """Faces of a (H, W, 3) uint8 RGB picture, the largest first."""
        found = self.process(frame).detections or []
        return sorted_faces([_face(detection, frame.shape) for detection in found], frame.shape)

    def anchors(self, frame: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """(3, 2) means of brows and nose, from the mesh."""
        return mesh_anchors(landmarks)


@contextmanager
def opened(weights: Path | None = None) -> Iterator[MediaPipeDetector]:
    """The detector, with its graph open."""
    from mediapipe.python.solutions.face_detection import FaceDetection

    with opened_graph(FaceDetection, model_selection=1, min_detection_confidence=MIN_CONFIDENCE) as process:
        yield MediaPipeDetector(process)


def _face(detection: Any, shape: tuple[int, ...]) -> Face:
    size = np.float32((shape[1], shape[0]))
    location = detection.location_data
    box = location.relative_bounding_box
    edges = np.float32((box.xmin, box.ymin, box.xmin + box.width, box.ymin + box.height)) * np.tile(size, 2)
    right, left, nose, mouth = (np.float32((point.x, point.y)) * size for point in location.relative_keypoints[:4])
    # One point for the mouth: its corners are put as far from it as the eyes are from their middle, times 0.8.
    reach = (left - right) * np.float32(0.4)
    return Face(edges, float(detection.score[0]), np.stack([right, left, nose, mouth - reach, mouth + reach]))
