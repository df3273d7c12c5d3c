"""Pairs of which only the face's motion and the sound matter, and a face whose points can be moved one by one."""

from types import SimpleNamespace

import numpy as np

from eadnet.faces.landmarks import LEFT_EYE, LEFT_LIDS, RIGHT_EYE, RIGHT_LIDS
from metrics.functional.trajectories import IRISES, LEFT_BROW, LEFT_RING, RIGHT_BROW, RIGHT_RING
from tests.support.metrics_fixture import landmarks_of

SIZE = (240, 320)


def face(frames: int) -> np.ndarray:
    """(T, 478, 2) float64 of a still face: eyes 10 px wide and 30 apart, brows 10 px above, irises in the middle."""
    points = landmarks_of(np.full(frames, 0.3), np.ones(frames)).astype(np.float64)
    for brow, ring, x in ((RIGHT_BROW, RIGHT_RING, 33.0), (LEFT_BROW, LEFT_RING, 63.0)):
        points[:, list(brow)] = (x, 20)
        inner = [point for point in ring if point not in (*RIGHT_EYE, *LEFT_EYE, *RIGHT_LIDS, *LEFT_LIDS)]
        points[:, inner] = (x, 30)
    for corners, iris in IRISES.items():
        points[:, iris] = points[:, list(corners)].mean(1)
    return points


def motion_pair(
    clip_id: str, own: np.ndarray, true: np.ndarray, fps: float = 25.0, **changes: object
) -> SimpleNamespace:
    """What the families of face motion read of a pair; `changes` replace or add attributes."""
    silence = np.zeros(len(true) * 640, np.float32)
    pair = SimpleNamespace(
        clip_id=clip_id, status="ok", reason=None, n_frames=len(true), own_landmarks=own, own_fps=fps,
        true_landmarks=true, own_audio=silence, true_audio=silence, video="video.mp4", check_own=lambda: None,
        check_aligned=lambda: None,
        own_frames=lambda: iter([np.zeros((*SIZE, 3), np.uint8)]),
        truth=SimpleNamespace(row={"source": None, "height": SIZE[0], "width": SIZE[1]}),
    )  # fmt: skip
    vars(pair).update(changes)
    return pair
