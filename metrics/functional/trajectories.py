"""Paths of mouth, gaze, lids and brows over time, and how rough and how alike they are. Numpy only.

Every path is in units of the face, so that videos of another size or framing compare.
"""

import numpy as np

from eadnet.faces.landmarks import LEFT_EYE, RIGHT_EYE

# FACEMESH_LIPS of MediaPipe: outer and inner contour
LIPS = (
    0, 13, 14, 17, 37, 39, 40, 61, 78, 80, 81, 82, 84, 87, 88, 91, 95, 146, 178, 181,
    185, 191, 267, 269, 270, 291, 308, 310, 311, 312, 314, 317, 318, 321, 324, 375, 402, 405, 409, 415,
)  # fmt: skip
OUTER_CORNERS = (33, 263)
IRISES = {RIGHT_EYE: 468, LEFT_EYE: 473}  # centre of the iris between these corners
# FACEMESH_LEFT_EYEBROW, _RIGHT_EYEBROW, _LEFT_EYE and _RIGHT_EYE of MediaPipe
LEFT_BROW = (276, 282, 283, 285, 293, 295, 296, 300, 334, 336)
RIGHT_BROW = (46, 52, 53, 55, 63, 65, 66, 70, 105, 107)
LEFT_RING = (249, 263, 362, 373, 374, 380, 381, 382, 384, 385, 386, 387, 388, 390, 398, 466)
RIGHT_RING = (7, 33, 133, 144, 145, 153, 154, 155, 157, 158, 159, 160, 161, 163, 173, 246)
PERCENT = 100.0


def at_rate(rows: np.ndarray, fps: float, rate: float, count: int | None = None) -> np.ndarray:
    """The rows of a video at another rate: of each moment, the frame that is nearest to it.

    Args:
        rows: (T, ...) one row a frame.
        fps: frames a second of `rows`.
        rate: frames a second of the result.
        count: most rows of the result (None: as many as there are).
    """
    wanted = int(np.floor(len(rows) * rate / fps + 1e-6))
    wanted = wanted if count is None else min(wanted, count)
    return rows[np.minimum(np.floor(np.arange(wanted) * fps / rate + 0.5).astype(int), len(rows) - 1)]


def outer_distance(landmarks: np.ndarray) -> np.ndarray:
    """(T,) distance of the outer corners of the eyes, in the unit of (T, 478, 2) landmarks."""
    first, second = OUTER_CORNERS
    return np.linalg.norm(landmarks[:, second] - landmarks[:, first], axis=1)


def stabilised_mouth(landmarks: np.ndarray) -> np.ndarray:
    """The lips' shape over time without the head's place, tilt and size.

    The line of the outer corners of the eyes is turned level in every frame, the 40 lip points lose their mean, and the
    whole clip is divided by one number, its median distance of these corners, so that a growing head is not undone.

    Args:
        landmarks: (T, 478, 2) in any unit, none NaN.

    Returns:
        (T, 80) per cent of that distance over sqrt(40), so that the squared distance of two rows is the mean squared
        distance of their points.
    """
    points = landmarks.astype(np.float64) @ (1, 1j)
    line = points[:, OUTER_CORNERS[1]] - points[:, OUTER_CORNERS[0]]
    lips = points[:, list(LIPS)] * (np.abs(line) / line)[:, None]
    lips = (lips - lips.mean(1, keepdims=True)) * PERCENT / np.median(np.abs(line)) / np.sqrt(len(LIPS))
    return np.concatenate([lips.real, lips.imag], axis=1)


def gaze(landmarks: np.ndarray) -> np.ndarray:
    """(T, 2) place of the irises in the eyes, mean of both: along and across the line of its corners, in eye widths."""
    points = landmarks.astype(np.float64) @ (1, 1j)
    places = []
    for (first, second), iris in IRISES.items():
        left, right = points[:, first], points[:, second]
        places.append((points[:, iris] - (left + right) / 2) / (right - left))
    mean = np.mean(places, axis=0)
    return np.stack([mean.real, mean.imag], axis=1)


def brow_heights(landmarks: np.ndarray) -> np.ndarray:
    """(T, 2) distance of a brow's centre from its eye's, left and right, over the distance of both eyes' centres."""
    left, right = (landmarks[:, list(ring)].mean(1) for ring in (LEFT_RING, RIGHT_RING))
    scale = np.linalg.norm(left - right, axis=1)
    sides = zip((left, right), (LEFT_BROW, RIGHT_BROW), strict=True)
    return np.stack(
        [np.linalg.norm(landmarks[:, list(brow)].mean(1) - eye, axis=1) / scale for eye, brow in sides], axis=1
    )


def roughness(path: np.ndarray) -> tuple[float, int]:
    """Mean length of a path's second difference over time, and of how many frames in the middle of three.

    Args:
        path: (T,) or (T, d), NaN in frames without a face.

    Returns:
        Roughness >= 0 in the path's unit; NaN and 0 where no three neighbouring frames have a face.
    """
    lengths = np.linalg.norm(np.diff(path.reshape(len(path), -1), n=2, axis=0), axis=1)
    seen = np.isfinite(lengths)
    return (float(lengths[seen].mean()), int(seen.sum())) if seen.any() else (float("nan"), 0)


def path_correlation(generated: np.ndarray, truth: np.ndarray) -> float:
    """Correlation of two paths less their means; of (T,) paths, Pearson's.

    Args:
        generated: (T,) or (T, d), none NaN, not constant.
        truth: the same shape, not constant.

    Returns:
        Sum of the scalar products over the root of both sums of squares, -1 to 1.
    """
    first, second = (path.reshape(len(path), -1) - path.reshape(len(path), -1).mean(0) for path in (generated, truth))
    return float((first * second).sum() / np.sqrt((first**2).sum() * (second**2).sum()))
