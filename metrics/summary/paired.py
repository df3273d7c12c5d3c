"""Interval of a mean and paired difference over clips, with speakers as units, at the confidence of `score`."""

import numpy as np

from metrics.functional.statistics import Clustered, Difference, Resampling, compare

RESAMPLING = Resampling(10_000, 0.95)


def mean_interval(values: np.ndarray, speakers: list[str], share: bool = False) -> tuple[float, float] | None:
    """The 95 % interval of a mean over clips; None with a single speaker."""
    level = Clustered({"run": values[None]}, speakers, RESAMPLING).level("run", share)
    return None if level.low is None else (level.low, level.high)


def paired_difference(differences: np.ndarray, speakers: list[str]) -> Difference:
    """The test that the mean difference of clips is zero."""
    return compare(differences, np.zeros_like(differences), speakers, RESAMPLING)
