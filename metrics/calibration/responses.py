"""What a metric makes of known damage: the table of measured responses, and the verdict on each metric and damage.

CALIBRATION holds every value that was measured (``metrics.calibration.calibrate`` writes it); `summarise` turns it into
one row a metric and damage. Pure; imports nothing heavy but pandas.

The verdict. Every value becomes a *loss*: how far it lies on the worse side (minus the value where higher is better,
the value where lower is, the distance to the target where there is one). The *change* of a clip is its loss under
damage less its own loss at strength 0, averaged over both signs of a signed damage. At the greatest strength the mean
change over clips has a percentile interval by paired bootstrap. The metric ``sees`` the damage where the interval lies
above 0, reads the ``wrong way`` where it lies below (the damage looks like an improvement), and is ``blind`` where it
holds 0. A metric that knows no better and worse only ``moves`` or not: its change is that of the value, or, for a
class, whether it is another than the undamaged clip's. A set-level metric has one value a strength, with an interval of
its own: there the intervals at strength 0 and at the greatest must lie apart. ``too few`` clips (under 3 with both
values), or no interval, give no verdict.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa

from metrics.calibration.damage import DAMAGES, STRENGTHS
from metrics.functional.distances import NORMAL_95
from metrics.functional.statistics import Resampling, draw_weights
from metrics.spec import REGISTRY, MetricSpec

_text, _int, _real = pa.string(), pa.int64(), pa.float64()

CALIBRATION = pa.schema(
    [
        ("damage", _text), ("strength", _int), ("amount", _real), ("unit", _text), ("family", _text),
        ("metric", _text), ("metric_version", _int), ("evaluator_sha256", _text), ("clip_id", _text), ("value", _real),
        ("ci_low", _real), ("ci_high", _real), ("n", _int), ("status", _text), ("reason", _text),
    ]
)  # fmt: skip
"""One row per damage, amount, metric and clip (`clip_id` null for set-level metrics), whatever happened. Strength 0 is
the same clips undamaged, through the same encoder; a signed damage has two amounts a strength. The last columns are
those of SCORES."""

COLUMNS = (
    "damage", "metric", "family", "level", "unit", "clips", "undamaged", "damaged", "change", "change_low",
    "change_high", "signed", "absolute", "largest", "effect", "spearman", "monotone", "seen_from", "seen_amount",
    "verdict",
)  # fmt: skip
"""`undamaged` and `damaged` are mean values at strength 0 and at the greatest. `change` is the mean change there, in
the metric's own unit, positive for worse; `effect` is it over the standard deviation between clips, pooled over both
strengths (for set-level metrics over the standard error of the change). `signed`, `absolute` and `largest` are of the
value itself, whichever side is worse: the mean difference from the same clip undamaged, the mean of its magnitude, and
the greatest magnitude, at the greatest strength. `spearman` correlates strength 0 to 5 with the
mean change; `monotone` is whether it never falls by more than 2 % of its greatest height. `seen_from` is the least
strength from which on the interval does not hold 0, `seen_amount` that strength in the damage's unit; NaN where there
is none."""
SEES, MOVES, BLIND, WRONG, TOO_FEW, NO_VALUE = "sees", "moves", "blind", "wrong way", "too few", "no value"
JUDGED = (SEES, MOVES, BLIND, WRONG)
"""Verdicts that rest on enough clips."""
MIN_CLIPS = 3
REPLICATES = 2000
RESAMPLING = Resampling(REPLICATES, 0.95)
SLACK = 0.02  # of the greatest change: what encoding alone moves


def summarise(calibration: pd.DataFrame) -> pd.DataFrame:
    """One row per metric (in registry order) and damage: columns `COLUMNS`.

    Args:
        calibration: columns of `CALIBRATION`. Metrics that the registry does not know any more are left out.
    """
    known = calibration[calibration.metric.isin(REGISTRY) & calibration.damage.isin(DAMAGES)]
    parts = {key: part for key, part in known.groupby(["metric", "damage"], sort=False)}
    rows = [
        _labels(spec, damage, parts[metric, damage]) | _verdict(spec, parts[metric, damage])
        for metric, spec in REGISTRY.items()
        for damage in DAMAGES
        if (metric, damage) in parts
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def curves(calibration: pd.DataFrame) -> pd.DataFrame:
    """Mean change by strength: columns damage, metric, family, strength (0 to 5), change, clips."""
    known = calibration[calibration.metric.isin(REGISTRY) & calibration.damage.isin(DAMAGES)]
    rows = []
    for (metric, damage), part in known.groupby(["metric", "damage"], sort=False):
        changes = _changes(_losses(REGISTRY[metric], part))
        for strength in changes.columns:
            values = changes[strength].dropna()
            rows.append((damage, metric, REGISTRY[metric].family, strength, values.mean(), len(values)))
    return pd.DataFrame(rows, columns=["damage", "metric", "family", "strength", "change", "clips"])


def loss(spec: MetricSpec, values: pd.Series, undamaged: pd.Series) -> pd.Series:
    """How far values lie on the worse side, in the metric's unit; where there is none, the value or its class's change.

    Args:
        spec: the metric.
        values: of damaged clips.
        undamaged: of the same clips without damage.
    """
    if spec.is_category:
        return (values != undamaged).astype(float).where(values.notna() & undamaged.notna())
    if spec.higher_is_better is not None:
        return -values if spec.higher_is_better else values
    return values if spec.target is None else (values - spec.target).abs()


def _losses(spec: MetricSpec, part: pd.DataFrame) -> pd.DataFrame:
    """(clips, strengths) loss of every clip; NaN where a value is missing. A set counts as one clip."""
    part = part.assign(clip_id=part.clip_id.fillna("the set"), value=part.value.astype(float))
    undamaged = part[part.strength == 0].set_index("clip_id").value
    groups = loss(spec, part.value, part.clip_id.map(undamaged)).groupby([part.clip_id, part.strength])
    means = groups.mean().where(groups.count() == groups.size())  # both signs, or none
    return means.unstack("strength").reindex(columns=range(STRENGTHS + 1))


def _changes(losses: pd.DataFrame) -> pd.DataFrame:
    return losses.sub(losses[0], axis=0)


def _labels(spec: MetricSpec, damage: str, part: pd.DataFrame) -> dict:
    means = part.groupby("strength").value.mean().reindex([0, STRENGTHS])
    return {
        "damage": damage, "metric": spec.key, "family": spec.family, "level": spec.level, "unit": spec.unit,
        "undamaged": means[0], "damaged": means[STRENGTHS],
    }  # fmt: skip


def _verdict(spec: MetricSpec, part: pd.DataFrame) -> dict:
    losses = _losses(spec, part)
    changes = _changes(losses)
    whole = changes.dropna(subset=[STRENGTHS])
    blank = dict.fromkeys(COLUMNS[8:-1], np.nan) | {"clips": len(whole), "monotone": False}
    if whole.empty:
        return blank | {"verdict": NO_VALUE}
    intervals = list(_set_intervals(spec, part, changes) if spec.level == "set" else _clip_intervals(changes))
    low, high = intervals[-1]
    means = changes.mean()
    row = blank | {"change": means[STRENGTHS], "effect": _effect(spec, part, losses, means[STRENGTHS])}
    row |= _differences(spec, part) | _course(means)
    if np.isnan(low):
        return row | {"verdict": TOO_FEW}
    row |= {"change_low": low, "change_high": high, "verdict": _word(spec, low, high)}
    if row["verdict"] in (SEES, MOVES):
        row["seen_from"] = _seen_from(intervals)
        row["seen_amount"] = DAMAGES[part.damage.iloc[0]].amounts[row["seen_from"] - 1]
    return row


def _differences(spec: MetricSpec, part: pd.DataFrame) -> dict:
    """How far values lie from those of the same clips undamaged, at the greatest strength; nothing for a class."""
    if spec.is_category:
        return {}
    part = part.assign(clip_id=part.clip_id.fillna("the set"), value=part.value.astype(float))
    undamaged = part[part.strength == 0].set_index("clip_id").value
    strongest = part[part.strength == STRENGTHS]
    apart = (strongest.value - strongest.clip_id.map(undamaged)).dropna()
    return {"signed": apart.mean(), "absolute": apart.abs().mean(), "largest": apart.abs().max()}


def _word(spec: MetricSpec, low: float, high: float) -> str:
    if low <= 0 <= high:
        return BLIND
    if spec.higher_is_better is None and spec.target is None:
        return MOVES
    return SEES if low > 0 else WRONG


def _clip_intervals(changes: pd.DataFrame) -> Iterator[tuple[float, float]]:
    """Bootstrap interval of the mean change at strengths 1 to 5; NaN where fewer than 3 clips have one."""
    for strength in range(1, STRENGTHS + 1):
        values = changes[strength].dropna().to_numpy()
        if len(values) < MIN_CLIPS:
            yield np.nan, np.nan
        else:
            means = draw_weights(len(values), REPLICATES, "clips") @ values / len(values)
            yield RESAMPLING.interval(means)


def _set_intervals(spec: MetricSpec, part: pd.DataFrame, changes: pd.DataFrame) -> Iterator[tuple[float, float]]:
    """Change at strengths 1 to 5 within how far the two intervals reach; NaN where a value brings no interval.

    Both intervals lie apart exactly where this one does not hold 0.
    """
    rows = part.groupby("strength")[["value", "ci_low", "ci_high"]].mean()
    reach = ((rows.ci_high - rows.ci_low) / 2).reindex(range(STRENGTHS + 1))
    for strength in range(1, STRENGTHS + 1):
        change = float(changes[strength].mean())
        yield change - reach[0] - reach[strength], change + reach[0] + reach[strength]


def _seen_from(intervals: list[tuple[float, float]]) -> int:
    """Least strength from which on every interval lies on the side of the last, which does not hold 0."""
    side = np.sign(intervals[-1][0])
    aside = [np.sign(low) == np.sign(high) == side for low, high in intervals]
    return STRENGTHS - next((place for place, good in enumerate(reversed(aside)) if not good), STRENGTHS) + 1


def _effect(spec: MetricSpec, part: pd.DataFrame, losses: pd.DataFrame, change: float) -> float:
    """The change in standard deviations (Cohen's d; of a set: in standard errors), or as it is for a class."""
    if spec.level == "set":
        ends = part[part.strength.isin((0, STRENGTHS))].groupby("strength")[["ci_low", "ci_high"]].mean()
        spread = float(np.linalg.norm((ends.ci_high - ends.ci_low).to_numpy(float) / (2 * NORMAL_95)))
    elif spec.is_category:
        spread = 1.0
    else:
        spread = float(np.sqrt(losses[[0, STRENGTHS]].dropna().var(ddof=1).mean()))
    if np.isnan(spread) or change == 0:
        return 0.0 if change == 0 else np.nan
    return float(np.sign(change) * np.inf) if spread == 0 else change / spread


def _course(means: pd.Series) -> dict:
    """Rank correlation of strength and mean change, and whether the change rises throughout."""
    means = means.dropna()
    if len(means) < 3:
        return {}
    ranks = means.rank()
    rho = float(np.corrcoef(means.index.to_numpy(float), ranks)[0, 1]) if ranks.std() > 0 else 0.0
    steps = means.diff().dropna() / means.abs().max() if means.abs().max() > 0 else pd.Series([-1.0])
    return {"spearman": rho, "monotone": bool((steps >= -SLACK).all() and means.iloc[-1] > 0)}
