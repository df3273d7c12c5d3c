"""Distances of a face, frame by frame, from MediaPipe landmarks.

Every measure is taken in face coordinates (origin between the eyes, x along the eye line, y up, unit = distance of
the eye centres), so neither the place, the size nor the roll of the face matters. Numpy only.
"""

import numpy as np

# MediaPipe face mesh, refined (478 points); "right" is the person's right, left in the picture.
_RIGHT_EYE, _LEFT_EYE = (33, 133), (263, 362)
_INNER_CORNERS, _OUTER_CORNERS = (133, 362), (33, 263)
_RIGHT_INNER_BROW, _LEFT_INNER_BROW = (55, 107), (285, 336)
_OUTER_BROWS = (46, 53, 63, 70, 276, 283, 293, 300)
_UPPER_LIDS, _LOWER_LIDS = (159, 386), (145, 374)
_IRISES = (468, 473)
_CHEEKS = (50, 117, 280, 346)
_NOSE_WINGS, _BROWS_OVER_NOSE = (129, 358), (107, 336)
_NOSE_BASE, _NOSE_TIP = (2,), (4,)
_RIGHT_CORNER, _LEFT_CORNER = (61,), (291,)
_UPPER_LIP, _LIP_RIDGE, _LIP_BOTTOM = (0, 37, 267), (0,), (17,)
_GAP_TOP, _GAP_BOTTOM = (13,), (14,)

FACE_MEASURES = (
    "inner_brow", "outer_brow", "aperture", "lower_lid", "cheek", "nose_brow", "gaze_x", "gaze_y", "nose_x", "nose_y",
)  # fmt: skip
MOUTH_MEASURES = ("corner_height", "corner_bow", "corner_tilt", "width", "upper_lip", "lip_gap")


def measure_frames(landmarks: np.ndarray) -> dict[str, np.ndarray]:
    """Measure every frame.

    Args:
        landmarks: (T, 478, 2) points in pixels, without NaN.

    Returns:
        One (T,) float64 array per name of `FACE_MEASURES` and `MOUTH_MEASURES`, in distances of the eye centres.
    """
    x, y = _face_coordinates(landmarks)

    def height(points: tuple[int, ...]) -> np.ndarray:
        return y[:, points].mean(axis=1)

    def across(points: tuple[int, ...]) -> np.ndarray:
        return x[:, points].mean(axis=1)

    corners = _RIGHT_CORNER + _LEFT_CORNER
    return {
        "inner_brow": height(_RIGHT_INNER_BROW + _LEFT_INNER_BROW) - height(_INNER_CORNERS),
        "outer_brow": height(_OUTER_BROWS) - height(_OUTER_CORNERS),
        "aperture": height(_UPPER_LIDS) - height(_LOWER_LIDS),
        "lower_lid": height(_LOWER_LIDS),
        "cheek": height(_CHEEKS),
        "nose_brow": height(_BROWS_OVER_NOSE) - height(_NOSE_WINGS),
        "gaze_x": across(_IRISES),
        "gaze_y": height(_IRISES),
        "nose_x": across(_NOSE_TIP),
        "nose_y": height(_NOSE_TIP),
        "corner_height": height(corners) - height(_NOSE_BASE),
        "corner_bow": height(corners) - (height(_LIP_RIDGE) + height(_LIP_BOTTOM)) / 2,
        "corner_tilt": height(_LEFT_CORNER) - height(_RIGHT_CORNER),
        "width": across(_LEFT_CORNER) - across(_RIGHT_CORNER),
        "upper_lip": height(_UPPER_LIP) - height(_NOSE_BASE),
        "lip_gap": height(_GAP_TOP) - height(_GAP_BOTTOM),
    }


def head_path(landmarks: np.ndarray) -> np.ndarray:
    """Where the head is: (T, 3) eye centre in distances of the eye centres (clip median) and roll in radians.

    Args:
        landmarks: (T, 478, 2) points in pixels, without NaN.
    """
    centre, axis = _eyes(landmarks)
    roll = np.unwrap(np.arctan2(axis[:, 1], axis[:, 0]))
    return np.column_stack([centre / np.median(np.linalg.norm(axis, axis=1)), roll])


def _eyes(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Point between the eyes (T, 2) and the vector from the right eye to the left one (T, 2), in pixels."""
    right, left = (landmarks[:, eye].mean(axis=1, dtype=np.float64) for eye in (_RIGHT_EYE, _LEFT_EYE))
    return (right + left) / 2, left - right


def _face_coordinates(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """X (T, 478) along the eye line and y (T, 478) upwards, in distances of the eye centres."""
    centre, axis = _eyes(landmarks)
    offsets = landmarks - centre[:, None]
    axis = axis / (axis**2).sum(axis=1, keepdims=True)  # unit vector over its length: rotates and scales at once
    x = np.einsum("tpc,tc->tp", offsets, axis)
    y = offsets[..., 0] * axis[:, 1:] - offsets[..., 1] * axis[:, :1]
    return x, y
