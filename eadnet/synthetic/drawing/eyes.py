"""Eyes: ball, iris, lids, lashes and crease, at any degree of closing."""

import numpy as np

from eadnet.synthetic.drawing.canvas import Sheet, View, bezier, coverage, ellipse, ribbon
from eadnet.synthetic.expressions import Expression
from eadnet.synthetic.people import Person

EYE_X = 0.5
IRIS_RADIUS = 0.132
LASH_COLOUR = (0.11, 0.07, 0.06)
PATCH = (0.42, -0.34, 0.42, 0.32)  # left, top, right, bottom of an eye's patch around its centre, face units


def patch_box(side: int) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the patch that one eye (side -1 left, 1 right of the image) may change."""
    left, top, right, bottom = PATCH
    return side * EYE_X - left, top, side * EYE_X + right, bottom


def lids(person: Person, expression: Expression, side: int, closed: float) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower lid edge, (24, 2) each, from the inner to the outer corner; `closed` in [0, 1]."""
    centre, half = side * EYE_X, person.eye_width
    inner = (centre - side * half, 0.035)
    outer = (centre + side * half, 0.005 - person.eye_tilt)
    top = -1.28 * person.eye_height * (1 + expression.upper_lid)
    bottom = 0.035 + 0.60 * person.eye_height * (1 - 1.1 * expression.lower_lid)
    upper = bezier([inner, (centre - side * 0.60 * half, top * 1.02), (centre + side * 0.52 * half, top * 1.06), outer])
    lower = bezier([inner, (centre - side * 0.40 * half, bottom), (centre + side * 0.62 * half, bottom), outer])
    return (1 - closed) * upper + closed * (lower + (0, 0.004)), lower


def paint_eye(sheet: Sheet, ball: np.ndarray, person: Person, expression: Expression, side: int, closed: float) -> None:
    """Paint one eye (side -1 left, 1 right of the image) over finished skin.

    Args:
        sheet: Where to paint.
        ball: The eye without lids over its patch, by `paint_ball`.
        person: Whose eye.
        expression: How wide it is open.
        side: -1 left, 1 right of the image.
        closed: Share of the opening that the lid covers, in [0, 1].
    """
    upper, lower = lids(person, expression, side, closed)
    fully_open, _ = lids(person, expression, side, 0.0)
    crease = fully_open + np.stack([np.zeros(24), -0.052 - 0.022 * np.sin(np.linspace(0, np.pi, 24))], 1)
    _lid_skin(sheet, person, crease, upper, closed)
    if closed < 0.93:
        _show_ball(sheet, ball, side, upper, lower)
    sheet.stroke(lower, 0.022, (0.80, 0.56, 0.54), 0.6, 0.008, "multiply")
    sheet.stroke(lower[10:] + (0, 0.006), 0.012, LASH_COLOUR, 0.20 + 0.30 * person.lashes, 0.006)
    sheet.stroke(lower + (0, 0.055), 0.03, (0.80, 0.66, 0.64), 0.35 + 0.4 * expression.lower_lid, 0.016, "multiply")
    _lashes(sheet, person, upper, side, closed)


def _lid_skin(sheet: Sheet, person: Person, crease: np.ndarray, upper: np.ndarray, closed: float) -> None:
    """The lid between its crease and its edge: a touch darker and redder than the face, rounded by a highlight."""
    lid = np.array(person.skin) * (0.92, 0.86, 0.85)
    sheet.fill(np.vstack([crease, upper[::-1]]), lid, 0.85, 0.014)
    if closed > 0.2:
        middle = 0.45 * crease[4:-4] + 0.55 * upper[4:-4]
        sheet.stroke(middle, 0.05, (1, 1, 1), 0.10 * closed, 0.03)
    taper = np.sin(np.linspace(0.25, np.pi - 0.15, len(crease))) * 0.024
    sheet.stroke(crease, taper, (0.50, 0.34, 0.32), 0.75 - 0.2 * closed, 0.009, "multiply")


