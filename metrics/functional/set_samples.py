"""Distances of many choices of clips at once, as resampling and swapping need them.

A sampler holds the features of some items (clips of one run, or of two runs one after the other) and of the true clips,
and gives the distance of every weighting of them. What can be summed by clip is summed once.

Shape legend: P choices, M items, K true clips (item m shows true clip m % K), d dimensions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from metrics.functional.agreement import weighted_macro_f1
from metrics.functional.distances import Distance, cubic_kernel

MOST_DIMENSIONS = 256
"""Dimensions up to which sums of squares are kept by clip; beyond, features are joined anew for every choice."""
AT_ONCE = 64  # choices whose covariances are held at once

Clips = Sequence[np.ndarray]
Sampler = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Gives (P,) values of (P, M) weights of items and (P, K) weights of true clips; NaN where a choice has no value."""


@dataclass(frozen=True)
class Kind:
    """How a metric of sets is computed of any choice of clips.

    Attributes:
        open: makes the sampler of (M items, K true clips).
        slow: a value takes so long that only few choices can be looked at.
    """

    open: Callable[[Clips, Clips], Sampler]
    slow: bool = False


def frechet_kind(
    dimensions: int, distance: Distance, ddof: int = 1, shrunk: bool = False, loading: float = 0.0
) -> Kind:
    """A Frechet distance: by sums of each clip where dimensions are few, else by `distance` of the joined features.

    Args:
        dimensions: d.
        distance: of two (n, d) arrays, the same distance.
        ddof: the sums of squares are divided by n less this.
        shrunk: covariances are shrunk as by ``metrics.functional.distances.moments``.
        loading: added to all variances.
    """
    if dimensions > MOST_DIMENSIONS:
        return Kind(
            lambda items, truth: _joined(items, truth, lambda *sides: distance(*map(np.concatenate, sides))), True
        )
    return Kind(lambda items, truth: _Gaussians(_Sums.of(items), _Sums.of(truth), ddof, shrunk, loading))


def listed_kind(distance: Callable[[Clips, Clips], float]) -> Kind:
    """A distance of two lists of clips that can only be computed anew; one that raises ValueError has no value."""
    return Kind(lambda items, truth: _joined(items, truth, distance), True)


def clip_kernel_kind() -> Kind:
    """The kernel distance in which only features of different clips are compared (``clip_kernel_distance``)."""
    return Kind(lambda items, truth: _Kernels(items, truth, by_clip=True))


def frame_kernel_kind() -> Kind:
    """The kernel distance in which all features of a side are compared with each other (``kernel_distance``)."""
    return Kind(lambda items, truth: _Kernels(items, truth, by_clip=False))


def macro_f1_kind(classes: int) -> Kind:
    """Macro F1: an item is its answer, a true clip its label, each a (1, 1) array with an index below `classes`."""
    return Kind(lambda items, truth: _answers(items, truth, classes))


@dataclass(frozen=True)
class _Sums:
    """Per clip: how many features, their sum, and the sum of their squares about the origin."""

    n_K: np.ndarray
    sum_Kd: np.ndarray
    square_Kdd: np.ndarray

    @classmethod
    def of(cls, clips: Clips) -> "_Sums":
        wide = [clip.astype(np.float64) for clip in clips]
        return cls(np.array([len(clip) for clip in wide], np.float64), np.stack([clip.sum(0) for clip in wide]),
                   np.stack([clip.T @ clip for clip in wide]))  # fmt: skip

    def moments(self, weights_PK: np.ndarray, ddof: int, shrunk: bool, loading: float) -> tuple[np.ndarray, np.ndarray]:
        """(P, d) means and (P, d, d) covariances; NaN where a choice has no more than `ddof` features."""
        d = self.sum_Kd.shape[1]
        n = weights_PK @ self.n_K
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = weights_PK @ self.sum_Kd / n[:, None]
            squares = (weights_PK @ self.square_Kdd.reshape(len(self.n_K), -1)).reshape(-1, d, d)
            covariance = squares - n[:, None, None] * mean[:, :, None] * mean[:, None, :]
            covariance = covariance / np.where(n > ddof, n - ddof, np.nan)[:, None, None]
        if shrunk:
            share = (d / (d + n))[:, None, None]
            variance = np.trace(covariance, axis1=1, axis2=2)[:, None, None] / d
            covariance = (1 - share) * covariance + share * variance * np.eye(d)
        return mean, covariance + loading * np.eye(d)


