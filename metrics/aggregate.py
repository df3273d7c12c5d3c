"""Summarise scores: mean, spread, coverage, bootstrap intervals and paired comparison with run ``full``.

Run as ``python -m metrics summarise``. Reads SCORES tables; writes them as one, and SUMMARY. Clips are resampled, and
where a run has several seeds, seeds too (crossed: every replicate draws both), always the same clips for all runs.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from eadnet.config import ConfigError
from eadnet.tables import read_tables, write_table
from metrics.spec import REGISTRY, MetricSpec
from metrics.tables import ALL, NOT_APPLICABLE, SCORES, SLICES, SUMMARY

BASELINE = "full"
BLANK = dict.fromkeys(
    ("mean", "std", "ci_low", "ci_high", "difference_vs_full", "difference_low", "difference_high", "p_vs_full")
)


@dataclass(frozen=True)
class Resampling:
    """How intervals are made: number of bootstrap replicates, and confidence in (0, 1)."""

    replicates: int
    confidence: float

    def interval(self, samples: np.ndarray) -> tuple[float, float]:
        """Percentile interval of replicates, NaN left out."""
        tail = 100 * (1 - self.confidence) / 2
        low, high = np.nanpercentile(samples, [tail, 100 - tail])
        return float(low), float(high)


def summarise(
    scores: list[Path], bootstrap: int, confidence: float, output_scores: str | Path, output_summary: str | Path
) -> pd.DataFrame:
    """Join score tables, and summarise them.

    Args:
        scores: SCORES tables, one per run, seed and family.
        bootstrap: replicates.
        confidence: of the intervals, for example 0.95.
        output_scores: parquet file for the joined table.
        output_summary: parquet file for the summary.

    Returns:
        The summary, columns as `metrics.tables.SUMMARY`.

    Raises:
        ConfigError: no tables, a value of one key twice, or two versions of one metric.
    """
    table = read_tables(scores, SCORES).sort_values(["metric", "run", "seed", "clip_id"], kind="stable")
    table = table.reset_index(drop=True)
    check(table)
    write_table(table, output_scores, SCORES)
    rows = list(summary_rows(table, Resampling(bootstrap, confidence)))
    write_table(rows, output_summary, SUMMARY)
    return pd.DataFrame(rows)


def check(table: pd.DataFrame) -> None:
    """Make sure that the rows can be compared.

    Raises:
        ConfigError: the table is empty, names a value twice, or mixes versions or evaluators of one metric.
    """
    if table.empty:
        raise ConfigError("no scores to summarise; give at least one --scores")
    twice = table[table.duplicated(["run", "seed", "clip_id", "metric"])]
    if len(twice):
        row = twice.iloc[0]
        raise ConfigError(f"{row['run']}/{row['seed']}: {row['metric']} of {row['clip_id']} is given twice")
    for column in ("metric_version", "evaluator_sha256"):
        kinds = table.groupby("metric")[column].nunique()
        if (kinds > 1).any():
            raise ConfigError(f"{kinds.idxmax()}: scores with different {column}; score all runs again")


def summary_rows(table: pd.DataFrame, resampling: Resampling) -> Iterator[dict]:
    """One row per metric, corpus, slice and run; metrics in registry order."""
    for key, spec in REGISTRY.items():
        of_metric = table[table["metric"] == key]
        if spec.is_category or of_metric.empty:
            continue
        if spec.level == "set":
            yield from (_set_row(rows, spec, str(run)) for run, rows in of_metric.groupby("run", sort=False))
        else:
            for corpus in (ALL, *sorted(of_metric["corpus"].unique())):
                yield from _clip_rows(of_metric, spec, corpus, resampling)


def in_slice(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rows of clips in a slice: ``all``, ``seen_people`` or ``unseen_people``."""
    if name == ALL:
        return table
    return table[table["seen_speaker"].astype("boolean").fillna(False) == (name == "seen_people")]


def values_matrix(rows: pd.DataFrame, clip_ids: list[str]) -> np.ndarray:
    """(seeds, clips) float64 values of one run and metric; NaN where there is none."""
    wide = rows.pivot(index="seed", columns="clip_id", values="value").astype(float)
    return wide.reindex(columns=clip_ids).sort_index().to_numpy()


def bootstrap_means(matrix: np.ndarray, clip_weights: np.ndarray, seed_weights: np.ndarray) -> np.ndarray:
    """(B,) means of resampled values, missing ones left out.

    Args:
        matrix: (S, C) values, NaN where missing.
        clip_weights: (B, C) how often each replicate draws each clip.
        seed_weights: (B, S) how often it draws each seed.

    Returns:
        Means; NaN for a replicate that draws no value.
    """
    valid = np.isfinite(matrix)
    total = np.einsum("bs,sc,bc->b", seed_weights, np.where(valid, matrix, 0.0), clip_weights, optimize=True)
    count = np.einsum("bs,sc,bc->b", seed_weights, valid.astype(float), clip_weights, optimize=True)
    return np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)


