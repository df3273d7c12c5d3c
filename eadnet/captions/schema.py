"""The caption record: what an engine says about one clip, whoever the engine is.

`Observation` is what was seen (METHOD.md §2.1); `CaptionRecord` adds the texts. A language model fills the record
under ``CaptionRecord.model_json_schema()``; the descriptor engine fills it from measures. Either way the same
bounds hold and the same content is forbidden: who the person is, how they look or dress, where they are, what they
say and which shapes their lips make. The last two would carry speech into the text and spoil lip sync.
"""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from eadnet.config import EMOTIONS

INTENSITIES = ("none", "slight", "moderate", "strong")
SHORT_WORDS = 20
FULL_WORDS = 60
PARAPHRASES = 3

ACTION_UNITS = (
    "inner brow raiser", "outer brow raiser", "brow lowerer", "upper lid raiser", "cheek raiser", "lid tightener",
    "nose wrinkler", "upper lip raiser", "nasolabial deepener", "lip corner puller", "sharp lip puller", "dimpler",
    "lip corner depressor", "lower lip depressor", "chin raiser", "lip pucker", "tongue show", "lip stretcher",
    "lip funneler", "lip tightener", "lip pressor", "lips part", "jaw drop", "mouth stretch", "lip bite",
    "nostril dilator", "nostril compressor",
    "left inner brow raiser", "right inner brow raiser", "left outer brow raiser", "right outer brow raiser",
    "left brow lowerer", "right brow lowerer", "left cheek raiser", "right cheek raiser", "left upper lip raiser",
    "right upper lip raiser", "left lip corner puller", "right lip corner puller", "left dimpler", "right dimpler",
)  # fmt: skip
"""The 41 names of InstructAvatar (2405.15758, after ME-GraphAU): 27 units and 14 one-sided variants."""

SPEECH_UNITS = frozenset(
    {
        "lips part", "jaw drop", "lip funneler", "lip pucker", "lip pressor", "lip tightener", "mouth stretch",
        "tongue show", "lip bite", "lower lip depressor",
    }
)  # fmt: skip
"""Units that speech itself moves: they may be recorded but never written into a caption."""

_FORBIDDEN = {
    "identity": r"(?:actor|actress|celebrit(?:y|ies)|politician|president|senator|famous|named?)s?",
    "age": r"young(?:er)?|old(?:er)?|elderly|aged?|teen(?:ager)?s?|child(?:ren)?|kids?|adults?|years?",
    "gender": r"m[ae]n|wom[ae]n|(?:fe)?males?|girls?|boys?|lad(?:y|ies)|gentlem[ae]n|guys?|s?he|hi[ms]|hers?"
    r"|masculine|feminine",
    "ethnicity": r"white|black|asian|african|european|caucasian|hispanic|latin[oax]|indian|arab(?:ic)?|ethnic(?:ity)?"
    r"|rac(?:e|ial)|complexion|tanned|(?:dark|light|fair|pale)[- ]skinn?(?:ed)?",
    "appearance": r"hair(?:ed)?|beard(?:ed)?|mo?ustache|bald|blonde?|brunette|glasses|spectacles|make-?up|lipstick"
    r"|freckles?|tattoos?|handsome|beautiful|ugly|attractive",
    "clothing": r"(?:shirt|suit|necktie|jacket|coat|hat|sweater|hoodie|collar|scar[fv]e?|uniform|earring|necklace)s?"
    r"|dress(?:es|ed)?|cloth(?:es|ing)|jewell?ery|wear(?:s|ing)",
    "background": r"backgrounds?|backdrop|walls?|rooms?|studio|office|outdoors?|indoors?|flags?|curtains?",
    "spoken content": r"sa(?:y|ys|id|ying)|tell(?:s|ing)?|quot\w+|sentences?|words?|topics?|mention\w*"
    r"|(?:talk|speak)\w* (?:about|of)|english|accent",
    "lip shapes": r"phonemes?|visemes?|vowels?|consonants?|teeth|tongue|jaw drop\w*"
    r"|lips? (?:are |is )?(?:part|round|press|purs|pucker)\w*"
    r"|(?:part|round|press|purs|pucker)(?:ed|ing)? (?:the )?lips?|open\w* (?:the )?mouth"
    r"|mouth (?:is |hangs )?(?:open|clos|shut)\w*",
}
_PATTERNS = {topic: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for topic, words in _FORBIDDEN.items()}
FORBIDDEN_TOPICS = tuple(_FORBIDDEN)

Phrase = Annotated[str, StringConstraints(strip_whitespace=True, max_length=120, pattern=r"^[^\x00-\x1f\x7f]*$")]
Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=480, pattern=r"^[^\x00-\x1f\x7f]*$")
]
UnitName = Literal[ACTION_UNITS]


def forbidden_content(text: str) -> list[str]:
    """What a text holds that no caption may hold.

    Returns:
        ``topic: word`` per match, in the order of `FORBIDDEN_TOPICS`; empty for an admissible text.
    """
    return [f"{topic}: {match.group()}" for topic, words in _PATTERNS.items() for match in words.finditer(text)]


class _Part(BaseModel):
    """A part of the record: no unknown keys, immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class UpperFace(_Part):
    """What the upper face shows."""

    brows: Phrase
    eyes: Phrase
    forehead: Phrase


class LowerFace(_Part):
    """What the lower face shows, speech apart."""

    mouth_corners: Phrase
    jaw: Phrase
    nose: Phrase
    cheeks: Phrase


class Head(_Part):
    """Where the head points and how it moves."""

    pose: Phrase
    motion: Phrase


class Observation(_Part):
    """What was seen in a clip, before it is put into sentences.

    `valence` runs from -1 (unpleasant) to 1 (pleasant), `arousal` from -1 (drowsy) to 1 (excited) (Russell 1980).
    """

    emotion: Literal[EMOTIONS]
    confidence: float = Field(ge=0, le=1)
    intensity: Literal[INTENSITIES]
    valence: float = Field(ge=-1, le=1)
    arousal: float = Field(ge=-1, le=1)
    action_units: tuple[UnitName, ...] = Field(max_length=16, description="Visible units, the strongest first.")
    upper_face: UpperFace
    lower_face: LowerFace
    head: Head
    gaze: Phrase
    dynamics: Literal["static", "rising", "falling", "fluctuating"]

    @field_validator("action_units")
    @classmethod
    def _distinct(cls, units: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(units)) != len(units):
            raise ValueError("action_units names a unit twice")
        return units


class CaptionRecord(Observation):
    """A complete caption of one clip."""

    caption_short: Text = Field(description=f"At most {SHORT_WORDS} words.")
    caption_full: Text = Field(description=f"At most {FULL_WORDS} words.")
    paraphrases: Annotated[tuple[Text, ...], Field(min_length=PARAPHRASES, max_length=PARAPHRASES)]

    @model_validator(mode="after")
    def _admissible(self) -> "CaptionRecord":
        limits = {"caption_short": SHORT_WORDS, "caption_full": FULL_WORDS}
        for name, limit in limits.items():
            words = len(getattr(self, name).split())
            if words > limit:
                raise ValueError(f"{name} has {words} words, at most {limit} are allowed")
        for text in (self.caption_short, self.caption_full, *self.paraphrases):
            if found := forbidden_content(text):
                raise ValueError(f"forbidden content ({', '.join(found)}) in {text!r}")
        return self
