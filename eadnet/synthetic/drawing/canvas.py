"""Painting on float images: smooth curves, soft fills, tapered strokes.

Points are in face units (inter-ocular distances, origin between the eyes, x right, y down); a ``View`` turns them into
pixels. Every operation touches only the pixels that it changes, which keeps a mouth at about a millisecond.
"""

from dataclasses import dataclass
from functools import cache
from math import comb
from typing import Literal

import cv2
import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline

Mode = Literal["normal", "multiply", "add"]
FRACTION_BITS = 4  # cv2 draws polygons at 1/16 pixel


@dataclass(frozen=True)
class View:
    """Where the face lies on a canvas: `unit` pixels per inter-ocular distance, origin in pixels."""

    width: int
    height: int
    unit: float
    origin_x: float
    origin_y: float

    def pixels(self, points: ArrayLike) -> np.ndarray:
        """(n, 2) face units -> (n, 2) pixels."""
        return np.asarray(points, np.float64) * self.unit + (self.origin_x, self.origin_y)

    def box(self, left: float, top: float, right: float, bottom: float) -> tuple[slice, slice]:
        """Rows and columns of a box in face units, with even bounds, clipped to the canvas."""
        (x0, y0), (x1, y1) = self.pixels(np.array([(left, top), (right, bottom)]))
        columns = slice(max(0, int(x0) // 2 * 2), min(self.width, (int(x1) + 2) // 2 * 2))
        rows = slice(max(0, int(y0) // 2 * 2), min(self.height, (int(y1) + 2) // 2 * 2))
        return rows, columns

    def inside(self, rows: slice, columns: slice) -> "View":
        """The same view on a cut-out of the canvas."""
        size = (columns.stop - columns.start, rows.stop - rows.start)
        return View(*size, self.unit, self.origin_x - columns.start, self.origin_y - rows.start)

    def spot(self, centre: ArrayLike, radii: ArrayLike) -> np.ndarray:
        """Gaussian bump of height one, (height, width) float32: an outer product, since it is upright."""
        x = (np.arange(self.width, dtype=np.float32) - self.origin_x) / self.unit - centre[0]
        y = (np.arange(self.height, dtype=np.float32) - self.origin_y) / self.unit - centre[1]
        across, down = np.exp(-0.5 * (x / radii[0]) ** 2), np.exp(-0.5 * (y / radii[1]) ** 2)
        return np.outer(down, across).astype(np.float32)

    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates x and y of every pixel in face units, each (height, width) float32."""
        x = (np.arange(self.width, dtype=np.float32) - self.origin_x) / self.unit
        y = (np.arange(self.height, dtype=np.float32) - self.origin_y) / self.unit
        return np.broadcast_to(x, (self.height, self.width)), np.broadcast_to(y[:, None], (self.height, self.width))


class Sheet:
    """An (H, W, 3) float32 RGB image in [0, 1] and the view that it is painted through."""

    def __init__(self, view: View, image: np.ndarray) -> None:
        """Paint on `image` itself, which has the view's size."""
        self.view = view
        self.image = image

    def fill(
        self, points: ArrayLike, colour: ArrayLike, alpha: float = 1.0, blur: float = 0.0, mode: Mode = "normal"
    ) -> None:
        """Fill a closed polygon; `blur` is the standard deviation of its edge in face units."""
        self._paint([points], colour, alpha, blur, mode)

    def fill_all(
        self, shapes: list[ArrayLike], colour: ArrayLike, alpha: float = 1.0, blur: float = 0.0, mode: Mode = "normal"
    ) -> None:
        """Fill several polygons as one shape (their overlap counts once)."""
        self._paint(shapes, colour, alpha, blur, mode)

    def stroke(
        self,
        path: ArrayLike,
        width: ArrayLike,
        colour: ArrayLike,
        alpha: float = 1.0,
        blur: float = 0.0,
        mode: Mode = "normal",
    ) -> None:
        """Draw a path as a ribbon; `width` in face units, a number or one per point (a taper)."""
        self._paint([ribbon(path, width)], colour, alpha, blur, mode)

    def glow(
        self,
        centre: ArrayLike,
        radii: ArrayLike,
        colour: ArrayLike,
        alpha: float = 1.0,
        mode: Mode = "normal",
    ) -> None:
        """A Gaussian spot; `radii` are standard deviations in face units."""
        reach = 2.6 * max(radii)
        box = self.view.box(centre[0] - reach, centre[1] - reach, centre[0] + reach, centre[1] + reach)
        if box[0].start >= box[0].stop or box[1].start >= box[1].stop:
            return
        self._blend(box, alpha * self.view.inside(*box).spot(centre, radii), colour, mode)

    def mask(self, points: ArrayLike, blur: float = 0.0) -> np.ndarray:
        """(H, W) float32 coverage of a polygon over the whole canvas."""
        return soft(coverage([self.view.pixels(points)], (self.view.height, self.view.width)), blur * self.view.unit)

    def blend(self, mask: np.ndarray, colour: ArrayLike, mode: Mode = "normal") -> None:
        """Blend a colour, or an (H, W, 3) image, through a full-size mask."""
        self._blend((slice(None), slice(None)), mask, colour, mode)

    def _paint(self, shapes: list[ArrayLike], colour: ArrayLike, alpha: float, blur: float, mode: Mode) -> None:
        pixels = [self.view.pixels(shape) for shape in shapes]
        margin = 3 * blur * self.view.unit + 2
        every = pixels[0] if len(pixels) == 1 else np.concatenate(pixels)
        low, high = every.min(axis=0) - margin, every.max(axis=0) + margin
        columns = slice(max(0, int(low[0])), min(self.view.width, int(high[0]) + 1))
        rows = slice(max(0, int(low[1])), min(self.view.height, int(high[1]) + 1))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return
        shifted = [shape - (columns.start, rows.start) for shape in pixels]
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        self._blend((rows, columns), alpha * soft(coverage(shifted, shape), blur * self.view.unit), colour, mode)

    def _blend(self, box: tuple[slice, slice], mask: np.ndarray, colour: ArrayLike, mode: Mode) -> None:
        region = self.image[box]
        weight, colour = mask[..., None], np.asarray(colour, np.float32)
        if mode == "normal":
            region += weight * (colour - region)
        elif mode == "multiply":
            region *= 1 + weight * (colour - 1)
        else:
            region += weight * colour


def coverage(shapes: list[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """Antialiased (H, W) float32 coverage in [0, 1] of polygons given in pixels."""
    mask = np.zeros(size, np.uint8)
    scale = 1 << FRACTION_BITS
    for shape in shapes:
        cv2.fillPoly(mask, [np.rint(shape * scale).astype(np.int32)], 255, cv2.LINE_AA, FRACTION_BITS)
    return mask.astype(np.float32) * np.float32(1 / 255)


def lowered(mask: np.ndarray, pixels: float) -> np.ndarray:
    """A mask moved down; what leaves the canvas is gone."""
    down = round(pixels)
    return np.vstack([np.zeros((down, mask.shape[1]), mask.dtype), mask[: len(mask) - down]])


def soft(mask: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of a mask; below a third of a pixel nothing changes."""
    return cv2.GaussianBlur(mask, (0, 0), sigma) if sigma > 0.33 else mask


def gaussian(x: np.ndarray, y: np.ndarray, centre: ArrayLike, radii: ArrayLike, angle: float = 0.0) -> np.ndarray:
    """Gaussian bump of height one over a grid."""
    u, v = x - np.float32(centre[0]), y - np.float32(centre[1])
    if angle:
        cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        u, v = cosine * u + sine * v, cosine * v - sine * u
    return np.exp(-0.5 * ((u / np.float32(radii[0])) ** 2 + (v / np.float32(radii[1])) ** 2))


def smoothstep(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Cubic step from 0 at `low` to 1 at `high`."""
    share = np.clip((values - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def closed_curve(points: ArrayLike, n: int = 160) -> np.ndarray:
    """(n, 2) smooth closed curve through the points."""
    knots = np.vstack([points, points[:1]]).astype(np.float64)
    at = _chord(knots)
    return CubicSpline(at, knots, bc_type="periodic")(np.linspace(0, at[-1], n, endpoint=False))


def open_curve(points: ArrayLike, n: int = 40) -> np.ndarray:
    """(n, 2) smooth curve through the points, ends included."""
    knots = np.asarray(points, np.float64)
    if len(knots) == 2:
        return knots[0] + np.linspace(0, 1, n)[:, None] * (knots[1] - knots[0])
    at = _chord(knots)
    return CubicSpline(at, knots, bc_type="natural")(np.linspace(0, at[-1], n))


def bezier(points: ArrayLike, n: int = 24) -> np.ndarray:
    """(n, 2) Bezier curve of any degree with the given control points."""
    control = np.asarray(points, np.float64)
    return _bernstein(len(control), n) @ control


def spline(points: ArrayLike, n: int = 24) -> np.ndarray:
    """(n, 2) natural cubic spline at equal parameter steps: one small product, for curves that move every frame."""
    knots = np.asarray(points, np.float64)
    return _spline(len(knots), n) @ knots


def ellipse(centre: ArrayLike, radii: ArrayLike, n: int = 40, angle: float = 0.0) -> np.ndarray:
    """(n, 2) closed ellipse."""
    turn = np.linspace(0, 2 * np.pi, n, endpoint=False)
    u, v = radii[0] * np.cos(turn), radii[1] * np.sin(turn)
    return np.stack(
        [centre[0] + u * np.cos(angle) - v * np.sin(angle), centre[1] + u * np.sin(angle) + v * np.cos(angle)], 1
    )


def ribbon(path: ArrayLike, width: ArrayLike) -> np.ndarray:
    """Polygon around a path: half of `width` (a number or one per point) to either side."""
    path = np.asarray(path, np.float64)
    n = len(path)
    direction = np.empty_like(path)  # central differences; np.gradient costs several times as much
    direction[1:-1] = path[2:] - path[:-2]
    direction[0], direction[-1] = path[1] - path[0], path[-1] - path[-2]
    reach = 0.5 * np.asarray(width, np.float64) / np.maximum(np.hypot(direction[:, 0], direction[:, 1]), 1e-9)
    offset = np.stack([-direction[:, 1] * reach, direction[:, 0] * reach], 1)
    outline = np.empty((2 * n, 2))
    outline[:n], outline[n:] = path + offset, (path - offset)[::-1]
    return outline


def mirrored(points: ArrayLike) -> np.ndarray:
    """The points with x negated."""
    return np.asarray(points, np.float64) * (-1, 1)


def _chord(knots: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.sqrt(np.linalg.norm(np.diff(knots, axis=0), axis=1)))])


@cache
def _spline(count: int, n: int) -> np.ndarray:
    return CubicSpline(np.linspace(0, 1, count), np.eye(count), bc_type="natural")(np.linspace(0, 1, n))


@cache
def _bernstein(count: int, n: int) -> np.ndarray:
    t, degree = np.linspace(0, 1, n), count - 1
    return np.stack([comb(degree, k) * t**k * (1 - t) ** (degree - k) for k in range(count)], axis=1)
