"""Summarise scores: mean, spread, coverage, intervals, and paired comparison with ``full`` and every rival.

Run as ``python -m metrics summarise``. Reads SCORES tables; writes them as one, SUMMARY and PAIRWISE. The maths stand
in ``metrics.functional.statistics``, what counts as a decided difference in ``metrics.summary.decisions``.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from eadnet.config.configuration import BASELINES
from eadnet.config.section import ConfigError
from eadnet.tables import read_tables, write_table
from metrics.functional.statistics import Clustered, Difference, Resampling, holm
from metrics.spec import REGISTRY, MetricSpec, family
from metrics.summary.decisions import Contest, decide, merit
from metrics.summary.kinds import Kinds
from metrics.summary.sets import against_full, read_pairs, set_groups, set_numbers
from metrics.tables import (
    ALL,
    BASELINE,
    FULL,
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

BLANK = {"clips": 0, "clusters": 0} | dict.fromkeys(
    ("mean", "std", "ci_low", "ci_high", "distance", "distance_low", "distance_high", "difference_vs_full",
     "difference_low", "difference_high", "p_vs_full", "least_p", "p_holm", "smallest", "null_reach", "decided", "best",
     "headline", "reason", "notes")
)  # fmt: skip


def summarise(
    scores: list[Path],
    resampling: Resampling,
    output_scores: str | Path,
    output_summary: str | Path,
    output_pairwise: str | Path | None = None,
    pooled: Collection[str] = (),
    kinds: Kinds = Kinds(),  # noqa: B008 - frozen
    set_pairs: str | Path | None = None,
) -> pd.DataFrame:
    """Join score tables, and summarise and compare them.

    Args:
        scores: SCORES tables, one per run, seed and family.
        resampling: confidence of the intervals, and random sign patterns of tests over many speakers.
        output_scores: parquet file for the join_commits table.
        output_summary: parquet file for the summary.
        output_pairwise: parquet file for the comparison of every two runs; None leaves it out.
        pooled: corpora whose clips together count as `all`; empty: every corpus.
        kinds: which runs are no trained ones.
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
    rows = summary_rows(table, resampling, pooled, kinds, read_pairs(set_pairs))
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
    table: pd.DataFrame,
    resampling: Resampling,
    pooled: Collection[str] = (),
    kinds: Kinds = Kinds(),  # noqa: B008 - frozen
    pairs: pd.DataFrame | None = None,
) -> list[dict]:
    """One row per metric, corpus, slice and run; metrics in registry order. `pairs` as ``read_pairs`` gives them."""
    pairs = read_pairs(None) if pairs is None else pairs
    rows, contests = [], []
    for key, spec in REGISTRY.items():
        of_metric = table[table["metric"] == key]
        if spec.is_category or of_metric.empty:
            continue
        if spec.level == "set":
            for corpus, part, run, own in set_groups(of_metric):
                place = {"corpus": corpus, "slice": part}
                rows.append(_set_row(own, spec, run) | place | against_full(pairs, key, corpus, part, run))
            continue
        rows += _inapplicable_rows(of_metric, spec)
        for corpus, part in of_corpora(of_metric, pooled):
            for name in slices_of(spec):
                place = {"corpus": corpus, "slice": name}
                made, judged = _slice_rows(in_slice(part, name), spec, place, resampling)
                rows += made
                contests += _contests(made, spec, judged, kinds)
    return decide([row | {"kind": kinds.of(row["run"])} for row in rows], contests)


def pairwise_rows(table: pd.DataFrame, resampling: Resampling, pooled: Collection[str] = ()) -> Iterator[dict]:
    """Two rows per metric, corpus and pair of runs, one in either order; metrics in registry order."""
    for key, spec in REGISTRY.items():
        of_metric = table[table["metric"] == key]
        if spec.level == "set" or spec.is_category or of_metric.empty:
            continue
        for corpus, rows in of_corpora(of_metric, pooled):
            judged = as_judged(clustered(rows, resampling), spec)
            pairs = list(combinations(sorted(judged.values), 2))
            found = [judged.difference(*pair) for pair in pairs]
            known = [
                np.nan if d.p is None or {*pair} & {*BASELINES} else d.p for pair, d in zip(pairs, found, strict=True)
            ]
            labels = {"corpus": corpus, "slice": ALL, "metric": key}
            for (run, rival), difference, corrected in zip(pairs, found, holm(known), strict=True):
                yield _pair(run, rival, difference, corrected) | labels
                yield _pair(rival, run, difference.reversed(), corrected) | labels


def of_corpora(rows: pd.DataFrame, pooled: Collection[str] = ()) -> Iterator[tuple[str, pd.DataFrame]]:
    """Scores of the pooled corpora (all if none is named) together, then of each."""
    yield ALL, rows[rows["corpus"].isin(pooled)] if pooled else rows
    for corpus in sorted(rows["corpus"].unique()):
        yield corpus, rows[rows["corpus"] == corpus]


def slices_of(spec: MetricSpec) -> tuple[str, ...]:
    """Slices of a metric: everything, kinds of people (no captioner knows any), of emotion its levels."""
    people = () if family(spec.family).of == "captions" else PEOPLE
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


