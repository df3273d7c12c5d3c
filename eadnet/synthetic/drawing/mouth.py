"""The mouth: lips, teeth, tongue and the dark between them, drawn anew for every frame."""

from dataclasses import dataclass

import numpy as np

from eadnet.synthetic.drawing.canvas import Sheet, coverage, ellipse, spline
from eadnet.synthetic.expressions import Expression
from eadnet.synthetic.people import Person

UPPER_SHARE = 0.24  # of the opening goes up, the rest goes down with the jaw
JAW_SHARE = 1 - UPPER_SHARE
VISIBLE_GAP = 0.014  # IOD; a narrower gap is a line


@dataclass(frozen=True)
class Lips:
    """Edges of the lips in face units, left to right: outer and inner, upper and lower; half width `half`."""

    upper_outer: np.ndarray
    upper_inner: np.ndarray
    lower_inner: np.ndarray
    lower_outer: np.ndarray
    half: float
    gap: float


def shape_lips(person: Person, expression: Expression, opening: float, width: float, rounding: float) -> Lips:
    """Lips for an `opening` in IOD, a `width` factor and a `rounding` in [0, 1]."""
    half = person.mouth_width * expression.mouth_width * width
    left, right = expression.corner_left, expression.corner_right
    level = person.mouth_height - 0.022 * expression.chin_raise
    mean = (left + right) / 2
    middle = level - (0.40 if mean > 0 else 0.15) * mean
    gap = max(opening + 0.45 * expression.upper_lip, 0.0)
    press = 1 - 0.5 * expression.lip_press
    stretch = 1 - 0.16 * (expression.mouth_width * width - 1) - min(0.22 * gap, 0.08)
    full = press * stretch * (1 + 0.25 * rounding)
    top = middle - UPPER_SHARE * opening - 0.75 * expression.upper_lip
    bottom = top + gap
    corners = np.array([(-half, level - left), (half, level - right)])
    round_in = 0.80 + 0.10 * rounding + min(0.3 * gap, 0.06)
    return Lips(
        upper_outer=_upper_edge(corners, top - person.upper_lip * full, half, person.upper_lip * full),
        upper_inner=_inner_edge(corners, top, half, round_in, 0.010 if gap < 0.06 else 0.004),
        lower_inner=_inner_edge(corners, bottom, half, round_in, 0.010 if gap < 0.06 else 0.0),
        lower_outer=_lower_edge(corners, bottom + person.lower_lip * full, half, rounding),
        half=half,
        gap=gap,
    )


def _upper_edge(corners: np.ndarray, peak: float, half: float, thickness: float) -> np.ndarray:
    """Vermilion border of the upper lip with its cupid's bow."""
    (x0, y0), (x1, y1) = corners
    return spline(
        [(x0 * 1.02, y0), (-0.60 * half, y0 + 0.66 * (peak - y0)), (-0.21 * half, peak),
         (0, peak + 0.24 * thickness), (0.21 * half, peak), (0.60 * half, y1 + 0.66 * (peak - y1)), (x1 * 1.02, y1)], 33
    )  # fmt: skip


def _inner_edge(corners: np.ndarray, at: float, half: float, roundness: float, dip: float) -> np.ndarray:
    (x0, y0), (x1, y1) = corners
    return spline(
        [(0.965 * x0, y0), (-0.52 * half, y0 + roundness * (at - y0)), (0, at + dip),
         (0.52 * half, y1 + roundness * (at - y1)), (0.965 * x1, y1)], 25
    )  # fmt: skip


def _lower_edge(corners: np.ndarray, at: float, half: float, rounding: float) -> np.ndarray:
    (x0, y0), (x1, y1) = corners
    share = 0.80 + 0.06 * rounding
    return spline(
        [(x0 * 1.02, y0), (-0.56 * half, y0 + share * (at - y0)), (0, at),
         (0.56 * half, y1 + share * (at - y1)), (x1 * 1.02, y1)], 25
    )  # fmt: skip


