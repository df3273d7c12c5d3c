"""Measure what few clips can decide: ``python -m metrics measure-resolution``.

Reads scores, the clips, the test clips and, for Frechet distances, the measurements with what networks have seen of
them; writes RESOLUTION (`metrics.resolution.table`). Runs and methods are rows; baselines are not.
"""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from eadnet.config.configuration import BASELINES
from eadnet.config.evaluation import DRAWN
from eadnet.config.experiment import Experiment, run_for
from eadnet.provenance import commit
from eadnet.tables import TEST_CLIPS, read_table, write_table
from metrics.families.feature_sets import feature_sets
from metrics.resolution.draws import draw_clips, people_drawn
from metrics.resolution.spread import Rows, spread
from metrics.resolution.table import RESOLUTION
from metrics.resolution.values import ClipValues, SetValues
from metrics.scoring.pairs import load_pairs, usable
from metrics.scoring.settings import ScoringSettings
from metrics.spec import REGISTRY, families_of, family
from metrics.summary.paper_columns import COLUMNS, chosen
from metrics.tables import NOT_APPLICABLE, SCORES, folders_by_run

BASE = (False, False, False)
"""STDA, TFRM and text of the base row of the paper's tables, which is LatentSync."""


def measure_resolution(
    scores: str | Path,
    clips: str | Path,
    test_clips: str | Path,
    measurements: Sequence[Path],
    settings: ScoringSettings,
    draws: int,
    output: str | Path,
    log: Callable[[str], None] = print,
    synthetic: Collection[str] = (),
    experiment: Experiment | None = None,
) -> pd.DataFrame:
    """Draw every corpus's test clips again and again, and write how far values and differences move.

    Args:
        scores: table of all scores.
        clips: table of the preprocessed clips.
        test_clips: table of the test clips that can be drawn.
        measurements: folders ``.../<run>/<seed>`` of the runs and methods.
        settings: judges, weights and cached features.
        draws: how many; see `metrics.resolution.values.FEW_DRAWS`.
        output: parquet file to write.
        log: is given a line a corpus and column.
        synthetic: corpora whose people are drawn.
        experiment: what the runs are; the one that is LatentSync is the base row, else `full`.

    Raises:
        ConfigError: a measurements folder has another name.
        metrics.scoring.settings.WeightsAbsent: published weights that scored are not here any more.
    """
    table = read_table(scores, SCORES)
    table = table[~table.run.isin(BASELINES) & table.family.isin(families_of("videos"))]
    keys = chosen(set(table.metric[table.value.notna()]))
    folders = folders_by_run(sorted(measurements))
    rows = []
    for corpus, pool in read_table(test_clips, TEST_CLIPS).groupby("corpus"):
        bases = _bases(str(corpus), experiment)
        for column in COLUMNS:
            key = keys.get(column.name)
            if key is None:
                made = [{"reason": f"no variant of {column.name} was scored"}]
            elif REGISTRY[key].level == "clip":
                made = _rows(key, pool, sorted(table.run.unique()), bases, partial(_of_clips, table, key, pool), draws)
            else:
                made = _rows(
                    key, pool, sorted(folders), bases, partial(_of_set, folders, clips, settings, key, pool), draws
                )
            rows += [{"corpus": corpus, "column": column.name, "synthetic": corpus in synthetic} | row for row in made]
            log(f"{corpus} {column.name} ({key or 'not scored'}): {len(made)} rows")
    methods = experiment.methods if experiment else ()
    rows = [row | {"method": row["run"] in methods} if row.get("run") else row for row in rows]
    blank = dict.fromkeys(RESOLUTION.names) | {"size": DRAWN, "method": False, "commit": commit()}
    write_table([blank | row for row in rows], output, RESOLUTION)
    return read_table(output, RESOLUTION)


def _of_clips(table: pd.DataFrame, key: str, pool: pd.DataFrame, run: str) -> Rows:
    """A run's rows of a metric with a value a clip."""
    own = table[(table.run == run) & (table.metric == key) & ~table.status.isin(NOT_APPLICABLE)]
    return {
        int(seed): ClipValues(part.set_index("clip_id").value.reindex(pool.clip_id).to_numpy(float))
        for seed, part in own.groupby("seed")
    }


def _of_set(
    folders: dict[str, dict[int, Path]],
    clips: str | Path,
    settings: ScoringSettings,
    key: str,
    pool: pd.DataFrame,
    run: str,
) -> Rows:
    """A run's rows of a Frechet distance."""
    names, rows = pool.clip_id.tolist(), {}
    for seed, folder in folders[run].items():
        pairs = [pair for pair in usable(load_pairs(folder, clips)) if pair.clip_id in names]
        if pairs:
            rows[seed] = SetValues(next(feature_sets(pairs, settings, [key])), names)
    return rows


def _bases(corpus: str, experiment: Experiment | None) -> list[str]:
    """Runs that may stand for the base row, the first that has values; without an experiment by their usual names."""
    base = run_for(BASE, corpus, experiment) if experiment else "latentsync"
    return [*filter(None, [base]), "full"]


def _rows(
    key: str, pool: pd.DataFrame, runs: list[str], bases: list[str], of: Callable[[str], Rows], draws: int
) -> list[dict]:
    """Rows of one corpus and column, or one with the reason why there are none.

    What the base row has is what can be drawn. Runs are taken one after another: features take much memory.
    """
    labels = {"metric": key, "metric_version": family(REGISTRY[key].family).version}
    ordered = [*(run for run in bases if run in runs), *(run for run in runs if run not in bases)]
    known = ((run, rows) for run in ordered if (rows := _with_values(of(run))))
    first, base = next(known, ("", {}))
    if not base:
        return [labels | {"reason": "no clip of this corpus has a value"}]
    drawn = np.any([row.has_C for row in base.values()], axis=0)
    if drawn.sum() < 2:
        return [labels | {"clips": 1, "reason": "one clip has a value; two are needed for a spread"}]
    speakers = pool.speaker[drawn].tolist()
    counts = np.zeros((draws, len(pool)), np.int64)
    counts[:, drawn] = draw_clips(speakers, DRAWN, draws, f"resolution {pool.corpus.iloc[0]}")
    people = len(set(speakers))
    labels |= {"people": people, "people_drawn": people_drawn(people, len(speakers), DRAWN) if people > 1 else 1}
    base_name, rivals = (first, base) if first in bases else (None, None)
    return [
        labels | {"run": run, "base": base_name} | spread(rows, rivals, counts, drawn, speakers)
        for run, rows in chain([(first, base)], known)
        if _overlap(rows, drawn)
    ]


def _with_values(rows: Rows) -> Rows:
    return {seed: row for seed, row in rows.items() if row.has_C.any()}


def _overlap(rows: Rows, drawn: np.ndarray) -> bool:
    """Whether every seed has a clip that can be drawn."""
    return all((row.has_C & drawn).any() for row in rows.values())
