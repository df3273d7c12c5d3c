"""The scores of one run at a glance: for each metric its value, interval, counts, status, and reasons.

Reads rows of SCORES; writes nothing.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from metrics.spec import REGISTRY, MetricSpec, direction
from metrics.summary.paired import mean_interval
from metrics.tables import NOT_APPLICABLE, PARTIAL

MOST_NOTES = 3


@dataclass(frozen=True)
class MetricValue:
    """The value of one metric for what was scored.

    Of one video, `value` is the video's and `n` of `n_wanted` are its frames (or windows). Of several, it is the mean
    over the `n` of `n_wanted` clips to which the metric applies; of a metric of sets, it is the set's and `n` are the
    clips behind it. `counted` names what `n` counts. `low` and `high` bound the 95 % interval over clips (None for one
    clip). `status` is ``ok``, ``partial`` (fewer than wanted), or why there is no value; `reason` has the words, and
    `notes` what a reader must know. `direction` is ↑, ↓, → and a target, or "".
    """

    key: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    n_wanted: int
    counted: str
    status: str
    reason: str | None
    notes: str | None
    unit: str
    direction: str

    def __float__(self) -> float:
        """The value; NaN where there is none."""
        return float("nan") if self.value is None else self.value

    @property
    def coverage(self) -> float | None:
        """Share of the wanted frames or clips that the value rests on; None where none was wanted."""
        return self.n / self.n_wanted if self.n_wanted else None


def overview(rows: Iterable[dict]) -> dict[str, MetricValue]:
    """One value a metric, in the order of the registry.

    Categories (the index of an emotion) have no mean and are left out where several clips were scored.

    Args:
        rows: SCORES of one run and seed.
    """
    rows = [_finite(row) for row in rows]
    found = {}
    for key, spec in REGISTRY.items():
        mine = [row for row in rows if row["metric"] == key]
        if len(mine) == 1:
            found[key] = _single(mine[0], spec)
        elif mine and not spec.is_category:
            found[key] = _mean(mine, spec)
    return found


def is_known(value: float | None) -> bool:
    """Whether there is a value that a mean can hold."""
    return value is not None and bool(np.isfinite(value))


def _finite(row: dict) -> dict:
    """The row; a value that is no finite number is none, so that it does not spoil the mean of the others."""
    if row["value"] is None or is_known(row["value"]):
        return row
    return row | {"value": None, "reason": row["reason"] or f"{row['value']} is no finite number"}


def _single(row: dict, spec: MetricSpec) -> MetricValue:
    has = row["value"] is not None
    notes = _joined([row["notes"], row["reason"]]) if has else None
    reason = None if has else row["reason"]
    counted = "clips" if spec.level == "set" else "frames"
    return MetricValue(
        spec.key, row["value"], row["ci_low"], row["ci_high"], row["n"], row["n_wanted"], counted, row["status"],
        reason, notes, spec.unit, direction(spec),
    )  # fmt: skip


def _mean(rows: list[dict], spec: MetricSpec) -> MetricValue:
    have = [row for row in rows if row["value"] is not None]
    wanted = sum(row["status"] not in NOT_APPLICABLE for row in rows)
    values = np.array([row["value"] for row in have], dtype=float)
    speakers = [speaker_of(row) for row in have]
    low, high = _bounded(mean_interval(values, speakers, spec.yes_no) if have else None, spec)
    return MetricValue(
        spec.key, float(values.mean()) if have else None, low, high, len(have), wanted, "clips",
        _status(rows, have, wanted), _reason(rows), _notes(have), spec.unit, direction(spec),
    )  # fmt: skip


def speaker_of(row: dict) -> str:
    """The independent unit that a clip belongs to: its speaker, or itself where none is known."""
    return f"speaker {row['speaker']}" if row["speaker"] else f"clip {row['clip_id']}"


def _bounded(interval: tuple[float, float] | None, spec: MetricSpec) -> tuple[float | None, float | None]:
    if interval is None:
        return None, None
    return max(interval[0], spec.bounds[0]), min(interval[1], spec.bounds[1])


def _status(rows: list[dict], have: list[dict], wanted: int) -> str:
    if not have:
        return Counter(row["status"] for row in rows).most_common(1)[0][0]
    return PARTIAL if len(have) < wanted or any(row["status"] == PARTIAL for row in have) else "ok"


def _reason(rows: list[dict]) -> str | None:
    """Why clips have no value: every cause with its count, the most frequent first."""
    causes: dict[str, list[str]] = {}
    for row in rows:
        if row["value"] is None:
            causes.setdefault(row["status"], []).append(row["reason"] or row["status"])
    texts = []
    for reasons in sorted(causes.values(), key=len, reverse=True):
        frequent = Counter(reasons).most_common(1)[0][0]
        texts.append(frequent if len(reasons) == len(rows) else f"{len(reasons)} of {len(rows)} clips: {frequent}")
    return "; ".join(texts) or None


def _notes(have: list[dict]) -> str | None:
    partial = [row for row in have if row["status"] == PARTIAL]
    least = min((row["share"] for row in partial), default=None)
    shares = (
        f"{len(partial)} of {len(have)} clips rest on a part of their frames (the least: {least:.0%})"
        if partial
        else None
    )
    counts = Counter(row["notes"] for row in have if row["notes"])
    frequent = [f"{count} of {len(have)}: {note}" for note, count in counts.most_common(MOST_NOTES)]
    return _joined([shares, *frequent])


def _joined(notes: Iterable[str | None]) -> str | None:
    return "; ".join(note for note in notes if note) or None
