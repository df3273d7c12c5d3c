"""Finding faces, aligning them steadily, and cutting them out and pasting them back.

A clip's faces become (T, 478, 2) MediaPipe landmarks; six rigid points of each frame (eye corners, nose bridge) give a
similarity transform to a fixed template, smoothed over time, so that the aligned crop follows the head but not the
jitter of the landmarks. Points and transforms use continuous pixel coordinates: pixel (i, j) covers [i, i+1) x
[j, j+1). Reads and writes no files.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from eadnet.media import Window

POINTS = 478
EYE_LINE, EYE_DISTANCE = 0.28, 0.31  # of the crop: brows at 0.13, mouth at 0.63, an open jaw's chin at 0.91
# MediaPipe point: (right, down) of the eyes' midpoint in inter-ocular distances, from the canonical face model
RIGID = {33: (-0.72, 0.0), 133: (-0.28, 0.0), 362: (0.28, 0.0), 263: (0.72, 0.0), 168: (0.0, -0.10), 6: (0.0, 0.02)}
BOX_TO_WINDOW = 2.2  # side of the kept square over the detected box: hair, chin and room for sway
FEATHER = 0.045  # width of the paste-back seam, of the crop's side; it lies inside the generated region


# ------------------------------------------------------------------------------------------------ detection
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
    with _muted(), FaceMesh(max_num_faces=1, refine_landmarks=True) as mesh:
        for frame in frames:
            faces = mesh.process(np.ascontiguousarray(frame)).multi_face_landmarks
            points = np.full((POINTS, 2), np.nan, np.float32)
            if faces:
                points[:] = [(point.x, point.y) for point in faces[0].landmark]
            found.append(points * np.float32((frame.shape[1], frame.shape[0])))
    return np.stack(found) if found else np.empty((0, POINTS, 2), np.float32)


def find_window(frames: Iterable[np.ndarray], zoom: float = 1.0, max_height: int = 512) -> Window | None:
    """A square that holds the clip's largest face in every sampled frame, with room around it.

    Args:
        frames: (H, W, 3) uint8 RGB; a few samples of the clip suffice.
        zoom: pixels of the source per pixel of these frames, if they are shrunk.
        max_height: the square is scaled down to this where it is larger (and small faces up, to half of it).

    Returns:
        The window in source pixels, inside the picture, or None where no face is found.
    """
    from mediapipe.python.solutions.face_detection import FaceDetection

    boxes, shape = [], (0, 0)
    with _muted(), FaceDetection(model_selection=1, min_detection_confidence=0.4) as detector:
        for frame in frames:
            shape = tuple(int(side * zoom) for side in frame.shape[:2])
            detections = detector.process(np.ascontiguousarray(frame)).detections or []
            relative = [detection.location_data.relative_bounding_box for detection in detections]
            if relative:
                box = max(relative, key=lambda box: box.width * box.height)
                boxes.append((box.xmin, box.ymin, box.xmin + box.width, box.ymin + box.height))
    return _square_around(np.array(boxes) * np.tile(shape[::-1], 2), shape, max_height) if boxes else None


# ------------------------------------------------------------------------------------------------ alignment
def align(landmarks: np.ndarray, resolution: int, smoothing: float) -> np.ndarray:
    """Steady similarity transforms from source pixels to crop pixels.

    The least-squares similarity of the rigid points (Umeyama 1991, eq. 34-43; in the plane it is one complex division)
    is found per frame; its position, angle and log scale are interpolated over missing frames and smoothed in time by a
    Gaussian, which removes the jitter of the landmarks and lets head sway through.

    Args:
        landmarks: (T, 478, 2) source pixels, NaN where no face was found.
        resolution: height and width of the crop.
        smoothing: standard deviation of the Gaussian, in frames; 0 leaves it out.

    Returns:
        (T, 2, 3) float32.

    Raises:
        ValueError: no frame has a face.
    """
    template = np.array(list(RIGID.values())) * EYE_DISTANCE + (0.5, EYE_LINE)
    template = (template @ (1, 1j)) * resolution
    points = landmarks[:, list(RIGID)].astype(np.float64) @ (1, 1j)
    middle, centre = template.mean(), points.mean(axis=1)
    arms = template - middle
    factor = ((points - centre[:, None]) * arms.conj()).sum(axis=1) / (np.abs(arms) ** 2).sum()
    seen = np.isfinite(factor)
    if not seen.any():
        raise ValueError("no frame has a face to align")
    angle = np.full(len(factor), np.nan)
    angle[seen] = np.unwrap(np.angle(factor[seen]))
    motion = np.stack([centre.real, centre.imag, np.log(np.abs(factor)), angle], axis=1)
    motion = _filled(motion)
    if smoothing:
        motion = gaussian_filter1d(motion, smoothing, axis=0, mode="nearest")
    x, y, log_scale, angle = motion.T
    inverse = np.exp(-log_scale - 1j * angle)
    shift = middle - inverse * (x + 1j * y)
    rows = [[inverse.real, -inverse.imag, shift.real], [inverse.imag, inverse.real, shift.imag]]
    return np.moveaxis(np.array(rows), 2, 0).astype(np.float32)


def apply(transforms: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Landmarks (T, K, 2) in source pixels seen in the crop, (T, K, 2) float32 crop pixels."""
    return (landmarks @ transforms[:, :, :2].swapaxes(1, 2) + transforms[:, None, :, 2]).astype(np.float32)


