"""A drawn talking head: layers painted once per person and per clip, a few of them redrawn per frame.

``Puppet`` paints a person once. ``Puppet.wear`` adds an expression: brows, creases, eyes at every lid position that
the clip asks for. ``Mask.frames`` then draws each frame: paste the eyes, drop the jaw and lift the brows by one warp,
paint the mouth, sway the head by a second warp, shrink two to one. All at twice the final size. Draws only; reads
and writes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

import cv2
import numpy as np

from eadnet.synthetic.drawing import backdrop, beards, brows, eyes, glasses, hair, head, mouth
from eadnet.synthetic.drawing.canvas import Sheet, View, smoothstep
from eadnet.synthetic.expressions import Expression
from eadnet.synthetic.motion import Motion
from eadnet.synthetic.people import Person

SUPERSAMPLING = 2
LID_STEPS = 10
GAZE_STEPS = 100  # per IOD
KEPT_EYES = 64  # finished pairs of eyes that are cached
FACE_BOX = (-1.40, -1.05, 1.40, 2.55)  # what jaw and brows move; left, top, right, bottom in face units
HEAD_BOX = (-2.10, -2.60, 2.10, 2.95)  # what sways
BEAT_TOP = (0.42, 0.66)  # heights above the eyes where beats of the brows fade out: inside the generated region
NOD_BOX = (0.5, 1.2, 1.2)  # middle's height, half width and half height of what nods: inside the generated region
SIDES = (-1, 1)  # left and right of the image
FIELD_STEP = 8  # canvas pixels between the nodes of the sway field
DITHER = 0.35 / 255
AHEAD = (0, 0)  # a gaze


@dataclass(frozen=True)
class Framing:
    """Size of the video in pixels, pixels between the eyes, and where their middle lies in pixels."""

    width: int
    height: int
    inter_ocular: float
    eye_x: float
    eye_y: float

    def view(self) -> View:
        """The supersampled canvas; the half pixel keeps its centres on those of the frame."""
        scale, shift = SUPERSAMPLING, (SUPERSAMPLING - 1) / 2
        return View(
            scale * self.width, scale * self.height, scale * self.inter_ocular,
            scale * self.eye_x + shift, scale * self.eye_y + shift,
        )  # fmt: skip


class Puppet:
    """One person, painted at one framing."""

    def __init__(self, person: Person, framing: Framing) -> None:
        """Paint everything that neither expression nor speech changes."""
        self.person = person
        self.framing = framing
        self.view = framing.view()
        self.portrait = _paint_portrait(person, self.view)
        self.face_box = self.view.box(*FACE_BOX)
        self.jaw, self.lift = _face_fields(self.view.inside(*self.face_box), person)
        self.beat = self.lift * _below(self.view.inside(*self.face_box), *BEAT_TOP)
        self.head_box = self.view.box(*HEAD_BOX)
        self.sway_weight = _sway_weight(self.view.inside(*self.head_box))
        self.nod_weight = _nod_weight(self.view.inside(*self.head_box))

    def wear(self, expression: Expression) -> "Mask":
        """The person with an expression, ready to be animated."""
        return Mask(self, expression)


class Mask:
    """A puppet that wears one expression for the length of a clip."""

    def __init__(self, puppet: Puppet, expression: Expression) -> None:
        """Paint brows, creases and open eyes."""
        self.puppet = puppet
        self.expression = expression
        sheet = Sheet(puppet.view, puppet.portrait.copy())
        brows.paint_creases(sheet, puppet.person, expression)
        brows.paint_brows(sheet, puppet.person, expression)
        self._skin = sheet.image
        self._eye_boxes = [puppet.view.box(*eyes.patch_box(side)) for side in SIDES]
        self._eyes = lru_cache(KEPT_EYES)(self._draw_eyes)
        whole = Sheet(puppet.view, self._skin.copy())
        glasses.paint_glasses(whole, puppet.person)
        self._canvas = _to_bytes(whole.image, puppet.person.seed)
        for box, patch in zip(self._eye_boxes, self._eyes(0, AHEAD), strict=True):
            self._canvas[box] = patch
        self._canvas_small = _shrink(self._canvas)

    def frames(self, motion: Motion) -> Iterator[np.ndarray]:
        """Yield (H, W, 3) uint8 RGB frames, one per moment of the motion."""
        for index in range(len(motion)):
            yield self.frame(motion, index)

    def frame(self, motion: Motion, index: int) -> np.ndarray:
        """Draw one moment of the motion as (H, W, 3) uint8 RGB."""
        canvas = self._canvas.copy()
        closed = round(float(motion.blink[index]) * LID_STEPS)
        gaze = AHEAD if motion.gaze is None else tuple(round(float(shift) * GAZE_STEPS) for shift in motion.gaze[index])
        if closed or gaze != AHEAD:
            for box, patch in zip(self._eye_boxes, self._eyes(closed, gaze), strict=True):
                canvas[box] = patch
        opening = float(motion.opening[index])
        unit = self.puppet.view.unit
        lift = np.float32(float(motion.brow[index]) * unit) * self.puppet.lift
        if motion.beat is not None:
            lift += np.float32(motion.beat[index] * unit) * self.puppet.beat
        self._move_face(canvas, opening, lift)
        self._speak(canvas, opening, float(motion.width[index]), float(motion.rounding[index]))
        return self._sway(canvas, motion.sway[index], None if motion.nod is None else motion.nod[index])

    def _draw_eyes(self, closed: int, gaze: tuple[int, int]) -> list[np.ndarray]:
        """Both eyes at `closed` tenths, looking `gaze` hundredths of an IOD right and down."""
        shift = (gaze[0] / GAZE_STEPS, gaze[1] / GAZE_STEPS)
        return [self._eye(place, closed / LID_STEPS, shift) for place in range(len(SIDES))]

    def _eye(self, place: int, closed: float, gaze: tuple[float, float]) -> np.ndarray:
        """The finished patch of one eye, uint8."""
        puppet, box = self.puppet, self._eye_boxes[place]
        sheet = Sheet(puppet.view.inside(*box), self._skin[box].copy())
        ball = eyes.paint_ball(puppet.view, puppet.person, self.expression, SIDES[place], gaze)
        eyes.paint_eye(sheet, ball, puppet.person, self.expression, SIDES[place], closed)
        glasses.paint_glasses(sheet, puppet.person)
        return _to_bytes(sheet.image, puppet.person.seed)

    def _move_face(self, canvas: np.ndarray, opening: float, lift: np.ndarray) -> None:
        """Drop the jaw and lift every pixel by `lift` of its own, in place."""
        puppet, unit = self.puppet, self.puppet.view.unit
        region = canvas[puppet.face_box]
        rows, columns = _pixel_grid(*region.shape[:2])
        source = rows - np.float32(mouth.JAW_SHARE * opening * unit) * puppet.jaw + lift
        canvas[puppet.face_box] = cv2.remap(region, columns, source, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def _speak(self, canvas: np.ndarray, opening: float, width: float, rounding: float) -> None:
        puppet, person = self.puppet, self.puppet.person
        lips = mouth.shape_lips(person, self.expression, opening, width, rounding)
        low, high = lips.upper_outer.min(axis=0) - 0.12, lips.lower_outer.max(axis=0) + 0.16
        box = puppet.view.box(low[0], low[1], high[0] + 0.02, high[1])
        sheet = Sheet(puppet.view.inside(*box), canvas[box].astype(np.float32) / 255)
        mouth.paint_mouth(sheet, person, lips)
        canvas[box] = _to_bytes(sheet.image)

    def _sway(self, canvas: np.ndarray, sway: np.ndarray, nod: np.ndarray | None) -> np.ndarray:
        """Move the head over the still room by a similarity that fades out, nod, and shrink to the frame."""
        puppet, framing = self.puppet, self.puppet.framing
        columns, rows = _sway_map(puppet, sway, nod)
        moved = cv2.remap(canvas[puppet.head_box], columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        frame = self._canvas_small.copy()
        target = tuple(slice(part.start // SUPERSAMPLING, part.stop // SUPERSAMPLING) for part in puppet.head_box)
        frame[target] = _shrink(moved)
        assert frame.shape == (framing.height, framing.width, 3)
        return frame


def _paint_portrait(person: Person, view: View) -> np.ndarray:
    """(H, W, 3) float32: everything that neither expression nor speech changes."""
    sheet = Sheet(view, np.zeros((view.height, view.width, 3), np.float32))
    backdrop.paint_backdrop(sheet, person)
    hair.paint_back(sheet, person)
    head.paint_neck(sheet, person)
    backdrop.paint_clothes(sheet, person)
    head.paint_ears(sheet, person)
    head.paint_face(sheet, person)
    beards.paint_beard(sheet, person)
    hair.paint_front(sheet, person)
    return np.clip(sheet.image, 0, 1)


def _face_fields(view: View, person: Person) -> tuple[np.ndarray, np.ndarray]:
    """How much of the jaw's drop and of the brows' lift each pixel of the face box follows, (h, w) each."""
    x, y = view.grid()
    side = np.abs(x)
    start = person.mouth_height - 0.10 - 0.25 * side
    depth = np.clip((y - start) / (0.34 + 0.55 * side**2), 0, 1)
    down = depth * depth * (3 - 2 * depth) * (1 - smoothstep(y, person.chin_drop + 0.02, 2.5))
    across = 1 - smoothstep(side, 0.45, 1.22)
    brow = smoothstep(-y, 0.20, 0.34) * (1 - smoothstep(-y, 0.55, 1.0)) * (1 - smoothstep(side, 0.85, 1.2))
    return np.ascontiguousarray(down * across), np.ascontiguousarray(brow)


def _below(view: View, low: float, high: float) -> np.ndarray:
    """(h, w) float32: 1 up to `low` above the eyes, 0 from `high`."""
    return (1 - smoothstep(-view.grid()[1], low, high)).astype(np.float32)


def _field_nodes(view: View) -> tuple[np.ndarray, np.ndarray]:
    """Columns and rows, in pixels, of the nodes of a coarse field that `_enlarge` spreads over the view."""
    columns, rows = (np.arange(-(-size // FIELD_STEP)) * FIELD_STEP for size in (view.width, view.height))
    return columns + (FIELD_STEP - 1) / 2, rows[:, None] + (FIELD_STEP - 1) / 2


def _sway_weight(view: View) -> np.ndarray:
    """How much of the head's sway the nodes of a coarse field follow: all of the head, none of the room."""
    columns, rows = _field_nodes(view)
    distance = np.hypot((columns - view.origin_x) / view.unit, (rows - view.origin_y) / (1.25 * view.unit))
    return 1 - smoothstep(distance, 1.35, 2.05)


