"""Rows of SUMMARY of metrics of sets: what a run's own rows give, and its comparison with ``full``.

A set brings its own interval. Its comparison is of the clips that both runs have (``metrics.comparison``), so that
`difference_vs_full` need not be the difference of two means of SUMMARY.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from eadnet.tables import read_table
from metrics.tables import FULL, NOT_APPLICABLE, SET_PAIRS, SLICES, SUMMARY

COMPARED = {"difference": "difference_vs_full", "difference_low": "difference_low",
            "difference_high": "difference_high", "p": "p_vs_full", "least_p": "least_p"}  # fmt: skip
"""Columns of SET_PAIRS and those of SUMMARY that they fill, where SUMMARY has them."""


def set_groups(rows: pd.DataFrame) -> Iterator[tuple[str, str, str, pd.DataFrame]]:
    """Corpus, slice, run and scores of every set of one metric; sets of drawn clips are in no summary."""
    summarised = rows[rows["draw"].isin(SLICES)]
    for (corpus, part, run), own in summarised.groupby(["corpus", "draw", "run"]):
        yield str(corpus), str(part), str(run), own


def set_numbers(rows: pd.DataFrame) -> dict:
    """Counts, mean and interval of one set, over training seeds.

    The clips are the same for every seed, so that averaging values and bounds narrows no interval and `n` counts
    clips, once: the fewest that any seed's value rests on. Coverage is of all seeds together.

    Args:
        rows: of SCORES, one a seed.

    Returns:
        Columns of SUMMARY; without `mean` where no seed has a value.
    """
    applicable = rows[~rows["status"].isin(NOT_APPLICABLE)]
    have = applicable.dropna(subset=["value"])
    wanted = applicable["n_wanted"].fillna(applicable["n"]).astype(float)
    used = have["n"].reindex(applicable.index).fillna(0).astype(float)
    n = int(have["n"].min()) if len(have) else 0
    most = int(wanted.max()) if len(wanted) else 0
    numbers = {"n": n, "n_missing": max(most - n, 0), "coverage": used.sum() / wanted.sum() if wanted.sum() else None}
    numbers |= _columns({"clips": n, "notes": _notes(have)})
    if have.empty:
        return numbers
    numbers |= {"mean": float(have["value"].mean())}
    numbers |= {name: _mean(have[name]) for name in ("ci_low", "ci_high")}
    return numbers | ({"std": float(have["value"].std(ddof=1))} if len(have) > 1 else {})


def read_pairs(path: str | Path | None) -> pd.DataFrame:
    """Rows of SET_PAIRS of runs with ``full``, by metric, corpus, slice and run; none without a table."""
    table = pd.DataFrame(columns=SET_PAIRS.names) if path is None else read_table(path, SET_PAIRS)
    return table[table["rival"] == FULL].set_index(["metric", "corpus", "slice", "run"]).sort_index()


def against_full(pairs: pd.DataFrame, metric: str, corpus: str, part: str, run: str) -> dict:
    """Columns of SUMMARY of a run's comparison with ``full``; none where the two were not compared."""
    if (metric, corpus, part, run) not in pairs.index:
        return {}
    row = pairs.loc[(metric, corpus, part, run)]
    found = {ours: None if pd.isna(row[theirs]) else float(row[theirs]) for theirs, ours in COMPARED.items()}
    return _columns(found | {"clusters": int(row["clusters"])})


def _columns(numbers: dict) -> dict:
    return {name: value for name, value in numbers.items() if name in SUMMARY.names}


def _mean(values: pd.Series) -> float | None:
    return float(values.mean()) if np.isfinite(values.astype(float)).all() else None


def _notes(rows: pd.DataFrame) -> str | None:
    """What a reader must know of the values of all seeds, each note once."""
    return " | ".join(dict.fromkeys(rows["notes"].dropna())) or None
