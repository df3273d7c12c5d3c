"""Brows, and the lines that an expression draws into the skin."""

import numpy as np

from eadnet.synthetic.drawing.canvas import Sheet, bezier, open_curve
from eadnet.synthetic.expressions import Expression
from eadnet.synthetic.people import Person

BROW_Y = -0.345
HAIRS = 44
LINE = (0.55, 0.38, 0.35)  # multiplies the skin


def paint_brows(sheet: Sheet, person: Person, expression: Expression) -> None:
    """Both brows: a soft body under single hairs, dense in the middle, thin at the tail."""
    colour = np.clip(np.array(person.hair) * 0.62 + np.array((0.02, 0.012, 0.01)), 0, 0.5)
    for side in (-1, 1):
        path = _path(person, expression, side)
        along = np.linspace(0, 1, len(path))
        width = person.brow_thickness * (0.72 + 0.42 * np.sin(np.pi * np.clip(along * 1.15, 0, 1)) - 0.66 * along**2)
        sheet.stroke(path, width, colour, 0.62, 0.014)
        _hairs(sheet, person, path, width, colour, side)


def _path(person: Person, expression: Expression, side: int) -> np.ndarray:
    inner, outer = expression.inner_brow, expression.outer_brow
    gather = expression.brow_gather
    knots = [
        (0.205 - gather, BROW_Y + 0.02 - inner - person.brow_tilt),
        (0.36 - 0.7 * gather, BROW_Y - 0.03 - 0.45 * person.brow_arch - 0.72 * inner - 0.22 * outer),
        (0.60 - 0.25 * gather, BROW_Y - 0.03 - person.brow_arch - 0.25 * inner - 0.75 * outer),
        (0.86 - 0.1 * gather, BROW_Y + 0.055 - outer + person.brow_tilt),
    ]
    return open_curve([(side * x, y) for x, y in knots], 28)


def _hairs(sheet: Sheet, person: Person, path: np.ndarray, width: np.ndarray, colour: np.ndarray, side: int) -> None:
    rng = np.random.default_rng(person.seed + 7)
    strokes = []
    for share in np.linspace(0.0, 0.97, HAIRS):
        at = share * (len(path) - 2)
        index = int(at)
        along = path[index + 1] - path[index]
        along = along / np.linalg.norm(along)
        up = np.array([along[1], -along[0]]) * side
        root = (
            path[index] + (at - index) * (path[index + 1] - path[index]) + up * width[index] * rng.uniform(-0.42, 0.15)
        )
        lean = np.interp(share, [0, 0.3, 1], [1.25, 0.75, 0.3])
        tip = root + person.brow_thickness * rng.uniform(0.55, 0.8) * (along + lean * up) / np.hypot(1, lean)
        offset = np.array([-(tip - root)[1], (tip - root)[0]]) / np.linalg.norm(tip - root) * 0.007
        strokes.append(np.array([root + offset, tip, root - offset]))
    sheet.fill_all(strokes, colour * 0.76, 0.6, 0.004)


def paint_creases(sheet: Sheet, person: Person, expression: Expression) -> None:
    """Nasolabial folds, frown, forehead and nose lines, raised cheeks, crow's feet and the knotted chin."""
    _folds(sheet, person, expression)
    _brow_lines(sheet, expression)
    _nose_lines(sheet, person, expression)
    if expression.cheek > 0.05:
        _cheeks(sheet, expression)
    if expression.chin_raise > 0.1:
        y = person.chin_drop - 0.34
        for x in (-0.12, 0.0, 0.12):
            sheet.glow(
                (x, y + 0.3 * abs(x)), (0.045, 0.03), (0.72, 0.60, 0.58), 0.45 * expression.chin_raise, "multiply"
            )
        arc = bezier([(-0.26, y + 0.02), (0, y - 0.14), (0.26, y + 0.02)])
        sheet.stroke(arc, 0.03, LINE, 0.35 * expression.chin_raise, 0.015, "multiply")


def _folds(sheet: Sheet, person: Person, expression: Expression) -> None:
    strength = min(1.0, 0.14 + 0.30 * person.age + 0.8 * expression.fold)
    half = person.mouth_width * expression.mouth_width
    for side, corner in ((-1, expression.corner_left), (1, expression.corner_right)):
        start = (side * (person.nose_width + 0.05), person.nose_length - 0.07 - 0.05 * expression.nose_wrinkle)
        end = (side * (half + 0.13), person.mouth_height + 0.03 - 0.5 * corner)
        bend = (side * (half + 0.10), person.nose_length + 0.10)
        path = bezier([start, bend, end])
        taper = 0.008 + 0.032 * np.sin(np.linspace(0.5, np.pi, len(path)))
        one_sided = 1.0 if corner == 0 or expression.corner_left == expression.corner_right else 1.6
        sheet.stroke(path, taper, LINE, min(0.8, 0.48 * strength * one_sided), 0.014, "multiply")
        sheet.stroke(path + (side * 0.045, -0.02), 0.07, (1, 1, 1), 0.10 * strength, 0.035)


def _brow_lines(sheet: Sheet, expression: Expression) -> None:
    if expression.frown > 0.05:
        for side in (-1, 1):
            line = bezier([(side * 0.085, -0.50), (side * 0.055, -0.38), (side * 0.075, -0.22)])
            taper = 0.008 + 0.022 * np.sin(np.linspace(0, np.pi, len(line)))
            sheet.stroke(line, taper, LINE, 0.85 * expression.frown, 0.007, "multiply")
        sheet.glow((0, -0.28), (0.10, 0.10), (0.82, 0.70, 0.68), 0.5 * expression.frown, "multiply")
    if expression.forehead > 0.05:
        for y, half in ((-0.62, 0.46), (-0.75, 0.52), (-0.88, 0.40)):
            line = bezier(
                [(-half, y + 0.03), (-half / 2, y - 0.03), (0, y + 0.02), (half / 2, y - 0.03), (half, y + 0.03)]
            )
            taper = 0.005 + 0.014 * np.sin(np.linspace(0, np.pi, len(line)))
            sheet.stroke(line, taper, LINE, 0.55 * expression.forehead, 0.008, "multiply")


def _nose_lines(sheet: Sheet, person: Person, expression: Expression) -> None:
    strength = expression.nose_wrinkle
    if strength < 0.05:
        return
    for side in (-1, 1):
        for start, drop in ((0.04, 0.0), (0.15, 0.02)):
            line = bezier([(side * 0.05, start), (side * 0.13, start - 0.03), (side * 0.20, start + 0.05 + drop)])
            sheet.stroke(line, 0.018, LINE, 0.5 * strength, 0.010, "multiply")
        flare = (side * person.nose_width * 1.1, person.nose_length - 0.10)
        sheet.glow(flare, (0.07, 0.08), (0.80, 0.64, 0.62), 0.5 * strength, "multiply")


def _cheeks(sheet: Sheet, expression: Expression) -> None:
    for side in (-1, 1):
        sheet.glow((side * 0.64, 0.40), (0.20, 0.13), (1.0, 0.90, 0.86), 0.16 * expression.cheek)
        under = bezier([(side * 0.24, 0.20), (side * 0.50, 0.285), (side * 0.78, 0.16)])
        sheet.stroke(under, 0.024, LINE, 0.42 * expression.cheek, 0.014, "multiply")
        for lift in (-0.05, 0.02, 0.09):
            line = bezier([(side * 0.86, lift * 0.8), (side * 0.93, lift * 1.3), (side * 0.99, lift * 2.2)])
            sheet.stroke(line, 0.013, LINE, 0.28 * expression.cheek, 0.008, "multiply")
