"""Who is drawn: the attributes of a person, sampled continuously so that new people lie among the known ones.

Lengths are in inter-ocular distances (IOD); colours are sRGB in [0, 1]. Pure data: draws and reads nothing.
"""

import zlib
from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]

GARMENTS = ("crew", "shirt", "jacket", "hoodie", "vneck")
BACKDROPS = ("plain", "bokeh", "shelf", "window", "curtain")
FEMALE_VOICES = ("en-us+f2", "en-us+f3")
MALE_VOICES = ("en-us+m3", "en-us+m7")

_SKIN_RAMP = (
    np.array(
        [
            (250, 220, 200),
            (243, 205, 178),
            (228, 180, 145),
            (206, 152, 114),
            (168, 114, 80),
            (126, 82, 58),
            (94, 60, 44),
        ]
    )
    / 255
)
_HAIR_RAMP = (
    np.array([(26, 22, 24), (52, 36, 30), (92, 62, 42), (142, 100, 62), (196, 156, 100), (228, 200, 146)]) / 255
)
_IRIS_RAMP = (
    np.array([(62, 38, 24), (104, 66, 36), (112, 104, 58), (78, 118, 92), (72, 118, 158), (112, 146, 172)]) / 255
)


@dataclass(frozen=True)
class Person:
    """A drawn person. `female` picks the voice and shifts the odds of hair, beard and lashes."""

    name: str
    seed: int
    female: bool
    voice: str
    pitch_offset: float
    skin: Colour
    tone: float
    blush: float
    lip: Colour
    face_width: float
    jaw_width: float
    chin_width: float
    chin_drop: float
    eye_width: float
    eye_height: float
    eye_tilt: float
    iris: Colour
    lashes: float
    brow_thickness: float
    brow_arch: float
    brow_tilt: float
    nose_width: float
    nose_length: float
    mouth_width: float
    mouth_height: float
    upper_lip: float
    lower_lip: float
    hair: Colour
    hair_style: str
    hair_volume: float
    hairline: float
    part: float
    beard: float
    beard_length: float
    glasses: bool
    glasses_round: float
    freckles: float
    age: float
    garment: str
    cloth: Colour
    cloth_inner: Colour
    backdrop: str
    backdrop_colour: Colour
    backdrop_accent: Colour


def sample_person(name: str, seed: int, female: bool, index: int = 0) -> Person:
    """Sample the person called `name`: equal arguments give the same person.

    Args:
        name: Unique within a corpus; part of the random seed.
        seed: Seed of the corpus.
        female: Sex presented.
        index: Position among the people of the corpus; spreads skin, hair and clothes evenly over neighbours.
    """
    person_seed = zlib.crc32(f"{seed}/{name}".encode())
    rng = np.random.default_rng(person_seed)
    tone = _spread(index, 0.618034, rng)
    hair = _hair_colour(rng, tone, _spread(index, 0.7548777, rng))
    skin = _skin_colour(rng, tone)
    return Person(
        name=name, seed=person_seed, female=female, tone=tone, skin=skin, hair=hair,
        **_voice(rng, female), **_face(rng, female), **_features(rng, female, skin, tone),
        **_grooming(rng, female, index), **_surroundings(rng, index),
    )  # fmt: skip


def _spread(index: int, step: float, rng: np.random.Generator) -> float:
    """A low-discrepancy number in [0, 1): neighbours in the corpus differ, all together fill the range."""
    return float((0.35 + index * step + rng.uniform(-0.03, 0.03)) % 1.0)


def _ramp(colours: np.ndarray, position: float) -> np.ndarray:
    at = np.clip(position, 0, 1) * (len(colours) - 1)
    return np.array([np.interp(at, range(len(colours)), colours[:, channel]) for channel in range(3)])


def _colour(values: np.ndarray) -> Colour:
    red, green, blue = np.clip(values, 0.02, 0.98)
    return float(red), float(green), float(blue)


def _skin_colour(rng: np.random.Generator, tone: float) -> Colour:
    warmth = rng.uniform(-1, 1)
    return _colour(_ramp(_SKIN_RAMP, tone) + warmth * np.array([0.012, 0.0, -0.02]))


def _hair_colour(rng: np.random.Generator, tone: float, position: float) -> Colour:
    lightest = np.interp(tone, [0.0, 0.35, 0.6, 1.0], [1.0, 0.85, 0.35, 0.15])
    colour = _ramp(_HAIR_RAMP, position * lightest)
    if rng.random() < 0.3 and tone < 0.5:
        colour = colour * np.array([1.06, 0.82, 0.68])  # auburn
    elif rng.random() < 0.12:
        colour = 0.35 * colour + 0.65 * np.array([0.62, 0.61, 0.6])  # greying
    return _colour(colour)


def _voice(rng: np.random.Generator, female: bool) -> dict:
    voices = FEMALE_VOICES if female else MALE_VOICES
    return {"voice": str(rng.choice(voices)), "pitch_offset": float(rng.uniform(-8, 8))}