def draw_weights(items: int, replicates: int, label: str) -> np.ndarray:
    """(replicates, items) float64 multinomial counts; the same label always draws the same."""
    rng = np.random.default_rng(zlib.crc32(label.encode()))
    return rng.multinomial(items, np.full(items, 1 / items), size=replicates).astype(float)


def two_sided_p(differences: np.ndarray) -> float:
    """Bootstrap p-value of the hypothesis that the mean difference is 0 (Efron & Tibshirani 1993, ch. 15)."""
    finite = differences[np.isfinite(differences)]
    below, above = (finite <= 0).sum(), (finite >= 0).sum()
    return float(min(1.0, 2 * (min(below, above) + 1) / (len(finite) + 1)))


def _clip_rows(table: pd.DataFrame, spec: MetricSpec, corpus: str, resampling: Resampling) -> Iterator[dict]:
    of_corpus = table if corpus == ALL else table[table["corpus"] == corpus]
    for name in SLICES:
        part = in_slice(of_corpus, name)
        applicable = part[~part["status"].isin(NOT_APPLICABLE)]
        clip_ids = sorted(applicable["clip_id"].unique())
        runs = {str(run): values_matrix(rows, clip_ids) for run, rows in applicable.groupby("run", sort=False)}
        weights = draw_weights(len(clip_ids), resampling.replicates, "clips") if clip_ids else np.zeros((0, 0))
        for run, matrix in runs.items():
            full = runs.get(BASELINE) if run != BASELINE else None
            numbers = _numbers(run, matrix, full, weights, resampling)
            yield _labels(applicable[applicable["run"] == run], spec, run) | {"corpus": corpus, "slice": name} | numbers


def _numbers(
    run: str, matrix: np.ndarray, full: np.ndarray | None, weights: np.ndarray, resampling: Resampling
) -> dict:
    """Counts, mean, spread, interval and comparison of one run."""
    n = int(np.isfinite(matrix).sum())
    numbers = BLANK | {"n": n, "n_missing": matrix.size - n, "coverage": n / matrix.size if matrix.size else 0.0}
    if not n:
        return numbers
    of_clip = _clip_means(matrix)
    replicates = bootstrap_means(matrix, weights, draw_weights(len(matrix), resampling.replicates, f"seeds {run}"))
    low, high = resampling.interval(replicates)
    spread = float(np.nanstd(of_clip, ddof=1)) if np.isfinite(of_clip).sum() > 1 else None
    numbers |= {"mean": float(np.nanmean(matrix)), "std": spread, "ci_low": low, "ci_high": high}
    return numbers | ({} if full is None else _comparison(run, matrix, full, weights, resampling))


def _comparison(run: str, matrix: np.ndarray, full: np.ndarray, weights: np.ndarray, resampling: Resampling) -> dict:
    """Paired difference to `full` over the clips that both have."""
    both = np.isfinite(_clip_means(matrix)) & np.isfinite(_clip_means(full))
    if not both.any():
        return {}
    ours, theirs, drawn = matrix[:, both], full[:, both], weights[:, both]
    samples = bootstrap_means(ours, drawn, draw_weights(len(ours), resampling.replicates, f"seeds {run}"))
    samples = samples - bootstrap_means(
        theirs, drawn, draw_weights(len(theirs), resampling.replicates, f"seeds {BASELINE}")
    )
    low, high = resampling.interval(samples)
    return {
        "difference_vs_full": float(np.nanmean(_clip_means(ours)) - np.nanmean(_clip_means(theirs))),
        "difference_low": low, "difference_high": high, "p_vs_full": two_sided_p(samples),
    }  # fmt: skip


def _clip_means(matrix: np.ndarray) -> np.ndarray:
    """(C,) mean over the seeds that have a value; NaN where none has."""
    valid = np.isfinite(matrix)
    total, count = np.where(valid, matrix, 0.0).sum(0), valid.sum(0)
    return np.divide(total, count, out=np.full(matrix.shape[1], np.nan), where=count > 0)


def _set_row(rows: pd.DataFrame, spec: MetricSpec, run: str) -> dict:
    """Set-level metrics bring their own interval; over seeds, values and bounds are averaged.

    The clips are the same for every seed, so averaging the seeds does not narrow the interval.
    """
    have = rows.dropna(subset=["value"])
    n, total = len(have), len(rows)
    numbers = BLANK | {"n": int(have["n"].sum()), "n_missing": total - n, "coverage": n / total}
    if n:
        numbers |= {"mean": float(have["value"].mean())}
        numbers |= {name: float(have[name].mean()) for name in ("ci_low", "ci_high")}
    if n > 1:
        numbers["std"] = float(have["value"].std(ddof=1))
    return _labels(rows, spec, run) | {"corpus": ALL, "slice": ALL} | numbers


def _labels(rows: pd.DataFrame, spec: MetricSpec, run: str) -> dict:
    first = rows.iloc[0]
    return {
        "run": run, "seeds": int(rows["seed"].nunique()), "split": first["split"], "family": spec.family,
        "metric": spec.key, "metric_version": int(first["metric_version"]), "level": spec.level,
        "evaluator_sha256": first["evaluator_sha256"], "commit": first["commit"],
    }  # fmt: skip
