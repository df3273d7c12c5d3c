"""EAD-Net against each ablation (and other method): mean, paired difference, and which differences hold.

Reads the summary. Differences are run minus full over the same clips; a difference holds when its
paired p-value stays below 0.05 after Holm's correction over all differences in the table (Holm, Scand. J. Stat. 1979).
"""

import numpy as np
import pandas as pd

from metrics.functional.statistics import holm
from metrics.spec import FAMILIES, REGISTRY
from reports.load import ReportError
from reports.numbers import NONE, count, decimals, interval, listing, number, p_value, signed
from reports.style import (
    by_rank,
    family_label,
    first_variants,
    is_baseline,
    metric_heading,
    metric_label,
    order_runs,
    overall,
    run_label,
    specs_in,
)
from reports.tables.judged import judges_on_truth
from reports.tables.layout import Cell, Panel, Table

LEVEL = 0.05
COLUMNS = (
    "run", "family", "metric", "metric_version", "n", "mean", "ci_low", "ci_high", "full_mean", "difference_vs_full",
    "difference_low", "difference_high", "p_vs_full", "p_holm", "excludes_zero", "distinguishable",
)  # fmt: skip


def build(summary: pd.DataFrame) -> Table:
    """Lay out full and the ablations.

    Args:
        summary: Columns of ``metrics.tables.SUMMARY``.

    Raises:
        ReportError: the summary has no run `full`.
    """
    frame = differences(summary)
    panels = tuple(panel for family in FAMILIES if (panel := _panel(frame, family)) is not None)
    words = " ".join([caption(frame), *judges_on_truth(summary)])
    return Table("ablation", "Ablations", words, panels, frame)


def differences(summary: pd.DataFrame) -> pd.DataFrame:
    """Every trained run and metric with its paired difference to full, columns ``COLUMNS``.

    Metrics repeated in pixels or as another variant are left out, so that no finding is counted twice.
    """
    rows = overall(summary).dropna(subset="mean")
    rows = rows[~rows.run.map(is_baseline)]
    rows = rows[rows.metric.isin(first_variants(rows.metric))].copy()
    full = rows[rows.run == "full"].set_index("metric")["mean"]
    if full.empty:
        raise ReportError("the summary holds no run 'full'; ablations are compared with it")
    rows["full_mean"] = rows.metric.map(full)
    own = rows.run == "full"
    rows.loc[own, ["difference_vs_full", "difference_low", "difference_high", "p_vs_full"]] = np.nan
    rows["p_holm"] = holm(rows.p_vs_full.to_numpy(dtype=float))
    rows["excludes_zero"] = (rows.difference_low > 0) | (rows.difference_high < 0)
    rows["distinguishable"] = rows.p_holm < LEVEL
    return by_rank(rows, run=order_runs(rows.run), metric=REGISTRY)[list(COLUMNS)].reset_index(drop=True)


def caption(frame: pd.DataFrame) -> str:
    """What the ablations show at this scale, in numbers computed from them."""
    tested = frame[frame.p_holm.notna()]
    clips = int(frame[frame.run == "full"].n.max())
    lead = (
        f"Each cell: mean over up to {count(clips, 'test clip')}, then Δ, the paired difference to full (run minus "
        "full), with its interval and bootstrap p. Bold: different from full after Holm's correction, over clips; "
        "the spread between training seeds is not in it."
    )
    if tested.empty:
        return f"{lead} No ablation was scored on the same clips as full, so nothing can be said about the modules."
    return f"{lead} {finding(tested)}"


def finding(tested: pd.DataFrame) -> str:
    """How many differences hold, in which runs, and in which runs none does."""
    found, loose = tested[tested.distinguishable], int(tested.excludes_zero.sum())
    sentence = (
        f"At this scale {len(found)} of {count(len(tested), 'difference')} hold after correction "
        f"({loose} of the uncorrected intervals exclude zero; about {LEVEL * len(tested):.0f} would by chance)."
    )
    some = [run for run in order_runs(tested.run) if run in set(found.run)]
    none = [run for run in order_runs(tested.run) if run not in set(found.run)]
    if some:
        named = (f"{run_label(run)} ({_metrics_of(found, run)})" for run in some)
        sentence += f" Different from full: {'; '.join(named)}."
    if none:
        sentence += (
            f" Not different from full by any metric: {listing([run_label(run) for run in none])}; no ranking of "
            "these should be read from the table."
        )
    return sentence


def _metrics_of(found: pd.DataFrame, run: str) -> str:
    rows = found[found.run == run]
    return listing([f"{metric_label(row.metric)} {_signed_difference(row)}" for row in rows.itertuples()])


def _signed_difference(row: object) -> str:
    return signed(row.difference_vs_full, decimals([row.difference_vs_full]))


def _panel(frame: pd.DataFrame, family: str) -> Panel | None:
    specs = specs_in(family, frame.metric)
    if not specs:
        return None
    cells = {}
    for spec in specs:
        rows = frame[frame.metric == spec.key]
        places = decimals(rows["mean"])
        cells |= {(row.run, spec.key): _cell(row, places) for row in rows.itertuples()}
    runs = order_runs(run for run, _ in cells)
    body = [(Cell(run_label(run)), *(cells.get((run, s.key), Cell(NONE)) for s in specs)) for run in runs]
    return Panel(family_label(family), ("Run", *map(metric_heading, specs)), tuple(body))


def _cell(row: object, places: int) -> Cell:
    """A run's mean; for an ablation also the difference, its interval and p."""
    if row.run == "full":
        return Cell(number(row.mean, places), interval(row.ci_low, row.ci_high, places))
    if np.isnan(row.difference_vs_full):
        return Cell(number(row.mean, places))
    finer = min(places + 1, 3)
    bounds = interval(row.difference_low, row.difference_high, finer)
    chance = "" if np.isnan(row.p_vs_full) else f", p {p_value(row.p_vs_full)}"
    change = f"Δ {signed(row.difference_vs_full, finer)} {bounds}{chance}"
    return Cell(number(row.mean, places), change, row.distinguishable)
