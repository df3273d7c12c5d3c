"""EAD-Net against each ablation (and other method): mean, paired difference, and which differences are decided.

Reads the summary, which holds the decisions (``metrics.summary.decisions`` states them). Differences are run minus full
over the same clips; of metrics with a target, differences of the distance to it.
"""

import numpy as np
import pandas as pd

from metrics.spec import FAMILIES, REGISTRY, families_of, first_variants
from metrics.summary.decisions import LEVEL
from metrics.tables import AGAIN, BASELINE, METHOD, TRAINED, VARIANT
from reports.load import ReportError
from reports.numbers import NONE, count, decimals, interval, listing, number, p_value, signed
from reports.style import (
    by_rank,
    family_label,
    headline_heading,
    headline_place,
    metric_label,
    order_runs,
    overall,
    run_label,
    specs_in,
)
from reports.tables.clip_notes import note_panels
from reports.tables.judged import judges_on_truth
from reports.tables.layout import Cell, Panel, Table
from reports.tables.levels import level_cell, speakers_sentence

COLUMNS = (
    "corpus", "slice", "run", "kind", "family", "metric", "metric_version", "n", "clips", "clusters", "mean", "ci_low",
    "ci_high", "distance", "distance_low", "distance_high", "full_mean", "difference_vs_full", "difference_low",
    "difference_high", "p_vs_full", "least_p", "p_holm", "smallest", "null_reach", "excludes_zero", "decided",
)  # fmt: skip
GROUPS = {
    "": (TRAINED, AGAIN),
    "Other ways of sampling": (VARIANT,),
    "Methods of other authors": (METHOD,),
}
"""Kinds of runs that stand together below `full`, by heading; each compared kind is a family of Holm's correction."""


def build(summary: pd.DataFrame, scores: pd.DataFrame | None = None) -> Table:
    """Lay out full and the ablations.

    Args:
        summary: Columns of ``metrics.tables.SUMMARY``.
        scores: Columns of ``metrics.tables.SCORES``, for the notes on clips; None shows none.

    Raises:
        ReportError: the summary has no run `full`.
    """
    frame = differences(summary)
    panels = [panel for title, kinds in GROUPS.items() for panel in _group(frame, title, kinds)]
    panels += note_panels(None if scores is None else scores[scores.run.isin(frame.run)])
    words = " ".join(filter(None, [caption(frame), speakers_sentence(overall(summary)), *judges_on_truth(summary)]))
    return Table("ablation", "Ablations", words, tuple(panels), frame)


def differences(summary: pd.DataFrame) -> pd.DataFrame:
    """Every run and metric with its paired difference to full, columns ``COLUMNS``; no baselines.

    Metrics repeated in pixels or as another variant are left out, so that no finding is counted twice.
    """
    rows = overall(summary).dropna(subset="mean")
    rows = rows[rows.kind != BASELINE]
    rows = rows[rows.metric.isin(first_variants(rows.metric))].copy()
    full = rows[rows.run == "full"].set_index("metric")["mean"]
    if full.empty:
        raise ReportError("the summary holds no run 'full'; ablations are compared with it")
    rows["full_mean"] = rows.metric.map(full)
    own = rows.run == "full"
    rows.loc[own, ["difference_vs_full", "difference_low", "difference_high", "p_vs_full"]] = np.nan
    rows["excludes_zero"] = (rows.difference_low > 0) | (rows.difference_high < 0)
    rows["decided"] = rows.decided.eq(True)
    return by_rank(rows, run=order_runs(rows.run), metric=REGISTRY)[list(COLUMNS)].reset_index(drop=True)


def hypotheses(frame: pd.DataFrame, kind: str = TRAINED) -> pd.DataFrame:
    """The differences of one kind of runs that Holm's correction counts: one family."""
    return frame[(frame.kind == kind) & frame.p_holm.notna()]


