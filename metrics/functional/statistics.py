"""The maths of comparison: bootstrap means and intervals, paired differences, p-values and Holm's correction.

Pure functions over arrays; reads and writes nothing. Random draws depend on a label only, so every run meets the same
resampled clips, in any order of calls and on any machine.
"""

import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class Resampling:
    """How intervals are made: number of bootstrap replicates, and confidence in (0, 1)."""

    replicates: int
    confidence: float

    def interval(self, samples: np.ndarray) -> tuple[float, float]:
        """Percentile interval of replicates, NaN left out."""
        tail = 100 * (1 - self.confidence) / 2
        low, high = np.nanpercentile(samples, [tail, 100 - tail])
        return float(low), float(high)


class Difference(NamedTuple):
    """A paired difference: clips that both runs have, mean difference, its interval, and the p-value of no difference.

    Without a shared clip `n` is 0 and the numbers are None.
    """

    n: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None

    def reversed(self) -> "Difference":
        """The same comparison seen from the rival."""
        return self if self.mean is None else Difference(self.n, -self.mean, -self.high, -self.low, self.p)


class Replicates:
    """Resampled means of several runs over the same clips, each computed once for each choice of clips."""

    def __init__(self, values: dict[str, np.ndarray], clip_weights: np.ndarray, resampling: Resampling) -> None:
        """Keep the (seeds, clips) values of each run and the (replicates, clips) weights that all runs share."""
        self.values = values
        self.weights = clip_weights
        self.resampling = resampling
        self.of_clip = {run: clip_means(matrix) for run, matrix in values.items()}
        self._means: dict[tuple[str, bytes], np.ndarray] = {}

    def whole(self, run: str) -> np.ndarray:
        """(replicates,) means of a run over all its clips."""
        return bootstrap_means(self.values[run], self.weights, self._seed_weights(run))

    def difference(self, run: str, rival: str) -> Difference:
        """`run` minus `rival`, over the clips that both have; every replicate draws the same clips for both."""
        both = np.isfinite(self.of_clip[run]) & np.isfinite(self.of_clip[rival])
        if not both.any():
            return Difference(0)
        samples = self._over(run, both) - self._over(rival, both)
        mean = np.nanmean(self.of_clip[run][both]) - np.nanmean(self.of_clip[rival][both])
        return Difference(int(both.sum()), float(mean), *self.resampling.interval(samples), two_sided_p(samples))

    def _over(self, run: str, chosen: np.ndarray) -> np.ndarray:
        key = (run, chosen.tobytes())
        if key not in self._means:
            drawn = self.values[run][:, chosen], self.weights[:, chosen]
            self._means[key] = bootstrap_means(*drawn, self._seed_weights(run))
        return self._means[key]

    def _seed_weights(self, run: str) -> np.ndarray:
        return draw_weights(len(self.values[run]), self.resampling.replicates, f"seeds {run}")


def bootstrap_means(matrix: np.ndarray, clip_weights: np.ndarray, seed_weights: np.ndarray) -> np.ndarray:
    """(B,) means of resampled values, missing ones left out.

    Args:
        matrix: (S, C) values, NaN where missing.
        clip_weights: (B, C) how often each replicate draws each clip.
        seed_weights: (B, S) how often it draws each seed.

    Returns:
        Means; NaN for a replicate that draws no value.
    """
    valid = np.isfinite(matrix)
    total = np.einsum("bs,sc,bc->b", seed_weights, np.where(valid, matrix, 0.0), clip_weights, optimize=True)
    count = np.einsum("bs,sc,bc->b", seed_weights, valid.astype(float), clip_weights, optimize=True)
    return np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)


def draw_weights(items: int, replicates: int, label: str) -> np.ndarray:
    """(replicates, items) float64 multinomial counts; the same label always draws the same."""
    return _counts(items, replicates, label).astype(float)


@lru_cache(maxsize=32)
def _counts(items: int, replicates: int, label: str) -> np.ndarray:
    """Kept between metrics, in few bytes: drawing takes longer than everything that is done with the draws."""
    rng = np.random.default_rng(zlib.crc32(label.encode()))
    return rng.multinomial(items, np.full(items, 1 / items), size=replicates).astype(np.uint16)


def two_sided_p(differences: np.ndarray) -> float:
    """Bootstrap p-value of the hypothesis that the mean difference is 0 (Efron & Tibshirani 1993, ch. 15)."""
    finite = differences[np.isfinite(differences)]
    below, above = (finite <= 0).sum(), (finite >= 0).sum()
    return float(min(1.0, 2 * (min(below, above) + 1) / (len(finite) + 1)))


def holm(p_values: np.ndarray) -> np.ndarray:
    """Holm's step-down adjustment of p-values (Holm, Scand. J. Stat. 1979).

    Args:
        p_values: (N,) values in [0, 1]; NaN is no member of the family and stays NaN.

    Returns:
        (N,) adjusted values, at most 1: the smallest times the size of the family, the next times one less, and so on,
        none below that of a smaller p.
    """
    p_values = np.asarray(p_values, dtype=float)
    adjusted = np.full(len(p_values), np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p_values[order] * np.arange(len(order), 0, -1)))
    return adjusted


def clip_means(matrix: np.ndarray) -> np.ndarray:
    """(C,) mean over the seeds of (S, C) values that have one; NaN where none has."""
    valid = np.isfinite(matrix)
    total, count = np.where(valid, matrix, 0.0).sum(0), valid.sum(0)
    return np.divide(total, count, out=np.full(matrix.shape[1], np.nan), where=count > 0)