def warp(frames: Iterable[np.ndarray], transforms: np.ndarray, resolution: int) -> np.ndarray:
    """Cut the aligned crops out of a clip, (T, resolution, resolution, 3) uint8; `transforms` as from `align`."""
    crops = [warp_frame(frame, matrix, resolution) for frame, matrix in zip(frames, transforms, strict=True)]
    return np.stack(crops)


def warp_frame(frame: np.ndarray, transform: np.ndarray, resolution: int) -> np.ndarray:
    """Cut one aligned crop out of a (H, W, 3) frame; where it shrinks, areas are averaged, so nothing aliases."""
    shrink = max(1, int(np.ceil(1 / _scale(transform))))
    matrix = _centred(transform.astype(np.float64) * shrink)
    size = (resolution * shrink,) * 2
    crop = cv2.warpAffine(frame, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return crop if shrink == 1 else cv2.resize(crop, (resolution,) * 2, interpolation=cv2.INTER_AREA)


def paste(frame: np.ndarray, crop: np.ndarray, transform: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Put a generated crop back into its source frame.

    The seam is feathered inside the generated region only, so that nothing outside it changes.

    Args:
        frame: (H, W, 3) uint8 source frame.
        crop: (R, R, 3) uint8 crop.
        transform: (2, 3) source to crop pixels.
        mask: (R, R) bool, True where generated (`region_mask`), or float weights (`feather`).

    Returns:
        (H, W, 3) uint8, a new array.
    """
    weight = feather(mask) if mask.dtype == bool else mask
    left, top, right, bottom = _footprint(transform, len(crop), frame.shape)
    if right <= left or bottom <= top:
        return frame.copy()
    moved = transform.astype(np.float64)
    moved[:, 2] += moved[:, :2] @ (left, top)
    matrix, size = _centred(moved), (right - left, bottom - top)
    flags = cv2.WARP_INVERSE_MAP
    patch = cv2.warpAffine(crop, matrix, size, flags=flags | cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(weight, matrix, size, flags=flags | cv2.INTER_LINEAR)[..., None]
    result = frame.copy()
    region = result[top:bottom, left:right]
    region[:] = np.rint(region + alpha * (patch.astype(np.float32) - region)).astype(np.uint8)
    return result


def feather(mask: np.ndarray) -> np.ndarray:
    """(R, R) float32 weights in [0, 1] of a bool mask: 0 outside, rising smoothly to 1 inside its border."""
    bordered = np.pad(mask[1:-1, 1:-1], 1).astype(np.uint8)  # the crop's own border is a border too
    distance = cv2.distanceTransform(bordered, cv2.DIST_L2, 5)
    ramp = np.clip(distance / max(1.0, FEATHER * len(mask)), 0, 1)
    return (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)


# ------------------------------------------------------------------------------------------------- internals
@contextmanager
def _muted() -> Iterator[None]:
    """Drop what MediaPipe's C++ side prints to standard error; nothing in Python can turn it off."""
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)


def _square_around(boxes: np.ndarray, shape: tuple[int, int], max_height: int) -> Window:
    """Even square window around (N, 4) boxes in pixels (left, top, right, bottom), moved into the frame."""
    height, width = shape
    sides = boxes[:, 2:] - boxes[:, :2]
    spread = np.ptp((boxes[:, :2] + boxes[:, 2:]) / 2, axis=0).max()
    side = int(min(np.median(sides.max(axis=1)) * BOX_TO_WINDOW + spread, height, width)) // 2 * 2
    middle = (boxes[:, :2].min(axis=0) + boxes[:, 2:].max(axis=0)) / 2
    x, y = (int(np.clip(at - side / 2, 0, limit - side)) for at, limit in zip(middle, (width, height), strict=True))
    scaled = int(np.clip(side, max_height // 2, max_height)) // 2 * 2
    return Window(x, y, side, side, scaled)


def _filled(motion: np.ndarray) -> np.ndarray:
    """(T, K) with NaN rows replaced by linear interpolation in time; the ends are held."""
    time, seen = np.arange(len(motion)), np.isfinite(motion[:, 0])
    return np.stack([np.interp(time, time[seen], column[seen]) for column in motion.T], axis=1)


def _scale(transform: np.ndarray) -> float:
    return float(np.hypot(transform[0, 0], transform[1, 0]))


def _centred(transform: np.ndarray) -> np.ndarray:
    """The same transform for OpenCV, whose integer coordinates are pixel centres."""
    matrix = transform.copy()
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    return matrix


def _footprint(transform: np.ndarray, resolution: int, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the crop in the frame, in whole pixels, clipped to the frame."""
    corners = np.array([(0, 0), (resolution, 0), (0, resolution), (resolution, resolution)])
    seen = np.linalg.solve(transform[:, :2].astype(np.float64), (corners - transform[:, 2]).T).T
    low, high = np.floor(seen.min(axis=0)).astype(int), np.ceil(seen.max(axis=0)).astype(int)
    height, width = shape[:2]
    return max(low[0], 0), max(low[1], 0), min(high[0], width), min(high[1], height)
