"""The maths of agreement: macro F1, rank correlation and F1 of action units, each with its bootstrap interval.

Pure functions over arrays. Clips of the same content (a cell) are counted together: to draw n clips with replacement is
to draw the cells' counts from a multinomial, which takes memory by cells rather than by clips. Cells are sorted and the
draws seeded, so that the order of clips changes nothing. The formulas are scikit-learn's and SciPy's, which the tests
compare; they stand here as matrix products, because 2000 replicates by ``f1_score`` take seconds.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

REPLICATES = 2000
TAIL = 2.5  # per cent outside either end of a 95 % interval


class Agreement(NamedTuple):
    """A value with the bounds of its 95 % interval; NaN where it is not defined."""

    value: float
    low: float
    high: float


def macro_f1(known: np.ndarray, stated: np.ndarray, classes: int) -> Agreement:
    """Mean F1 over the classes that are known to occur: ``sklearn.metrics.f1_score(labels=<those>, average="macro")``.

    Args:
        known: (n,) indices below `classes`, n >= 1.
        stated: (n,) indices below `classes`.
        classes: how many there are.

    Returns:
        Macro F1 in [0, 1]; a replicate averages over the classes that it drew.
    """

    def statistic(weights_bk: np.ndarray, cells_kp: np.ndarray) -> np.ndarray:
        return weighted_macro_f1(weights_bk, *(np.eye(classes)[cells_kp[:, column]] for column in (0, 1)))

    return _resampled(np.column_stack([known, stated]), statistic)


def rank_correlation(one: np.ndarray, other: np.ndarray) -> Agreement:
    """Spearman's coefficient of two ordinal variables, ties by mean ranks, as ``scipy.stats.spearmanr``.

    Args:
        one: (n,) integers >= 0, n >= 1.
        other: (n,) integers >= 0.

    Returns:
        Coefficient in [-1, 1]; NaN where either side is constant, and replicates in which it is are left out.
    """
    return _resampled(np.column_stack([one, other]), _spearman)


def unit_f1(known: np.ndarray, stated: np.ndarray, macro: bool) -> Agreement:
    """F1 of sets of units: ``sklearn.metrics.f1_score`` of multilabel indicators.

    Args:
        known: (n, units) bool, n >= 1.
        stated: (n, units) bool.
        macro: mean over the units that are known in some clip; else all units and clips together (``micro``).

    Returns:
        F1 in [0, 1]; NaN where nothing is known (and, for micro, nothing stated either).
    """
    units = known.shape[1]

    def statistic(weights_bk: np.ndarray, cells_kp: np.ndarray) -> np.ndarray:
        is_known, is_stated = cells_kp[:, :units], cells_kp[:, units:]
        if macro:
            return weighted_macro_f1(weights_bk, is_known, is_stated)
        both, ours, theirs = ((weights_bk @ part).sum(1) for part in (is_known * is_stated, is_known, is_stated))
        return _ratio(2 * both, ours + theirs)

    return _resampled(np.hstack([known, stated]).astype(int), statistic)


def weighted_macro_f1(weights_bn: np.ndarray, known_nc: np.ndarray, stated_nc: np.ndarray) -> np.ndarray:
    """Mean F1 over the classes that are known to occur, once for each weighting of the same items.

    The F1 of a class is 2 TP / (known + stated). A class that is stated but never known has no F1 of its own; it lowers
    the precision of no other class.

    Args:
        weights_bn: (B, n) how often each item counts.
        known_nc: (n, classes) 1 where the item is of the class, else 0.
        stated_nc: (n, classes) the same of what is stated of it.

    Returns:
        (B,) values in [0, 1]; NaN where no class is known.
    """
    both_bc, known_bc, stated_bc = (weights_bn @ part for part in (known_nc * stated_nc, known_nc, stated_nc))
    scores = np.nan_to_num(_ratio(2 * both_bc, known_bc + stated_bc))
    return _ratio((scores * (known_bc > 0)).sum(1), (known_bc > 0).sum(1))


def with_interval(values_b: np.ndarray) -> Agreement:
    """The first of (B,) values, and the bounds that hold 95 % of the others, its replicates; NaN is left out."""
    if np.isnan(values_b[0]) or np.isnan(values_b[1:]).all():
        return Agreement(float(values_b[0]), np.nan, np.nan)
    low, high = np.nanpercentile(values_b[1:], [TAIL, 100 - TAIL])
    return Agreement(float(values_b[0]), float(low), float(high))


def _resampled(facts_np: np.ndarray, statistic: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Agreement:
    """A statistic of clips, and its interval; `statistic` takes (B, K) counts of (K, P) cells and gives (B,) values."""
    cells_kp, counts_k = np.unique(facts_np, axis=0, return_counts=True)
    clips = len(facts_np)
    draws_bk = np.random.default_rng(0).multinomial(clips, counts_k / clips, size=REPLICATES)
    return with_interval(statistic(np.vstack([counts_k, draws_bk]).astype(float), cells_kp))


def _spearman(weights_bk: np.ndarray, cells_kp: np.ndarray) -> np.ndarray:
    """(B,) Pearson's coefficient of the mean ranks that the weighted cells have."""
    clips_b = weights_bk.sum(1, keepdims=True)
    ranks = [_ranks(weights_bk, values_k) - (clips_b + 1) / 2 for values_k in cells_kp.T]
    product, *squares = ((weights_bk * a * b).sum(1) for a, b in (ranks, ranks[:1] * 2, ranks[1:] * 2))
    spread = np.sqrt(squares[0] * squares[1])
    return np.divide(product, spread, out=np.full_like(product, np.nan), where=spread > 1e-9)


def _ranks(weights_bk: np.ndarray, values_k: np.ndarray) -> np.ndarray:
    """(B, K) mean rank of every cell's value among all clips of a replicate."""
    of_value = np.eye(values_k.max() + 1)[values_k]
    counts_bv = weights_bk @ of_value
    return (np.cumsum(counts_bv, axis=1) - (counts_bv - 1) / 2) @ of_value.T


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Quotient; NaN where the divisor is 0."""
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
