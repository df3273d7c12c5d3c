"""Which emotion a set of unit strengths looks like: the nearest prototype, plainly.

Prototypes follow the typical units of InstructAvatar (2405.15758), with jaw drop left out because speech moves it, and
with the units that EMFACS (Ekman & Friesen 1983) adds to tell neighbours apart: stretched lips for fear, one-sided
corner for contempt, wide eyes for surprise.
"""

from collections.abc import Mapping

import numpy as np

from eadnet.captions.measures.descriptors import FULL_STRENGTH
from eadnet.tables import EMOTIONS

PROTOTYPES: dict[str, dict[str, float]] = {
    "angry": {"brow lowerer": 1.0, "nose wrinkler": 0.6, "lid tightener": 0.8},
    "contempt": {"left lip corner puller": 0.8, "right lip corner puller": 0.8, "outer brow raiser": 0.5,
                 "inner brow raiser": 0.5, "lid tightener": 0.6},
    "disgusted": {"brow lowerer": 0.7, "nose wrinkler": 0.8, "lid tightener": 0.6, "upper lip raiser": 0.7,
                  "lip corner depressor": 0.4, "cheek raiser": 0.5},
    "fear": {"inner brow raiser": 0.9, "outer brow raiser": 0.3, "upper lid raiser": 0.8, "lip stretcher": 0.7},
    "happy": {"lip corner puller": 1.2, "cheek raiser": 0.7, "lid tightener": 0.4},
    "neutral": {},
    "sad": {"inner brow raiser": 0.6, "lip corner depressor": 1.0, "lid tightener": 0.6, "brow lowerer": 0.2},
    "surprised": {"inner brow raiser": 1.0, "outer brow raiser": 1.0, "upper lid raiser": 0.9},
}  # fmt: skip

NEUTRAL_BELOW = {True: 0.5, False: 0.9}
"""Strength under which a face counts as neutral; wider where the baseline is other people's faces."""

_SHARPNESS = 6.0  # slope of the soft maximum over cosines: 0.3 ahead of one rival gives confidence 0.86


def nearest_emotions(units: Mapping[str, float], own_baseline: bool) -> dict[str, float]:
    """Probability-like score of each emotion.

    Args:
        units: Strength per unit of `FULL_STRENGTH`.
        own_baseline: Whether strengths are relative to the speaker's own neutral face.

    Returns:
        Per emotion a score in [0, 1]; they sum to 1. Cosine to each prototype through a soft maximum, all of it
        scaled down for faint faces in favour of neutral.
    """
    seen = np.minimum([units[unit] for unit in FULL_STRENGTH], 1.5)
    strength = float(np.linalg.norm(seen))
    cosines = {emotion: _cosine(seen, strength, PROTOTYPES[emotion]) for emotion in EMOTIONS if emotion != "neutral"}
    weights = {emotion: float(np.exp(_SHARPNESS * cosine)) for emotion, cosine in cosines.items()}
    expressive = float(1 / (1 + np.exp(-_SHARPNESS * (strength / NEUTRAL_BELOW[own_baseline] - 1))))
    total = sum(weights.values())
    scores = {emotion: expressive * weight / total for emotion, weight in weights.items()}
    return {emotion: scores.get(emotion, 1 - expressive) for emotion in EMOTIONS}


def _cosine(seen: np.ndarray, strength: float, prototype: Mapping[str, float]) -> float:
    model = np.array([prototype.get(unit, 0.0) for unit in FULL_STRENGTH])
    return float(seen @ model / (max(strength, 1e-9) * np.linalg.norm(model)))
