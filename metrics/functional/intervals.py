"""Confidence intervals of means over clips that come in groups: clips of one speaker are alike, so speakers count.

Chosen by simulation (``python -m benchmarks.statistics``): a bootstrap of clips covers far too little, a bootstrap of
speakers, BCa too, still too little below some ten speakers; t with a jackknife over speakers holds its level from two.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats


class Spread(NamedTuple):
    """A variance of a mean, and the degrees of freedom behind it."""

    variance: float
    freedom: float


def speaker_spread(totals: np.ndarray, counts: np.ndarray) -> Spread | None:
    """Variance of the mean over all clips, by leaving one speaker out at a time.

    The degrees of freedom are those of speakers of equal weight: Kish's effective number, N^2 / sum of n_g^2, less 1
    (Kish, Survey Sampling, 1965). With equal numbers of clips this is the t interval over speaker means.

    Args:
        totals: (G,) sums of values of each speaker's clips.
        counts: (G,) their numbers of clips, above 0.

    Returns:
        None with fewer than two speakers, of which no spread can be estimated.
    """
    groups, clips = len(totals), counts.sum()
    if groups < 2:
        return None
    without = (totals.sum() - totals) / (clips - counts)
    variance = (groups - 1) / groups * np.sum((without - totals.sum() / clips) ** 2)
    return Spread(float(variance), max(1.0, float(clips**2 / np.sum(counts.astype(float) ** 2)) - 1))


def seed_spread(matrix: np.ndarray) -> Spread | None:
    """Variance that training seeds add to a mean over clips.

    Args:
        matrix: (S, C) values by seed and clip, NaN where missing; clips that lack a seed are left out.

    Returns:
        None with fewer than two seeds or without a clip that all have.
    """
    complete = matrix[:, np.isfinite(matrix).all(axis=0)]
    seeds = len(complete)
    if seeds < 2 or not complete.size:
        return None
    return Spread(float(np.var(complete.mean(axis=1), ddof=1) / seeds), seeds - 1.0)


def added(spreads: list[Spread]) -> Spread:
    """The sum of independent variances, with the degrees of freedom of Welch and Satterthwaite (1946)."""
    variance = sum(part.variance for part in spreads)
    if variance == 0:
        return Spread(0.0, min(part.freedom for part in spreads))
    return Spread(variance, variance**2 / sum(part.variance**2 / part.freedom for part in spreads))


def t_interval(mean: float, spread: Spread, confidence: float) -> tuple[float, float]:
    """Symmetric interval of a mean."""
    reach = float(stats.t.ppf((1 + confidence) / 2, spread.freedom) * np.sqrt(spread.variance))
    return mean - reach, mean + reach


def share_interval(share: float, spread: Spread, clips: int, speakers: int, confidence: float) -> tuple[float, float]:
    """Wilson's interval of a share of clips, with the sample size to which clustered answers amount.

    That size is p (1 - p) over the variance, times (z / t)^2 for few speakers, at most the number of clips (Korn &
    Graubard, Survey Methodology 24, 1998). Where all clips agree nothing shows how alike a speaker's clips are, and
    speakers count in place of clips: 0 of 24 clips of 4 speakers reads [0, .72], not [0, 0].

    Args:
        share: in [0, 1].
        spread: of the share, see `speaker_spread`.
        clips: number of clips.
        speakers: number of speakers.
        confidence: in (0, 1).
    """
    z = float(stats.norm.ppf((1 + confidence) / 2))
    narrowing = (z / float(stats.t.ppf((1 + confidence) / 2, spread.freedom))) ** 2
    if share in (0.0, 1.0):
        size = speakers * narrowing
    elif spread.variance == 0:
        size = float(clips)
    else:
        size = min(float(clips), share * (1 - share) / spread.variance * narrowing)
    centre = (share + z**2 / (2 * size)) / (1 + z**2 / size)
    reach = z / (1 + z**2 / size) * np.sqrt(share * (1 - share) / size + z**2 / (4 * size**2))
    # At the ends the bound is exact, and rounding must not move it.
    low = float(centre - reach) if share > 0 else 0.0
    return low, float(centre + reach) if share < 1 else 1.0
