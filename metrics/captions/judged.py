"""Every metric of the family: values clip by clip, and of the whole set.

Works on one data frame, a row a usable clip sorted by clip_id, as `metrics.captions.scoring` joins it: the columns of
the captions table, and of what is known the columns `label` and `level` (the corpus's), `true_emotion`, `true_level`
and `true_units` (drawn). Reads and writes nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from eadnet.captions.schema import ACTION_UNITS, INTENSITIES, SPEECH_UNITS, forbidden_content
from eadnet.tables import EMOTIONS
from metrics.functional.agreement import Agreement, macro_f1, rank_correlation, unit_f1
from metrics.scoring.values import Value
from metrics.tables import LABEL_GIVEN

UNANSWERED = ("unreachable", "too_long", "misplaced", "frames")
"""Kinds of fault that are no answers (``eadnet.captions.engines.answers.FAULTS``)."""

UNITS = tuple(unit for unit in ACTION_UNITS if unit not in SPEECH_UNITS and not unit.startswith(("left ", "right ")))
"""Units that are judged; one-sided names count as the unit itself, as FACS codes either side of unit 12 as 12."""

PRECEDENCE = ("no_caption", "no_level", LABEL_GIVEN, "no_truth", "no_label")
"""Of several reasons why no clip counts, the one that is given: each presupposes that those after it do not hold."""


@dataclass(frozen=True)
class Excuse:
    """Clips (n,) to which a metric gives no value, and why."""

    clips: np.ndarray
    status: str
    reason: str


@dataclass(frozen=True)
class ClipValues:
    """A metric of clips: (n,) values, and the excuses of those without one, the first that holds counting."""

    metric: str
    values: np.ndarray
    excuses: tuple[Excuse, ...] = ()


def judge(frame: pd.DataFrame) -> tuple[list[ClipValues], list[Value]]:
    """Every metric of the family: those of clips, and those of the set."""
    clips, whole = list(_answers(frame)), []
    for variant, known, level, excuses in _knowledge(frame):
        right = (frame.emotion == known).to_numpy(float)
        clips.append(ClipValues(f"emotion_right@{variant}", right, excuses))
        whole.append(_emotion_f1(frame, variant, known, excuses))
        whole.append(_intensity(frame, variant, known, level, excuses))
    return clips, [*whole, *_units(frame), _distinct(frame)]


def excuse_of(excuses: Sequence[Excuse], clips: int) -> np.ndarray:
    """(n,) index of the first excuse that holds for each clip; -1 where none does."""
    found = np.full(clips, -1)
    for place in reversed(range(len(excuses))):
        found[excuses[place].clips] = place
    return found


def _answers(frame: pd.DataFrame) -> Iterator[ClipValues]:
    """Metrics of the answers as such, whatever they describe."""
    captioned = (frame.status == "ok").to_numpy()
    answers = [[kind for kind in _listed(faults) if kind not in UNANSWERED] for faults in frame.faults]
    valid = [found[0] == "forbidden" if found else caught for found, caught in zip(answers, captioned, strict=True)]
    answered = np.array([bool(found) for found in answers], bool) | captioned
    silent = Excuse(~answered, "no_answer", "the captioner gave no answer")
    yield ClipValues("first_answer_valid@answers", np.array(valid, float), (silent,))
    yield ClipValues("captioned@answers", captioned.astype(float))
    broken = [
        "forbidden" in found or _is_forbidden(row) for found, row in zip(answers, frame.itertuples(), strict=True)
    ]
    yield ClipValues("forbidden@answers", np.array(broken, float), (silent,))
    attempts = frame.attempts.to_numpy(float)
    asked = Excuse(~(attempts >= 1), "no_answer", "no engine was asked for a caption of the clip")
    yield ClipValues("attempts@answers", attempts, (asked,))
    words = frame.caption.fillna("").str.split().str.len().to_numpy(float)
    yield ClipValues("words@texts", words, (_uncaptioned(frame),))


def _knowledge(frame: pd.DataFrame) -> Iterator[tuple[str, pd.Series, pd.Series, tuple[Excuse, ...]]]:
    """What an emotion is held against: variant, known emotion, known level, and the clips that do not count."""
    labelled, uncaptioned = frame.label.isin(EMOTIONS).to_numpy(), _uncaptioned(frame)
    beyond = Excuse(frame.label.notna().to_numpy() & ~labelled, "no_label", "its label is none of the eight emotions")
    unknown = Excuse(~labelled, "no_label", "the corpus gives no clip an emotion")
    given = Excuse(labelled & frame.labelled.eq(True).to_numpy(), LABEL_GIVEN, "the captioner was given the label")
    yield "labels", frame.label, frame.level, (beyond, unknown, given, uncaptioned)
    drawn = ~labelled & frame.true_emotion.isin(EMOTIONS).to_numpy()
    yield "truth", frame.true_emotion, frame.true_level, (
        Excuse(~drawn, "no_truth", "no clip without a label was drawn"),
        uncaptioned,
    )  # fmt: skip


def _emotion_f1(frame: pd.DataFrame, variant: str, known: pd.Series, excuses: Sequence[Excuse]) -> Value:
    key, counted = f"emotion_macro_f1@{variant}", excuse_of(excuses, len(frame)) < 0
    if not counted.any():
        return _none(key, excuses)
    labels, answers = (_places(column[counted], EMOTIONS) for column in (known, frame.emotion))
    note = f"over {len(np.unique(labels))} emotions"
    return _value(key, macro_f1(labels, answers, len(EMOTIONS)), len(labels), note)


def _intensity(
    frame: pd.DataFrame, variant: str, known: pd.Series, level: pd.Series, excuses: Sequence[Excuse]
) -> Value:
    key, graded = f"intensity_rank_correlation@{variant}", (known != "neutral").to_numpy() & (level >= 1).to_numpy()
    excuses = (*excuses, Excuse(~graded, "no_level", "no clip counts that shows an emotion at a known level"))
    counted = excuse_of(excuses, len(frame)) < 0
    if not counted.any():
        return _none(key, excuses)
    stated = _places(frame.intensity[counted], INTENSITIES)
    found = rank_correlation(stated, level[counted].to_numpy(int))
    return _value(key, found, len(stated), fault="the stated intensity or the level is the same for all clips")


def _units(frame: pd.DataFrame) -> Iterator[Value]:
    """F1 of the action units, where those that were drawn are known; whether a label was given does not matter."""
    undrawn = ~frame.true_units.map(lambda units: isinstance(units, tuple)).to_numpy(bool)
    excuses = (Excuse(undrawn, "no_truth", "of no clip the drawn action units are known"), _uncaptioned(frame))
    counted = excuse_of(excuses, len(frame)) < 0
    keys = {"unit_micro_f1@truth": False, "unit_macro_f1@truth": True}
    if not counted.any():
        yield from (_none(key, excuses) for key in keys)
        return
    known, stated = (_indicators(column[counted]) for column in (frame.true_units, frame.action_units))
    for key, macro in keys.items():
        note = f"over {(known.any(0)).sum()} units" if macro else None
        yield _value(key, unit_f1(known, stated, macro), len(known), note, "no unit was drawn in any clip")


def _distinct(frame: pd.DataFrame) -> Value:
    texts = [" ".join(text.lower().split()) for text in frame.caption[frame.status == "ok"]]
    if not texts:
        return _none("distinct@texts", (_uncaptioned(frame),))
    return Value("distinct@texts", None, len(set(texts)) / len(texts), len(texts))


def _value(key: str, found: Agreement, n: int, note: str | None = None, fault: str = "") -> Value:
    if np.isnan(found.value):
        return Value(key, None, None, 0, "undefined", fault)
    low, high = (None if np.isnan(bound) else bound for bound in (found.low, found.high))
    return Value(key, None, found.value, n, reason=note, ci_low=low, ci_high=high)


def _none(key: str, excuses: Sequence[Excuse]) -> Value:
    """The row of a set without a single clip that counts."""
    found = {excuses[place].status: excuses[place].reason for place in excuse_of(excuses, len(excuses[0].clips))}
    status = min(found, key=PRECEDENCE.index, default="no_clips")
    return Value(key, None, None, 0, status, found.get(status, "there is no usable clip"))


def _uncaptioned(frame: pd.DataFrame) -> Excuse:
    return Excuse((frame.status != "ok").to_numpy(), "no_caption", "the clip has no caption")


def _places(column: pd.Series, names: tuple[str, ...]) -> np.ndarray:
    return column.map({name: place for place, name in enumerate(names)}).to_numpy(int)


def _indicators(column: pd.Series) -> np.ndarray:
    """(n, units) bool: which of `UNITS` each list names, whichever side of the face."""
    found = [{unit.removeprefix("left ").removeprefix("right ") for unit in _listed(units)} for units in column]
    return np.array([[unit in units for unit in UNITS] for units in found], bool).reshape(len(found), len(UNITS))


def _is_forbidden(row: object) -> bool:
    texts = (row.caption, row.caption_short, *_listed(row.paraphrases)) if row.status == "ok" else ()
    return any(forbidden_content(text) for text in texts)


def _listed(values: object) -> list[str]:
    """A cell of a column of lists, where a missing one is None or NaN."""
    return list(values) if isinstance(values, tuple | list | np.ndarray) else []
