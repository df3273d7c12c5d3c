"""Which rows of a summary stand for a metric in short tables: its headline.

A metric that is pooled over corpora has its row over all of them. One that is not (LSE, metrics of sets; see
``MetricSpec.pooled``) has, where there are several corpora, the row of the corpus on which most runs were scored, and
of these of the one with the most clips. The emotion
judge of the corpus knows the people that it was trained on, so that its accuracy is that of unseen people
(``MetricSpec.headline``), where there are any.
"""

from collections import defaultdict
from collections.abc import Iterable

from metrics.spec import REGISTRY
from metrics.tables import ALL

Place = tuple[str, str]
"""Corpus and slice of a row."""


def place_of(row: dict) -> Place:
    """The place of a row of ``metrics.tables.SUMMARY``."""
    return row["corpus"], row["slice"]


def headline_places(rows: Iterable[dict]) -> dict[str, Place]:
    """The place of the headline, by metric; a metric without any value has its rows over everything.

    Args:
        rows: columns of ``metrics.tables.SUMMARY``.
    """
    clips: dict[str, dict[Place, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        known = clips[row["metric"]]
        if row["mean"] is not None:
            known[place_of(row)].append(row["clips"] or 0)
    return {metric: _headline(metric, known) for metric, known in clips.items()}


def _headline(metric: str, clips: dict[Place, list[int]]) -> Place:
    """The headline of a metric, of which the clips of every run with a value are given by place."""
    spec = REGISTRY[metric]
    part = spec.headline if any(place[1] == spec.headline for place in clips) else ALL
    corpora = sorted(corpus for corpus, own in clips if own == part and corpus != ALL)
    if spec.pooled or len(corpora) < 2:
        return ALL, part
    return max(corpora, key=lambda corpus: (len(clips[corpus, part]), max(clips[corpus, part]))), part