def clustered(rows: pd.DataFrame, resampling: Resampling) -> Clustered:
    """Values of every run of one metric over the clips to which it applies, grouped by speaker."""
    applicable = rows[~rows["status"].isin(NOT_APPLICABLE)]
    clip_ids = sorted(applicable["clip_id"].unique())
    runs = {str(run): values_matrix(own, clip_ids) for run, own in applicable.groupby("run", sort=False)}
    return Clustered(runs, speakers_of(applicable, clip_ids), resampling)


def as_judged(values: Clustered, spec: MetricSpec) -> Clustered:
    """What runs are judged by: the values themselves, or each clip's distance to the metric's target."""
    if not spec.by_distance:
        return values
    return values.mapped(lambda matrix: np.abs(matrix - spec.target))


def speakers_of(rows: pd.DataFrame, clip_ids: Iterable[str]) -> list[str]:
    """The speaker of each clip, with the corpus; a clip of unknown speaker stands for one of its own."""
    first = rows.drop_duplicates("clip_id").set_index("clip_id")
    named = first["corpus"].astype(str) + "/" + first["speaker"].astype("string")
    own = pd.Series([f"clip {name}" for name in first.index], index=first.index)
    return named.fillna(own).loc[list(clip_ids)].astype(str).tolist()


def _slice_rows(
    part: pd.DataFrame, spec: MetricSpec, place: dict, resampling: Resampling
) -> tuple[list[dict], Clustered]:
    """The rows of one corpus and slice, and the values by which its runs are judged."""
    values = clustered(part, resampling)
    judged = as_judged(values, spec)
    applicable = ~part["status"].isin(NOT_APPLICABLE)
    made = []
    for run in values.values:
        own = part[applicable & (part["run"] == run)]
        made.append(_labels(own, spec, run) | place | _numbers(run, own, spec, values, judged))
    return made, judged


def _contests(rows: list[dict], spec: MetricSpec, judged: Clustered, kinds: Kinds) -> Iterator[Contest]:
    """The best run of each kind with full coverage beside the next best, where there are two."""
    fielded: dict[str, list[tuple[float, dict]]] = {}
    for row in rows:
        mean = row["distance"] if spec.by_distance else row["mean"]
        if spec.is_judged and mean is not None and row["n_missing"] == 0:
            fielded.setdefault(kinds.of(row["run"]), []).append((merit(mean, spec), row))
    for kind, runs in fielded.items():
        if kind == BASELINE or len(runs) < 2:
            continue
        (_, best), (_, rival) = sorted(runs, key=lambda item: -item[0])[:2]
        found = judged.difference(best["run"], rival["run"])
        place = best["corpus"], best["slice"]
        yield Contest(place, kind, spec.key, best["run"], found, rival["mean"])


def _inapplicable_rows(rows: pd.DataFrame, spec: MetricSpec) -> Iterator[dict]:
    """Runs to no clip of which the metric applies: a row that states why."""
    for run, own in rows.groupby("run", sort=False):
        if own["status"].isin(NOT_APPLICABLE).all():
            nothing = BLANK | {"n": 0, "n_missing": 0, "coverage": None, "reason": why_none(own)}
            yield _labels(own, spec, str(run)) | {"corpus": ALL, "slice": ALL} | nothing


def _numbers(run: str, rows: pd.DataFrame, spec: MetricSpec, values: Clustered, judged: Clustered) -> dict:
    """Counts, mean, spread, interval and comparison with `full` of one run, whose applicable rows are given."""
    n, wanted = int(np.isfinite(values.values[run]).sum()), len(rows)
    numbers = BLANK | {"n": n, "n_missing": wanted - n, "coverage": n / wanted}
    if not n:
        return numbers | {"reason": why_none(rows)}
    level, of_clip = values.level(run, spec.yes_no), values.of_clip[run]
    numbers |= {
        "clips": level.n, "clusters": level.clusters, "mean": level.mean,
        "std": float(np.nanstd(of_clip, ddof=1)) if level.n > 1 else None,
    } | _bounded("ci", level.low, level.high, spec)  # fmt: skip
    if spec.by_distance:
        away = judged.level(run)
        numbers |= {"distance": away.mean, "distance_low": _floor(away.low), "distance_high": away.high}
    if run == FULL or FULL not in values.values:
        return numbers
    found = judged.difference(run, FULL)
    return numbers | {
        "difference_vs_full": found.mean, "difference_low": found.low, "difference_high": found.high,
        "p_vs_full": found.p, "least_p": found.least_p,
    }  # fmt: skip


def _bounded(name: str, low: float | None, high: float | None, spec: MetricSpec) -> dict:
    """An interval of a level, without values that cannot occur."""
    if low is None:
        return {}
    return {f"{name}_low": max(low, float(spec.bounds[0])), f"{name}_high": min(high, float(spec.bounds[1]))}


def _floor(low: float | None) -> float | None:
    return None if low is None else max(low, 0.0)


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


def _pair(run: str, rival: str, found: Difference, corrected: float) -> dict:
    return {
        "run": run, "rival": rival, "n": found.n, "clusters": found.clusters, "difference": found.mean,
        "difference_low": found.low, "difference_high": found.high, "p": found.p, "least_p": found.least_p,
        "p_holm_of_pairs": None if np.isnan(corrected) else float(corrected),
    }  # fmt: skip


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
