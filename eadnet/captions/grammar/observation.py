"""From measures to an observation: what a clip's descriptors and label amount to, in the words of the schema."""

from collections.abc import Mapping

from eadnet.captions.grammar import lexicon
from eadnet.captions.grammar.prototypes import NEUTRAL_BELOW, nearest_emotions
from eadnet.captions.grammar.sentences import intensity_of
from eadnet.captions.measures.descriptors import Descriptors
from eadnet.captions.measures.voice import Voice
from eadnet.captions.schema import Head, LowerFace, Observation, UpperFace

VISIBLE = {True: 0.4, False: 0.8}
"""Smallest unit strength that is named; larger where the baseline is other people's faces."""

EXCLUSIVE = (
    ("upper lid raiser", "lid tightener"),
    ("brow lowerer", "outer brow raiser"),
    ("lip corner puller", "lip corner depressor"),
    ("lip corner puller", "left lip corner puller"),
    ("lip corner puller", "right lip corner puller"),
    ("lip corner puller", "lip stretcher"),
)
"""Pairs of which only the stronger is named: opposites, and names of the same movement."""

VALENCE_AROUSAL = {
    "angry": (-0.6, 0.7),
    "contempt": (-0.5, 0.2),
    "disgusted": (-0.6, 0.4),
    "fear": (-0.7, 0.7),
    "happy": (0.8, 0.5),
    "neutral": (0.0, 0.0),
    "sad": (-0.7, -0.4),
    "surprised": (0.2, 0.8),
}
"""Places on the circumplex (Russell 1980) at full intensity."""

LOOKS_LIKE = {"calm": "neutral"}
"""Labels beyond the eight emotions, and the emotion that a face of theirs looks like."""

INTENSITY_SHARE = {"none": 0.0, "slight": 0.4, "moderate": 0.7, "strong": 1.0}

_MODERATE_FROM, _STRONG_FROM = 1.1, 1.8  # strength of the whole face, where no label states the intensity
_STILL_BELOW, _LIVELY_FROM = 0.015, 0.15  # head motion, in eye distances
_TILTED, _TURNED, _NODDED = 0.12, 0.2, 0.2  # radians
_AVERTED = 0.05  # offset of the irises, in eye distances
_DECIBELS, _PEAKS, _SEMITONES = 4.0, 0.8, 2.0  # changes of a voice that a listener notices


def observe(descriptors: Descriptors, emotion: str | None, level: int | None) -> Observation:
    """State what a clip shows.

    Args:
        descriptors: Measures of the clip.
        emotion: The corpus's label, which is believed; None leaves the emotion to the nearest prototype.
        level: The corpus's level 1 to 3; None leaves the intensity to the measures.

    Returns:
        The observation; `confidence` is the share that the prototypes give to the stated emotion.
    """
    shares = nearest_emotions(descriptors.units, descriptors.own_baseline)
    stated = emotion or max(shares, key=shares.__getitem__)
    face = LOOKS_LIKE.get(stated, stated)
    intensity = intensity_of(stated, level) or _measured_intensity(descriptors)
    valence, arousal = (round(INTENSITY_SHARE[intensity] * value, 3) for value in VALENCE_AROUSAL[face])
    units = visible_units(descriptors.units, VISIBLE[descriptors.own_baseline])
    return Observation(
        emotion=stated,
        confidence=round(shares[face], 3),
        intensity=intensity,
        valence=valence,
        arousal=arousal,
        action_units=units,
        upper_face=UpperFace(
            brows=_region(units, "brow"), eyes=_region(units, "lid"), forehead=_region(units, "inner brow")
        ),
        lower_face=LowerFace(
            mouth_corners=_region(units, "lip corner"),
            jaw=_region(units, "jaw"),
            nose=_region(units, "nose"),
            cheeks=_region(units, "cheek"),
        ),
        head=Head(pose=_head_pose(descriptors), motion=_head_motion(descriptors.head_motion)),
        gaze=_gaze(descriptors.gaze),
        dynamics=descriptors.dynamics,
    )


def remarks(descriptors: Descriptors) -> tuple[str, ...]:
    """Sentences on voice, course and head, the most telling first, for what is out of the ordinary."""
    manner = " and ".join(_voice_manner(descriptors.voice))
    voice = lexicon.VOICE_REMARK.format(manner=manner) if manner else None
    course = lexicon.DYNAMICS_REMARKS[descriptors.dynamics]
    head = lexicon.HEAD_REMARKS[_head_motion(descriptors.head_motion)]
    return tuple(filter(None, (voice, course, head)))


def visible_units(strengths: Mapping[str, float], threshold: float) -> tuple[str, ...]:
    """Units of at least `threshold`, the strongest first, without the weaker of each exclusive pair."""
    units = sorted((unit for unit in strengths if strengths[unit] >= threshold), key=lambda unit: -strengths[unit])
    for pair in EXCLUSIVE:
        if all(unit in units for unit in pair):
            units.remove(max(pair, key=units.index))
    return tuple(units)


def _measured_intensity(descriptors: Descriptors) -> str:
    strength = sum(value**2 for value in descriptors.units.values()) ** 0.5
    if strength < NEUTRAL_BELOW[descriptors.own_baseline]:
        return "none"
    return "slight" if strength < _MODERATE_FROM else "moderate" if strength < _STRONG_FROM else "strong"


def _region(units: tuple[str, ...], word: str) -> str:
    return ", ".join(unit for unit in units if word in unit) or "at rest"


def _head_motion(amount: float) -> str:
    return "still" if amount < _STILL_BELOW else "lively" if amount >= _LIVELY_FROM else "calm"


def _head_pose(descriptors: Descriptors) -> str:
    """Where the head is turned, raised and tilted against the baseline."""
    turn, nod, tilt = descriptors.head_turn, descriptors.head_nod, descriptors.head_tilt
    turned = "turned left" if turn > _TURNED else "turned right" if turn < -_TURNED else ""
    raised = "raised" if nod > _NODDED else "lowered" if nod < -_NODDED else ""
    tilted = "tilted left" if tilt > _TILTED else "tilted right" if tilt < -_TILTED else ""
    return " and ".join(filter(None, (turned, raised, tilted))) or "upright"


def _gaze(offset: tuple[float, float]) -> str:
    across, up = offset
    sideways = "left" if across > _AVERTED else "right" if across < -_AVERTED else ""
    upright = "up" if up > _AVERTED else "down" if up < -_AVERTED else ""
    return " and ".join(filter(None, [upright, sideways])) or "straight ahead"


def _voice_manner(voice: Voice) -> list[str]:
    """Words for a voice that differs from its baseline; NaN differs from nothing."""
    manner = ["loud"] if voice.loudness > _DECIBELS else ["quiet"] if voice.loudness < -_DECIBELS else []
    manner += ["fast"] if voice.rate > _PEAKS else ["slow"] if voice.rate < -_PEAKS else []
    return manner + (["lively"] if voice.pitch_spread > _SEMITONES else [])
