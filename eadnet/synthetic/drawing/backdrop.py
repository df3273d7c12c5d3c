"""What stands behind and below the head: a room out of focus, and clothes."""

from collections.abc import Callable

import numpy as np

from eadnet.synthetic.drawing.canvas import Sheet, bezier, ellipse, lowered, mirrored, open_curve, smoothstep, soft
from eadnet.synthetic.people import Person


def paint_backdrop(sheet: Sheet, person: Person) -> None:
    """Fill the canvas with the person's background, softly lit from the upper left."""
    x, y = sheet.view.grid()
    light = np.maximum(1.04 - 0.05 * x - 0.045 * y - 0.012 * (x**2 + y**2), 0.68)
    sheet.image[:] = np.asarray(person.backdrop_colour, np.float32) * light[..., None].astype(np.float32)
    _SCENES[person.backdrop](sheet, person, np.random.default_rng(person.seed + 11))
    sheet.glow((-0.3, -0.2), (2.0, 2.0), (1, 1, 1), 0.10)  # the light behind the head
    np.clip(sheet.image, 0, 1, out=sheet.image)


def _plain(sheet: Sheet, person: Person, rng: np.random.Generator) -> None:
    sheet.glow((1.6, -1.5), (1.8, 1.6), person.backdrop_accent, 0.28)


def _bokeh(sheet: Sheet, person: Person, rng: np.random.Generator) -> None:
    sheet.image *= 0.62
    for _ in range(26):
        at, radius = rng.uniform((-4.5, -2.6), (4.5, 2.6)), rng.uniform(0.12, 0.42)
        colour = np.clip(np.array(person.backdrop_accent) * rng.uniform(0.8, 1.5) + rng.uniform(0, 0.18), 0, 1)
        sheet.fill(ellipse(at, (radius, radius)), colour, rng.uniform(0.12, 0.40), 0.04)


def _shelf(sheet: Sheet, person: Person, rng: np.random.Generator) -> None:
    wood = np.array((0.52, 0.40, 0.30)) * 0.9 + 0.1 * np.array(person.backdrop_colour)
    for row in (-2.5, -0.9, 0.7, 2.3):
        x = -5.0
        while x < 5.0:
            thick, tall = rng.uniform(0.12, 0.28), rng.uniform(0.8, 1.25)
            tone = rng.uniform(0.35, 0.9) * (0.5 * rng.uniform(0.3, 1, 3) + 0.5 * np.array(person.backdrop_accent))
            if rng.random() < 0.85:
                sheet.fill(
                    [(x, row + 1.45 - tall), (x + thick, row + 1.45 - tall), (x + thick, row + 1.45), (x, row + 1.45)],
                    tone,
                    0.75,
                    0.07,
                )
            x += thick + 0.02
        sheet.fill([(-6, row + 1.45), (6, row + 1.45), (6, row + 1.57), (-6, row + 1.57)], wood, 0.9, 0.06)
    sheet.image[:] = soft(sheet.image, 0.05 * sheet.view.unit) * 0.86 + 0.10


def _window(sheet: Sheet, person: Person, rng: np.random.Generator) -> None:
    left = rng.uniform(-3.6, -2.4)
    pane = np.array([(left, -3.0), (left + 1.9, -3.0), (left + 1.9, 1.5), (left, 1.5)])
    sheet.fill(pane, (0.90, 0.95, 0.98), 0.9, 0.09)
    sheet.glow((left + 0.9, 0.9), (0.8, 0.6), (0.62, 0.74, 0.58), 0.6)
    for bar in (left + 0.95,):
        sheet.fill(
            [(bar - 0.05, -3), (bar + 0.05, -3), (bar + 0.05, 1.5), (bar - 0.05, 1.5)],
            person.backdrop_colour,
            0.8,
            0.06,
        )
    sheet.fill(
        [(left, -0.8), (left + 1.9, -0.8), (left + 1.9, -0.68), (left, -0.68)], person.backdrop_colour, 0.8, 0.06
    )
    sheet.fill([(2.0, 0.4), (6, 0.4), (6, 5), (2.0, 5)], person.backdrop_accent, 0.35, 0.15)


def _curtain(sheet: Sheet, person: Person, rng: np.random.Generator) -> None:
    x, _ = sheet.view.grid()
    phase = rng.uniform(0, 2 * np.pi)
    folds = 0.6 * np.sin(5.2 * x + phase) + 0.4 * np.sin(8.3 * x + 1.7 * phase + 0.8 * np.sin(1.3 * x))
    sheet.image *= (1 + 0.075 * folds)[..., None].astype(np.float32)


_SCENES: dict[str, Callable[[Sheet, Person, np.random.Generator], None]] = {
    "plain": _plain,
    "bokeh": _bokeh,
    "shelf": _shelf,
    "window": _window,
    "curtain": _curtain,
}


def paint_clothes(sheet: Sheet, person: Person) -> None:
    """Shoulders and garment, over the neck."""
    x, y = sheet.view.grid()
    wide = 2.05 if person.female else 2.35
    side = open_curve(
        [(0.56, 1.98), (0.98, 2.27), (0.74 * wide, 2.48), (0.95 * wide, 2.82), (wide + 0.12, 3.7), (wide + 0.2, 6)], 60
    )
    collar = _COLLARS[person.garment](person)
    body = np.vstack([side, mirrored(side)[::-1], mirrored(collar[::-1])[:-1], collar])
    mask = sheet.mask(body, 0.006)
    folds = 0.03 * np.sin(3.1 * x + 1.3 * y + person.seed % 7) + 0.02 * np.sin(5.3 * x - 2.1 * y)
    light = 1.0 - 0.10 * x / wide - 0.10 * np.abs(x / wide) ** 3 + folds - 0.05 * smoothstep(y, 2.6, 4.5)
    cloth = np.asarray(person.cloth, np.float32) * light[..., None].astype(np.float32)
    shadow = soft(lowered(mask, 0.05 * sheet.view.unit), 0.05 * sheet.view.unit)
    sheet.blend(0.35 * shadow * (1 - mask), (0.7, 0.6, 0.6), "multiply")
    sheet.blend(mask, cloth)
    _DETAILS[person.garment](sheet, person, collar)