def paint_mouth(sheet: Sheet, person: Person, lips: Lips) -> None:
    """Paint the mouth over finished skin whose jaw has already dropped."""
    lip = np.array(person.lip)
    bottom = lips.lower_outer[12]
    sheet.glow(bottom + (0.01, 0.045), (0.55 * lips.half, 0.032), (0.74, 0.62, 0.60), 0.6, "multiply")
    for corner in (lips.upper_outer[0], lips.upper_outer[-1]):
        sheet.glow(corner, (0.045, 0.04), (0.66, 0.52, 0.50), 0.6, "multiply")
    sheet.fill(np.vstack([lips.upper_outer, lips.lower_outer[::-1]]), lip, 0.94, 0.011)
    sheet.fill(np.vstack([lips.upper_outer, lips.upper_inner[::-1]]), (0.84, 0.76, 0.77), 0.9, 0.012, "multiply")
    lower_middle = 0.45 * lips.lower_inner + 0.55 * lips.lower_outer
    sheet.stroke(lower_middle[5:-5], 0.05, (0.16, 0.13, 0.13), 0.85, 0.024, "add")
    sheet.stroke(lips.lower_outer[3:-3] - (0, 0.008), 0.03, (0.80, 0.72, 0.72), 0.7, 0.012, "multiply")
    if lips.gap > VISIBLE_GAP:
        _inside(sheet, person, lips)
        sheet.stroke(lips.upper_inner, 0.016, np.multiply(lip, (0.50, 0.42, 0.42)), 0.7, 0.006)
    line = 0.5 * (lips.upper_inner + lips.lower_inner)
    dark = np.multiply(lip, (0.42, 0.32, 0.32))
    if lips.gap <= 2 * VISIBLE_GAP:
        taper = 0.012 + 0.016 * np.sin(np.linspace(0, np.pi, len(line)))
        sheet.stroke(line, taper, dark, 0.95 - 10 * max(lips.gap - VISIBLE_GAP, 0), 0.005)
    for end in (line[:4], line[-4:]):
        sheet.stroke(end, 0.022, dark, 0.8, 0.007)


def _inside(sheet: Sheet, person: Person, lips: Lips) -> None:
    """Cavity, tongue and teeth, clipped by the inner edges of the lips."""
    edge = np.vstack([lips.upper_inner, lips.lower_inner[::-1]])
    low, high = edge.min(axis=0) - 0.04, edge.max(axis=0) + 0.04
    rows, columns = sheet.view.box(low[0], low[1], high[0], high[1])
    view = sheet.view.inside(rows, columns)
    cavity = Sheet(view, np.empty((view.height, view.width, 3), np.float32))
    cavity.image[:] = (0.24, 0.07, 0.08)
    top, bottom = lips.upper_inner[12], lips.lower_inner[12]
    if lips.gap > 0.09:
        tongue = (0, bottom[1] + 0.045)
        cavity.fill(ellipse(tongue, (0.66 * lips.half, 0.10 + 0.30 * lips.gap)), (0.70, 0.32, 0.33), 0.95, 0.018)
        cavity.glow((0, tongue[1] - 0.06 - 0.1 * lips.gap), (0.26 * lips.half, 0.03), (0.16, 0.12, 0.12), 0.8, "add")
    _teeth(cavity, lips, top[1])
    if lips.gap > 0.20:
        strip = lips.lower_inner[6:-6] - (0, 0.012)
        cavity.fill(np.vstack([strip - (0, 0.045), strip[::-1] + (0, 0.05)]), (0.86, 0.83, 0.79), 0.85, 0.008)
    cavity.stroke(lips.upper_inner, 0.05, (0.50, 0.40, 0.42), 0.7, 0.016, "multiply")
    clip = coverage([view.pixels(edge)], (view.height, view.width))
    region = sheet.image[rows, columns]
    region += clip[..., None] * (cavity.image - region)


def _teeth(cavity: Sheet, lips: Lips, top: float) -> None:
    """The upper row follows the upper lip, rounds off to the sides and falls into shadow there."""
    height = min(0.050 + 0.30 * lips.gap, 0.125)
    upper = lips.upper_inner[2:-2]
    share = np.abs(upper[:, 0]) / max(lips.half, 1e-6)
    lower = upper + np.stack([np.zeros(len(upper)), height * (1 - 0.5 * share**2)], 1)
    cavity.fill(np.vstack([upper - (0, 0.05), lower[::-1]]), (0.955, 0.94, 0.91), 1, 0.007)
    gaps = [np.array([(x, top - 0.03), (x, top + height * 0.92)]) for x in (-0.19, -0.095, 0.0, 0.095, 0.19)]
    cavity.fill_all(
        [_sliver(gap) for gap in gaps if abs(gap[0, 0]) < 0.7 * lips.half], (0.80, 0.75, 0.73), 0.55, 0.004, "multiply"
    )
    for corner in (lips.upper_inner[0], lips.upper_inner[-1]):
        cavity.glow(corner, (0.30 * lips.half, 0.12), (0.28, 0.16, 0.17), 0.9, "multiply")


def _sliver(line: np.ndarray) -> np.ndarray:
    return np.vstack([line + (0.006, 0), line[::-1] - (0.006, 0)])
