"""Answers to the questions of an experiment: is a source better than its rival, by the measures that were named before?

Run as ``python -m metrics evidence``. Reads SCORES (and SET_PAIRS for metrics of sets) and the config section
`evidence`; writes EVIDENCE. Comparisons are those of ``metrics.summary.aggregate``: speakers as clusters, seeds
averaged within a clip and their spread in the interval, the exact sign-flip test. One family of Holm's correction holds
every primary measure of every question, over all clips. A difference decides by the rules of
``metrics.summary.decisions`` without a null row: the spread between seeds is in the interval instead.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from eadnet.config.evidence import Evidence, Question, Verdict
from eadnet.tables import read_table, write_table
from metrics.functional.statistics import Clustered, Difference, Resampling, holm
from metrics.spec import REGISTRY, MetricSpec
from metrics.summary.aggregate import as_judged, clustered, in_slice, why_none
from metrics.summary.decisions import LEVEL, is_decided
from metrics.tables import ALL, EVIDENCE, PEOPLE, SCORES, SET_PAIRS, join_commits

SHOWN: Verdict = "shown"
REFUTED: Verdict = "refuted"
NOT_SHOWN: Verdict = "not shown"
NO_ANSWER: Verdict = "no answer"
COMPARED = ("difference", "difference_low", "difference_high", "p", "least_p")


@dataclass(frozen=True)
class Comparing:
    """What two sources are compared from: scores, pairs of sets, and how intervals are made."""

    scores: pd.DataFrame
    pairs: pd.DataFrame
    resampling: Resampling


def answer(
    scores: str | Path,
    evidence: Evidence,
    resampling: Resampling,
    output: str | Path,
    set_pairs: str | Path | None = None,
) -> pd.DataFrame:
    """Answer the questions of a configuration.

    Args:
        scores: SCORES table of all sources.
        evidence: the config section.
        resampling: confidence of the intervals, and random sign patterns of tests over many speakers.
        output: parquet file to write.
        set_pairs: SET_PAIRS table, for measures of sets; None: those have no answer.

    Returns:
        The answers, columns as `metrics.tables.EVIDENCE`.
    """
    pairs = pd.DataFrame(columns=SET_PAIRS.names) if set_pairs is None else read_table(set_pairs, SET_PAIRS)
    rows = answers(evidence, Comparing(read_table(scores, SCORES), pairs, resampling))
    write_table(rows, output, EVIDENCE)
    return pd.DataFrame(rows, columns=EVIDENCE.names)


def answers(evidence: Evidence, compared: Comparing) -> list[dict]:
    """Rows of EVIDENCE, by question, measure and slice, in the order of the configuration."""
    rows = [
        row
        for name, question in evidence.asked.items()
        for key in question.measures
        for row in _of_measure(name, question, REGISTRY[key], compared)
    ]
    whole = [row for row in rows if row["slice"] == ALL]
    p_values = [np.nan if row["p"] is None else row["p"] for row in whole]
    for row, corrected in zip(whole, holm(np.array(p_values, float)), strict=True):
        _decide(row, None if np.isnan(corrected) else float(corrected))
    return rows


def _of_measure(name: str, question: Question, spec: MetricSpec, compared: Comparing) -> Iterator[dict]:
    """One measure of one question: a row for all clips, and for either kind of people."""
    compare = _of_sets if spec.level == "set" else _of_clips
    for part in (ALL, *PEOPLE):
        row = dict.fromkeys(EVIDENCE.names) | {
            "question": name, "module": question.module, "claim": question.claim, "run": question.run,
            "rival": question.rival, "corpus": question.corpus or ALL, "slice": part, "metric": spec.key, "n": 0,
            "clusters": 0, "seeds": 0,
        }  # fmt: skip
        row |= compare(row, spec, compared)
        if row["difference"] is not None:
            row |= {"better": _is_better(row["difference"], spec)}
            row |= {"smallest": spec.smallest_beside(row["rival_mean"])} if spec.smallest is not None else {}
        yield row


def _of_clips(row: dict, spec: MetricSpec, compared: Comparing) -> dict:
    """Columns of a comparison clip by clip; a reason where there is none."""
    table = compared.scores
    sides = [row["run"], row["rival"]]
    own = table[(table["metric"] == spec.key) & table["run"].isin(sides)]
    own = own if row["corpus"] == ALL else own[own["corpus"] == row["corpus"]]
    own = in_slice(own, row["slice"])
    for side in sides:
        mine = own[own["run"] == side]
        if not mine["value"].notna().any():
            return {"reason": f"{side} has no value: {why_none(mine) or 'it was not scored'}"}
    values = clustered(own, compared.resampling)
    found = as_judged(values, spec).difference(*sides)
    if not found.n:
        return {"reason": "no clip has a value for both"}
    seeds = min(own[own["run"] == side]["seed"].nunique() for side in sides)
    means = dict(zip(("mean", "rival_mean"), _common_means(values, *sides), strict=True))
    return _columns(found) | means | {"seeds": int(seeds), "commit": join_commits(own["commit"].unique())}


def _of_sets(row: dict, spec: MetricSpec, compared: Comparing) -> dict:
    """Columns of a comparison of two sets, which SET_PAIRS holds once, in either order."""
    table = compared.pairs
    place = (table["metric"] == spec.key) & (table["corpus"] == row["corpus"]) & (table["slice"] == row["slice"])
    for first, second, sign in ((row["run"], row["rival"], 1), (row["rival"], row["run"], -1)):
        held = table[place & (table["run"] == first) & (table["rival"] == second)]
        if held.empty or pd.isna(held["difference"].iloc[0]):
            continue
        pair = held.iloc[0]
        found = Difference(int(pair["n"]), int(pair["clusters"]), *(_known(pair[name]) for name in COMPARED))
        levels = [float(pair["value"]), float(pair["rival_value"])][::sign]
        return _columns(found if sign > 0 else found.reversed()) | {
            "mean": levels[0], "rival_mean": levels[1], "seeds": int(pair["seeds"]), "commit": pair["commit"],
        }  # fmt: skip
    return {"reason": "the two sets were not compared"}


def _common_means(values: Clustered, run: str, rival: str) -> tuple[float, float]:
    """Both means over the clips that both have."""
    ours, theirs = values.of_clip[run], values.of_clip[rival]
    both = np.isfinite(ours) & np.isfinite(theirs)
    return float(ours[both].mean()), float(theirs[both].mean())


def _columns(found: Difference) -> dict:
    return {"n": found.n, "clusters": found.clusters, **dict(zip(COMPARED, found[2:], strict=True))}


def _is_better(difference: float, spec: MetricSpec) -> bool:
    """Whether a difference points to the better side; one of distances to a target does where it is below 0."""
    return difference > 0 if spec.higher_is_better else difference < 0


def _decide(row: dict, corrected: float | None) -> None:
    """Fill `p_holm`, `verdict` and `reason` of a row of slice `all`, in place."""
    row["p_holm"] = corrected
    if row["difference"] is None or row["difference_low"] is None:
        row["verdict"] = NO_ANSWER
        row["reason"] = row["reason"] or "one person: no interval, and no test"
        return
    bounds = row["difference"], row["difference_low"], row["difference_high"]
    if row["smallest"] is not None and is_decided(*bounds, corrected, row["smallest"], 0.0):
        row["verdict"] = SHOWN if row["better"] else REFUTED
        return
    row |= {"verdict": NOT_SHOWN, "reason": _why_not(row)}


def _why_not(row: dict) -> str:
    """The first rule that a difference does not meet."""
    if row["least_p"] >= LEVEL:
        return f"{row['clusters']} people allow no p below {row['least_p']:.3g}"
    if row["p_holm"] is None or row["p_holm"] >= LEVEL:
        return f"corrected p is not below {LEVEL}"
    if row["difference_low"] <= 0 <= row["difference_high"]:
        return "the interval holds 0"
    return "smaller than the smallest difference of interest"


def _known(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
