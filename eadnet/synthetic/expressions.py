"""Emotions as action units, and action units as changes of the drawn face.

The units of each emotion follow the EMFACS prototypes (Ekman & Friesen, "Facial Action Coding System", 1978;
Friesen & Ekman, "EMFACS-7", 1983). Lengths are in inter-ocular distances.
"""

from dataclasses import dataclass

LEVEL_STRENGTH = {0: 0.0, 1: 0.45, 2: 0.75, 3: 1.0}

EMOTION_UNITS: dict[str, dict[int, float]] = {
    "angry": {4: 1.0, 5: 0.45, 7: 0.8, 9: 0.25, 17: 0.4, 23: 0.9},
    "calm": {12: 0.12, 43: 0.18},
    "contempt": {4: 0.15, 14: 1.0, 43: 0.55, 2: 0.1},
    "disgusted": {4: 0.6, 7: 0.8, 9: 1.0, 10: 0.9, 15: 0.6, 17: 0.6},
    "fear": {1: 1.0, 2: 0.45, 4: 0.45, 5: 0.9, 20: 1.0, 25: 0.5, 26: 0.25},
    "happy": {6: 1.0, 12: 1.0, 25: 0.8},
    "neutral": {},
    "sad": {1: 1.0, 4: 0.4, 15: 1.0, 17: 0.7, 43: 0.4},
    "surprised": {1: 1.0, 2: 1.0, 5: 1.0, 26: 0.9, 25: 0.6},
}
"""Full-strength units per emotion, 0-1; calm, which RAVDESS has, is hardly more than neutral.

Unit 14 is one-sided, as in contempt; 43 is the drooping lid.
"""

SPEECH_GAIN = {
    "angry": 1.18, "calm": 0.95, "contempt": 0.88, "disgusted": 0.95, "fear": 1.0,
    "happy": 1.08, "neutral": 1.0, "sad": 0.85, "surprised": 1.12,
}  # fmt: skip
"""How widely each emotion opens the mouth in speech, at full strength."""

GAZE = {"contempt": (0.045, 0.0), "sad": (0.0, 0.03), "fear": (0.0, -0.01)}
"""Fixed gaze offset (right, down) in inter-ocular distances, at full strength; others look ahead."""


@dataclass(frozen=True)
class Expression:
    """What an expression does to the drawn face; all zero (and gains one) is neutral."""

    inner_brow: float = 0.0  # raise, IOD
    outer_brow: float = 0.0  # raise, IOD
    brow_gather: float = 0.0  # towards the middle, IOD
    upper_lid: float = 0.0  # raise as a share of the eye's height
    lower_lid: float = 0.0  # raise as a share of the eye's height
    cheek: float = 0.0  # raise, 0-1
    nose_wrinkle: float = 0.0  # 0-1
    frown: float = 0.0  # vertical lines between the brows, 0-1
    forehead: float = 0.0  # horizontal lines, 0-1
    fold: float = 0.0  # nasolabial fold, 0-1
    corner_left: float = 0.0  # raise of the mouth corner on the image's left, IOD
    corner_right: float = 0.0
    mouth_width: float = 1.0  # factor
    upper_lip: float = 0.0  # raise, IOD
    lip_press: float = 0.0  # thinner lips, 0-1
    chin_raise: float = 0.0  # lower lip pushed up, 0-1
    rest_opening: float = 0.0  # gap of the lips without speech, IOD
    speech_gain: float = 1.0
    gaze: tuple[float, float] = (0.0, 0.0)


def action_units(emotion: str, level: int) -> dict[int, float]:
    """Active units (number -> intensity 0-1) of an emotion at level 0-3."""
    strength = LEVEL_STRENGTH[level]
    return {unit: round(strength * value, 4) for unit, value in EMOTION_UNITS[emotion].items() if strength}


def expression(emotion: str, level: int) -> Expression:
    """The drawn expression of an emotion at level 0-3."""
    units = action_units(emotion, level)
    strength = LEVEL_STRENGTH[level]
    au = {number: units.get(number, 0.0) for number in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 43)}
    smile, droop = 0.195 * au[12], 0.13 * au[15]
    gaze_x, gaze_y = GAZE.get(emotion, (0.0, 0.0))
    return Expression(
        inner_brow=0.20 * au[1] - 0.15 * au[4] - 0.04 * au[9],
        outer_brow=0.19 * au[2] - 0.04 * au[4] - 0.05 * au[1] * (1 - au[2]) + 0.0 * au[9],
        brow_gather=0.10 * au[4] + 0.03 * au[9],
        upper_lid=0.42 * au[5] - 0.62 * au[43] - 0.22 * au[7] - 0.16 * au[6],
        lower_lid=0.34 * au[7] + 0.48 * au[6] + 0.2 * au[9] - 0.12 * au[5],
        cheek=max(au[6], 0.7 * au[9]),
        nose_wrinkle=au[9],
        frown=min(1.0, 0.9 * au[4] + 0.2 * au[9]),
        forehead=min(1.0, 0.45 * (au[1] + au[2])),
        fold=max(au[12], 0.8 * au[10], 0.45 * au[15], 0.6 * au[9]),
        corner_left=smile - droop,
        corner_right=smile - droop + 0.17 * au[14],
        mouth_width=1 + 0.20 * au[12] + 0.18 * au[20] - 0.06 * au[23] - 0.10 * au[26] - 0.04 * au[17],
        upper_lip=0.075 * au[10] + 0.03 * au[9] + 0.02 * au[12],
        lip_press=0.55 * au[23],
        chin_raise=au[17],
        rest_opening=0.085 * au[25] + 0.14 * au[26],
        speech_gain=1 + strength * (SPEECH_GAIN[emotion] - 1),
        gaze=(strength * gaze_x, strength * gaze_y),
    )
