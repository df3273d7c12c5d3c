"""Summarise scores: mean, spread, coverage, bootstrap intervals, and paired comparison with ``full`` and every rival.

Run as ``python -m metrics summarise``. Reads SCORES tables; writes them as one, SUMMARY and PAIRWISE. Clips are
resampled, and where a run has several seeds, seeds too (crossed: every replicate draws both), always the same clips for
all runs. The maths stand in `metrics.functional.statistics`.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from eadnet.config.configuration import BASELINES
from eadnet.config.section import ConfigError
from eadnet.tables import read_tables, write_table
from metrics.functional.statistics import Difference, Replicates, Resampling, draw_weights, holm
from metrics.spec import REGISTRY, MetricSpec, family
from metrics.summary.sets import against_full, read_pairs, set_groups, set_numbers
from metrics.tables import (
    ALL,
    LABEL_GIVEN,
    LEVELLED,
    LEVELS,
    MADE_UNDER,
    NOT_APPLICABLE,
    PAIRWISE,
    PEOPLE,
    SCORES,
    SUMMARY,
    join_commits,
)

BASELINE = "full"
MOST_DRAWS, FEWEST_REPLICATES = 50_000_000, 1000
"""Bound of replicates times clips, and the replicates that are made in any case: captions are of all clips, and
the more there are, the fewer replicates their mean's interval needs."""
BLANK = dict.fromkeys(
    ("mean", "std", "ci_low", "ci_high", "difference_vs_full", "difference_low", "difference_high", "p_vs_full",
     "p_holm", "reason", "notes")
)  # fmt: skip


def summarise(
    scores: list[Path],
    resampling: Resampling,
    output_scores: str | Path,
    output_summary: str | Path,
    output_pairwise: str | Path | None = None,
    pooled: Collection[str] = (),
    set_pairs: str | Path | None = None,
) -> pd.DataFrame:
    """Join score tables, and summarise and compare them.

    Args:
        scores: SCORES tables, one per run, seed and family.
        resampling: replicates, and the confidence of the intervals.
        output_scores: parquet file for the join_commits table.
        output_summary: parquet file for the summary.
        output_pairwise: parquet file for the comparison of every two runs; None leaves it out.
        pooled: corpora whose clips together count as `all`; empty: every corpus.
        set_pairs: SET_PAIRS table, the comparison by metrics of sets; None: there is none.

    Returns:
        The summary, columns as `metrics.tables.SUMMARY`.

    Raises:
        ConfigError: no tables, a value of one key twice, or two versions of one metric.
    """
    table = read_tables(scores, SCORES).sort_values(["metric", "run", "seed", "clip_id"], kind="stable")
    table = table.reset_index(drop=True)
    check(table)
    write_table(table, output_scores, SCORES)
    rows = list(summary_rows(table, resampling, pooled, read_pairs(set_pairs)))
    write_table(rows, output_summary, SUMMARY)
    if output_pairwise is not None:
        write_table(list(pairwise_rows(table, resampling, pooled)), output_pairwise, PAIRWISE)
    return pd.DataFrame(rows)


def check(table: pd.DataFrame) -> None:
    """Make sure that the rows can be compared.

    Raises:
        ConfigError: the table is empty, names a value twice, or mixes versions or evaluators of one metric.
    """
    if table.empty:
        raise ConfigError("no scores to summarise; give at least one --scores")
    twice = table[table.duplicated(["run", "seed", "corpus", "draw", "clip_id", "metric"])]
    if len(twice):
        row = twice.iloc[0]
        raise ConfigError(f"{row['run']}/{row['seed']}: {row['metric']} of {row['clip_id']} is given twice")
    for column in ("metric_version", "evaluator_sha256"):
        kinds = table.groupby("metric")[column].nunique()
        if (kinds > 1).any():
            raise ConfigError(f"{kinds.idxmax()}: scores with different {column}; score all runs again")


