"""Glasses: thin rims, a bridge, temples and a trace of reflection."""

import numpy as np

from eadnet.synthetic.drawing.canvas import Sheet, bezier, closed_curve
from eadnet.synthetic.people import Person

FRAME = (0.13, 0.11, 0.12)


def paint_glasses(sheet: Sheet, person: Person) -> None:
    """Paint glasses over the finished eyes, if the person wears them."""
    if not person.glasses:
        return
    for side in (-1, 1):
        rim = _rim(person, side)
        sheet.fill(rim, (1, 1, 1), 0.05, 0.01)
        loop = np.vstack([rim, rim[:2]])
        sheet.stroke(loop + (0.008, 0.03), 0.03, (0.75, 0.62, 0.60), 0.35, 0.015, "multiply")
        sheet.stroke(loop, 0.040, FRAME, 0.92, 0.005)
        sheet.stroke(rim[28:36], 0.012, (1, 1, 1), 0.35, 0.005)
        temple = np.array([(side * 0.86, -0.06), (side * (person.face_width + 0.02), -0.10)])
        sheet.stroke(temple, 0.035, FRAME, 0.85, 0.006)
    bridge = bezier([(-0.135, -0.03), (0, -0.10), (0.135, -0.03)])
    sheet.stroke(bridge, 0.036, FRAME, 0.92, 0.005)


def _rim(person: Person, side: int) -> np.ndarray:
    """(48, 2) from angular to round; stays inside the patch that an eye may change."""
    power = 2.0 + 1.6 * (1 - person.glasses_round)
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    cosine, sine = np.cos(turn), np.sin(turn)
    x = 0.365 * np.sign(cosine) * np.abs(cosine) ** (2 / power)
    y = 0.265 * np.sign(sine) * np.abs(sine) ** (2 / power)
    return closed_curve(np.stack([side * 0.50 + x, 0.015 + y], 1), 48)