def _nod_weight(view: View) -> np.ndarray:
    """How much of a nod the nodes of a coarse field follow: eyes, nose and mouth do, the head's outline does not."""
    columns, rows = _field_nodes(view)
    middle, half_width, half_height = NOD_BOX
    x = (columns - view.origin_x) / view.unit / half_width
    y = ((rows - view.origin_y) / view.unit - middle) / half_height
    return 1 - smoothstep((x**4 + y**4) ** 0.25, 0.7, 1.0)


def _sway_map(puppet: Puppet, sway: np.ndarray, nod: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Source column and row of every pixel of the head box."""
    view = puppet.view.inside(*puppet.head_box)
    shift = sway[:2] * puppet.view.width
    cosine, sine = np.cos(sway[2]) / sway[3], np.sin(sway[2]) / sway[3]
    columns, rows = _field_nodes(view)
    u, v = columns - view.origin_x - shift[0], rows - view.origin_y - shift[1]
    moved_x = puppet.sway_weight * (cosine * u + sine * v - (u + shift[0]))
    moved_y = puppet.sway_weight * (cosine * v - sine * u - (v + shift[1]))
    if nod is not None:
        moved_x -= puppet.nod_weight * nod[0] * view.unit
        moved_y -= puppet.nod_weight * nod[1] * view.unit
    grid_rows, grid_columns = _pixel_grid(view.height, view.width)
    return _enlarge(moved_x, view) + grid_columns, _enlarge(moved_y, view) + grid_rows


def _enlarge(field: np.ndarray, view: View) -> np.ndarray:
    """Linear interpolation of a coarse field over the view."""
    size = (field.shape[1] * FIELD_STEP, field.shape[0] * FIELD_STEP)
    return cv2.resize(field.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)[: view.height, : view.width]


@cache
def _pixel_grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of every pixel as (height, width) float32, kept for the next frame."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    return rows, columns


def _shrink(canvas: np.ndarray) -> np.ndarray:
    height, width = canvas.shape[:2]
    return cv2.resize(canvas, (width // SUPERSAMPLING, height // SUPERSAMPLING), interpolation=cv2.INTER_AREA)


def _to_bytes(image: np.ndarray, dither_seed: int | None = None) -> np.ndarray:
    """Float [0, 1] to uint8; a fixed grain hides the bands of soft gradients."""
    if dither_seed is not None:
        image = image + np.random.default_rng(dither_seed).normal(0, DITHER, image.shape[:2])[..., None].astype(
            np.float32
        )
    return np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)