def summary_rows(
    table: pd.DataFrame, resampling: Resampling, pooled: Collection[str] = (), pairs: pd.DataFrame | None = None
) -> Iterator[dict]:
    """One row per metric, corpus, slice and run; metrics in registry order. `pairs` as ``read_pairs`` gives them."""
    pairs = read_pairs(None) if pairs is None else pairs
    for key, spec in REGISTRY.items():
        of_metric = table[table["metric"] == key]
        if spec.is_category or of_metric.empty:
            continue
        if spec.level == "set":
            for corpus, part, run, rows in set_groups(of_metric):
                place = {"corpus": corpus, "slice": part}
                yield _set_row(rows, spec, run) | place | against_full(pairs, key, corpus, part, run)
            continue
        yield from _inapplicable_rows(of_metric, spec)
        for corpus, rows in of_corpora(of_metric, pooled):
            for name in slices_of(spec):
                yield from _slice_rows(in_slice(rows, name), spec, {"corpus": corpus, "slice": name}, resampling)


def pairwise_rows(table: pd.DataFrame, resampling: Resampling, pooled: Collection[str] = ()) -> Iterator[dict]:
    """Two rows per metric, corpus and pair of runs, one in either order; metrics in registry order."""
    for key, spec in REGISTRY.items():
        of_metric = table[table["metric"] == key]
        if spec.level == "set" or spec.is_category or of_metric.empty:
            continue
        for corpus, rows in of_corpora(of_metric, pooled):
            replicates = _replicates(rows, resampling)
            pairs = list(combinations(sorted(replicates.values), 2))
            found = [replicates.difference(*pair) for pair in pairs]
            known = [
                np.nan if d.p is None or {*pair} & {*BASELINES} else d.p for pair, d in zip(pairs, found, strict=True)
            ]
            labels = {"corpus": corpus, "slice": ALL, "metric": key}
            for (run, rival), difference, p_holm in zip(pairs, found, holm(known), strict=True):
                yield _pair(run, rival, difference, p_holm) | labels
                yield _pair(rival, run, difference.reversed(), p_holm) | labels


def of_corpora(rows: pd.DataFrame, pooled: Collection[str] = ()) -> Iterator[tuple[str, pd.DataFrame]]:
    """Scores of the pooled corpora (all if none is named) together, then of each."""
    yield ALL, rows[rows["corpus"].isin(pooled)] if pooled else rows
    for corpus in sorted(rows["corpus"].unique()):
        yield corpus, rows[rows["corpus"] == corpus]


def slices_of(spec: MetricSpec) -> tuple[str, ...]:
    """Slices of a metric: everything, of videos kinds of people (no captioner knows any), of emotion its levels."""
    people = PEOPLE if family(spec.family).of == "videos" else ()
    return (ALL, *people, *(LEVELS if spec.name in LEVELLED else ()))


