"""Head poses from MediaPipe's facial transformation matrices: angles, distances and motion. SciPy's rotations.

The rotation is what remains of the matrix's upper left 3 x 3 after its scale, the cube root of its determinant, is
divided away. Euler angles are intrinsic yaw, pitch, roll (YXZ).
"""

import numpy as np
from scipy.spatial.transform import Rotation

ORDER = "YXZ"


def has_pose(poses: np.ndarray) -> np.ndarray:
    """(T,) bool: the frames with a face, from (T, 4, 4) matrices."""
    return np.isfinite(poses).all((1, 2))


def rotations(poses: np.ndarray) -> Rotation:
    """The rotations of (T, 4, 4) matrices, none NaN, T >= 1."""
    turned = poses[:, :3, :3].astype(np.float64)
    return Rotation.from_matrix(turned / np.cbrt(np.linalg.det(turned))[:, None, None])


def euler_angles(poses: np.ndarray) -> np.ndarray:
    """(T, 3) yaw, pitch and roll in degrees of (T, 4, 4) matrices, NaN in frames without a face."""
    angles, seen = np.full((len(poses), 3), np.nan), has_pose(poses)
    if seen.any():
        angles[seen] = rotations(poses[seen]).as_euler(ORDER, degrees=True)
    return angles


def geodesic_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(T,) angle in degrees of the one rotation that carries each pose to the other, of two (T, 4, 4) arrays."""
    return np.degrees((rotations(first) * rotations(second).inv()).magnitude())


def speeds(poses: np.ndarray) -> np.ndarray:
    """(T - 1,) geodesic angle in degrees from each frame to the next; NaN where either has no face."""
    found, seen = np.full(max(0, len(poses) - 1), np.nan), has_pose(poses)
    both = seen[1:] & seen[:-1]
    if both.any():
        found[both] = geodesic_distances(poses[1:][both], poses[:-1][both])
    return found


def diversity(angles: np.ndarray) -> float:
    """Mean standard deviation (ddof 0) over time of (T, 3) angles, none NaN, in their unit."""
    return float(angles.std(0).mean())


def pose_change(angles: np.ndarray) -> tuple[float, int]:
    """Mean absolute difference of (T, 3) angles between neighbouring frames, and of how many pairs of frames."""
    changes = np.abs(np.diff(angles, axis=0))
    seen = np.isfinite(changes).all(1)
    return (float(changes[seen].mean()), int(seen.sum())) if seen.any() else (float("nan"), 0)


def placed(poses: np.ndarray) -> np.ndarray:
    """(T, 6) yaw, pitch, roll in degrees and the translation in cm less its mean over the clip, poses none NaN."""
    places = poses[:, :3, 3].astype(np.float64)
    return np.concatenate([euler_angles(poses), places - places.mean(0)], axis=1)
