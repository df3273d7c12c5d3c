"""MediaPipe's face mesh: the 478 points that every later stage reads, whichever detector found the face."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import numpy as np

from eadnet.faces.detectors.muted import opened_graph

POINTS = 478
# Points of the mesh that lie where InsightFace's 106 have the upper edges of the brows (43 48 49 51 50, 101-105), the
# bridge above the tip, the wings and the tip of the nose (74 77 83 86)
LEFT_BROW, RIGHT_BROW = (70, 63, 105, 66, 107), (336, 296, 334, 293, 300)
NOSE = (5, 48, 278, 4)


@contextmanager
def opened_mesh() -> Iterator[Callable[[np.ndarray], np.ndarray]]:
    """MediaPipe FaceMesh (478 points, irises included) that tracks one face through the pictures of one clip.

    Yields:
        A function of one (H, W, 3) uint8 RGB frame, to be called in order: (478, 2) float32 pixels, NaN without a face.
    """
    from mediapipe.python.solutions.face_mesh import FaceMesh

    with opened_graph(FaceMesh, max_num_faces=1, refine_landmarks=True) as process:

        def landmarks_of(frame: np.ndarray) -> np.ndarray:
            faces = process(frame).multi_face_landmarks
            points = np.full((POINTS, 2), np.nan, np.float32)
            if faces:
                points[:] = [(point.x, point.y) for point in faces[0].landmark]
            return points * np.float32((frame.shape[1], frame.shape[0]))

        yield landmarks_of


def detect_landmarks(frames: Iterable[np.ndarray]) -> np.ndarray:
    """Track one face through a whole clip.

    Every call starts a new graph, so the result depends on these frames alone.

    Args:
        frames: (H, W, 3) uint8 RGB, one after another.

    Returns:
        (T, 478, 2) float32 in pixels; NaN in frames without a face.
    """
    with opened_mesh() as landmarks_of:
        found = [landmarks_of(frame) for frame in frames]
    return np.stack(found) if found else np.empty((0, POINTS, 2), np.float32)


def mesh_anchors(landmarks: np.ndarray) -> np.ndarray:
    """(..., 3, 2) means of the left brow, the right brow and the nose, from (..., 478, 2) points."""
    groups = (LEFT_BROW, RIGHT_BROW, NOSE)
    return np.stack([landmarks[..., list(group), :].mean(axis=-2) for group in groups], axis=-2)
