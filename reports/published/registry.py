"""The registry of published numbers: one row a value, with the paper that prints it, whose run it is and on what.

Reads ``registry.parquet`` beside this file, which ``reports.published.importing`` writes. Most values were parsed by
machine from full texts: check one against the paper before printing it. Papers differ in crops, clips, extractors and
scripts, so a value is comparable with others of the same paper only; nothing here computes a difference between
papers, and only spreads are shown.
"""

import math
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np
import pandas as pd

from reports.load import ReportError
from reports.published.vocabulary import EDITORS, METRICS, OURS, SAME, scale
from reports.style import by_rank

PATH = files("reports.published") / "registry.parquet"
COLUMNS = (
    "method", "dataset", "metric", "printed", "unit", "direction", "paper", "paper_id", "table", "kind", "whose",
    "copied_from", "clips", "checked", "old_value", "stated", "flags", "note",
)  # fmt: skip
SUSPICIOUS = "suspicious"


@cache
def published(path: Traversable = PATH) -> pd.DataFrame:
    """All published values.

    Returns:
        ``COLUMNS`` as in the file (`clips` is a nullable integer), and

        - value: `printed` as a number;
        - common: the value in the quantity's usual unit (percent for accuracies, shares for similarities);
        - quantity: `metric`;
        - subject: the method, settings apart;
        - source: the paper, by its arXiv number where it has one;
        - origin: the paper that measured: of a copy the one it is copied from.

    Raises:
        ReportError: the file is not what it should be.
    """
    try:
        with path.open("rb") as stream:
            frame = pd.read_parquet(stream)
    except (OSError, ValueError) as error:  # pyarrow's own errors are of these kinds
        raise ReportError(f"{path}: not readable ({error}); restore it from the repository") from None
    if tuple(frame.columns) != COLUMNS:
        raise ReportError(f"{path}: has columns {list(frame.columns)}, expected {list(COLUMNS)}")
    value = pd.to_numeric(frame.printed, errors="coerce")
    if not np.isfinite(value).all():
        place = int(np.argmin(np.isfinite(value)))
        raise ReportError(f"{path}: row {place}: {frame.printed[place]!r} is no finite number; write the registry anew")
    factors = [scale(unit, METRICS[metric].unit) for unit, metric in zip(frame.unit, frame.metric, strict=True)]
    editing = frame.method.isin([f"{name} (video)" for name in EDITORS])
    subject = frame.method.where(~editing, frame.method.str.removesuffix(" (video)"))
    source = frame.paper_id.where(frame.paper_id != "", frame.paper)
    origin = source.where(frame.kind != "copy", frame.copied_from.str.partition(" Table ")[0])
    return frame.assign(
        value=value, common=value * factors, quantity=frame.metric, subject=subject, source=source, origin=origin
    )


def select(metric: str, dataset: str, method: str | None = None, ablations: bool = False) -> pd.DataFrame:
    """Values of one quantity on one dataset.

    Args:
        metric: published name (``LSE-C`` and ``Sync-C`` are one) or the name of our metric, in any case.
        dataset: in any case.
        method: a method, or where none has that name a part of names, in any case; None for all.
        ablations: whether variants that papers print of their own method are among them.

    Raises:
        ReportError: there is no such metric, dataset or method, or none of it here; the message names those there are.
    """
    frame = published()
    quantity = _quantity(metric)
    known = sorted(set(frame.dataset))
    if dataset.lower() not in [name.lower() for name in known]:
        raise ReportError(f"no published values on dataset {dataset!r}; there are {', '.join(known)}")
    frame = frame if ablations else without_ablations(frame)
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
        names = _some(sorted(set(rows.subject), key=str.lower))
        raise ReportError(f"{quantity} on {dataset} is not reported of {method!r}; it is of {names}")
    return rows[same if same.any() else alike]