def _face(rng: np.random.Generator, female: bool) -> dict:
    """Outline of the head; women get the narrower jaw on average, with overlap."""
    return {
        "face_width": float(rng.uniform(1.09, 1.20)),
        "jaw_width": float(rng.uniform(0.86, 0.98) if female else rng.uniform(0.93, 1.07)),
        "chin_width": float(rng.uniform(0.34, 0.44) if female else rng.uniform(0.40, 0.53)),
        "chin_drop": float(rng.uniform(1.72, 1.82) if female else rng.uniform(1.78, 1.90)),
        "age": float(rng.uniform(0, 1) ** 1.5),
        "freckles": float(rng.uniform(0.4, 1) if rng.random() < 0.15 else 0),
        "blush": float(rng.uniform(0.5, 1.0) if female else rng.uniform(0.25, 0.6)),
    }


def _features(rng: np.random.Generator, female: bool, skin: Colour, tone: float) -> dict:
    """Eyes, brows, nose and lips."""
    red = np.array([0.86, 0.45, 0.45]) if rng.random() < 0.5 else np.array([0.80, 0.42, 0.40])
    natural = np.array(skin) * np.array([0.90, 0.66, 0.66])
    makeup = rng.uniform(0.15, 0.55) if female else rng.uniform(0.0, 0.12)
    lip = (1 - makeup) * natural + makeup * red * (1 - 0.35 * tone)
    return {
        "eye_width": float(rng.uniform(0.275, 0.31)),
        "eye_height": float(rng.uniform(0.135, 0.165)),
        "eye_tilt": float(rng.uniform(-0.015, 0.04)),
        "iris": _colour(_ramp(_IRIS_RAMP, rng.uniform(0, 1) * np.interp(tone, [0, 0.35, 0.7], [1, 0.9, 0.25]))),
        "lashes": float(rng.uniform(0.7, 1.0) if female else rng.uniform(0.15, 0.4)),
        "brow_thickness": float(rng.uniform(0.065, 0.095) if female else rng.uniform(0.09, 0.13)),
        "brow_arch": float(rng.uniform(0.05, 0.10) if female else rng.uniform(0.02, 0.07)),
        "brow_tilt": float(rng.uniform(-0.02, 0.03)),
        "nose_width": float(rng.uniform(0.20, 0.25) if female else rng.uniform(0.22, 0.28)),
        "nose_length": float(rng.uniform(0.66, 0.75)),
        "mouth_width": float(rng.uniform(0.37, 0.43)),
        "mouth_height": float(rng.uniform(1.08, 1.16)),
        "upper_lip": float(rng.uniform(0.075, 0.11) if female else rng.uniform(0.06, 0.085)),
        "lower_lip": float(rng.uniform(0.11, 0.145) if female else rng.uniform(0.085, 0.12)),
        "lip": _colour(lip),
    }


def _grooming(rng: np.random.Generator, female: bool, index: int) -> dict:
    styles = ("bob", "long", "bun", "swept", "curly", "long") if female else ("crop", "swept", "buzz", "crop", "curly")
    bearded = not female and rng.random() < 0.4
    return {
        "hair_style": styles[int(_spread(index, 0.3819, rng) * len(styles))],
        "hair_volume": float(rng.uniform(0.14, 0.24)),
        "hairline": float(rng.uniform(0.88, 1.0)),
        "part": float(rng.uniform(0.15, 0.45) * rng.choice((-1, 1))),
        "beard": float(rng.uniform(0.40, 0.9) if bearded else (0 if female else rng.uniform(0, 0.12))),
        "beard_length": float(rng.uniform(0.0, 0.12)),
        "glasses": bool(index % 5 == 3),
        "glasses_round": float(rng.uniform(0, 1)),
    }


def _surroundings(rng: np.random.Generator, index: int) -> dict:
    """Clothes and backdrop: muted colours, apart in hue."""
    hue = (0.13 + index * 0.381966 + rng.uniform(-0.03, 0.03)) % 1
    cloth = _muted(hue, rng.uniform(0.22, 0.48), rng.uniform(0.3, 0.66))
    wall = _muted((hue + rng.uniform(0.35, 0.6)) % 1, rng.uniform(0.06, 0.22), rng.uniform(0.6, 0.8))
    return {
        "garment": GARMENTS[index % len(GARMENTS)],
        "cloth": cloth,
        "cloth_inner": _muted(rng.uniform(0, 1), rng.uniform(0, 0.15), rng.uniform(0.8, 0.95)),
        "backdrop": BACKDROPS[(index * 3 + index // 5) % len(BACKDROPS)],
        "backdrop_colour": wall,
        "backdrop_accent": _muted((hue + rng.uniform(-0.1, 0.1)) % 1, rng.uniform(0.2, 0.4), rng.uniform(0.45, 0.75)),
    }


def _muted(hue: float, saturation: float, value: float) -> Colour:
    phase = (hue * 6 + np.array([0, 4, 2])) % 6
    pure = np.clip(np.abs(phase - 3) - 1, 0, 1)
    return _colour(value * (1 - saturation * (1 - pure)))
