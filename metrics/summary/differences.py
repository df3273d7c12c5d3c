"""Two methods compared clip by clip: what differs, by how much, and what so few speakers can decide.

Reads rows of SCORES of both; writes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from eadnet.config.section import ConfigError
from metrics.functional.statistics import holm
from metrics.spec import REGISTRY, MetricSpec, direction
from metrics.summary.overview import MetricValue, is_known, overview, speaker_of
from metrics.summary.paired import paired_difference
from metrics.summary.results import find_key
from metrics.summary.text import aligned, counted, interval, number, remarks

ALPHA = 0.05
HEADER = ("metric", "unit", "better", "mine", "theirs", "difference", "95 % interval", "n", "p (Holm)", "decided for")


@dataclass(frozen=True)
class MetricDifference:
    """One metric of two methods, over the `n` clips (of `speakers` speakers) that both have a value for.

    `mine` and `theirs` are means over these clips, `difference` is mine minus theirs. Of a metric with a target, all
    three are distances to it, averaged over clips, so that errors of both signs do not cancel. `low` and `high` bound
    the 95 % interval. `p` is of the sign-flip test over speakers, `p_holm` the same corrected over all metrics, and
    `smallest_p` the least that the test can give for so few speakers. `better` is ``mine`` or ``theirs`` where `p_holm`
    is below .05, the interval excludes zero and the difference is of interest, else None with the `reason`.
    """

    key: str
    mine: float | None
    theirs: float | None
    difference: float | None
    low: float | None
    high: float | None
    n: int
    speakers: int
    p: float | None
    p_holm: float | None
    smallest_p: float | None
    better: str | None
    reason: str | None
    unit: str
    direction: str


class Comparison(Mapping[str, MetricDifference]):
    """Differences by key, in the order of the registry; a bare name also finds its metric."""

    def __init__(self, found: Iterable[MetricDifference]) -> None:
        """Keep the differences by key."""
        self._found = {item.key: item for item in found}

    def __getitem__(self, name: str) -> MetricDifference:
        return self._found[find_key(name, self._found)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __str__(self) -> str:
        lines = [HEADER, *(_line(item) for item in self._found.values())]
        about = [(item.reason, item.key) for item in self._found.values() if item.reason]
        return "\n\n".join([aligned(lines), remarks(about)]).rstrip()

    __repr__ = __str__

    def frame(self) -> pd.DataFrame:
        """A row a metric, with the fields of `MetricDifference`."""
        return pd.DataFrame([asdict(item) for item in self._found.values()])


def differences(mine: Iterable[dict], theirs: Iterable[dict]) -> Comparison:
    """Compare two methods' scores.

    Args:
        mine: rows of SCORES of one method and seed.
        theirs: those of the other.

    Raises:
        ConfigError: no metric was scored for both.
    """
    mine, theirs = list(mine), list(theirs)
    sets = overview(mine), overview(theirs)
    keys = [key for key in sets[0] if key in sets[1] and not REGISTRY[key].is_category]
    if not keys:
        raise ConfigError("no metric was scored for both; score both by the same metrics")
    found = []
    for key in keys:
        scored = [of[key] for of in sets]
        by_clip = REGISTRY[key].level == "clip"
        found.append(_of_clips(REGISTRY[key], mine, theirs, scored) if by_clip else _of_set(key, *scored))
    corrected = holm(np.array([np.nan if item.p is None else item.p for item in found]))
    return Comparison(
        _decided(item, None if np.isnan(p) else float(p)) for item, p in zip(found, corrected, strict=True)
    )


def _of_clips(spec: MetricSpec, mine: list[dict], theirs: list[dict], scored: list[MetricValue]) -> MetricDifference:
    """Compare the clips that both have a value for; `scored` are both methods' own summaries, with their reasons."""
    sides = [
        {row["clip_id"]: row for row in rows if row["metric"] == spec.key and is_known(row["value"])}
        for rows in (mine, theirs)
    ]
    both = sorted(sides[0].keys() & sides[1].keys())
    values = np.array([[_judged(side[clip]["value"], spec) for clip in both] for side in sides])
    tested = paired_difference(values[0] - values[1], [speaker_of(sides[0][clip]) for clip in both])
    means = [float(of.mean()) for of in values] if both else [None, None]
    lost = next((value.reason for value in scored if value.value is None), None)
    reason = None if both else lost or "no clip has a value for both"
    return MetricDifference(
        spec.key, *means, tested.mean, tested.low, tested.high, tested.n, tested.clusters, tested.p, None,
        tested.least_p, None, reason, spec.unit, direction(spec),
    )  # fmt: skip


def _of_set(key: str, mine: MetricValue, theirs: MetricValue) -> MetricDifference:
    """A metric of sets has one value a method, which gives a difference and no test."""
    known = mine.value is not None and theirs.value is not None
    gap = mine.value - theirs.value if known else None
    reason = "one value a method: no test over clips" if known else mine.reason or theirs.reason
    if known and mine.n != theirs.n:
        reason = f"of {mine.n} and of {theirs.n} clips, which cannot be compared: score the same clips"
    return MetricDifference(
        key, mine.value, theirs.value, gap, None, None, min(mine.n, theirs.n), 0, None, None, None, None, reason,
        mine.unit, mine.direction,
    )  # fmt: skip


def _line(item: MetricDifference) -> tuple[str, ...]:
    numbers = [number(value) for value in (item.mine, item.theirs, item.difference)]
    between, decided = interval(item.low, item.high), item.better or "-"
    clips, p = counted(item.n, "clips"), number(item.p_holm)
    return item.key, item.unit or "-", item.direction or "-", *numbers, between, clips, p, decided


def _judged(value: float, spec: MetricSpec) -> float:
    """The value; of a metric with a target and no direction, its distance to the target."""
    return abs(value - spec.target) if spec.higher_is_better is None and spec.target is not None else value


def _decided(item: MetricDifference, p_holm: float | None) -> MetricDifference:
    item = replace(item, p_holm=p_holm)
    if p_holm is None:
        return replace(item, reason=item.reason or "a test needs clips of two speakers")
    if item.smallest_p >= ALPHA:
        units = counted(item.speakers, "clips" if item.speakers == item.n else "speakers")
        return replace(item, reason=f"{units}: no p below {item.smallest_p:.3g}")
    if p_holm >= ALPHA or (item.low is not None and item.low <= 0 <= item.high):
        return replace(item, reason="not decided: p or the interval allows no difference")
    if abs(item.difference) < REGISTRY[item.key].smallest_beside(item.theirs):
        return replace(item, reason="below the smallest difference of interest")
    higher = REGISTRY[item.key].higher_is_better
    if higher is None and REGISTRY[item.key].target is None:
        return replace(item, reason="differs; neither direction is better")
    return replace(item, better="mine" if (item.difference > 0) == bool(higher) else "theirs")