def caption(frame: pd.DataFrame) -> str:
    """What the ablations show at this scale, in numbers computed from them."""
    estimated = frame.metric.map(lambda key: REGISTRY[key].family in families_of("networks"))  # of no test clip
    clips = int(frame.n[(frame.run == "full") & ~estimated].max())
    lead = (
        f"Each cell: mean over up to {count(clips, 'test clip')}, then Δ, the paired difference to full (run minus "
        "full; where an ideal value is named, of the distance to it), with its interval and the p-value of the "
        "sign-flip test over speakers. Bold: decided."
    )
    tested = hypotheses(frame)
    if tested.empty:
        return f"{lead} No ablation was scored on the same clips as full, so nothing can be said about the modules."
    others = hypotheses(frame, METHOD)
    more = f" Methods of other authors are a family of their own: {_counted(others)}." if len(others) else ""
    return f"{lead} {finding(frame)}{more}"


def finding(frame: pd.DataFrame) -> str:
    """How many differences of the ablations are decided, in which runs, and in which runs none is."""
    tested = hypotheses(frame)
    found = tested[tested.decided]
    sentence = (
        f"At this scale {_counted(tested)}: p below {LEVEL} after Holm's correction over all of them, an interval "
        f"without 0, the size that matters for the metric reached{_null_words(frame)}. {_uncorrected(tested)}"
    )
    least = tested.least_p.min()
    if least * len(tested) >= LEVEL:
        sentence += f" So few speakers allow no p below {least:.3g}, which after correction decides nothing."
    some = [run for run in order_runs(tested.run) if run in set(found.run)]
    none = [run for run in order_runs(tested.run) if run not in set(found.run)]
    if some:
        named = (f"{run_label(run)} ({_metrics_of(found, run)})" for run in some)
        sentence += f" Different from full: {'; '.join(named)}."
    if none:
        sentence += (
            f" Not decidedly different from full by any metric: {listing([run_label(run) for run in none])}; no "
            "ranking of these should be read from the table."
        )
    return sentence


def _counted(tested: pd.DataFrame) -> str:
    decided = int(tested.decided.sum())
    return f"{decided} of {count(len(tested), 'difference')} {'is' if decided == 1 else 'are'} decided"


def _uncorrected(tested: pd.DataFrame) -> str:
    """What a reader of single intervals would have found instead."""
    return (
        f"({int(tested.excludes_zero.sum())} of the single intervals exclude 0; about {LEVEL * len(tested):.0f} would "
        "by chance.)"
    )


def _null_words(frame: pd.DataFrame) -> str:
    """The last condition, or that there is none."""
    again = [run for run in order_runs(frame.run) if run in set(frame.run[frame.kind == AGAIN])]
    if again:
        return f", and more than the seed of training alone may change ({listing([run_label(run) for run in again])})"
    return " (full was not trained again, so a difference may still be that of a seed)"


def _metrics_of(found: pd.DataFrame, run: str) -> str:
    rows = found[found.run == run]
    return listing(
        [
            f"{metric_label(row.metric)}{headline_place(row.metric, found)} {_signed_difference(row)}"
            for row in rows.itertuples()
        ]
    )


def _signed_difference(row: object) -> str:
    return signed(row.difference_vs_full, decimals([row.difference_vs_full]))


def _group(frame: pd.DataFrame, title: str, kinds: tuple[str, ...]) -> list[Panel]:
    rows = frame[frame.kind.isin(kinds) | (frame.run == "full")]
    if not rows.kind.isin(kinds).any():
        return []
    return [panel for family in FAMILIES if (panel := _panel(rows, family, title)) is not None]


def _panel(frame: pd.DataFrame, family: str, group: str) -> Panel | None:
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
    return Panel(family_label(family), ("Run", *(headline_heading(spec, frame) for spec in specs)), tuple(body), group)


def _cell(row: object, places: int) -> Cell:
    """A run's mean; for an ablation also the difference, its interval and p; the null row stands back."""
    if row.run == "full":
        return level_cell(row, REGISTRY[row.metric], places)
    if np.isnan(row.difference_vs_full):
        return Cell(number(row.mean, places))
    finer = min(places + 1, 3)
    bounds = interval(row.difference_low, row.difference_high, finer)
    chance = "" if np.isnan(row.p_vs_full) else f", p {p_value(row.p_vs_full)}"
    change = f"Δ {signed(row.difference_vs_full, finer)} {bounds}{chance}"
    return Cell(number(row.mean, places), change, row.decided, muted=row.kind == AGAIN)
