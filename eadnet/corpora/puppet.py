"""A drawn talking head: layers painted once per person and per clip, a few of them redrawn per frame.

``Puppet`` paints a person once. ``Puppet.wear`` adds an expression: brows, creases, eyes at every lid position that
the clip asks for. ``Mask.frames`` then draws each frame: paste the eyes, drop the jaw and lift the brows by one warp,
paint the mouth, sway the head by a second warp, shrink two to one. All at twice the final size. Draws only; reads
and writes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from eadnet.corpora.drawing import backdrop, brows, eyes, glasses, hair, head, mouth
from eadnet.corpora.drawing.canvas import Sheet, View, smoothstep
from eadnet.corpora.expressions import Expression
from eadnet.corpora.motion import Motion
from eadnet.corpora.people import Person

SUPERSAMPLING = 2
LID_STEPS = 16
FACE_BOX = (-1.40, -1.05, 1.40, 2.55)  # what jaw and brows move; left, top, right, bottom in face units
HEAD_BOX = (-2.10, -2.60, 2.10, 2.95)  # what sways
FIELD_STEP = 8  # canvas pixels between the nodes of the sway field
DITHER = 0.35 / 255


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
        self.person = person
        self.framing = framing
        self.view = framing.view()
        self.portrait = _paint_portrait(person, self.view)
        self.face_box = self.view.box(*FACE_BOX)
        self.jaw, self.lift = _face_fields(self.view.inside(*self.face_box), person)
        self.head_box = self.view.box(*HEAD_BOX)
        self.sway_weight = _sway_weight(self.view.inside(*self.head_box))

    def wear(self, expression: Expression) -> "Mask":
        """The person with an expression, ready to be animated."""
        return Mask(self, expression)


class Mask:
    """A puppet that wears one expression for the length of a clip."""

    def __init__(self, puppet: Puppet, expression: Expression) -> None:
        self.puppet = puppet
        self.expression = expression
        sheet = Sheet(puppet.view, puppet.portrait.copy())
        brows.paint_creases(sheet, puppet.person, expression)
        brows.paint_brows(sheet, puppet.person, expression)
        self._skin = sheet.image
        self._canvas = _to_bytes(_with_eyes(puppet, expression, sheet.image.copy(), 0.0), puppet.person.seed)
        self._canvas_small = _shrink(self._canvas)
        self._eye_boxes = [puppet.view.box(*eyes.patch_box(side)) for side in (-1, 1)]
        self._lids: dict[int, list[np.ndarray]] = {}

    def frames(self, motion: Motion) -> Iterator[np.ndarray]:
        """Yield (H, W, 3) uint8 RGB frames, one per moment of the motion."""
        for index in range(len(motion)):
            yield self.frame(motion, index)

    def frame(self, motion: Motion, index: int) -> np.ndarray:
        """Draw one moment of the motion as (H, W, 3) uint8 RGB."""
        canvas = self._canvas.copy()
        closed = round(float(motion.blink[index]) * LID_STEPS)
        if closed:
            for box, patch in zip(self._eye_boxes, self._lid_patches(closed), strict=True):
                canvas[box] = patch
        opening = float(motion.opening[index])
        self._move_face(canvas, opening, float(motion.brow[index]))
        self._speak(canvas, opening, float(motion.width[index]), float(motion.rounding[index]))
        return self._sway(canvas, motion.sway[index])

    def _lid_patches(self, closed: int) -> list[np.ndarray]:
        """Both eyes at `closed` sixteenths; drawn when first asked for."""
        if closed not in self._lids:
            image = _with_eyes(self.puppet, self.expression, self._skin.copy(), closed / LID_STEPS)
            self._lids[closed] = [_to_bytes(image[box], self.puppet.person.seed) for box in self._eye_boxes]
        return self._lids[closed]

    def _move_face(self, canvas: np.ndarray, opening: float, brow: float) -> None:
        """Drop the jaw and lift the brows, in place."""
        puppet, unit = self.puppet, self.puppet.view.unit
        region = canvas[puppet.face_box]
        rows, columns = _pixel_grid(region.shape)
        source = rows - np.float32(mouth.JAW_SHARE * opening * unit) * puppet.jaw + np.float32(brow * unit) * puppet.lift
        canvas[puppet.face_box] = cv2.remap(region, columns, source, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def _speak(self, canvas: np.ndarray, opening: float, width: float, rounding: float) -> None:
        puppet, person = self.puppet, self.puppet.person
        lips = mouth.shape_lips(person, self.expression, opening, width, rounding)
        low, high = lips.upper_outer.min(axis=0) - 0.12, lips.lower_outer.max(axis=0) + 0.16
        box = puppet.view.box(low[0], low[1], high[0] + 0.02, high[1])
        sheet = Sheet(puppet.view.inside(*box), canvas[box].astype(np.float32) / 255)
        mouth.paint_mouth(sheet, person, lips)
        canvas[box] = _to_bytes(sheet.image)

    def _sway(self, canvas: np.ndarray, sway: np.ndarray) -> np.ndarray:
        """Move the head over the still room by a similarity that fades out, and shrink to the frame."""
        puppet, framing = self.puppet, self.puppet.framing
        columns, rows = _sway_map(puppet, sway)
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
    hair.paint_beard(sheet, person)
    hair.paint_front(sheet, person)
    return np.clip(sheet.image, 0, 1)


def _with_eyes(puppet: Puppet, expression: Expression, image: np.ndarray, closed: float) -> np.ndarray:
    sheet = Sheet(puppet.view, image)
    for side in (-1, 1):
        eyes.paint_eye(sheet, puppet.person, expression, side, closed)
    glasses.paint_glasses(sheet, puppet.person)
    return sheet.image


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


def _sway_weight(view: View) -> np.ndarray:
    """How much of the head's sway the nodes of a coarse field follow: all of the head, none of the room."""
    x, y = view.grid()
    distance = np.hypot(x, y / 1.25)[::FIELD_STEP, ::FIELD_STEP]
    return (1 - smoothstep(distance, 1.35, 2.05)).astype(np.float32)


