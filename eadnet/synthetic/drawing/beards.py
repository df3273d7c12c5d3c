"""Beards and moustaches, from a shadow of stubble to a full beard."""

import numpy as np

from eadnet.synthetic.drawing.canvas import Sheet, mirrored, open_curve
from eadnet.synthetic.drawing.head import outline
from eadnet.synthetic.people import Person


def paint_beard(sheet: Sheet, person: Person) -> None:
    """Beard and moustache, from a shadow of stubble to a full beard."""
    if person.beard < 0.03:
        return
    shape = _beard_shape(person)
    full = max(0.0, person.beard - 0.35)
    colour = np.array(person.hair) * 0.72
    mask = sheet.mask(shape, 0.05) * sheet.mask(outline(person, person.beard_length * full), 0.012)
    sheet.blend(mask * min(0.9, 0.30 * person.beard + 1.0 * full), colour)
    rng = np.random.default_rng(person.seed + 9)
    low, high = shape.min(axis=0), shape.max(axis=0)
    hairs = []
    for _ in range(int(1500 * person.beard)):
        root = rng.uniform(low, high)
        column, row = sheet.view.pixels(root[None])[0].astype(int)
        inside = 0 <= row < sheet.view.height and 0 <= column < sheet.view.width and mask[row, column] > 0.45
        if inside:
            down = np.array([0.25 * root[0] + rng.normal(0, 0.2), 1.0]) * rng.uniform(0.02, 0.05 + 0.05 * full)
            side = np.array([0.006, 0.0])
            hairs.append(np.array([root - side, root + side, root + down]))
    if full:
        sheet.fill_all(hairs, colour * 0.7, 0.25 + 0.45 * full, 0.004)


def _beard_shape(person: Person) -> np.ndarray:
    """All below a line from the temples over the cheeks to under the nose; the outline of the jaw cuts it."""
    wide, mouth, under_nose = person.face_width, person.mouth_height, person.nose_length + 0.15
    half = person.mouth_width + 0.05
    right = np.array([
        (0.22, under_nose + 0.02), (half + 0.02, mouth - 0.12), (half + 0.20, mouth - 0.05),
        (0.86 * wide, 0.45), (0.99 * wide, -0.05),
    ])  # fmt: skip
    upper = open_curve(np.vstack([mirrored(right[::-1]), [(0, under_nose + 0.045)], right]), 80)
    return np.vstack([upper, [(1.3 * wide, 0.3), (1.2, 2.3), (-1.2, 2.3), (-1.3 * wide, 0.3)]])
