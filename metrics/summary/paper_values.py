"""Values of the paper's tables: one run on one corpus by one metric, over all its test clips or over the drawn ones.

A metric of single clips is averaged over the clips, with a bootstrap interval over clips (and seeds, where there are
several); a metric of sets was computed over the very set and brings its own interval.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from metrics.functional.statistics import Replicates, Resampling, draw_weights
from metrics.spec import REGISTRY
from metrics.summary.aggregate import values_matrix, why_none
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
    """

    mean: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    wanted: int = 0
    reason: str = ""


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
    return _of_clips(run, rows[rows.clip_id.isin(part.clip_ids)], resampling)


def _of_set(rows: pd.DataFrame, wanted: int) -> Value:
    """Over seeds, values and bounds are averaged, as in ``aggregate``: the clips are the same for each."""
    have = rows.dropna(subset=["value"])
    if have.empty:
        return Value(None, wanted=wanted, reason=_why(rows))
    low, high = (None if have[name].isna().any() else float(have[name].mean()) for name in ("ci_low", "ci_high"))
    n = int(have.n.max())
    low, high = (low, high) if n >= FEWEST else (None, None)
    return Value(float(have.value.mean()), low, high, n, wanted)


def _of_clips(run: str, rows: pd.DataFrame, resampling: Resampling) -> Value:
    rows = rows[~rows.status.isin(NOT_APPLICABLE)] if len(rows) else rows
    if rows.value.notna().sum() == 0:
        return Value(None, wanted=rows.clip_id.nunique(), reason=_why(rows))
    clip_ids = sorted(rows.clip_id.unique())
    matrix = values_matrix(rows, clip_ids)
    weights = draw_weights(len(clip_ids), resampling.replicates, "clips")
    known = int(np.isfinite(matrix).any(0).sum())
    if known < FEWEST:
        return Value(float(np.nanmean(matrix)), n=known, wanted=len(clip_ids))
    low, high = resampling.interval(Replicates({run: matrix}, weights, resampling).whole(run))
    return Value(float(np.nanmean(matrix)), low, high, known, len(clip_ids))


def _why(rows: pd.DataFrame) -> str:
    return "not scored" if rows.empty else why_none(rows) or "no value"