def in_slice(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rows of clips in one of `metrics.tables.SLICES`."""
    if name == ALL:
        return table
    if name in LEVELS:
        return table[table["emotion_level"] == int(name.removeprefix("level_"))]
    return table[table["seen_speaker"].astype("boolean").fillna(False) == (name == "seen_people")]


def values_matrix(rows: pd.DataFrame, clip_ids: list[str]) -> np.ndarray:
    """(seeds, clips) float64 values of one run and metric, by sorted clip_ids; NaN where there is none."""
    seeds = np.unique(rows["seed"])
    matrix = np.full((len(seeds), len(clip_ids)), np.nan)
    places = np.searchsorted(seeds, rows["seed"]), np.searchsorted(np.array(clip_ids, object), rows["clip_id"])
    matrix[places] = rows["value"].astype(float)
    return matrix


def _replicates(rows: pd.DataFrame, resampling: Resampling) -> Replicates:
    """Values of every run of one metric over the clips to which it applies, resampled together."""
    applicable = rows[~rows["status"].isin(NOT_APPLICABLE)]
    clip_ids = sorted(applicable["clip_id"].unique())
    runs = {str(run): values_matrix(own, clip_ids) for run, own in applicable.groupby("run", sort=False)}
    affordable = max(FEWEST_REPLICATES, MOST_DRAWS // max(len(clip_ids), 1))
    resampling = replace(resampling, replicates=min(resampling.replicates, affordable))
    weights = draw_weights(len(clip_ids), resampling.replicates, "clips") if clip_ids else np.zeros((0, 0))
    return Replicates(runs, weights, resampling)


def _slice_rows(part: pd.DataFrame, spec: MetricSpec, place: dict, resampling: Resampling) -> list[dict]:
    replicates = _replicates(part, resampling)
    applicable = ~part["status"].isin(NOT_APPLICABLE)
    made = []
    for run in replicates.values:
        own = part[applicable & (part["run"] == run)]
        made.append(_labels(own, spec, run) | place | _numbers(run, own, replicates))
    tested = [np.nan if row["p_vs_full"] is None or row["run"] in BASELINES else row["p_vs_full"] for row in made]
    return [row | {"p_holm": _or_none(p)} for row, p in zip(made, holm(tested), strict=True)]


def _inapplicable_rows(rows: pd.DataFrame, spec: MetricSpec) -> Iterator[dict]:
    """Runs to no clip of which the metric applies: a row that states why."""
    for run, own in rows.groupby("run", sort=False):
        if own["status"].isin(NOT_APPLICABLE).all():
            nothing = BLANK | {"n": 0, "n_missing": 0, "coverage": None, "reason": why_none(own)}
            yield _labels(own, spec, str(run)) | {"corpus": ALL, "slice": ALL} | nothing


def _numbers(run: str, rows: pd.DataFrame, replicates: Replicates) -> dict:
    """Counts, mean, spread, interval and comparison with `full` of one run, whose applicable rows are given."""
    matrix, of_clip = replicates.values[run], replicates.of_clip[run]
    n, wanted = int(np.isfinite(matrix).sum()), len(rows)
    numbers = BLANK | {"n": n, "n_missing": wanted - n, "coverage": n / wanted}
    if not n:
        return numbers | {"reason": why_none(rows)}
    low, high = replicates.resampling.interval(replicates.whole(run))
    spread = float(np.nanstd(of_clip, ddof=1)) if np.isfinite(of_clip).sum() > 1 else None
    numbers |= {"mean": float(np.nanmean(matrix)), "std": spread, "ci_low": low, "ci_high": high}
    if run == BASELINE or BASELINE not in replicates.values:
        return numbers
    found = replicates.difference(run, BASELINE)
    return numbers | {
        "difference_vs_full": found.mean, "difference_low": found.low, "difference_high": found.high,
        "p_vs_full": found.p,
    }  # fmt: skip


def _set_row(rows: pd.DataFrame, spec: MetricSpec, run: str) -> dict:
    """Counts, mean and interval of one run's set; why there is none."""
    numbers = BLANK | set_numbers(rows)
    return _labels(rows, spec, run) | numbers | ({} if numbers["mean"] is not None else {"reason": why_none(rows)})


def why_none(rows: pd.DataFrame) -> str | None:
    """The most frequent reason why rows hold no value; the status where they give no reason.

    That the captioner was given the label comes before any reason that holds for clips of other corpora.
    """
    rows = rows[rows["status"] == LABEL_GIVEN] if (rows["status"] == LABEL_GIVEN).any() else rows
    said = rows["reason"].where(rows["reason"].fillna("") != "", rows["status"]).dropna()
    return said.mode().iloc[0] if len(said) else None


def _pair(run: str, rival: str, found: Difference, p_holm: float) -> dict:
    return {
        "run": run, "rival": rival, "n": found.n, "difference": found.mean, "difference_low": found.low,
        "difference_high": found.high, "p": found.p, "p_holm": _or_none(p_holm),
    }  # fmt: skip


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _split(rows: pd.DataFrame) -> str:
    """The split that the clips are of; captions are of several."""
    splits = rows["split"].unique()
    return splits[0] if len(splits) == 1 else ALL


def _labels(rows: pd.DataFrame, spec: MetricSpec, run: str) -> dict:
    first = rows.iloc[0]
    return {
        "run": run, "seeds": int(rows["seed"].nunique()), "split": _split(rows), "family": spec.family,
        "metric": spec.key, "metric_version": int(first["metric_version"]), "level": spec.level,
        "evaluator_sha256": first["evaluator_sha256"],
    } | {name: join_commits(rows[name].unique()) for name in (*MADE_UNDER, "commit")}  # fmt: skip
