"""How well the measured action units follow the drawn ones. Reads the descriptors, the drawn truth and the clips."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from eadnet.captions.measures.table import UNIT_COLUMNS
from reports.numbers import count, interval, listing, number, percent
from reports.tables.layout import Cell, Panel, Table

GROUPS = (
    ("own", "train", "Against the speaker's own neutral face, training clips"),
    ("own", "test", "Against the speaker's own neutral face, test clips"),
    ("shard", "all", "Against the median face of the shard, where no neutral face is known"),
)
"""Baseline, split and heading of each panel."""

COLUMNS = ("baseline", "split", "unit", "n", "present", "r", "r_low", "r_high", "auc")
CAPTION = (
    "Strength of each action unit as measured from landmarks against the strength that was drawn, over the clips of "
    "the drawn corpora. Present: share of the clips in which the unit was drawn. r: Pearson's correlation [95 % "
    "interval, clips taken as independent]. AUC: chance that a clip with the unit measures higher than one without. "
    "The shares by which units are kept apart were fitted to training clips of people seen in training. Units of "
    "other speakers' faces are compared with their median and are less certain."
)


def build(descriptors: pd.DataFrame, truth: pd.DataFrame, clips: pd.DataFrame) -> Table:
    """Compare measured and drawn strengths, unit by unit.

    Args:
        descriptors: Columns of ``eadnet.captions.measures.table.DESCRIPTORS``.
        truth: Columns of ``eadnet.captions.measures.true_units.TRUE_UNITS``; no rows where no corpus was drawn.
        clips: Columns clip_id and split.
    """
    measured = descriptors[descriptors.status == "ok"]
    joined = measured.merge(truth, on="clip_id").merge(clips[["clip_id", "split"]], on="clip_id")
    frame = pd.DataFrame(_rows(joined), columns=list(COLUMNS)).astype({"n": int, "present": float, "auc": float})
    panels = tuple(_panel(frame, *group) for group in GROUPS if len(_chosen(frame, *group[:2])))
    return Table("action_units", "Measured action units", caption(descriptors, truth, len(joined)), panels, frame)


def caption(descriptors: pd.DataFrame, truth: pd.DataFrame, compared: int) -> str:
    """How to read the table, and what is not in it."""
    if truth.empty:
        return "No corpus of this run was drawn here, so nobody knows which action units its faces show."
    lost = descriptors[descriptors.clip_id.isin(truth.clip_id) & (descriptors.status != "ok")]
    others = sorted({unit for units in truth.units for unit in units} - set(UNIT_COLUMNS))
    parts = [CAPTION, f"{count(compared, 'clip')} compared."]
    parts += [f"{count(len(lost), 'drawn clip')} could not be measured."] if len(lost) else []
    parts += [f"Drawn but not measured: {listing(others)}."] if others else []
    return " ".join(parts)


def _rows(joined: pd.DataFrame) -> Iterator[tuple]:
    for baseline, own in (("own", True), ("shard", False)):
        rows = joined[joined.own_baseline.astype(bool) == own]
        for split in ("all", "train", "test"):
            chosen = rows if split == "all" else rows[rows.split == split]
            if len(chosen):
                yield from ((baseline, split, *_agreement(chosen, unit)) for unit in UNIT_COLUMNS)


def _agreement(rows: pd.DataFrame, unit: str) -> tuple:
    """Unit, number of clips, share with the unit, correlation with its interval, and AUC."""
    drawn = [
        dict(zip(units, strengths, strict=True)) for units, strengths in zip(rows.units, rows.strengths, strict=True)
    ]
    true, measured = np.array([clip.get(unit, 0.0) for clip in drawn]), rows[UNIT_COLUMNS[unit]].to_numpy(float)
    return unit, len(rows), float((true > 0).mean()), *correlation(measured, true), area(measured, true > 0)


def correlation(measured: np.ndarray, true: np.ndarray) -> tuple[float, float, float]:
    """Pearson's coefficient of two (n,) arrays with its 95 % interval (Fisher 1921); NaN where one is constant."""
    from scipy.stats import pearsonr

    if len(true) < 4 or np.ptp(measured) == 0 or np.ptp(true) == 0:
        return (float("nan"),) * 3
    found = pearsonr(measured, true)
    return float(found.statistic), *(float(bound) for bound in found.confidence_interval(0.95))


def area(measured: np.ndarray, present: np.ndarray) -> float:
    """Area under the ROC curve; NaN where all or none are present."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(present, measured)) if 0 < present.sum() < len(present) else float("nan")


def _chosen(frame: pd.DataFrame, baseline: str, split: str) -> pd.DataFrame:
    return frame[(frame.baseline == baseline) & (frame.split == split)]


def _panel(frame: pd.DataFrame, baseline: str, split: str, title: str) -> Panel:
    rows = tuple(_row(row) for row in _chosen(frame, baseline, split).itertuples())
    return Panel(title, ("Unit", "clips", "present", "r", "AUC"), rows)


def _row(row: object) -> tuple[Cell, ...]:
    return (
        Cell(row.unit),
        Cell(f"{row.n:,}"),
        Cell(percent(row.present)),
        Cell(number(row.r), interval(row.r_low, row.r_high)),
        Cell(number(row.auc)),
    )
