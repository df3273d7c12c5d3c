"""The maths of comparison: means over clips with intervals, paired differences with p-values, Holm's correction.

Clips of one speaker are alike, so speakers are the units of every interval and test (``metrics.functional.intervals``,
``metrics.functional.sign_flip``); seeds of one run are averaged within a clip before anything is tested, and their
spread widens the intervals. Pure functions over arrays; reads and writes nothing. Random draws depend on a label only,
so every run meets the same ones, in any order of calls and on any machine.
"""

import zlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from metrics.functional.intervals import Spread, added, seed_spread, share_interval, speaker_spread, t_interval
from metrics.functional.sign_flip import least_p, sign_flip_p


@dataclass(frozen=True)
class Resampling:
    """How intervals and p-values are made.

    Attributes:
        replicates: bootstrap replicates of what is resampled, and random sign patterns of tests over many speakers.
        confidence: of intervals, in (0, 1).
    """

    replicates: int
    confidence: float

    def interval(self, samples: np.ndarray) -> tuple[float, float]:
        """Percentile interval of replicates, NaN left out."""
        tail = 100 * (1 - self.confidence) / 2
        low, high = np.nanpercentile(samples, [tail, 100 - tail])
        return float(low), float(high)


class Level(NamedTuple):
    """A mean over the `n` clips of some speakers, and its interval (None with a single speaker)."""

    n: int
    clusters: int = 0
    mean: float | None = None
    low: float | None = None
    high: float | None = None


class Difference(NamedTuple):
    """A paired difference over the clips that both runs have.

    Without a shared clip `n` is 0 and the numbers are None; with a single speaker there is no interval, and p is 1.

    Attributes:
        n: clips that both have.
        clusters: their speakers.
        mean: mean difference over the clips.
        low, high: its interval, over speakers and training seeds.
        p: of the sign-flip test over speakers, for the seeds at hand.
        least_p: the smallest p that so many speakers allow.
    """

    n: int
    clusters: int = 0
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    least_p: float | None = None

    def reversed(self) -> "Difference":
        """The same comparison seen from the rival."""
        if self.mean is None:
            return self
        low, high = (None, None) if self.low is None else (-self.high, -self.low)
        return self._replace(mean=-self.mean, low=low, high=high)


class Clustered:
    """Values of several runs over the same clips, grouped by speaker."""

    def __init__(self, values: dict[str, np.ndarray], speakers: Sequence[Hashable], resampling: Resampling) -> None:
        """Keep the (seeds, clips) values of each run and the (clips,) labels of their speakers.

        A clip without a known speaker must have a label of its own.
        """
        self.values, self.resampling = values, resampling
        self.of_clip = {run: clip_means(matrix) for run, matrix in values.items()}
        self.groups = np.unique(np.asarray(speakers), return_inverse=True)[1]

    def mapped(self, change: Callable[[np.ndarray], np.ndarray]) -> "Clustered":
        """The same clips with every single value changed, before seeds are averaged."""
        changed = {run: change(matrix) for run, matrix in self.values.items()}
        return Clustered(changed, self.groups, self.resampling)

    def level(self, run: str, share: bool = False) -> Level:
        """A run's mean over the clips that have a value, each clip's seeds averaged.

        Args:
            run: among the values.
            share: whether every single value is 0 or 1, so that the mean is a share.
        """
        known = np.isfinite(self.of_clip[run])
        if not known.any():
            return Level(0)
        totals, counts = self._by_speaker(self.of_clip[run], known)
        mean, spread = float(totals.sum() / counts.sum()), speaker_spread(totals, counts)
        found = Level(int(known.sum()), len(totals), mean)
        if spread is None:
            return found
        spread = _with_seeds(spread, self.values[run][:, known])
        if share:
            bounds = share_interval(mean, spread, found.n, found.clusters, self.resampling.confidence)
        else:
            bounds = t_interval(mean, spread, self.resampling.confidence)
        return found._replace(low=bounds[0], high=bounds[1])

    def difference(self, run: str, rival: str) -> Difference:
        """`run` minus `rival`, over the clips that both have."""
        ours, theirs = self.of_clip[run], self.of_clip[rival]
        both = np.isfinite(ours) & np.isfinite(theirs)
        if not both.any():
            return Difference(0)
        totals, counts = self._by_speaker(ours - theirs, both)
        patterns = self.resampling.replicates
        mean, spread = float(totals.sum() / counts.sum()), speaker_spread(totals, counts)
        tested = sign_flip_p(totals, patterns), least_p(len(totals), patterns)
        if spread is None:
            return Difference(int(both.sum()), len(totals), mean, None, None, *tested)
        spread = _with_seeds(spread, self.values[run][:, both], self.values[rival][:, both])
        bounds = t_interval(mean, spread, self.resampling.confidence)
        return Difference(int(both.sum()), len(totals), mean, *bounds, *tested)

    def _by_speaker(self, values: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(G,) sums and numbers of the chosen clips of each speaker that has one."""
        counts = np.bincount(self.groups[chosen])
        totals = np.bincount(self.groups[chosen], weights=values[chosen])
        return totals[counts > 0], counts[counts > 0]


def compare(
    ours: np.ndarray,
    theirs: np.ndarray,
    speakers: Sequence[str] | None = None,
    resampling: Resampling = Resampling(10_000, 0.95),  # noqa: B008 - frozen
) -> Difference:
    """The paired difference of two lists of values of the same clips.

    Args:
        ours: (C,) values, or (seeds, C); NaN where missing.
        theirs: the rival's, of the same clips.
        speakers: (C,) labels; None takes every clip for a speaker of its own, which is right only if it is one.
        resampling: confidence of the interval, and random sign patterns.
    """
    values = {"ours": np.atleast_2d(ours), "theirs": np.atleast_2d(theirs)}
    names = speakers if speakers is not None else [str(place) for place in range(values["ours"].shape[1])]
    return Clustered(values, names, resampling).difference("ours", "theirs")


def _with_seeds(spread: Spread, *matrices: np.ndarray) -> Spread:
    """A spread over speakers together with that between the seeds of each run."""
    return added([spread, *(found for matrix in matrices if (found := seed_spread(matrix)) is not None)])


def draw_weights(items: int, replicates: int, label: str) -> np.ndarray:
    """(replicates, items) float64 multinomial counts; the same label always draws the same."""
    return _counts(items, replicates, label).astype(float)


@lru_cache(maxsize=32)
def _counts(items: int, replicates: int, label: str) -> np.ndarray:
    """Kept between metrics, in few bytes: drawing takes longer than everything that is done with the draws."""
    rng = np.random.default_rng(zlib.crc32(label.encode()))
    return rng.multinomial(items, np.full(items, 1 / items), size=replicates).astype(np.uint16)


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
