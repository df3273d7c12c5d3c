"""Hair: a shaped mass under light, then strands along its flow."""

from dataclasses import dataclass

import numpy as np

from eadnet.synthetic.drawing.canvas import (
    Sheet,
    bezier,
    closed_curve,
    coverage,
    ellipse,
    lowered,
    mirrored,
    open_curve,
    smoothstep,
    soft,
)
from eadnet.synthetic.drawing.head import LIGHT, outline
from eadnet.synthetic.people import Person


@dataclass(frozen=True)
class Cut:
    """A hair style. `side` is where its sides end (y); `lift` adds volume on top; `flow` is how strands lie."""

    side: float
    lift: float
    flow: str  # combed, short, curls
    back: float | None = None  # y down to which hair hangs behind the neck
    fringe: float = 0.0  # how far it falls into the forehead
    strands: int = 420


EAR_Y = 0.3  # hair that ends below this hangs beside the face
CUTS = {
    "crop": Cut(side=-0.10, lift=0.8, flow="short", strands=520),
    "swept": Cut(side=-0.02, lift=1.1, flow="combed", fringe=0.16),
    "bob": Cut(side=1.30, lift=1.0, flow="combed", back=1.50, fringe=0.10),
    "long": Cut(side=2.35, lift=0.9, flow="combed", back=2.7),
    "bun": Cut(side=-0.05, lift=0.35, flow="combed"),
    "curly": Cut(side=0.55, lift=2.0, flow="curls", back=0.9, strands=700),
    "buzz": Cut(side=-0.12, lift=0.10, flow="short", strands=900),
}


def paint_back(sheet: Sheet, person: Person) -> None:
    """Hair behind the neck and ears, and a bun's knot."""
    cut, dark = CUTS[person.hair_style], np.array(person.hair) * 0.55
    if person.hair_style == "bun":
        knot = ellipse((0.05, -1.86), (0.40, 0.30), 60)
        sheet.fill(knot, np.array(person.hair) * 0.8, 1, 0.012)
        for turn in np.linspace(0.3, 2.8, 9):
            x = 0.05 - 0.34 * np.cos(turn)
            arc = bezier([(x, -1.80), (x, -2.05 - 0.1 * np.sin(turn)), (0.1, -2.12)])
            sheet.stroke(arc, 0.02, np.array(person.hair) * 1.2, 0.35, 0.008)
    if cut.back is None:
        return
    wide, bottom = person.face_width + 0.8 * person.hair_volume, cut.back
    flare = 0.10 if person.hair_style == "long" else 0.02
    right = [
        (0, -1.7),
        (0.8 * wide, -1.35),
        (wide, -0.5),
        (wide + 0.06, 0.5),
        (wide + flare, 0.72 * bottom),
        (0.82 * wide, bottom),
        (0, bottom + 0.06),
    ]
    shape = closed_curve(np.vstack([right, np.array(right[1:-1])[::-1] * (-1, 1)]), 120)
    sheet.fill(shape, dark, 1, 0.02)
    rng = np.random.default_rng(person.seed + 3)
    for _ in range(70):
        x = rng.uniform(-wide, wide)
        strand = bezier(
            [(x * 0.8, -0.6), (x * 1.02, 0.4), (x * rng.uniform(0.9, 1.04), bottom * rng.uniform(0.85, 1.0))]
        )
        sheet.stroke(strand, 0.02, dark * rng.uniform(0.7, 1.5), 0.4, 0.006)


def paint_front(sheet: Sheet, person: Person) -> None:
    """Hair around the face: casts its shadow on the skin, then covers it."""
    cut = CUTS[person.hair_style]
    outer, inner = _edges(person, cut)
    shape = np.vstack([outer, inner[::-1]])
    mask = sheet.mask(shape, {"buzz": 0.05, "crop": 0.022}.get(person.hair_style, 0.014))
    if cut.flow == "curls":
        mask = _curly_mask(sheet, person, shape)
    face = sheet.mask(outline(person))
    shadow = soft(lowered(mask, 0.05 * sheet.view.unit), 0.07 * sheet.view.unit)
    sheet.blend(0.55 * shadow * face, (0.62, 0.48, 0.46), "multiply")
    mass = Sheet(sheet.view, _lit_mass(sheet, person))
    _STRANDS[cut.flow](mass, person, cut, outer, inner)
    opacity = 0.84 if person.hair_style == "buzz" else 1.0
    sheet.blend(opacity * mask, mass.image)
    if cut.flow == "combed":
        _strays(sheet, person, outer, inner)


