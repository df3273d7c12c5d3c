"""Is the value of one set different from that of another: leave-outs for the interval, swaps for the p-value.

Both runs meet the same clips, and what is left out or swapped is a person with all of that person's clips, since clips
of one person are alike. Pure functions over arrays; random draws depend on a label only.

Shape legend: P choices, K clips, G people.
"""

import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from metrics.functional.sign_flip import least_p

MOST_EXACT = 9
"""People up to which every swap is made; beyond, a random choice of `RANDOM_SWAPS`."""
RANDOM_SWAPS = 999
ENOUGH, AT_ONCE = 20, 64
TIE = 1e-9  # relative: differences that are equal but for rounding count as equal


class Spread(NamedTuple):
    """A value with the bounds of its interval and its standard error; NaN where there is none."""

    value: float
    low: float
    high: float
    error: float


class Swapped(NamedTuple):
    """The p-value of no difference, the smallest one that so many people allow, and whether all swaps were made."""

    p: float
    smallest: float
    exact: bool


def clusters_of(speakers: Sequence[str | None]) -> np.ndarray:
    """(K,) index of the person of each clip; a clip without a known speaker is a person of its own."""
    names = [f"person {name}" if isinstance(name, str) and name else f"clip {k}" for k, name in enumerate(speakers)]
    return np.unique(names, return_inverse=True)[1]


def leave_outs(people_K: np.ndarray) -> np.ndarray:
    """(1 + G, K) float64 weights: all clips, then those without each person."""
    everyone = np.arange(people_K.max() + 1)
    return np.concatenate([np.ones((1, len(people_K))), (people_K[None] != everyone[:, None]).astype(float)])


def jackknifed(values: np.ndarray, confidence: float = 0.95) -> Spread:
    """A value and its interval from leave-outs, by Student's t with G - 1 degrees of freedom.

    Args:
        values: (1 + G,) of all, then without each person.
        confidence: of the interval.

    Returns:
        The bounds are NaN for fewer than two people, or where a choice without a person has no value.
    """
    value, without = float(values[0]), values[1:]
    if len(without) < 2 or not np.isfinite(without).all():
        return Spread(value, np.nan, np.nan, np.nan)
    error = float(np.sqrt((len(without) - 1) * np.var(without)))
    reach = float(student.ppf((1 + confidence) / 2, len(without) - 1)) * error
    return Spread(value, value - reach, value + reach, error)


def student_p(spread: Spread, people: int) -> float:
    """Two-sided p-value of a difference over its standard error, by Student's t; NaN without an error.

    Never below what the swaps of so many people allow: two who agree by chance have no error, which proves nothing.
    """
    if not np.isfinite(spread.error) or people < 2:
        return np.nan
    if spread.value == 0:
        return 1.0
    by_t = 2 * student.sf(abs(spread.value) / spread.error, people - 1) if spread.error else 0.0
    return float(max(by_t, least_p(people)))


def swaps(people_K: np.ndarray, label: str) -> tuple[np.ndarray, bool]:
    """Which clips are swapped between two runs, the first choice being none.

    Args:
        people_K: (K,) from `clusters_of`.
        label: of the random numbers.

    Returns:
        (P, K) bool, and whether these are all the choices there are. A choice and its complement give one difference
        with either sign, so that of all choices only those that leave the first person alone are made.
    """
    people = int(people_K.max()) + 1
    if people <= MOST_EXACT:
        codes = np.arange(2 ** (people - 1))
        chosen = (codes[:, None] >> np.arange(people - 1)[None]) & 1
        chosen = np.concatenate([np.zeros((len(codes), 1), int), chosen], axis=1)
    else:
        drawn = np.random.default_rng(zlib.crc32(label.encode())).integers(0, 2, (RANDOM_SWAPS, people))
        chosen = np.concatenate([np.zeros((1, people), int), drawn])
    return chosen.astype(bool)[:, people_K], people <= MOST_EXACT


def swap_test(difference_of: Callable[[np.ndarray], np.ndarray], choices: np.ndarray, exact: bool) -> Swapped:
    """The share of swaps with a difference at least as large as the observed one.

    Random swaps end once `ENOUGH` of them reach it, since more would not make a large p small (Besag & Clifford,
    Biometrika 1991): differences that are plainly none cost a few dozen swaps.

    Args:
        difference_of: gives the (P,) differences of (P, K) choices of swapped clips.
        choices: from `swaps`, the first of which swaps none.
        exact: whether they are all there are.
    """
    found, observed = np.empty(0), np.nan
    for start in range(0, len(choices), AT_ONCE):
        found = np.concatenate([found, np.abs(difference_of(choices[start : start + AT_ONCE]))])
        observed = found[0]
        reached = found >= observed * (1 - TIE) - np.finfo(float).tiny
        if not np.isfinite(observed) or (not exact and reached.sum() > ENOUGH):
            break
    if not np.isfinite(observed):
        return Swapped(np.nan, np.nan, exact)
    return Swapped(float(reached.mean()), 1 / len(choices), exact)
