"""Optical flow between neighbouring frames, and how it compares two videos of one scene.

Everything is done on pictures of one size, 128 x 128, so that neither the machine nor the crop's resolution moves a
number; the flow is OpenCV's Farneback, which needs no weights. Memory does not grow with the clip.

Shape legend: H = W = 128.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

SIDE = 128
FARNEBACK = {
    "pyr_scale": 0.5, "levels": 3, "winsize": 15, "iterations": 3, "poly_n": 5, "poly_sigma": 1.2, "flags": 0,
}  # fmt: skip
"""As thunil/TecoGAN metrics.py@069d983 calls it."""


def small(frame: np.ndarray) -> np.ndarray:
    """(128, 128, 3) uint8 picture of a frame of any size; shrunk by area, enlarged linearly."""
    if frame.shape[:2] == (SIDE, SIDE):
        return frame
    return cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA if min(frame.shape[:2]) > SIDE else 1)


def flow_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(H, W, 2) float32 pixels to the right and down by which each pixel of `first` moves to `second`.

    Args:
        first: (H, W, 3) uint8 RGB.
        second: the same of a later frame.
    """
    greys = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (first, second))
    return cv2.calcOpticalFlowFarneback(*greys, None, **FARNEBACK)


def warped(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """`picture` read where `flow` points: at x + flow(x), linearly, the edge repeated outside.

    Args:
        picture: (H, W, C) float32.
        flow: (H, W, 2) float32 pixels; OpenCV rounds places to 1/32 pixel.
    """
    rows, columns = _places(*flow.shape[:2])
    return cv2.remap(
        picture, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def visible(forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """(H, W) bool, True where a pixel of the first frame is seen in the second and stands on no motion boundary.

    Occluded is where |f + b|^2 > 0.01 (|f|^2 + |b|^2) + 0.5, with b the backward flow where the forward flow points; on
    a boundary is where the forward flow's squared gradient exceeds 0.01 |f|^2 + 0.002 (Ruder et al. 2016, section 3.2;
    utils.py of phoenix104104/fast_blind_video_consistency@3324fb1, which squares, while others quote it without).
    """
    back = warped(backward, forward)
    length = _squared(forward)
    hidden = _squared(forward + back) > 0.01 * (length + _squared(back)) + 0.5
    gradient = np.zeros_like(length)
    gradient[:, :-1] += _squared(np.diff(forward, axis=1))
    gradient[:-1] += _squared(np.diff(forward, axis=0))
    return ~(hidden | (gradient > 0.01 * length + 0.002))


def warping_error(first: np.ndarray, second: np.ndarray, flow: np.ndarray, seen: np.ndarray) -> float:
    """Mean squared difference of two frames along a flow, of values in [0, 1]; 0 where nothing is seen in both.

    Args:
        first: (H, W, 3) uint8.
        second: the next frame.
        flow: from `first` to `second`.
        seen: (H, W) bool, which pixels of `first` count.
    """
    if not seen.any():
        return 0.0
    difference = warped(second.astype(np.float32), flow)[seen] - first[seen]
    return float(np.square(difference, dtype=np.float64).mean()) / 255**2


def interpolation_error(before: np.ndarray, between: np.ndarray, after: np.ndarray) -> float:
    """Mean absolute difference, in [0, 1], of a frame and what its neighbours let one expect.

    The neighbours are moved half way along the flows between them (Jiang et al., Super SloMo, CVPR 2018, eq. 4 at the
    middle) and averaged; VBench uses the network AMT-S instead.
    """
    half = (flow_between(before, after) - flow_between(after, before)) / 4
    expected = (warped(before.astype(np.float32), -half) + warped(after.astype(np.float32), half)) / 2
    return float(np.abs(expected - between).mean(dtype=np.float64)) / 255


def interpolation_errors(frames: Iterable[np.ndarray]) -> list[float]:
    """`interpolation_error` of every second frame of a clip of (R, R, 3) uint8 crops; empty for fewer than three."""
    errors: list[float] = []
    past: list[np.ndarray] = []
    for index, frame in enumerate(map(small, frames)):
        if index >= 2 and index % 2 == 0:
            errors.append(interpolation_error(*past, frame))
        past = [*past[-1:], frame]
    return errors


@dataclass(frozen=True)
class Comparison:
    """What is measured by flow of a generated clip: means over frames, and over how many.

    `warping` and `true_warping` are mean squared errors of values in [0, 1], `flow_gap` is in pixels of 128, `expected`
    the mean absolute error of frames that were interpolated, or None where there were none; `true_moves` is False where
    all true frames are equal, whose flow is not exactly zero.
    """

    warping: float
    true_warping: float
    flow_gap: float
    pairs: int
    expected: float | None
    triples: int
    true_moves: bool


def compare(generated: Iterable[np.ndarray], truth: Iterable[np.ndarray]) -> Comparison:
    """Follow a clip and its truth frame by frame.

    Args:
        generated: T (R, R, 3) uint8 crops, two at least.
        truth: as many true ones.
    """
    own, true, gaps, expected, moves = [], [], [], [], False
    past: list[tuple[np.ndarray, np.ndarray]] = []
    for index, frames in enumerate(zip(generated, truth, strict=True)):
        now = tuple(small(frame) for frame in frames)
        if past:
            moves = moves or not np.array_equal(past[-1][1], now[1])
            forward = flow_between(past[-1][1], now[1])
            seen = visible(forward, flow_between(now[1], past[-1][1]))
            own.append(warping_error(past[-1][0], now[0], forward, seen))
            true.append(warping_error(past[-1][1], now[1], forward, seen))
            gap = flow_between(past[-1][0], now[0]) - forward
            gaps.append(float(np.sqrt(_squared(gap)).mean(dtype=np.float64)))
        if index >= 2 and index % 2 == 0:
            expected.append(interpolation_error(past[0][0], past[1][0], now[0]))
        past = [*past[-1:], now]
    middle = float(np.mean(expected)) if expected else None
    warping, true_warping, gap = (float(np.mean(values)) for values in (own, true, gaps))
    return Comparison(warping, true_warping, gap, len(own), middle, len(expected), moves)


def _squared(vectors: np.ndarray) -> np.ndarray:
    return np.square(vectors).sum(-1)


@cache
def _places(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of each pixel, float32."""
    return tuple(np.indices((height, width), dtype=np.float32))