def _sway_map(puppet: Puppet, sway: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Source column and row of every pixel of the head box."""
    view = puppet.view.inside(*puppet.head_box)
    shift = sway[:2] * puppet.view.width
    cosine, sine = np.cos(sway[2]) / sway[3], np.sin(sway[2]) / sway[3]
    n_rows, n_columns = puppet.sway_weight.shape
    u = np.arange(n_columns) * FIELD_STEP - view.origin_x - shift[0]
    v = (np.arange(n_rows) * FIELD_STEP - view.origin_y - shift[1])[:, None]
    moved_x = cosine * u + sine * v - (u + shift[0])
    moved_y = cosine * v - sine * u - (v + shift[1])
    columns, rows = _enlarge(puppet.sway_weight * moved_x, view), _enlarge(puppet.sway_weight * moved_y, view)
    grid_rows, grid_columns = _pixel_grid((view.height, view.width))
    return columns + grid_columns, rows + grid_rows


def _enlarge(field: np.ndarray, view: View) -> np.ndarray:
    """Linear interpolation of a field whose node (i, j) lies at pixel (step i, step j)."""
    scale = np.array([[1 / FIELD_STEP, 0, 0], [0, 1 / FIELD_STEP, 0]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (view.width, view.height)
    return cv2.warpAffine(field.astype(np.float32), scale, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)


_GRIDS: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}


def _pixel_grid(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of every pixel as (h, w) float32, kept for the next frame."""
    key = shape[:2]
    if key not in _GRIDS:
        rows, columns = np.mgrid[: key[0], : key[1]].astype(np.float32)
        _GRIDS[key] = rows, columns
    return _GRIDS[key]


def _shrink(canvas: np.ndarray) -> np.ndarray:
    height, width = canvas.shape[:2]
    return cv2.resize(canvas, (width // SUPERSAMPLING, height // SUPERSAMPLING), interpolation=cv2.INTER_AREA)


def _to_bytes(image: np.ndarray, dither_seed: int | None = None) -> np.ndarray:
    """Float [0, 1] to uint8; a fixed grain hides the bands of soft gradients."""
    if dither_seed is not None:
        image = image + np.random.default_rng(dither_seed).normal(0, DITHER, image.shape[:2])[..., None].astype(np.float32)
    return np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)
