"""Faces as published recognisers were trained on them, cut out of frames or aligned crops by the mesh landmarks.

The landmarks are of the video itself, so that a recogniser sees the face where its own detector would have found it.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from eadnet.faces.alignment import apply, warp_frame

CHIP = 224
PADDING = 0.25
# dlib get_face_chip_details (dlib/image_transforms/interpolation.h): outer and inner corner of the face's left eye,
# of its right eye, and the base of the nose, in a unit square; and the mesh points that lie there
CHIP_POINTS = (
    (0.8595674595992, 0.2134981538014), (0.6460604764104, 0.2289674387677), (0.1205750620789, 0.2137274526848),
    (0.3340850613712, 0.2290642403242), (0.4901123135679, 0.6277975316475),
)  # fmt: skip
MESH_POINTS = (263, 362, 33, 133, 2)


def has_face(landmarks: np.ndarray) -> np.ndarray:
    """(T,) bool: the frames in which the mesh was found, from (T, 478, 2) landmarks."""
    return np.isfinite(landmarks).all((1, 2))


def chip(frame: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The face as ``dlib.get_face_chip(size=224, padding=0.25)`` cuts it, black beyond the frame as there.

    A similarity carries the corners of the eyes and the base of the nose to dlib's mean places (least squares, Umeyama
    1991).

    Args:
        frame: (H, W, 3) uint8, the whole frame.
        landmarks: (478, 2) its mesh, in pixels.

    Returns:
        (224, 224, 3) uint8.
    """
    goal = (np.array(CHIP_POINTS) + PADDING) / (1 + 2 * PADDING) * CHIP
    framed = cv2.copyMakeBorder(frame, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)  # its border is what is repeated
    return warp_frame(framed, similarity(landmarks[list(MESH_POINTS)] + 1, goal), CHIP)


def boxes(crops: np.ndarray, landmarks: np.ndarray, transforms: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """The bounding box of all mesh points, squashed to a square; frames without a face are left out.

    Box and bilinear resize as av-savchenko/hsemotion-onnx@8e358b2 demo/recognize_emotions_video.py; the part of the box
    above the aligned crop (hair) is left out, as the demo leaves out what is above the frame.

    Args:
        crops: (T, R, R, 3) uint8 aligned crops.
        landmarks: (T, 478, 2) source pixels, NaN where no face was found.
        transforms: (T, 2, 3) from source to crop pixels.
        size: side of the result in pixels.

    Yields:
        (size, size, 3) uint8, one a frame with a face.
    """
    limit = crops.shape[2], crops.shape[1]
    for crop, points in zip(crops, apply(transforms, landmarks), strict=True):
        if not np.isfinite(points).all():
            continue
        left, top = np.clip(points.min(0).astype(int), 0, np.subtract(limit, 2))
        right, bottom = np.maximum(np.clip(points.max(0).astype(int), 0, limit), (left + 2, top + 2))
        yield cv2.resize(crop[top:bottom, left:right], (size, size), interpolation=cv2.INTER_LINEAR)


def similarity(points: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """(2, 3) float64 least-squares similarity from (K, 2) points to (K, 2) goals; in the plane one complex division."""
    source, target = (np.asarray(item, np.float64) @ (1, 1j) for item in (points, goal))
    centred = source - source.mean()
    turn = (centred.conj() @ (target - target.mean())) / (centred.conj() @ centred).real
    shift = target.mean() - turn * source.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def chained(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """(2, 3) affine map that does `first`, then `second`."""
    return second @ np.vstack([first, (0, 0, 1)])
