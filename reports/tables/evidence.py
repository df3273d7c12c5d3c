"""Answers to the questions of an experiment: per question and primary measure the verdict, and seen and unseen people.

Reads EVIDENCE, which holds the verdicts (``metrics.summary.evidence`` states how they come about).
"""

from dataclasses import dataclass

import pandas as pd

from metrics.spec import REGISTRY
from metrics.summary.decisions import LEVEL
from metrics.summary.evidence import NO_ANSWER, NOT_SHOWN, REFUTED, SHOWN
from metrics.tables import ALL, PEOPLE
from reports.numbers import NONE, count, decimals, interval, listing, number, p_value, signed, span
from reports.style import SLICE_LABELS, metric_heading, metric_label, run_label
from reports.tables.layout import Cell, Panel, Table

HEADER = ("Module", "question", "measure", "verdict", "run", "rival", "difference", "p (Holm)", *(
    SLICE_LABELS[part].lower() for part in PEOPLE))  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """One primary measure of a question, in words."""

    measure: str
    key: str
    verdict: str
    reason: str
    levels: tuple[str, str]
    difference: str
    bounds: str
    p: str
    people: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Asked:
    """One question with its answers; `sentence` states them in one line."""

    name: str
    module: str
    claim: str
    run: str
    rival: str
    corpus: str
    clips: str
    answers: tuple[Answer, ...]
    sentence: str


def build(answers: pd.DataFrame) -> Table:
    """Lay the answers out, a row a measure.

    Args:
        answers: columns of ``metrics.tables.EVIDENCE``.
    """
    asked = questions(answers)
    rows = tuple(row for question in asked for row in _rows(question))
    frame = answers.astype({"better": "boolean"})  # null where there is no difference
    return Table("evidence", "What each module does", caption(answers), (Panel("", HEADER, rows, names=4),), frame)


def questions(answers: pd.DataFrame) -> list[Asked]:
    """The questions in the order of the configuration, in words."""
    return [_asked(rows) for _, rows in answers.groupby("question", sort=False)]


def caption(answers: pd.DataFrame) -> str:
    """How a verdict comes about, and how many there are of each."""
    whole = answers[answers.slice == ALL]
    tested = int(whole.p_holm.notna().sum())
    counts = whole.verdict.value_counts()
    people = whole.clusters[whole.clusters > 0]
    by = f" ({span(people)} of them)" if len(people) else ""
    found = listing([f"{counts.get(verdict, 0)} {verdict}" for verdict in (SHOWN, REFUTED, NOT_SHOWN, NO_ANSWER)])
    return (
        f"Differences are run minus rival over the same clips (of metrics with an ideal value, of the distance to it), "
        f"with 95 % intervals over people{by} and training seeds. Shown: better, with p below {LEVEL} by the sign-flip "
        f"test over people after Holm's correction over all {tested} differences of this table, an interval without 0, "
        "and at least the smallest difference of interest (↑ more is better, ↓ less, → nearer to the number). Refuted: "
        "worse by the same rules. Not shown: anything else, "
        f"which is no proof that there is no difference. Of {count(len(whole), 'answer')}: {found}. Seen and unseen "
        "people stand apart and decide nothing on their own."
    )


def _asked(rows: pd.DataFrame) -> Asked:
    first = rows.iloc[0]
    answers = tuple(_answer(own) for _, own in rows.groupby("metric", sort=False))
    whole = rows[rows.slice == ALL]
    most = whole.loc[whole.n.idxmax()]
    clips = (
        f"{count(int(most.n), 'clip')} of {count(int(most.clusters), 'person', 'people')}, "
        f"{count(int(most.seeds), 'seed')}"
        if most.n
        else "no clip"
    )
    return Asked(
        first.question, first.module, first.claim, run_label(first.run), run_label(first.rival), first.corpus, clips,
        answers, _sentence(answers),
    )  # fmt: skip


def _answer(rows: pd.DataFrame) -> Answer:
    by_slice = rows.set_index("slice")
    whole, spec = by_slice.loc[ALL], REGISTRY[rows.metric.iloc[0]]
    places = decimals([value for value in (whole["mean"], whole.rival_mean) if pd.notna(value)])
    finer = min(places + 1, 3)
    people = tuple(_difference(by_slice.loc[part], finer) for part in PEOPLE)
    levels = number(whole["mean"], places), number(whole.rival_mean, places)
    reason = "" if pd.isna(whole.reason) else whole.reason
    difference, bounds = _difference(whole, finer)
    p = NONE if pd.isna(whole.p_holm) else p_value(whole.p_holm)
    return Answer(metric_heading(spec), spec.key, whole.verdict, reason, levels, difference, bounds, p, people)


def _difference(row: pd.Series, places: int) -> tuple[str, str]:
    return signed(row.difference, places), interval(row.difference_low, row.difference_high, places)


def _sentence(answers: tuple[Answer, ...]) -> str:
    """By verdict the measures that have it, shown ones with their differences."""
    parts = []
    for verdict in (SHOWN, REFUTED, NOT_SHOWN, NO_ANSWER):
        own = [answer for answer in answers if answer.verdict == verdict]
        exact = verdict in (SHOWN, REFUTED)
        named = [f"{metric_label(a.key)} {a.difference}" if exact else metric_label(a.key) for a in own]
        parts += [f"{verdict} by {listing(named)}"] if own else []
    return f"{'; '.join(parts)}."


def _rows(question: Asked) -> list[tuple[Cell, ...]]:
    words = f"{question.claim} {question.run} against {question.rival}, {question.clips}."
    made = []
    for place, answer in enumerate(question.answers):
        head = (Cell(question.module), Cell(words)) if not place else (Cell(""), Cell(""))
        decided = answer.verdict in (SHOWN, REFUTED)
        verdict = Cell(answer.verdict, f"({answer.reason})" if answer.reason else "", strong=decided)
        made.append(
            (*head, Cell(answer.measure), verdict, *map(Cell, answer.levels), Cell(answer.difference, answer.bounds),
             Cell(answer.p), *(Cell(*part) for part in answer.people))
        )  # fmt: skip
    return made
