"""Sentences from an observation: a small deterministic grammar, seeded by the clip's name and the run's seed.

The full caption names emotion and intensity with their canonical words first, then the visible units, strongest
first, then at most one remark on voice, head or course; it stays within 40 MiniLM tokens. Paraphrases say the same
in other words. No heavy imports; reads and writes nothing.
"""

import json
import random
from dataclasses import dataclass

from eadnet.captions.grammar import lexicon
from eadnet.captions.prompt import Prompt
from eadnet.captions.schema import INTENSITIES, PARAPHRASES, Observation

MAX_UNITS = 4

_TABLES = {name: value for name, value in vars(lexicon).items() if name.isupper()}
GRAMMAR = Prompt("grammar-1", json.dumps({name: repr(value) for name, value in _TABLES.items()}, sort_keys=True))


@dataclass(frozen=True)
class Texts:
    """All that the grammar writes about one clip."""

    caption_full: str
    caption_short: str
    paraphrases: tuple[str, ...]


def label_text(emotion: str | None) -> str:
    """The bare label as text: the corpus's own word for the emotion, or "" without a label."""
    return emotion or ""


def intensity_of(emotion: str | None, level: int | None) -> str | None:
    """Intensity that a corpus label states: levels 1 to 3 are slight, moderate and strong.

    Neutral and calm have none: a calm face shows hardly more than a neutral one, whatever its level.
    """
    if emotion in ("neutral", "calm"):
        return "none"
    return INTENSITIES[level] if emotion and level else None


def template_text(emotion: str | None, level: int | None) -> str:
    """The text of label and level alone, e.g. `The person speaks with a very angry expression.` for level 3.

    Args:
        emotion: One of ``eadnet.tables.LABELS``, or None for a clip without a label.
        level: MEAD level 1 to 3, or None where the corpus has none.
    """
    if emotion is None:
        return "The person speaks."
    adverb = lexicon.ADVERBS[intensity_of(emotion, level) or "none"][0]
    feeling = " ".join(filter(None, [adverb, lexicon.ADJECTIVES[emotion][0]]))
    article = "an" if feeling[0] in "aeiou" else "a"
    return f"The person speaks with {article} {feeling} expression."


def write_texts(observation: Observation, remarks: tuple[str, ...], key: str) -> Texts:
    """Put an observation into sentences.

    Args:
        observation: What was seen; `action_units` strongest first.
        remarks: Further sentences without full stop, the most telling first; the caption keeps one.
        key: Seed of every choice of words; the same key and observation give the same texts.
    """
    choice = random.Random(key)
    units = shown_units(observation.action_units)[:MAX_UNITS]
    remark = remarks[:1] if len(units) < MAX_UNITS else ()
    full = _sentence(choice, _feeling(observation, choice, canonical=True), units, remark)
    short = _sentence(choice, _feeling(observation, choice, canonical=True), units[:1])
    paraphrases: list[str] = []
    while len(paraphrases) < PARAPHRASES:
        text = _sentence(choice, _feeling(observation, choice), choice.sample(units, min(len(units), 3)))
        if text not in (full, *paraphrases):
            paraphrases.append(text)
    return Texts(full, short, tuple(paraphrases))


def shown_units(units: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Ways to put each unit that the lexicon has words for, the strongest first; pairs that read as one become one."""
    phrases = {unit: lexicon.UNIT_PHRASES[unit] for unit in units if unit in lexicon.UNIT_PHRASES}
    for (first, second), merged in lexicon.MERGED_UNITS.items():
        if first in phrases and second in phrases:
            leading, trailing = sorted((first, second), key=units.index)
            phrases[leading] = merged
            del phrases[trailing]
    return list(phrases.values())


def _feeling(observation: Observation, choice: random.Random, canonical: bool = False) -> str:
    adverbs, adjectives = lexicon.ADVERBS[observation.intensity], lexicon.ADJECTIVES[observation.emotion]
    adverb, adjective = (
        (adverbs[0], adjectives[0]) if canonical else (choice.choice(adverbs), choice.choice(adjectives))
    )
    return " ".join(filter(None, [adverb, adjective]))


def _sentence(choice: random.Random, feeling: str, units: list[tuple[str, ...]], remarks: tuple[str, ...] = ()) -> str:
    described = choice.choice(lexicon.OPENINGS).format(feeling=feeling)
    if units:
        shown = [choice.choice(wordings) for wordings in units]
        listed = ", ".join(shown[:-1]) + (" and " if len(shown) > 1 else "") + shown[-1]
        described += choice.choice(lexicon.SHOWN_BY).format(units=listed)
    return ". ".join([described, *remarks]) + "."
