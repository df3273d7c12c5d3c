"""Values of the paper's tables: one run on one corpus by one metric, over all its test clips or over the drawn ones.

A metric of single clips is averaged over the clips, with an interval over their speakers (and seeds, where there are
several); a metric of sets was computed over the very set and brings its own interval.
"""

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from metrics.functional.statistics import Resampling
from metrics.spec import REGISTRY, MetricSpec
from metrics.summary.aggregate import clustered, why_none
from metrics.tables import ALL, NOT_APPLICABLE

FEWEST = 3
"""Clips below which no interval is given, as for metrics of sets."""


@dataclass(frozen=True)
class Value:
    """A value with its interval.

    Attributes:
        mean: None where there is none; `reason` then states why.
        low, high: bounds of the interval, None where there is none.
        n: clips that have a value.
        wanted: clips that should have one.
        speakers: of the clips that have a value, behind an interval over them; 0 for metrics of sets.
    """

    mean: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    wanted: int = 0
    reason: str = ""
    speakers: int = 0


@dataclass(frozen=True)
class Part:
    """Test clips of a corpus: those named, under the label that sets of them bear (`ALL`, or the draw's name)."""

    corpus: str
    clip_ids: Collection[str]
    label: str = ALL


def value_of(scores: pd.DataFrame, run: str, key: str, part: Part, resampling: Resampling) -> Value:
    """A run's value by a metric over some clips.

    Args:
        scores: columns of ``metrics.tables.SCORES``.
        run: of the scores.
        key: of the metric.
        part: clips.
        resampling: of the intervals of metrics of single clips.
    """
    rows = scores[(scores.run == run) & (scores.metric == key) & (scores.corpus == part.corpus)]
    if REGISTRY[key].level == "set":
        return _of_set(rows[rows.draw == part.label], len(part.clip_ids))
    return _of_clips(run, rows[rows.clip_id.isin(part.clip_ids)], REGISTRY[key], resampling)


def _of_set(rows: pd.DataFrame, wanted: int) -> Value:
    """Over seeds, values and bounds are averaged, as in ``aggregate``: the clips are the same for each."""
    have = rows.dropna(subset=["value"])
    if have.empty:
        return Value(None, wanted=wanted, reason=_why(rows))
    low, high = (None if have[name].isna().any() else float(have[name].mean()) for name in ("ci_low", "ci_high"))
    n = int(have.n.max())
    low, high = (low, high) if n >= FEWEST else (None, None)
    return Value(float(have.value.mean()), low, high, n, wanted)


def _of_clips(run: str, rows: pd.DataFrame, spec: MetricSpec, resampling: Resampling) -> Value:
    rows = rows[~rows.status.isin(NOT_APPLICABLE)] if len(rows) else rows
    if rows.value.notna().sum() == 0:
        return Value(None, wanted=rows.clip_id.nunique(), reason=_why(rows))
    found, wanted = clustered(rows, resampling).level(run, spec.yes_no), rows.clip_id.nunique()
    if found.low is None or found.n < FEWEST:
        return Value(found.mean, n=found.n, wanted=wanted, speakers=found.clusters)
    low, high = max(found.low, spec.bounds[0]), min(found.high, spec.bounds[1])
    return Value(found.mean, float(low), float(high), found.n, wanted, speakers=found.clusters)


def _why(rows: pd.DataFrame) -> str:
    return "not scored" if rows.empty else why_none(rows) or "no value"
