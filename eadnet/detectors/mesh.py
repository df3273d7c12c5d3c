"""MediaPipe's face mesh: the 478 points that every later stage reads, whichever detector found the face."""

from collections.abc import Iterable

import numpy as np

from eadnet.detectors.muted import opened_graph

POINTS = 478
# Points of the mesh that lie where InsightFace's 106 have the upper edges of the brows (43 48 49 51 50, 101-105), the
# bridge above the tip, the wings and the tip of the nose (74 77 83 86)
LEFT_BROW, RIGHT_BROW = (70, 63, 105, 66, 107), (336, 296, 334, 293, 300)
NOSE = (5, 48, 278, 4)


def detect_landmarks(frames: Iterable[np.ndarray]) -> np.ndarray:
    """Track one face through a clip with MediaPipe FaceMesh (478 points, irises included).

    Every call starts a new graph, so the result depends on these frames alone.

    Args:
        frames: (H, W, 3) uint8 RGB, one after another.

    Returns:
        (T, 478, 2) float32 in pixels; NaN in frames without a face.
    """
    from mediapipe.python.solutions.face_mesh import FaceMesh

    found = []
    with opened_graph(FaceMesh, max_num_faces=1, refine_landmarks=True) as process:
        for frame in frames:
            faces = process(frame).multi_face_landmarks
            points = np.full((POINTS, 2), np.nan, np.float32)
            if faces:
                points[:] = [(point.x, point.y) for point in faces[0].landmark]
            found.append(points * np.float32((frame.shape[1], frame.shape[0])))
    return np.stack(found) if found else np.empty((0, POINTS, 2), np.float32)


def mesh_anchors(landmarks: np.ndarray) -> np.ndarray:
    """(..., 3, 2) means of the left brow, the right brow and the nose, from (..., 478, 2) points."""
    groups = (LEFT_BROW, RIGHT_BROW, NOSE)
    return np.stack([landmarks[..., list(group), :].mean(axis=-2) for group in groups], axis=-2)
