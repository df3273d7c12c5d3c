"""The sign-flip test of paired differences: if two runs are alike, every speaker's difference may have either sign.

Under that hypothesis, with differences symmetric about 0, all patterns of signs are equally likely, whatever the
distribution; p is the share of patterns whose total is as far from 0 as the observed one (Fisher, The Design of
Experiments, 1935, section 21). ``scipy.stats.permutation_test`` of one sample, with ``permutation_type="samples"``,
gives the same number by listing the patterns. At 18 speakers that takes 2.5 s, and a summary holds some ten thousand
tests, so the patterns are counted here by halves (milliseconds). The tests hold this module to SciPy's.
"""

import zlib
from functools import lru_cache

import numpy as np

MOST_EXACT = 30
"""Clusters up to which all sign patterns are counted; above, random ones are drawn."""
_MOST_SIGNS = 50_000_000
_FEWEST_PATTERNS = 1000
_ROUNDING = 1e-9


def sign_flip_p(totals: np.ndarray, patterns: int = 10_000) -> float:
    """Two-sided p-value of "no difference", from the total difference of every cluster.

    Args:
        totals: (G,) differences summed over the clips of a speaker (one clip's, where clips are the clusters).
        patterns: random sign patterns that are drawn where G exceeds `MOST_EXACT`; always the same ones for one G.

    Returns:
        p in (0, 1]; 1 without any cluster.
    """
    totals = np.asarray(totals, dtype=float)
    # Patterns that differ by rounding alone are ties: sums of equal parts in another order must count as reached.
    reach = abs(totals.sum()) - _ROUNDING * np.abs(totals).sum()
    if reach <= 0:
        return 1.0
    if len(totals) <= MOST_EXACT:
        return _count_all(totals, reach) / 2.0 ** len(totals)
    signs = _random_signs(len(totals), patterns)
    reached = sum(int((np.abs(part @ totals) >= reach).sum()) for part in np.array_split(signs, _parts(signs)))
    return (reached + 1) / (len(signs) + 1)


def least_p(clusters: int, patterns: int = 10_000) -> float:
    """The smallest p that `sign_flip_p` can give: 2 / 2^G, or what random patterns can resolve."""
    if clusters <= MOST_EXACT:
        return min(1.0, 2.0 ** (1 - clusters))
    return 1 / (_affordable(clusters, patterns) + 1)


def _count_all(totals: np.ndarray, reach: float) -> int:
    """Sign patterns whose total is at least `reach` away from 0, by meeting in the middle."""
    half = len(totals) // 2
    first, second = _signed_sums(totals[:half]), np.sort(_signed_sums(totals[half:]))
    above = len(second) - np.searchsorted(second, reach - first, side="left")
    below = np.searchsorted(second, -reach - first, side="right")
    return int(above.sum() + below.sum())


def _signed_sums(totals: np.ndarray) -> np.ndarray:
    """(2^len,) sums under all patterns of signs."""
    sums = np.zeros(1)
    for total in totals:
        sums = np.concatenate([sums + total, sums - total])
    return sums


def _affordable(clusters: int, patterns: int) -> int:
    return max(_FEWEST_PATTERNS, min(patterns, _MOST_SIGNS // clusters))


def _parts(signs: np.ndarray) -> int:
    """Pieces in which a product with the signs takes little memory."""
    return max(1, signs.size // 4_000_000)


@lru_cache(maxsize=4)
def _random_signs(clusters: int, patterns: int) -> np.ndarray:
    """(patterns, clusters) int8 of -1 and 1; the seed depends on the number of clusters only."""
    rng = np.random.default_rng(zlib.crc32(f"signs {clusters}".encode()))
    return 2 * rng.integers(0, 2, (_affordable(clusters, patterns), clusters), dtype=np.int8) - 1
