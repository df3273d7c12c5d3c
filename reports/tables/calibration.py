"""Which metric sees what: the verdict on every metric under every kind of known damage.

Reads the calibration. Effects are changes at the greatest strength over the spread between clips, positive for worse;
what counts as seen is defined in ``metrics/calibration/responses.py``.
"""

import math

import pandas as pd

from metrics.calibration.damage import DAMAGES, Damage
from metrics.calibration.responses import JUDGED, MOVES, NO_VALUE, SEES, WRONG, summarise
from metrics.spec import REGISTRY, MetricSpec
from reports.load import EmptyInputs
from reports.numbers import NONE, count, listing, number
from reports.style import family_label, metric_heading, metric_label
from reports.tables.layout import Cell, Panel, Table

NAMED = 4
"""Metrics that the caption names for one damage; the frame names all."""
LARGEST = 99
"""Effects beyond this are not ranked: the clips then hardly differ."""


def build(calibration: pd.DataFrame) -> Table:
    """Lay out the verdicts: a panel a group of damages, a row a metric, a column a damage.

    Args:
        calibration: Columns of ``metrics.calibration.responses.CALIBRATION``.

    Raises:
        EmptyInputs: no response was measured.
    """
    frame = summarise(calibration)
    if frame.empty:
        raise EmptyInputs("the calibration holds no response of a known metric; run `python -m metrics calibrate`")
    frame["description"] = frame.damage.map(lambda name: DAMAGES[name].description)
    groups = dict.fromkeys(DAMAGES[name].group for name in DAMAGES if name in set(frame.damage))
    panels = tuple(_panel(frame, group) for group in groups)
    return Table("calibration", "Which metric sees what", caption(frame), panels, frame)


def caption(frame: pd.DataFrame) -> str:
    """How to read the table, and what it shows, in numbers computed from it."""
    clips = int(frame[frame.level == "clip"].clips.max()) if (frame.level == "clip").any() else 0
    lead = (
        f"Known damage to {count(clips, 'real clip')}, in five strengths. Each cell: how much worse the metric reads "
        "at the greatest strength, in standard deviations between clips (set-level metrics: in standard errors); then "
        "the least strength from which on it is seen. Bold: seen, that is, the bootstrap interval of the paired change "
        "lies on the worse side (or, for a metric that knows no worse, aside of zero: moves). Blind: the interval "
        f"holds zero. Wrong way: the damage reads as an improvement. About {0.05 * _judged(frame):.0f} of "
        f"{_judged(frame)} verdicts would be other than blind by chance alone, more with few clips."
    )
    return f"{lead} {finding(frame)}"


def finding(frame: pd.DataFrame) -> str:
    """Which metrics read damage as an improvement, which damage is seen by fewest, which metric sees least."""
    sentences = []
    wrong = frame[frame.verdict == WRONG]
    if len(wrong):
        named = (
            f"{damage.title} ({_metrics(wrong[wrong.damage == name])})"
            for name, damage in DAMAGES.items()
            if name in set(wrong.damage)
        )
        sentences.append(f"Read as an improvement: {'; '.join(named)}.")
    judged = frame[frame.verdict.isin(JUDGED)]
    if len(judged):
        seen = judged.assign(seen=judged.verdict.isin((SEES, MOVES))).groupby("damage").seen.agg(["sum", "count"])
        least = seen["sum"].div(seen["count"]).idxmin()
        sentences.append(
            f"Seen by fewest: {DAMAGES[least].title} ({seen['sum'][least]} of {count(seen['count'][least], 'metric')})."
        )
    untested = frame[~frame.verdict.isin(JUDGED)]
    if len(untested):
        sentences.append(f"{count(len(untested), 'cell')} without a verdict: too few clips with a value.")
    return " ".join(sentences)


def shown(frame: pd.DataFrame) -> list[MetricSpec]:
    """Metrics that readable forms show, in registry order: those repeated in pixels are left to the frame."""
    return [spec for key, spec in REGISTRY.items() if key in set(frame.metric) and not spec.name.endswith("_px")]


def _judged(frame: pd.DataFrame) -> int:
    return int(frame.verdict.isin(JUDGED).sum())


def _metrics(rows: pd.DataFrame) -> str:
    named = [metric_label(key) for key in rows.metric[:NAMED]]
    return listing([*named, f"{len(rows) - NAMED} more"] if len(rows) > NAMED else named)


def _panel(frame: pd.DataFrame, group: str) -> Panel:
    columns = [damage for name, damage in DAMAGES.items() if damage.group == group and name in set(frame.damage)]
    cells = {(row.metric, row.damage): row for row in frame.itertuples()}
    rows, family = [], ""
    for spec in shown(frame):
        label = "" if spec.family == family else family_label(spec.family)
        family = spec.family
        line = [_cell(cells.get((spec.key, damage.name)), damage) for damage in columns]
        rows.append((Cell(label), Cell(metric_heading(spec)), *line))
    header = ("Family", "Metric", *(f"{damage.title}, to {amount(damage, damage.amounts[-1])}" for damage in columns))
    return Panel("", header, tuple(rows), group, names=2)


def amount(damage: Damage, value: float) -> str:
    """An amount with its unit, as ``±10 frames``, ``60 % of frames``, ``crf 48``."""
    if damage.unit.startswith("of "):
        return f"{100 * value:g} % {damage.unit}"
    if damage.unit == "crf":
        return f"crf {value:g}"
    sign = "±" if damage.signed else ""
    return f"{sign}{value:.3g} {damage.unit}"


def _cell(row: object | None, damage: Damage) -> Cell:
    if row is None or row.verdict == NO_VALUE:
        return Cell(NONE)
    effect = _effect(row.effect)
    if row.verdict in (SEES, MOVES):
        word = "moves from" if row.verdict == MOVES else "from"
        return Cell(effect, f"{word} {_plain(damage, row.seen_amount)}", strong=True)
    return Cell(effect, row.verdict)


def _plain(damage: Damage, value: float) -> str:
    return f"{100 * value:g} %" if damage.unit.startswith("of ") else f"{value:.3g}"


def _effect(value: float) -> str:
    if math.isnan(value):
        return NONE
    if abs(value) > LARGEST:
        return f">{LARGEST}" if value > 0 else f"<−{LARGEST}"
    return number(value, 1)
