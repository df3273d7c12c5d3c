"""Head, ears and neck: an outline, a relief, one light, and skin that answers to it."""

import numpy as np
from numpy.typing import ArrayLike

from eadnet.synthetic.drawing.canvas import (  # fmt: skip
    Sheet,
    bezier,
    closed_curve,
    ellipse,
    gaussian,
    mirrored,
    smoothstep,
    soft,
)
from eadnet.synthetic.people import Person

LIGHT = np.array([-0.42, -0.50, 0.76])  # from the upper left, towards the viewer
CENTRE_Y = 0.15  # the outline is star-shaped around (0, CENTRE_Y)


def outline(person: Person, grow: float = 0.0) -> np.ndarray:
    """(160, 2) closed outline of the face and skull; `grow` widens it, in face units."""
    wide, jaw, chin, drop = person.face_width, person.jaw_width, person.chin_width, person.chin_drop
    right = np.array([
        (0.0, -1.74), (0.60 * wide, -1.58), (0.94 * wide, -1.08), (wide, -0.45), (0.985 * wide, 0.12),
        (0.55 * wide + 0.43 * jaw, 0.62), (0.97 * jaw, 1.08), (0.5 * (jaw + chin) + 0.05, 1.44),
        (chin, drop - 0.16), (0.5 * chin, drop - 0.025), (0.0, drop),
    ])  # fmt: skip
    points = closed_curve(np.vstack([right, mirrored(right[1:-1])[::-1]]))
    centre = np.array([0, CENTRE_Y])
    radius = np.linalg.norm(points - centre, axis=1, keepdims=True)
    return centre + (points - centre) * (1 + grow / radius)