def _round_collar(person: Person) -> np.ndarray:
    return bezier([(0, 2.62), (0.36, 2.60), (0.60, 2.34), (0.56, 1.98)], 24)


def _low_collar(person: Person) -> np.ndarray:
    return bezier([(0, 3.05), (0.30, 2.62), (0.56, 2.30), (0.60, 2.00)], 24)


def _high_collar(person: Person) -> np.ndarray:
    return bezier([(0, 2.55), (0.26, 2.36), (0.50, 2.14), (0.55, 1.92)], 24)


def _hem(sheet: Sheet, person: Person, collar: np.ndarray) -> None:
    edge = np.vstack([mirrored(collar[::-1]), collar[1:]])
    sheet.stroke(edge + (0, 0.05), 0.10, np.array(person.cloth) * 0.80, 0.85, 0.008)
    sheet.stroke(edge + (0, 0.105), 0.012, np.array(person.cloth) * 0.6, 0.6, 0.006)


def _shirt(sheet: Sheet, person: Person, collar: np.ndarray) -> None:
    cloth = np.array(person.cloth)
    for sign in (-1, 1):
        flap = np.array([(0.02, 2.56), (0.50, 1.92), (0.66, 2.06), (0.72, 2.44), (0.34, 2.86)]) * (sign, 1)
        sheet.fill(flap + (0, 0.04), (0.6, 0.6, 0.62), 0.6, 0.05, "multiply")
        sheet.fill(flap, np.minimum(cloth * 1.14 + 0.03, 1), 1, 0.006)
        sheet.stroke(flap[[0, 4, 3]], 0.014, cloth * 0.7, 0.6, 0.005)
    sheet.stroke(np.array([(0.0, 2.6), (0.0, 6.0)]), 0.02, cloth * 0.65, 0.7, 0.008)
    for y in (2.95, 3.55, 4.15):
        sheet.fill(ellipse((0.05, y), (0.04, 0.04)), np.minimum(cloth * 1.4 + 0.1, 1), 0.9, 0.006)


def _jacket(sheet: Sheet, person: Person, collar: np.ndarray) -> None:
    inner = np.array([(0, 3.9), (-0.62, 2.20), (-0.56, 1.93), (0, 2.50), (0.56, 1.93), (0.62, 2.20)])
    sheet.fill(inner, person.cloth_inner, 1, 0.008)
    if not person.female:
        tie = np.array(person.backdrop_accent) * 0.75
        sheet.fill([(-0.10, 2.52), (0.10, 2.52), (0.07, 2.70), (-0.07, 2.70)], tie * 0.85, 1, 0.006)
        sheet.fill([(-0.07, 2.70), (0.07, 2.70), (0.15, 3.5), (0, 3.85), (-0.15, 3.5)], tie, 1, 0.006)
    for sign in (-1, 1):
        wing = np.array([(0.02, 2.53), (0.52, 1.93), (0.60, 2.12), (0.34, 2.74)]) * (sign, 1)
        sheet.fill(wing, np.minimum(np.array(person.cloth_inner) * 1.05, 1), 1, 0.006)
        sheet.stroke(wing[[0, 3, 2]], 0.014, (0.6, 0.6, 0.62), 0.5, 0.006, "multiply")
        lapel = np.array([(0.58, 2.0), (0.98, 2.44), (0.86, 2.82), (0.98, 2.86), (0.02, 4.1), (0.40, 2.9)]) * (sign, 1)
        sheet.fill(lapel, np.array(person.cloth) * (1.10 if sign < 0 else 0.96), 1, 0.006)
        sheet.stroke(lapel[[1, 2, 3, 4]], 0.018, np.array(person.cloth) * 0.6, 0.7, 0.008)


def _hoodie(sheet: Sheet, person: Person, collar: np.ndarray) -> None:
    cloth = np.array(person.cloth)
    for sign in (-1, 1):
        hood = bezier([(0, 2.75), (0.55, 2.72), (0.98, 2.30), (0.62, 1.72)], 24) * (sign, 1)
        sheet.stroke(hood, 0.26, cloth * (0.92 if sign > 0 else 1.06), 1, 0.02)
        sheet.stroke(hood + (0, 0.13), 0.03, cloth * 0.6, 0.6, 0.02)
        cord = bezier([(sign * 0.26, 2.76), (sign * 0.30, 3.0), (sign * 0.27, 3.35)])
        sheet.stroke(cord, 0.035, np.minimum(cloth * 1.5 + 0.15, 1), 1, 0.006)


_COLLARS = {
    "crew": _round_collar,
    "vneck": _low_collar,
    "shirt": _high_collar,
    "jacket": _high_collar,
    "hoodie": _round_collar,
}
_DETAILS = {"crew": _hem, "vneck": _hem, "shirt": _shirt, "jacket": _jacket, "hoodie": _hoodie}
