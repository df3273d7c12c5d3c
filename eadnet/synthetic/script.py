"""Who says what in the drawn corpora: lines with emotion, level, MEAD file number and the sentences to be spoken.

Pure functions of settings, seed and names; reads and writes nothing.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from eadnet.config.corpora import HDTF, MEAD, SyntheticMEAD
from eadnet.corpora.files import CorpusError
from eadnet.corpora.splits import MEAD_HELD_OUT, MEAD_HELD_OUT_OTHERS, hdtf_people, hdtf_splits, mead_people
from eadnet.synthetic.sentences import books
from eadnet.tables import EMOTIONS

SENTENCE_SECONDS = {"few": 1.8, "many": 2.4}  # cautious lengths, to find how many sentences fill a time
HDTF_EMOTIONS = ("neutral", "happy", "sad", "surprised", "angry")


@dataclass(frozen=True)
class Line:
    """What is acted in one clip.

    `utterances` are spoken one after the other, with pauses between, until the clip's time is up; `number` is MEAD's
    file number.
    """

    emotion: str
    level: int
    number: int
    utterances: tuple[str, ...]

    @property
    def stem(self) -> str:
        """Path inside MEAD's archives, after the view and without suffix."""
        return f"{self.emotion}/level_{self.level}/{self.number:03d}"


def mead_lines(settings: SyntheticMEAD, seed: int, actor: str) -> list[Line]:
    """What an actor says: training sentences at every level, held-out ones under the last numbers.

    Test actors say neutral training sentences (their references) and one level of every other emotion.

    Raises:
        CorpusError: no such actor, or more lines than MEAD has numbers for.
    """
    people = mead_people(MEAD(synthetic=settings))
    if actor not in people:
        raise CorpusError(f"actor {actor} is not drawn; the settings ask for {' '.join(people)}")
    _check_counts(settings)
    place, tested = people.index(actor), people.index(actor) < settings.test_actors
    lines = list(_training(settings, "neutral", 1, settings.neutral_sentences, seed, actor, "neutral"))
    others = [emotion for emotion in EMOTIONS if emotion != "neutral"]
    if tested:
        for turn, emotion in enumerate(others):
            lines += _held_out(settings, emotion, 3 - (turn + place) % 2, settings.test_sentences, seed, actor)
        return lines
    for emotion in others:
        for level in (1, 2, 3):
            lines += _training(settings, emotion, level, settings.train_sentences, seed, actor, f"{emotion}/{level}")
    for turn in range(settings.seen_test_clips):
        emotion = others[(place + turn) % len(others)]
        lines += _held_out(settings, emotion, 3 - turn // len(others) % 3, 1, seed, actor)
    return lines


def hdtf_line(settings: HDTF, seed: int, person: str, interval: int) -> Line:
    """What a person says in one interval; the first is neutral, later ones may be mildly expressive."""
    drawn = settings.synthetic
    tested = hdtf_splits(settings, hdtf_people(settings)).get(person) == "test"
    count = int(np.ceil(drawn.interval_seconds / SENTENCE_SECONDS[drawn.sentences]))
    texts = _texts(books(drawn.sentences)[tested], count, seed, person, str(interval))
    mood = HDTF_EMOTIONS[derived_seed(seed, person, str(interval)) % len(HDTF_EMOTIONS)] if interval else "neutral"
    return Line(mood, 1, interval, texts if drawn.sentences == "many" else (" ".join(texts),))


def derived_seed(seed: int, *names: str) -> int:
    """A seed that depends on names too."""
    return zlib.crc32("/".join([str(seed), *names]).encode())


def _training(settings: SyntheticMEAD, emotion: str, level: int, count: int, seed: int, *names: str) -> Iterator[Line]:
    size = _line_size(settings)
    texts = _texts(books(settings.sentences)[False], count * size, seed, *names)
    for place in range(count):
        yield Line(emotion, level, place + 1, texts[place * size : (place + 1) * size])


def _held_out(settings: SyntheticMEAD, emotion: str, level: int, count: int, seed: int, actor: str) -> Iterator[Line]:
    """Held-out sentences in an order of the actor's own; the file's number gives which of six groups they are from."""
    numbers = MEAD_HELD_OUT.get(emotion, MEAD_HELD_OUT_OTHERS)
    book, groups = books(settings.sentences)[True], len(MEAD_HELD_OUT_OTHERS)
    names = (actor, f"{emotion}/{level}/test")
    for group in np.random.default_rng(derived_seed(seed, *names)).permutation(groups)[:count]:
        texts = _texts(book[group::groups], _line_size(settings), seed, *names, str(group))
        yield Line(emotion, level, numbers.start + int(group), texts)


def _line_size(settings: SyntheticMEAD) -> int:
    """Sentences in a line: one of the few, or as many of the many as may fill a clip."""
    return 1 if settings.sentences == "few" else int(np.ceil(settings.seconds / SENTENCE_SECONDS["many"]))


def _texts(sentences: tuple[str, ...], count: int, seed: int, *names: str) -> tuple[str, ...]:
    """`count` sentences in an order of their own for every actor, emotion and level."""
    order = np.random.default_rng(derived_seed(seed, *names)).permutation(len(sentences))
    return tuple(sentences[order[index % len(sentences)]] for index in range(count))


def _check_counts(settings: SyntheticMEAD) -> None:
    last, groups = MEAD_HELD_OUT_OTHERS.start - 1, len(MEAD_HELD_OUT_OTHERS)
    for key, limit in (
        ("train_sentences", last),
        ("neutral_sentences", 30),
        ("test_sentences", groups),
        ("seen_test_clips", 21),
    ):
        if getattr(settings, key) > limit:
            raise CorpusError(f"corpora.mead.synthetic.{key}: at most {limit}, as MEAD numbers its sentences; lower it")
