"""Levels of the sources that an experiment compares, over the clips that are common to them.

Sources whose clips are of other corpora stand in another group: a run makes clips of some corpora only.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from eadnet.config.evidence import Evidence
from metrics.functional.statistics import Clustered, Level, Resampling
from metrics.spec import REGISTRY, MetricSpec
from metrics.summary.aggregate import clustered
from metrics.summary.sets import set_numbers
from metrics.tables import ALL

REFERENCES = ("ground_truth", "reconstruction")
CEILING = "reconstruction"
DIVIDED = ("flicker", "sharpness")
"""What the names of metrics end with that are also divided by the reconstruction's, clip by clip."""
RESAMPLING = Resampling(replicates=1000, confidence=0.95)


@dataclass(frozen=True)
class Group:
    """Sources that are shown together: those of the questions about one corpus (`all`: about several)."""

    corpus: str
    sources: tuple[str, ...]
    scores: pd.DataFrame


def groups(scores: pd.DataFrame, section: Evidence) -> Iterator[Group]:
    """The groups of a configuration, with the scores of the clips that all sources of a group should have."""
    made = scores.dropna(subset="clip_id").groupby("run").corpus.agg(set)
    sides: dict[tuple[str, ...], dict[str, None]] = {}
    for question in section.asked.values():
        both = made.get(question.run, set()) & made.get(question.rival, set())
        corpora = (question.corpus,) if question.corpus else tuple(sorted(both))
        sides.setdefault(corpora, {}).update(dict.fromkeys((question.run, question.rival)))
    for place, (corpora, named) in enumerate(sides.items()):
        shown = section.page.sources if not place else ()
        sources = tuple(dict.fromkeys((*REFERENCES, *named, *shown)))
        corpus = corpora[0] if len(corpora) == 1 else ALL
        own = scores[scores.run.isin(sources) & scores.corpus.isin([*corpora, corpus])]
        yield Group(corpus, sources, own[own.clip_id.isin(_common(own)) | own.clip_id.isna()])


def levels(group: Group, key: str) -> dict[str, Level]:
    """Mean and interval of every source of a group that has a value, by a metric."""
    rows = group.scores[group.scores.metric == key]
    if REGISTRY[key].level == "set":
        return _of_sets(rows[(rows.draw == ALL) & (rows.corpus == group.corpus)])
    values = clustered(rows, RESAMPLING)
    found = {run: _bounded(values.level(run, REGISTRY[key].yes_no), REGISTRY[key]) for run in values.values}
    return {run: level for run, level in found.items() if level.n}


def ratios(group: Group, key: str) -> dict[str, Level]:
    """The same of a source's value over the reconstruction's of the same clip (mean of its seeds)."""
    rows = group.scores[group.scores.metric == key]
    values = clustered(rows, RESAMPLING)
    if CEILING not in values.values:
        return {}
    ceiling = values.of_clip[CEILING]
    safe = np.where(ceiling > 0, ceiling, np.nan)
    divided = Clustered({run: matrix / safe for run, matrix in values.values.items()}, values.groups, RESAMPLING)
    found = {run: divided.level(run) for run in divided.values}
    return {run: level for run, level in found.items() if level.n}


def is_divided(spec: MetricSpec) -> bool:
    """Whether a metric is a level of flicker or sharpness, which the autoencoder bounds."""
    return spec.level == "clip" and spec.name.endswith(DIVIDED)


def _bounded(level: Level, spec: MetricSpec) -> Level:
    """A level whose interval holds no value that cannot occur."""
    if level.low is None:
        return level
    return level._replace(low=max(level.low, float(spec.bounds[0])), high=min(level.high, float(spec.bounds[1])))


def _common(scores: pd.DataFrame) -> set[str]:
    """Clips of all sources but the references, of every split by itself: not every source has validation clips."""
    made = scores[~scores.run.isin(REFERENCES)].dropna(subset="clip_id")
    shared = made.drop_duplicates(["split", "run", "clip_id"]).groupby(["split", "clip_id"]).run.size()
    sources = made.groupby("split").run.nunique()
    return {clip for (split, clip), count in shared.items() if count == sources[split]}


def _of_sets(rows: pd.DataFrame) -> dict[str, Level]:
    found = {}
    for run, own in rows.groupby("run"):
        numbers = set_numbers(own)
        if numbers.get("mean") is not None:
            found[str(run)] = Level(numbers["n"], 0, numbers["mean"], numbers.get("ci_low"), numbers.get("ci_high"))
    return found
