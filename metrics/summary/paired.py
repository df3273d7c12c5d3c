"""What a handful of clips can decide: the interval of a mean and of a paired difference, and its p-value.

Speakers are the independent units; clips of one speaker are alike. Reads and writes nothing.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import permutation_test, t

CONFIDENCE = 0.95
EXACT = 1 << 20
"""Patterns of signs that are counted one by one; beyond, as many are drawn, always the same."""


class PairedDifference(NamedTuple):
    """The mean difference, its 95 % interval, p, and the smallest p that so few speakers can give.

    `n` are clips, `clusters` the speakers among them. What cannot be computed is None: the interval and p need two
    speakers, the interval also a spread.
    """

    n: int
    clusters: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    least_p: float | None = None


def mean_interval(values: np.ndarray, speakers: list[str]) -> tuple[float, float] | None:
    """The 95 % interval of a mean over clips, with speakers as clusters.

    Student's t about the mean; the variance is that of the speakers' sums of deviations, times G / (G - 1), with G - 1
    degrees of freedom for G speakers. With equally many clips each it is the t interval over the speakers' means.

    Args:
        values: (n,) finite values of clips.
        speakers: the speaker of each clip.

    Returns:
        Lower and upper bound; None for fewer than two speakers, or where all values are equal.
    """
    names, places = np.unique(speakers, return_inverse=True)
    if len(names) < 2 or np.ptp(values) == 0:
        return None
    sums = np.bincount(places, values - values.mean())
    reach = t.ppf((1 + CONFIDENCE) / 2, len(names) - 1) * np.sqrt((sums**2).sum() * len(names) / (len(names) - 1))
    return float(values.mean() - reach / len(values)), float(values.mean() + reach / len(values))


def paired_difference(differences: np.ndarray, speakers: list[str]) -> PairedDifference:
    """Test that the mean difference of clips is zero, by flipping the signs of whole speakers.

    Args:
        differences: (n,) one value a clip, finite.
        speakers: the speaker of each clip.

    Returns:
        The mean over clips, its interval (`mean_interval`), and the two-sided p of the exact sign-flip test: all clips
        of a speaker change sign together. No p can be below 2 / 2^G for G speakers, `least_p`.
    """
    if not len(differences):
        return PairedDifference(0, 0)
    names, places = np.unique(speakers, return_inverse=True)
    count, mean = len(names), float(differences.mean())
    low, high = mean_interval(differences, speakers) or (None, None)
    if count < 2:
        return PairedDifference(len(differences), count, mean)
    smallest = max(2.0 ** (1 - count), 2 / (EXACT + 1))
    p = _sign_flip(np.bincount(places, differences))
    return PairedDifference(len(differences), count, mean, low, high, p, smallest)


def _sign_flip(sums: np.ndarray) -> float:
    if not sums.any():
        return 1.0
    options = {"permutation_type": "samples", "n_resamples": EXACT, "batch": 1 << 16, "rng": 0}
    return float(min(1.0, permutation_test((sums,), np.sum, vectorized=True, **options).pvalue))
