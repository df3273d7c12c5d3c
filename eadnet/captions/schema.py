"""The caption record: what any engine says about one clip.

`Observation` is what was seen, in the terms of InstructAvatar (arXiv 2405.15758) and more; `CaptionRecord` adds the
texts. A language model fills it under `answer_schema`, the descriptor engine from measures. Either way the same bounds
hold and the same content is forbidden: who the person is, how they look or dress, where they are, what they say and
which shapes their lips make, and whatever is written in a picture or in the instructions. Speech and lips would carry
speech into the text and spoil lip sync; writing would let its author speak through the caption.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from eadnet.captions.plain_text import LETTERS, plain, readings
from eadnet.tables import EMOTIONS, LABELS

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
    "writing": r"instructions?|prompts?|json|schemas?|system|assistant|ai|language model|sorry|hacked"
    r"|(?:cannot|can't|unable to) (?:help|assist|comply|describe|identify)|subtitles?|captions?|watermarks?|logos?"
    r"|texts?|written|writing|reads?(?! as\b)|label(?:l?ed|s)?|https?|www",
}
_PATTERNS = {topic: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for topic, words in _FORBIDDEN.items()}
FORBIDDEN_TOPICS = tuple(_FORBIDDEN)

_LETTERS = rf"^[{LETTERS} ]*$"


def _plain(value: Any) -> Any:
    return plain(value) if isinstance(value, str) else value


Phrase = Annotated[str, StringConstraints(max_length=120, pattern=_LETTERS), BeforeValidator(_plain)]
Text = Annotated[str, StringConstraints(min_length=3, max_length=480, pattern=_LETTERS), BeforeValidator(_plain)]
Number = Annotated[float, Field(strict=True)]
UnitName = Literal[ACTION_UNITS]


def forbidden_content(text: str) -> list[str]:
    """What a text holds that no caption may hold.

    Returns:
        ``topic: word`` per match, in the order of `FORBIDDEN_TOPICS`; empty for an admissible text. Words are found
        behind look-alike and invisible letters, hyphens and spelling (`plain_text.readings`).
    """
    ways = readings(text)
    found = [
        f"{topic}: {match.group()}" for topic in _PATTERNS for way in ways for match in _PATTERNS[topic].finditer(way)
    ]
    return list(dict.fromkeys(found))


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

    emotion: Literal[LABELS]
    confidence: Number = Field(ge=0, le=1)
    intensity: Literal[INTENSITIES]
    valence: Number = Field(ge=-1, le=1)
    arousal: Number = Field(ge=-1, le=1)
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
                raise _fault("length", f"{name} has {words} words, at most {limit} are allowed")
        for text in (self.caption_short, self.caption_full, *self.paraphrases):
            if found := forbidden_content(text):
                raise _fault("forbidden", f"forbidden content ({', '.join(found)}) in {text!r}")
        for phrase in _phrases(self):  # they may say what the lips do
            if found := [topic for topic in forbidden_content(phrase) if not topic.startswith("lip shapes")]:
                raise _fault("forbidden", f"forbidden content ({', '.join(found)}) in {phrase!r}")
        return self


def _fault(kind: str, message: str) -> PydanticCustomError:
    """A kind of fault of `eadnet.captions.engines.answers`, as pydantic passes it on."""
    return PydanticCustomError(kind, "{message}", {"message": message})


class AnsweredRecord(CaptionRecord):
    """What a language model may answer: a label beyond the eight emotions can only be taken over from a corpus."""

    emotion: Literal[EMOTIONS]


def _phrases(record: Observation) -> list[str]:
    """The phrases of an observation, which stand in no caption."""
    parts = (record.upper_face, record.lower_face, record.head)
    return [record.gaze, *(phrase for part in parts for _, phrase in part)]


def answer_schema() -> dict[str, Any]:
    """The JSON schema that a language model's answer is held to: `AnsweredRecord` without references.

    Every string and array is bounded and no further keys are allowed, so a constrained answer always ends. What a
    grammar cannot hold (forbidden content, units named twice) is checked when the answer is read.
    """
    schema = AnsweredRecord.model_json_schema()
    resolved = _resolved(schema, schema.get("$defs", {}))
    texts = resolved["properties"]
    texts["caption_short"]["pattern"] = _words(SHORT_WORDS)
    texts["caption_full"]["pattern"] = texts["paraphrases"]["items"]["pattern"] = _words(FULL_WORDS)
    return resolved


def _words(most: int) -> str:
    """The pattern of a text of at most so many words."""
    return rf"^[{LETTERS}]+( [{LETTERS}]+){{0,{most - 1}}}$"


def _tenths(low: float, high: float) -> list[float]:
    """Numbers in steps of a tenth: no model is surer than that, and a free number may go on for ever."""
    return [step / 10 for step in range(round(10 * low), round(10 * high) + 1)]


_NOTES = ("title", "description", "default", "$defs")


def _resolved(node: Any, definitions: dict[str, Any]) -> Any:
    """A schema with its references put in place, and without remarks."""
    if isinstance(node, list):
        return [_resolved(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _resolved(definitions[node["$ref"].rpartition("/")[2]], definitions)
    if node.get("type") == "number":
        return {"enum": _tenths(node["minimum"], node["maximum"])}
    kept = {key: _resolved(value, definitions) for key, value in node.items() if key not in _NOTES}
    if "properties" in node:  # names of properties are no remarks
        kept["properties"] = {name: _resolved(part, definitions) for name, part in node["properties"].items()}
    return kept