def relief(person: Person, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Height of the face towards the viewer, in face units, over a grid."""
    curve = outline(person) - (0, CENTRE_Y)
    angle = np.arctan2(curve[:, 1], curve[:, 0])
    order = np.argsort(angle)
    radius = np.interp(
        np.arctan2(y - CENTRE_Y, x), angle[order], np.linalg.norm(curve, axis=1)[order], period=2 * np.pi
    )
    share = np.hypot(x, y - CENTRE_Y) / radius
    dome = 0.82 * np.sqrt(np.clip(1.12 - share**2.6, 0.004, None))
    return (dome + _features(person, x, y)).astype(np.float32)


def _features(person: Person, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Nose, sockets, cheeks, lips' mound and chin as bumps."""
    length, half, mouth = person.nose_length, person.nose_width, person.mouth_height
    slope = np.clip((y + 0.15) / (length + 0.05), 0, 1) ** 1.4
    below = 1 - smoothstep(y, length - 0.02, length + 0.10)
    bridge = (0.06 + 0.19 * slope) * np.exp(-0.5 * (x / (0.085 + 0.075 * slope)) ** 2) * below
    bridge = bridge * smoothstep(y, -0.45, 0.1)
    bumps = bridge + 0.07 * gaussian(x, y, (0, length - 0.07), (0.11, 0.10))
    for side in (-1, 1):
        bumps = bumps + 0.055 * gaussian(x, y, (side * 0.78 * half, length - 0.03), (0.065, 0.07))
        bumps = bumps - 0.085 * gaussian(x, y, (side * 0.42, -0.03), (0.27, 0.15))
        bumps = bumps + 0.030 * gaussian(x, y, (side * 0.50, -0.36), (0.30, 0.10))
        bumps = bumps + (0.085 + 0.02 * person.age) * gaussian(x, y, (side * 0.60, 0.46), (0.25, 0.22))
        bumps = bumps - 0.03 * person.age * gaussian(x, y, (side * 0.46, 0.86), (0.10, 0.2), side * 0.5)
    bumps = bumps + 0.075 * gaussian(x, y, (0, mouth), (0.36, 0.20))
    bumps = bumps - 0.045 * gaussian(x, y, (0, mouth + 0.27), (0.24, 0.06))
    bumps = bumps + 0.085 * gaussian(x, y, (0, person.chin_drop - 0.26), (0.20, 0.14))
    return bumps - 0.016 * gaussian(x, y, (0, 0.5 * (length + mouth) + 0.02), (0.04, 0.10))


def lit(height: np.ndarray, unit: float) -> np.ndarray:
    """Light on a relief: 1 where it faces the viewer, less in shadow, more towards the light."""
    height = soft(height, 0.022 * unit)
    slope_y, slope_x = np.gradient(height * unit)
    light = LIGHT / np.linalg.norm(LIGHT)
    facing = (-slope_x * light[0] - slope_y * light[1] + light[2]) / np.sqrt(1 + slope_x**2 + slope_y**2)
    return np.clip(1 + 0.50 * (facing - light[2]), 0.5, 1.25).astype(np.float32)


def tinted(colour: ArrayLike, light: np.ndarray) -> np.ndarray:
    """(H, W, 3) colour under `light`: shadows turn warm, highlights pale."""
    base = np.asarray(colour, np.float32)
    exponent = np.array([1 - 0.22, 1 + 0.08, 1 + 0.10], np.float32)
    shade = np.minimum(light, 1)[..., None] ** exponent
    gain = np.clip(light - 1, 0, None)[..., None]
    return base * shade + (1 - base) * gain * 0.62


def paint_neck(sheet: Sheet, person: Person) -> None:
    """Neck and chest, with the shadow that the jaw throws on them."""
    half = 0.60 if not person.female else 0.50
    side = bezier([(half * 1.02, 0.9), (half, 1.6), (half, 2.02), (half + 0.16, 2.24), (half + 0.5, 2.42)], 30)
    shape = np.vstack([side, [(half + 0.5, 3.4)], mirrored([(half + 0.5, 3.4)]), mirrored(side)[::-1]])
    x, y = sheet.view.grid()
    across = np.clip(x / (half + 0.04), -1, 1)
    light = 0.93 - 0.16 * (across + 0.25) ** 2 - 0.06 * across
    sheet.blend(sheet.mask(shape), tinted(person.skin, light.astype(np.float32)))
    for sign in (-1, 1):  # the two tendons above the collar bone
        tendon = bezier([(sign * half * 0.8, 1.75), (sign * 0.30, 2.25), (sign * 0.06, 2.5)])
        sheet.stroke(tendon, 0.05, (0.86, 0.80, 0.78), 0.45, 0.035, "multiply")
    shadow = sheet.mask(outline(person) + (0.05, 0.20), 0.10) * sheet.mask(shape)
    sheet.blend(0.75 * shadow, (0.68, 0.55, 0.53), "multiply")


def paint_ears(sheet: Sheet, person: Person) -> None:
    """Both ears, behind the face."""
    for sign in (-1, 1):
        base = sign * (person.face_width + 0.035)
        shape = closed_curve(
            [(base - sign * 0.10, -0.18), (base + sign * 0.06, -0.24), (base + sign * 0.13, -0.08),
             (base + sign * 0.09, 0.18), (base + sign * 0.01, 0.40), (base - sign * 0.10, 0.36)], 60
        )  # fmt: skip
        sheet.fill(shape, tinted(person.skin, np.full((1, 1), 0.88 if sign > 0 else 0.96, np.float32))[0, 0])
        inner = bezier([(base + sign * 0.02, -0.15), (base + sign * 0.10, -0.02), (base + sign * 0.02, 0.22)])
        sheet.stroke(inner, 0.07, (0.80, 0.62, 0.60), 0.75, 0.025, "multiply")


def paint_face(sheet: Sheet, person: Person) -> None:
    """The face's skin: relief under one light, blush, nose, philtrum, freckles."""
    x, y = sheet.view.grid()
    light = lit(relief(person, x, y), sheet.view.unit)
    mask = sheet.mask(outline(person))
    sheet.blend(mask, tinted(person.skin, light))
    _blush(sheet, person)
    _nose(sheet, person)
    if person.freckles:
        _freckles(sheet, person)


def _blush(sheet: Sheet, person: Person) -> None:
    tint = (0.98, 0.80, 0.78) if person.tone < 0.55 else (1.0, 0.86, 0.82)
    for sign in (-1, 1):
        sheet.glow((sign * 0.66, 0.50), (0.22, 0.17), tint, 0.75 * person.blush, "multiply")
        sheet.glow((sign * 0.44, -0.10), (0.26, 0.10), (0.90, 0.80, 0.80), 0.38, "multiply")  # lid and socket
        sheet.glow((sign * 0.48, 0.20), (0.20, 0.05), (0.90, 0.82, 0.84), 0.25 + 0.3 * person.age, "multiply")
    sheet.glow((0, person.nose_length - 0.06), (0.13, 0.10), tint, 0.55 * person.blush, "multiply")
    sheet.glow((0, person.chin_drop - 0.25), (0.2, 0.12), tint, 0.4 * person.blush, "multiply")
    sheet.glow((-0.16, -0.72), (0.42, 0.22), (1, 1, 1), 0.07, "normal")  # forehead highlight


def _nose(sheet: Sheet, person: Person) -> None:
    """What the relief cannot show: nostrils, wings, the shadow below, the highlight on the tip."""
    length, half = person.nose_length, person.nose_width
    sheet.glow((0.03, length + 0.10), (0.20, 0.055), (0.78, 0.65, 0.62), 0.5, "multiply")
    for sign in (-1, 1):
        wing = bezier([(sign * half * 0.82, length - 0.15), (sign * half * 1.32, length - 0.03),
                       (sign * half * 0.98, length + 0.075), (sign * half * 0.66, length + 0.045)])  # fmt: skip
        taper = np.sin(np.linspace(0.15, np.pi - 0.1, len(wing))) * 0.042
        sheet.stroke(wing, taper, (0.62, 0.44, 0.40), 0.60, 0.012, "multiply")
        nostril = ellipse((sign * half * 0.47, length + 0.045), (half * 0.24, 0.026), angle=-sign * 0.25)
        sheet.fill(nostril, (0.42, 0.25, 0.22), 0.72, 0.014, "multiply")
    base = bezier([(-half * 0.3, length + 0.055), (0, length + 0.10), (half * 0.3, length + 0.055)])
    sheet.stroke(base, 0.03, (0.70, 0.54, 0.50), 0.6, 0.014, "multiply")
    strength = 0.34 - 0.12 * person.tone
    sheet.glow((-0.035, length - 0.10), (0.042, 0.036), (1, 1, 1), strength, "normal")
    sheet.glow((-0.03, length - 0.38), (0.024, 0.16), (1, 1, 1), 0.5 * strength, "normal")


def _freckles(sheet: Sheet, person: Person) -> None:
    rng = np.random.default_rng(person.seed + 1)
    for _ in range(int(70 * person.freckles)):
        at = (rng.normal(0, 0.42), 0.42 + rng.normal(0, 0.13))
        sheet.fill(ellipse(at, (rng.uniform(0.010, 0.022),) * 2, 10), (0.74, 0.54, 0.42), 0.45, 0.006, "multiply")
