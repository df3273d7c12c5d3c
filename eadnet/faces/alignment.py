"""Aligning faces steadily, cutting them out and pasting them back.

A few points of each frame give a similarity transform to a fixed template, smoothed over time, so that the aligned crop
follows the head but not the jitter of the points. Points and transforms use continuous pixel coordinates: pixel (i, j)
covers [i, i+1) x [j, j+1). Reads and writes no files.
"""

from collections.abc import Iterable

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from eadnet.config.preprocessing import Template
from eadnet.faces.mesh import mesh_anchors

EYE_LINE, EYE_DISTANCE = 0.28, 0.31  # of the crop: brows at 0.13, mouth at 0.63, an open jaw's chin at 0.91
# MediaPipe point: (right, down) of the eyes' midpoint in inter-ocular distances, from the canonical face model
RIGID = {33: (-0.72, 0.0), 133: (-0.28, 0.0), 362: (0.28, 0.0), 263: (0.72, 0.0), 168: (0.0, -0.10), 6: (0.0, 0.02)}
# LatentSync's canvas and its points: means of the brows and of the nose (bytedance/LatentSync, affine_transform.py);
# real faces are longer, so that the brows come to lie at 0.18, the nose at 0.44 and the chin at 0.86 of the crop
CANVAS, CANVAS_POINTS = (75, 100), ((17, 20), (58, 20), (37.5, 40))
FEATHER = 0.045  # width of the paste-back seam, of the crop's side; it lies inside the generated region


# ------------------------------------------------------------------------------------------------ alignment
def align(
    landmarks: np.ndarray,
    resolution: int,
    smoothing: float,
    template: Template = "eyes",
    anchors: np.ndarray | None = None,
) -> np.ndarray:
    """Steady transforms from source pixels to crop pixels.

    The least-squares similarity of the template's points (Umeyama 1991, eq. 34-43; in the plane it is one complex
    division) is found per frame; its position, angle and log scale are interpolated over missing frames and smoothed in
    time by a Gaussian, which removes the jitter of the landmarks and lets head sway through. LatentSync instead rounds
    its points to pixels and adds a running bias of the nose (0.2 old + 0.8 new) to the translation, which lags behind.

    Template `eyes`: six rigid points (corners of the eyes, bridge of the nose). Template `latentsync`: means of the
    brows and of the nose on a canvas of 75 x 100, which is then squeezed to a square, so that the transform is no
    similarity any more.

    Args:
        landmarks: (T, 478, 2) source pixels, NaN where no face was found.
        resolution: height and width of the crop.
        smoothing: standard deviation of the Gaussian, in frames; 0 leaves it out.
        template: where the face lies in the crop.
        anchors: (T, 3, 2) points of `latentsync` in source pixels; by default those of the mesh.

    Returns:
        (T, 2, 3) float32.

    Raises:
        ValueError: no frame has a face.
    """
    if template == "latentsync":
        points, goal = mesh_anchors(landmarks) if anchors is None else anchors, np.array(CANVAS_POINTS)
        stretch = resolution / np.array(CANVAS)
    else:
        points = landmarks[:, list(RIGID)]
        goal = (np.array(list(RIGID.values())) * EYE_DISTANCE + (0.5, EYE_LINE)) @ (1, 1j) * resolution
        goal = np.stack([goal.real, goal.imag], axis=1)
        stretch = np.ones(2)
    similar = _similarities(points.astype(np.float64) @ (1, 1j), goal @ (1, 1j), smoothing)
    return (similar * stretch[None, :, None]).astype(np.float32)


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
def _similarities(points: np.ndarray, goal: np.ndarray, smoothing: float) -> np.ndarray:
    """(T, 2, 3) float64 steady similarities of (T, K) complex points to (K,) complex goals."""
    middle, centre = goal.mean(), points.mean(axis=1)
    arms = goal - middle
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
    return np.moveaxis(np.array(rows), 2, 0)


def _filled(motion: np.ndarray) -> np.ndarray:
    """(T, K) with NaN rows replaced by linear interpolation in time; the ends are held."""
    time, seen = np.arange(len(motion)), np.isfinite(motion[:, 0])
    return np.stack([np.interp(time, time[seen], column[seen]) for column in motion.T], axis=1)


def _scale(transform: np.ndarray) -> float:
    """Crop pixels per source pixel, in the direction that shrinks most."""
    return float(min(np.hypot(*transform[0, :2]), np.hypot(*transform[1, :2])))


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
