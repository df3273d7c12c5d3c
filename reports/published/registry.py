"""The registry of published numbers: one row a value, with the paper that prints it and how it was made.

Reads ``reported_results.csv`` beside this file. Most values were read in third-party copies of papers: check one
against the paper before printing it. Papers differ in crops, clips, extractors and scripts, so a value is comparable
with others of the same paper only; nothing here computes a difference between papers, and only spreads are shown.
"""

import math
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np
import pandas as pd

from reports.load import ReportError

PATH = files("reports.published") / "reported_results.csv"
COLUMNS = ("method", "dataset", "metric", "value", "flags", "paper", "protocol_note")
FLAGS = {
    "suspicious": "the source itself doubts it; kept, but in no range",
    "share": "printed as a share in [0, 1] where other papers print percent",
    "copied": "the paper copied it from another",
    "primary": "read in the authors' own logs or repository, not in a copy of a paper",
}
REAL = "Real video"
SAME = {"LSE-C": "Sync-C", "LSE-D": "Sync-D"}
"""Two names of one quantity: papers print SyncNet's confidence and distance as LSE or as Sync."""
EDITORS = ("Wav2Lip", "LatentSync")
"""Methods that can only edit a given video: what a paper prints of them as "(video)" is their one setting. A method
that also animates one picture keeps its settings apart, since copied pixels flatter the first."""
OURS = {
    "Sync-C": "lse_c", "Sync-D": "lse_d", "FID": "fid", "FVD": "fvd", "CSIM": "csim", "E-FID": "efid", "PSNR": "psnr",
    "SSIM": "ssim", "LPIPS": "lpips", "M-LMD": "m_lmd_px", "F-LMD": "f_lmd_px", "Acc_emo": "acc_emo",
    "LipScore": "lipscore",
}  # fmt: skip
"""Name of our metric (its key without variant) by published quantity. Published landmark distances are in pixels."""


@cache
def published(path: Traversable = PATH) -> pd.DataFrame:
    """All published values, checked.

    Returns:
        ``COLUMNS`` as in the file, and `quantity` (the metric under one name), `subject` (the method, settings apart)
        and `common` (the value on the quantity's usual scale: percent for accuracies).

    Raises:
        ReportError: the file is not what it should be; the message names the line.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            frame = pd.read_csv(stream, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise ReportError(f"{path}: not readable ({error}); restore it from the repository") from None
    if tuple(frame.columns) != COLUMNS:
        raise ReportError(f"{path}: has columns {list(frame.columns)}, expected {list(COLUMNS)}")
    values = pd.to_numeric(frame.value, errors="coerce")
    _refuse(path, ~np.isfinite(values), "value is no finite number")
    _refuse(path, (frame[["method", "dataset", "metric", "paper", "protocol_note"]] == "").any(axis=1), "empty field")
    _refuse(
        path, frame["flags"].map(lambda text: not set(text.split()) <= FLAGS.keys()), f"flags are {', '.join(FLAGS)}"
    )
    _refuse(path, frame.duplicated(["method", "dataset", "metric", "paper"]), "given twice")
    subject = frame.method.where(~frame.method.isin([f"{name} (video)" for name in EDITORS]),
                                 frame.method.str.removesuffix(" (video)"))  # fmt: skip
    common = values * frame["flags"].str.contains("share").map({True: 100, False: 1})
    return frame.assign(value=values, quantity=frame.metric.replace(SAME), subject=subject, common=common)


def select(metric: str, dataset: str, method: str | None = None) -> pd.DataFrame:
    """Values of one quantity on one dataset.

    Args:
        metric: published name (``LSE-C`` and ``Sync-C`` are one) or the name of our metric, in any case.
        dataset: in any case.
        method: a method, or where none has that name a part of names, in any case; None for all.

    Raises:
        ReportError: there is no such metric, dataset or method, or none of it here; the message names those there are.
    """
    frame = published()
    quantity = _quantity(metric)
    known = sorted(set(frame.dataset))
    if dataset.lower() not in [name.lower() for name in known]:
        raise ReportError(f"no published values on dataset {dataset!r}; there are {', '.join(known)}")
    of_metric = frame[frame.quantity == quantity]
    rows = of_metric[of_metric.dataset.str.lower() == dataset.lower()]
    if rows.empty:
        raise ReportError(
            f"{quantity} is reported on {', '.join(sorted(set(of_metric.dataset)))} only, not {dataset!r}"
        )
    if method is None:
        return rows
    subjects = rows.subject.str.lower()
    same, alike = subjects == method.lower(), subjects.str.contains(method.lower(), regex=False)
    if not alike.any():
        names = ", ".join(sorted(set(rows.subject), key=str.lower))
        raise ReportError(f"{quantity} on {dataset} is not reported of {method!r}; it is of {names}")
    return rows[same if same.any() else alike]


def spreads(rows: pd.DataFrame) -> pd.DataFrame:
    """How far papers disagree: one row per dataset, quantity and subject.

    Args:
        rows: some of `published`.

    Returns:
        Columns dataset, quantity, subject, papers, values, low, median, high, suspicious (values left out of these) and
        factor (high over low, NaN where low is not positive).
    """
    doubted = rows["flags"].str.contains("suspicious")
    kept = rows.assign(suspicious=doubted, kept=rows.common.mask(doubted), source=rows.paper.mask(doubted))
    of_kept = {"values": "count", "low": "min", "median": "median", "high": "max"}
    table = kept.groupby(["dataset", "quantity", "subject"], sort=True).agg(
        papers=("source", "nunique"), **{name: ("kept", how) for name, how in of_kept.items()},
        suspicious=("suspicious", "sum"),
    )  # fmt: skip
    table["factor"] = (table.high / table.low).where(table.low > 0)
    return table.reset_index()


def factor(low: float, high: float) -> float:
    """How many times the largest value is the smallest; NaN where that says nothing."""
    return high / low if low > 0 else math.nan


def chosen(methods: tuple[str, ...], datasets: tuple[str, ...]) -> pd.DataFrame:
    """Spreads of the methods and datasets that a report shows, in their order.

    Raises:
        ReportError: nothing is published of a method or on a dataset; the message names the config key.
    """
    frame = published()
    keys = {"reported_methods": (methods, frame.subject), "reported_datasets": (datasets, frame.dataset)}
    for key, (names, known) in keys.items():
        unknown = [name for name in names if name not in set(known)]
        if unknown:
            there = ", ".join(sorted(set(known), key=str.lower))
            raise ReportError(f"config: report.{key}: nothing is published of {unknown[0]!r}; there are {there}")
    rows = spreads(frame[frame.subject.isin(methods) & frame.dataset.isin(datasets)])
    rank = {name: place for place, name in enumerate([*datasets, *methods])}
    return rows.sort_values(["dataset", "subject"], key=lambda column: column.map(rank), kind="stable")


def _quantity(metric: str) -> str:
    names = {name.lower(): name for name in published().quantity}
    names |= {other.lower(): name for other, name in SAME.items()} | {ours: name for name, ours in OURS.items()}
    wanted = metric.lower().partition("@")[0]
    if wanted not in names:
        there = ", ".join(sorted(set(names.values()), key=str.lower))
        raise ReportError(f"no published values of metric {metric!r}; there are {there}")
    return names[wanted]


def _refuse(path: Traversable, wrong: pd.Series, fault: str) -> None:
    if wrong.any():
        raise ReportError(f"{path}: line {int(np.argmax(wrong)) + 2}: {fault}")