def without_ablations(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows without the variants that papers print of their own method."""
    return rows[rows.kind != "own ablation"]


def measured(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows that count: without doubted values, and without copies of what stands in the registry.

    A copy whose original is not there (by its paper or, where that is not known, by its value) stands for it, once.
    """
    rows = rows[~rows["flags"].str.contains(SUSPICIOUS)]
    copies = rows.kind == "copy"
    original = rows[~copies]

    def stands(column: str) -> np.ndarray:
        what = ["dataset", "quantity", "subject", column]
        return pd.MultiIndex.from_frame(rows[what]).isin(pd.MultiIndex.from_frame(original[what]))

    alone = copies & ~stands("origin") & ~stands("common")
    again = rows.duplicated(["dataset", "quantity", "subject", "origin", "common"])
    return rows[~copies | (alone & ~again)]


def by_paper(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a dataset, quantity, subject and paper that measured: what a plot shows as a dot.

    Args:
        rows: some of `published`.

    Returns:
        Columns dataset, quantity, subject, origin, common (the median of the paper's values: papers print several
        settings), values (how many), clips (the most that the paper states for these, missing where it states none)
        and own (whether the method is the paper's own).
    """
    counted = measured(rows)
    counted = counted.assign(own=counted.whose == "own method", clips=counted.clips.astype("Float64"))
    table = counted.groupby(["dataset", "quantity", "subject", "origin"], sort=True).agg(
        common=("common", "median"), values=("common", "size"), clips=("clips", "max"), own=("own", "any")
    )
    return table.reset_index()


def spreads(rows: pd.DataFrame) -> pd.DataFrame:
    """How far papers disagree: one row per dataset, quantity and subject; a paper counts once, by its median.

    Args:
        rows: some of `published`.

    Returns:
        Columns dataset, quantity, subject, papers, values (that count), copies, suspicious (values left out as such),
        low, median, high, factor (high over low, NaN where low is not positive), stated (papers that state how many
        clips), clips_low and clips_high (the fewest and the most that one states; NaN where none does).
    """
    keys = ["dataset", "quantity", "subject"]
    papers = by_paper(rows)
    table = papers.groupby(keys, sort=True).agg(
        papers=("origin", "nunique"), values=("values", "sum"), low=("common", "min"), median=("common", "median"),
        high=("common", "max"), stated=("clips", "count"), clips_low=("clips", "min"), clips_high=("clips", "max"),
    )  # fmt: skip
    doubted = rows["flags"].str.contains(SUSPICIOUS)
    left_out = rows.assign(suspicious=doubted, copies=(rows.kind == "copy") & ~doubted).groupby(keys, sort=True)
    table = left_out[["suspicious", "copies"]].sum().join(table)
    counts = ["papers", "values", "stated"]
    table[counts] = table[counts].fillna(0).astype(int)
    table[["clips_low", "clips_high"]] = table[["clips_low", "clips_high"]].astype(float)
    table["factor"] = (table.high / table.low).where(table.low > 0)
    return table.reset_index()


def factor(low: float, high: float) -> float:
    """How many times the largest value is the smallest; NaN where that means nothing."""
    return high / low if low > 0 else math.nan


def chosen(methods: tuple[str, ...], datasets: tuple[str, ...]) -> pd.DataFrame:
    """Spreads of the methods and datasets that a report shows, in their order.

    Raises:
        ReportError: nothing is published of a method or on a dataset; the message names the config key.
    """
    frame = without_ablations(published())
    keys = {"reported_methods": (methods, frame.subject), "reported_datasets": (datasets, frame.dataset)}
    for key, (names, known) in keys.items():
        unknown = [name for name in names if name not in set(known)]
        if unknown:
            there = _some(known.value_counts(sort=True).index)
            raise ReportError(f"config: report.{key}: nothing is published of {unknown[0]!r}; there are {there}")
    rows = spreads(frame[frame.subject.isin(methods) & frame.dataset.isin(datasets)])
    return by_rank(rows, dataset=datasets, subject=methods)


def _quantity(metric: str) -> str:
    names = {name.lower(): name for name in METRICS}
    names |= {other.lower(): name for other, name in SAME.items()} | {ours: name for name, ours in OURS.items()}
    wanted = metric.lower().partition("@")[0]
    if wanted not in names:
        there = ", ".join(sorted(set(names.values()), key=str.lower))
        raise ReportError(f"no published values of metric {metric!r}; there are {there}")
    return names[wanted]


def _some(names: list[str] | pd.Index, most: int = 40) -> str:
    """Names in a line that a person can still read."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