@dataclass
class _Gaussians:
    """Sampler of a Frechet distance; the root of a true covariance is kept, since most choices share it."""

    items: _Sums
    truth: _Sums
    ddof: int
    shrunk: bool
    loading: float
    roots: dict[bytes, tuple[np.ndarray, np.ndarray, float]] = field(default_factory=dict)

    def __call__(self, items_PM: np.ndarray, truth_PK: np.ndarray) -> np.ndarray:
        parts = range(0, len(items_PM), AT_ONCE)
        return np.concatenate([self._some(items_PM[at : at + AT_ONCE], truth_PK[at : at + AT_ONCE]) for at in parts])

    def _some(self, items_PM: np.ndarray, truth_PK: np.ndarray) -> np.ndarray:
        mean, covariance = self.items.moments(items_PM, self.ddof, self.shrunk, self.loading)
        true_mean, root, trace = (np.stack(part) for part in zip(*map(self._true, truth_PK), strict=True))
        product = root @ covariance @ root
        known = np.isfinite(product).all((1, 2))
        cross = np.full(len(product), np.nan)
        eigenvalues = np.linalg.eigvalsh(product[known])
        cross[known] = np.sqrt(np.clip(eigenvalues, 0, None)).sum(1)
        gap = ((mean - true_mean) ** 2).sum(1)
        return np.maximum(0.0, gap + np.trace(covariance, axis1=1, axis2=2) + trace - 2 * cross)

    def _true(self, weights_K: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        key = weights_K.tobytes()
        if key not in self.roots:
            mean, covariance = (part[0] for part in self.truth.moments(
                weights_K[None], self.ddof, self.shrunk, self.loading))  # fmt: skip
            self.roots[key] = mean, _root(covariance), float(np.trace(covariance))
        return self.roots[key]


def _root(covariance: np.ndarray) -> np.ndarray:
    if not np.isfinite(covariance).all():
        return np.full_like(covariance, np.nan)
    values, axes = np.linalg.eigh(covariance)
    return (axes * np.sqrt(np.clip(values, 0, None))) @ axes.T


class _Kernels:
    """Sampler of a kernel distance: sums of the kernel by pair of clips, weighted.

    By clip, the kernel of two clips is the mean of their features', and a clip is compared with others only; else it is
    the sum, and only a feature and itself are left out.
    """

    def __init__(self, items: Clips, truth: Clips, by_clip: bool) -> None:
        self.by_clip = by_clip
        self.n_M, self.n_K = (np.array([len(clip) for clip in side], np.float64) for side in (items, truth))
        clip_M, clip_K = np.arange(len(items)) % len(truth), np.arange(len(truth))
        self.within = self._sums(items, items, clip_M, clip_M)
        self.true = self._sums(truth, truth, clip_K, clip_K)
        self.across = self._sums(items, truth, clip_M, clip_K)

    def __call__(self, items_PM: np.ndarray, truth_PK: np.ndarray) -> np.ndarray:
        of_items = ((items_PM @ self.within) * items_PM).sum(1)
        of_truth = ((truth_PK @ self.true) * truth_PK).sum(1)
        across = ((items_PM @ self.across) * truth_PK).sum(1)
        n, m = (items_PM.sum(1), truth_PK.sum(1)) if self.by_clip else (items_PM @ self.n_M, truth_PK @ self.n_K)
        with np.errstate(invalid="ignore", divide="ignore"):
            between = n * (n - 1) if self.by_clip else n * m
            value = of_items / (n * (n - 1)) + of_truth / (m * (m - 1)) - 2 * across / between
        return np.where((n > 1) & (m > 1), value, np.nan)

    def _sums(self, first: Clips, second: Clips, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        joined, edges = np.concatenate(second), np.cumsum([0, *map(len, second)])[:-1]
        rows = []
        for place, clip in enumerate(first):
            kernel = cubic_kernel(clip, joined)
            if first is second:
                kernel[np.arange(len(clip)), edges[place] + np.arange(len(clip))] = 0
            rows.append(np.add.reduceat(kernel.sum(0), edges))
        sums = np.stack(rows)
        if not self.by_clip:
            return sums
        lengths = np.outer([len(clip) for clip in first], [len(clip) for clip in second])
        return np.where(one[:, None] == other[None], 0.0, sums / lengths)


def _joined(items: Clips, truth: Clips, distance: Callable[[Clips, Clips], float]) -> Sampler:
    def over(items_PM: np.ndarray, truth_PK: np.ndarray) -> np.ndarray:
        return np.array([_value(own, true) for own, true in zip(items_PM, truth_PK, strict=True)])

    def _value(own_M: np.ndarray, true_K: np.ndarray) -> float:
        chosen = ([clips[at] for at in np.flatnonzero(weights)] for clips, weights in ((items, own_M), (truth, true_K)))
        try:
            return distance(*chosen)
        except ValueError:
            return np.nan

    return over


def _answers(items: Clips, truth: Clips, classes: int) -> Sampler:
    answers, labels = (np.array([int(clip[0, 0]) for clip in side]) for side in (items, truth))
    stated, known = np.eye(classes)[answers], np.eye(classes)[labels[np.arange(len(items)) % len(truth)]]
    return lambda items_PM, truth_PK: weighted_macro_f1(items_PM.astype(float), known, stated)