def paint_ball(
    view: View, person: Person, expression: Expression, side: int, gaze: tuple[float, float] = (0.0, 0.0)
) -> np.ndarray:
    """The patch of one eye without lids: sclera, caruncle, iris, pupil and highlight, (h, w, 3) float32.

    `gaze` moves the iris right and down, in IOD, beside the expression's own gaze.
    """
    view = view.inside(*view.box(*patch_box(side)))
    ball = Sheet(view, np.empty((view.height, view.width, 3), np.float32))
    ball.image[:] = (0.955, 0.94, 0.93)
    upper, _ = lids(person, expression, side, 0.0)
    for corner in (upper[0], upper[-1]):
        ball.glow(corner, (0.10, 0.12), (0.80, 0.70, 0.70), 0.75, "multiply")
    ball.glow(upper[0] + (side * 0.025, 0.005), (0.03, 0.028), (0.85, 0.55, 0.52), 0.7)  # caruncle
    _iris(ball, person, (side * EYE_X + expression.gaze[0] + gaze[0], -0.025 + expression.gaze[1] + gaze[1]))
    return ball.image


def _show_ball(sheet: Sheet, ball: np.ndarray, side: int, upper: np.ndarray, lower: np.ndarray) -> None:
    """Lay the ball between the lids, under the shadow of the upper one."""
    rows, columns = sheet.view.box(*patch_box(side))
    view = sheet.view.inside(rows, columns)
    shaded = Sheet(view, ball.copy())
    shaded.stroke(upper + (0, 0.02), 0.10, (0.52, 0.46, 0.48), 0.75, 0.026, "multiply")
    edge = np.vstack([upper, lower[::-1]])
    clip = coverage([view.pixels(edge)], (view.height, view.width))
    region = sheet.image[rows, columns]
    region += clip[..., None] * (shaded.image - region)


def _iris(ball: Sheet, person: Person, centre: tuple[float, float]) -> None:
    x, y = centre
    colour = np.array(person.iris)
    ball.fill(ellipse(centre, (IRIS_RADIUS, IRIS_RADIUS), 48), colour * 0.42, 1, 0.006)
    ball.fill(ellipse(centre, (0.84 * IRIS_RADIUS,) * 2, 48), colour * 0.95, 1, 0.014)
    ball.glow((x + 0.01, y + 0.055), (0.065, 0.042), np.minimum(1.55 * colour + 0.08, 1), 0.75)
    turns = np.linspace(0, 2 * np.pi, 18, endpoint=False)
    rays = [np.outer((0.055, 0.105), (np.cos(turn), np.sin(turn))) + centre for turn in turns]
    ball.fill_all([ribbon(ray, 0.008) for ray in rays], (0.55, 0.5, 0.5), 0.35, 0, "multiply")
    ball.fill(ellipse(centre, (0.056, 0.056), 32), (0.03, 0.025, 0.03), 1, 0.006)
    ball.fill(ellipse((x - 0.042, y - 0.045), (0.031, 0.034), 24), (1, 1, 1), 0.95, 0.006)
    ball.fill(ellipse((x + 0.05, y + 0.05), (0.016, 0.014), 16), (1, 1, 1), 0.45, 0.006)


def _lashes(sheet: Sheet, person: Person, upper: np.ndarray, side: int, closed: float) -> None:
    """A tapered lash line and, for long lashes, single ones that turn down as the lid closes."""
    taper = 0.016 + (0.020 + 0.022 * person.lashes) * np.sin(np.linspace(0.1, 2.2, len(upper)))
    sheet.stroke(upper, taper, LASH_COLOUR, 0.92, 0.004)
    length = 0.030 + 0.062 * person.lashes
    if person.lashes < 0.5:
        return
    shapes = []
    for share in np.linspace(0.30, 1.0, 8):
        root = upper[round(share * (len(upper) - 1))]
        lift = np.cos(np.pi * closed)  # 1 open, -1 closed
        away = np.array([side * (share - 0.42) * 1.5, -lift * 0.85])
        tip = root + length * (0.55 + 0.45 * share) * away / np.linalg.norm(away)
        bend = (root + tip) / 2 + (side * 0.004, 0.012 * lift)
        shapes.append(_hair(root, bend, tip))
    sheet.fill_all(shapes, LASH_COLOUR, 0.9)


def _hair(root: np.ndarray, bend: np.ndarray, tip: np.ndarray) -> np.ndarray:
    path = bezier([root, bend, tip], 6)
    normal = np.array([-(tip - root)[1], (tip - root)[0]]) / max(float(np.linalg.norm(tip - root)), 1e-6)
    offset = normal * np.linspace(0.010, 0.001, 6)[:, None]
    return np.vstack([path + offset, (path - offset)[::-1]])