def _edges(person: Person, cut: Cut) -> tuple[np.ndarray, np.ndarray]:
    """Outer edge and hairline, (100, 2) each, from the left end over the top to the right end."""
    outer, line = _crown(person, cut), _hairline(person, cut)
    if cut.side > EAR_Y:  # hangs down beside the face
        tip = person.face_width + 0.55 * (person.hair_volume if cut.flow != "short" else 0)
        lock = np.array([(tip - 0.08, cut.side), (tip + 0.06, 0.54 * cut.side)])
        outer = np.vstack([mirrored(lock), outer, lock[::-1]])
    else:
        end = 0.965 * person.face_width
        burn = np.array([(end + 0.02, cut.side), (end - 0.035, cut.side - 0.10)])
        line = np.vstack([mirrored(burn), line, burn[::-1]])
    return open_curve(outer[:: max(1, len(outer) // 24)], 100), open_curve(line, 100)


def _crown(person: Person, cut: Cut) -> np.ndarray:
    """The skull above the ears, raised by the hair's volume; it tapers off towards the ears."""
    volume = person.hair_volume * (1.0 if cut.flow != "short" else 0.7)
    skull = np.roll(outline(person), len(outline(person)) // 2, axis=0)  # starts at the chin, goes up the left side
    lowest = min(cut.side, 0.1)
    skull = skull[skull[:, 1] < lowest]
    away = skull - (0, -0.2)
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    rise = 0.42 + 0.58 * cut.lift * smoothstep(-skull[:, 1], -0.1, 1.5)
    return skull + away * (volume * rise * smoothstep(lowest - skull[:, 1], -0.05, 0.45))[:, None]


def _hairline(person: Person, cut: Cut) -> np.ndarray:
    """Where hair meets the forehead and, for long hair, the cheeks; dips on the side of the parting."""
    wide, line = person.face_width, person.hairline
    dip = cut.fringe * np.sign(person.part)
    top = np.array([
        (-0.74 * wide, -line + 0.20), (-0.36, -line + 0.02 + max(dip, 0)), (0.4 * person.part, -line - 0.05),
        (0.36, -line + 0.02 + max(-dip, 0)), (0.74 * wide, -line + 0.20),
    ])  # fmt: skip
    side = [(0.90 * wide, -0.52)]
    if cut.side > EAR_Y:
        side = [(0.95 * wide, -0.15), (0.93 * wide, 0.45 * min(cut.side, 1.4)), (0.84 * wide, cut.side)]
    return np.vstack([mirrored(side[::-1]), top, side])


def _lit_mass(sheet: Sheet, person: Person) -> np.ndarray:
    """(H, W, 3) hair colour under the portrait's light, as on a rounded head, with a band of sheen."""
    x, y = sheet.view.grid()
    radius = np.hypot(x / (person.face_width + 0.25), (y + 0.25) / 1.75)
    facing = (x * LIGHT[0] * 0.55 + (y + 0.3) * LIGHT[1] * 0.5).astype(np.float32)
    light = np.clip(0.92 + 0.34 * facing - 0.20 * smoothstep(radius, 0.75, 1.1), 0.45, 1.35)
    band = np.exp(-0.5 * ((np.hypot(x * 0.9, y + 0.15) - 1.32) / 0.10) ** 2) * smoothstep(-y, 0.2, 0.9)
    sheen = band * np.exp(-0.5 * ((x + 0.45) / 0.5) ** 2)
    colour = np.asarray(person.hair, np.float32)
    return colour * light[..., None] + (0.10 + 0.25 * colour) * sheen[..., None].astype(np.float32)


def _combed(mass: Sheet, person: Person, cut: Cut, outer: np.ndarray, inner: np.ndarray) -> None:
    """Long strands from the parting along the flow between hairline and outer edge."""
    rng = np.random.default_rng(person.seed + 5)
    start = int(len(outer) * (0.5 + 0.18 * person.part))
    for _ in range(cut.strands):
        share = rng.uniform(0, 1)
        path = (1 - share) * outer + share * inner
        first, last = (start, len(path) - 1) if rng.random() < (len(path) - start) / len(path) else (start, 0)
        step = 1 if last > first else -1
        a = first + step * int(rng.uniform(0, 0.45) * abs(last - first))
        b = a + step * max(6, int(rng.uniform(0.25, 0.7) * abs(last - a)))
        piece = path[a:b:step] if b >= 0 else path[a::step]
        if len(piece) < 4:
            continue
        width = 0.020 * np.sin(np.linspace(0.2, np.pi, len(piece)))
        mass.stroke(piece + rng.normal(0, 0.012, 2), width, _strand_colour(rng, person, 0.40), 0.42, 0.006)


def _short(mass: Sheet, person: Person, cut: Cut, outer: np.ndarray, inner: np.ndarray) -> None:
    """Short hairs that rise from the hairline and turn to the side away from the parting."""
    rng = np.random.default_rng(person.seed + 5)
    length, contrast = (0.26, 0.44) if person.hair_style == "crop" else (0.05, 0.18)
    for _ in range(cut.strands):
        share, at = rng.uniform(-0.05, 1), rng.integers(0, len(outer))
        root = (1 - share) * outer[at] + share * inner[at]
        up = root - (0.25 * np.sign(person.part), -0.1)
        up = up / np.linalg.norm(up) + rng.normal(0, 0.22, 2)
        tip = root + up * length * rng.uniform(0.5, 1.1)
        bend = (root + tip) / 2 + (-0.05 * np.sign(person.part), 0)
        width = np.linspace(0.022, 0.004, 8)
        mass.stroke(bezier([root, bend, tip], 8), width, _strand_colour(rng, person, contrast), 0.5, 0.005)


def _curls(mass: Sheet, person: Person, cut: Cut, outer: np.ndarray, inner: np.ndarray) -> None:
    """Small arcs of light and dark, as curls show them."""
    rng = np.random.default_rng(person.seed + 5)
    for _ in range(cut.strands):
        share, at = rng.uniform(-0.25, 1.05), rng.integers(0, len(outer))
        centre = (1 - share) * outer[at] + share * inner[at]
        radius, turn, sweep = rng.uniform(0.035, 0.085), rng.uniform(0, 2 * np.pi), rng.uniform(1.8, 3.6)
        angles = np.linspace(turn, turn + sweep, 10)
        arc = centre + radius * np.stack([np.cos(angles), np.sin(angles)], 1)
        width = 0.026 * np.sin(np.linspace(0.2, np.pi, len(arc)))
        mass.stroke(arc, width, _strand_colour(rng, person, 0.52), 0.55, 0.006)


def _strand_colour(rng: np.random.Generator, person: Person, contrast: float) -> np.ndarray:
    """Darker or lighter than the mass; light hair shows less contrast."""
    step = rng.choice((-1, -0.55, 0.6, 1), p=(0.3, 0.3, 0.25, 0.15))
    hair = np.array(person.hair)
    return np.clip(hair * (1 + contrast * step * (1.1 - 0.75 * hair.mean())) + 0.03 * (step > 0), 0, 1)


def _curly_mask(sheet: Sheet, person: Person, shape: np.ndarray) -> np.ndarray:
    """The mass with a rim of round curls."""
    rng = np.random.default_rng(person.seed + 6)
    rim = [ellipse(point + rng.normal(0, 0.02, 2), (rng.uniform(0.07, 0.13),) * 2, 20) for point in shape[:100:2]]
    rim += [ellipse(point + rng.normal(0, 0.015, 2), (rng.uniform(0.03, 0.06),) * 2, 16) for point in shape[100::3]]
    pixels = [sheet.view.pixels(part) for part in [shape, *rim]]
    return soft(coverage(pixels, (sheet.view.height, sheet.view.width)), 0.012 * sheet.view.unit)


def _strays(sheet: Sheet, person: Person, outer: np.ndarray, inner: np.ndarray) -> None:
    rng = np.random.default_rng(person.seed + 8)
    for edge, reach in ((outer, 0.02), (inner, 0.018)):
        for _ in range(16):
            first = rng.integers(8, 75)
            piece = edge[first : first + rng.integers(10, 22)]
            drift = np.linspace(0, 1, len(piece))[:, None] * rng.normal(0, reach, 2)
            sheet.stroke(piece + drift, 0.010, np.array(person.hair) * rng.uniform(0.7, 1.2), 0.5, 0.004)


_STRANDS = {"combed": _combed, "short": _short, "curls": _curls}
