"""What recognisers of emotion have in common: their answers for clips, accuracy, and the macro F1 of a set.

Every recogniser, trained here or published, gives a clip the probabilities of the eight emotions of
``eadnet.tables.EMOTIONS``; what follows from them is the same for all.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from eadnet.tables import EMOTIONS
from metrics.families.feature_sets import clips_warning, joined_notes
from metrics.functional.agreement import REPLICATES, Agreement, weighted_macro_f1, with_interval
from metrics.scoring.pairs import Pair, per_clip
from metrics.scoring.sets import SetValue
from metrics.scoring.values import Value


class Answer(NamedTuple):
    """What a recogniser sees in a clip: (8,) probabilities of `EMOTIONS`, and the frames behind them.

    `wanted` are the frames that there are (None: as many), `notes` what was done to the video.
    """

    shares: np.ndarray
    frames: int
    wanted: int | None = None
    notes: str | None = None


def recognised(pairs: list[Pair], variant: str, answer: Callable[[Pair], Answer]) -> Iterator[Value]:
    """Accuracy and answer of every pair, and the macro F1 of all of them.

    Args:
        pairs: what was measured.
        variant: of the keys: ``acc_emo@<variant>``, ``predicted_emotion@<variant>``, ``macro_f1_emo@<variant>``.
        answer: of one pair; may raise `metrics.tables.Unscorable`.
    """
    keys = (f"acc_emo@{variant}", f"predicted_emotion@{variant}")
    values = list(per_clip(pairs, keys, lambda pair: _of_clip(pair, keys, answer(pair))))
    yield from values
    answers = {value.clip_id: int(value.value) for value in values if value.metric == keys[1] and value.status == "ok"}
    yield f1_value(f"macro_f1_emo@{variant}", pairs, answers)


def f1_value(key: str, pairs: Iterable[Pair], answers: dict[str, int]) -> SetValue:
    """Macro F1 of the labelled pairs that have an answer (an index into `EMOTIONS`), as the row of a set."""
    wanted = sorted((pair for pair in pairs if pair.row["emotion"] in EMOTIONS), key=lambda pair: pair.clip_id)
    labelled = [(pair.clip_id, EMOTIONS.index(pair.row["emotion"])) for pair in wanted if pair.clip_id in answers]

    common = {"metric": key, "clip_id": None, "n": len(labelled), "n_wanted": len(wanted)}
    common |= {"again": lambda some: f1_value(key, some, answers)}
    if not wanted:
        return SetValue(**common, value=None, status="no_label", reason="no clip has a label")
    if not labelled:
        return SetValue(**common, value=None, status="too_few", reason="no labelled clip has an answer")
    labels = np.array([label for _, label in labelled])
    value, low, high = macro_f1(labels, np.array([answers[clip_id] for clip_id, _ in labelled]))
    present = np.unique(labels)
    note = f"over {len(present)} emotions: {', '.join(EMOTIONS[label] for label in present)}"
    notes = joined_notes(note, clips_warning(len(labels)))
    return SetValue(**common, value=value, ci_low=low, ci_high=high, notes=notes)


def macro_f1(labels: np.ndarray, answers: np.ndarray) -> Agreement:
    """Mean F1 over the emotions that occur as labels, and its 95 % bootstrap interval over clips.

    The mean is ``sklearn.metrics.f1_score(labels=<those that occur>, average="macro")``. A replicate averages over the
    emotions that it drew; clips are drawn one by one, where `metrics.functional.agreement.macro_f1` draws cells.

    Args:
        labels: (n,) indices into `EMOTIONS`, n >= 1.
        answers: (n,) indices into `EMOTIONS`.

    Returns:
        Macro F1 in [0, 1], lower and upper bound; the draws are seeded, and depend on n alone.
    """
    count = len(labels)
    draws = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=REPLICATES)
    weights = np.concatenate([np.ones((1, count)), draws])
    return with_interval(weighted_macro_f1(weights, *(np.eye(len(EMOTIONS))[of] for of in (labels, answers))))


def _of_clip(pair: Pair, keys: tuple[str, str], found: Answer) -> Iterator[Value]:
    (accuracy, predicted), shares = keys, found.shares
    behind = {"n_wanted": found.wanted, "notes": found.notes}
    answer, label = int(shares.argmax()), pair.row["emotion"]
    note = f"{EMOTIONS[answer]} at {shares[answer]:.2f}"
    yield Value(predicted, pair.clip_id, answer, found.frames, reason=note, **behind)
    if label in EMOTIONS:
        yield Value(accuracy, pair.clip_id, float(EMOTIONS[answer] == label), found.frames, reason=note, **behind)
    else:
        beyond = f"labelled {label}, which is none of the eight emotions that a recogniser can answer"
        reason = beyond if label else "the corpus gives this clip no emotion"
        yield Value(accuracy, pair.clip_id, None, 0, "no_label", reason)
