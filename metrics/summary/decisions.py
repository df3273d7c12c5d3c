"""Which differences are decided, and which run is best: the one place where both are defined.

**Decided.** A difference counts as decided only if all of this holds:

1. its p-value stays below `LEVEL` after Holm's correction,
2. its interval excludes 0,
3. it reaches the metric's smallest difference of interest (``MetricSpec.smallest``), and
4. it exceeds the null row: the farther bound of the interval of `full` trained again minus `full`, the largest
   difference that the same model with another seed still allows on such clips. The bound is taken instead of the null
   row's own difference because that is a single draw, which any further draw exceeds half of the time. Several null
   rows count by the largest bound. One more seed is no distribution of seeds: this is necessary, and not sufficient.
   Without a null row the spread between seeds is in the interval if there are several seeds, and unknown otherwise.

**The family of Holm's correction.** The differences to `full` of all runs of one kind by all metrics that tables show
(``metrics.spec.first_variants``: of each quantity the first variant with a value), in the row that is the metric's
headline (``metrics.summary.headlines``). So all ablations share one family, methods of other authors have one of their
own, and so have variants. Rows that are no headline form such families by corpus and slice. Baselines and the null row
are no hypotheses and stand in none. Every other metric has no corrected p and decides nothing.

**Best.** Per corpus, slice, metric and kind the run with the best mean, if its difference to the next best is decided
by the same four rules (with the shown metrics' comparisons of that kind as the family, parted in the same way). Only
runs with full coverage compete; tied runs are not best.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from metrics.functional.statistics import Difference, holm
from metrics.spec import REGISTRY, MetricSpec, first_variants
from metrics.summary.headlines import Place, headline_places, place_of
from metrics.tables import AGAIN, BASELINE, FULL, METHOD, TRAINED, VARIANT

LEVEL = 0.05
COMPARED = (TRAINED, VARIANT, METHOD)
"""Kinds whose differences to `full` are hypotheses, each kind with a family of its own."""


HEADLINES: Place = ("headline", "headline")
"""Stands for the places of all headlines: they are one family, wherever they are."""


class Contest(NamedTuple):
    """The best run of a kind by one metric, in one corpus and slice, and its difference to the next best."""

    place: Place
    kind: str
    metric: str
    run: str
    difference: Difference
    level: float


def decide(rows: list[dict], contests: Iterable[Contest]) -> list[dict]:
    """Fill `headline`, `smallest`, `null_reach`, `p_holm`, `decided` and `best` of summary rows.

    Args:
        rows: columns of ``metrics.tables.SUMMARY``.
        contests: of the same rows.

    Returns:
        The rows in their order.
    """
    reaches, headlines = null_reaches(rows), headline_places(rows)
    full = {(place_of(row), row["metric"]): row for row in rows if row["run"] == FULL}
    made = [row | _sizes(row, full, reaches) | {"headline": _is_headline(row, headlines)} for row in rows]
    shown = _shown(made)
    for kind in COMPARED:
        for where, family in _grouped(row for row in made if row["kind"] == kind and row["run"] != FULL).items():
            _decide_family(family, shown[where])
    winners = _winners(contests, reaches, shown, headlines)
    return [row | {"best": (place_of(row), row["metric"], row["run"]) in winners} for row in made]


def null_reaches(rows: Iterable[dict]) -> dict[tuple[Place, str], float]:
    """The largest difference that the null rows leave possible, by (corpus, slice) and metric."""
    reaches: dict[tuple[Place, str], float] = {}
    for row in rows:
        bounds = [row[name] for name in ("difference_vs_full", "difference_low", "difference_high")]
        known = [abs(bound) for bound in bounds if bound is not None]
        if row["kind"] == AGAIN and known:
            key = place_of(row), row["metric"]
            reaches[key] = max(reaches.get(key, 0.0), *known)
    return reaches


def is_decided(
    difference: float | None, low: float | None, high: float | None, p: float | None, smallest: float, null: float
) -> bool:
    """Whether a difference meets the four rules of this module; `p` is corrected, `smallest` and `null` are sizes."""
    if any(value is None or np.isnan(value) for value in (difference, low, high, p)):
        return False
    size = abs(difference)
    # A mean of equal parts may lie a rounding below the size that it reaches.
    return p < LEVEL and (low > 0 or high < 0) and size >= smallest * (1 - 1e-9) and size > null


def merit(value: float, spec: MetricSpec) -> float:
    """A mean as a merit: the greater, the better; of metrics with a target the mean distance is given."""
    return value if spec.higher_is_better else -value


def _decide_family(rows: list[dict], shown: set[str]) -> None:
    """Correct the p-values of one family and decide each of its differences, in place."""
    members = [row for row in rows if row["metric"] in shown and row["p_vs_full"] is not None]
    for row, p in zip(members, holm([row["p_vs_full"] for row in members]), strict=True):
        bounds = row["difference_vs_full"], row["difference_low"], row["difference_high"]
        row["p_holm"] = float(p)
        row["decided"] = is_decided(*bounds, p, row["smallest"], row["null_reach"] or 0.0)


def _winners(
    contests: Iterable[Contest], reaches: dict, shown: dict[Place, set[str]], headlines: dict[str, Place]
) -> set[tuple[Place, str, str]]:
    """Place, metric and run of every best that is decided against the next best."""
    families: dict[tuple[Place, str], list[Contest]] = defaultdict(list)
    for contest in contests:
        where = HEADLINES if headlines[contest.metric] == contest.place else contest.place
        if contest.metric in shown[where] and contest.difference.p is not None:
            families[where, contest.kind].append(contest)
    won = set()
    for family in families.values():
        for contest, p in zip(family, holm([contest.difference.p for contest in family]), strict=True):
            found = contest.difference
            smallest = REGISTRY[contest.metric].smallest_beside(contest.level)
            null = reaches.get((contest.place, contest.metric), 0.0)
            if is_decided(found.mean, found.low, found.high, p, smallest, null):
                won.add((contest.place, contest.metric, contest.run))
    return won


def _sizes(row: dict, full: dict, reaches: dict) -> dict:
    """The sizes that the row's difference to `full` must reach."""
    key, spec = (place_of(row), row["metric"]), REGISTRY[row["metric"]]
    level = full[key]["mean"] if key in full else None
    known = spec.smallest is not None and (level is not None or not spec.smallest_is_share)
    return {"smallest": spec.smallest_beside(level or 0.0) if known else None, "null_reach": reaches.get(key)}


def _is_headline(row: dict, headlines: dict[str, Place]) -> bool:
    return headlines[row["metric"]] == place_of(row)


def _where(row: dict) -> Place:
    """The place that a row's family is of."""
    return HEADLINES if row["headline"] else place_of(row)


def _shown(rows: Iterable[dict]) -> dict[Place, set[str]]:
    """Metrics that tables show, by the families' places: those with a value of a run or method."""
    known = defaultdict(set)
    for row in rows:
        if row["kind"] != BASELINE and row["mean"] is not None:
            known[_where(row)].add(row["metric"])
    return defaultdict(set, {where: set(first_variants(keys)) for where, keys in known.items()})


def _grouped(rows: Iterable[dict]) -> dict[Place, list[dict]]:
    places = defaultdict(list)
    for row in rows:
        places[_where(row)].append(row)
    return places
