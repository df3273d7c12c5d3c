"""Every method by every metric: ground truth, floors and ceiling, EAD-Net and its ablations.

Reads the summary. The best trained run of a column is bold; baselines never are.
"""

from collections.abc import Sequence

import pandas as pd

from metrics.spec import FAMILIES, REGISTRY, MetricSpec, family_specs
from metrics.tables import ALL, SLICES
from reports.load import Inputs, ReportError
from reports.numbers import decimals, interval, number, percent, span
from reports.style import FAMILY_LABELS, SLICE_LABELS, is_baseline, metric_heading, order_runs, run_label
from reports.tables.layout import Cell, Panel, Table

COLUMNS = (
    "slice", "corpus", "run", "family", "metric", "metric_version", "seeds", "n", "n_missing", "coverage", "mean",
    "std", "ci_low", "ci_high", "evaluator_sha256", "commit",
)  # fmt: skip


def build(summary: pd.DataFrame) -> Table:
    """Lay out the summary.

    Args:
        summary: Columns of ``metrics.tables.SUMMARY``.

    Raises:
        ReportError: the summary holds no value of any known metric.
    """
    known = summary[summary.metric.isin(_numeric())]
    rows = known[known.corpus == ALL]
    panels = [
        panel
        for part in SLICES
        for family in FAMILIES
        if (panel := _panel(rows[rows.slice == part], part, family)) is not None
    ]
    if not panels:
        raise ReportError("the summary holds no value to compare; score at least one run")
    return Table("comparison", "Comparison", caption(rows), tuple(panels), _frame(known))


def draw(inputs: Inputs) -> Table:
    """Fetch the summary and lay it out."""
    return build(inputs.summary)


def best_runs(rows: pd.DataFrame, spec: MetricSpec) -> set[str]:
    """The trained run (or the tied ones) that a metric favours; none where there is no direction or no rival."""
    means = {row.run: row.mean for row in rows.itertuples() if not is_baseline(row.run) and row.mean == row.mean}
    if len(means) < 2 or (spec.higher_is_better is None and spec.target is None):
        return set()
    worth = {run: _worth(mean, spec) for run, mean in means.items()}
    return {run for run, value in worth.items() if value == max(worth.values())}


def caption(rows: pd.DataFrame) -> str:
    """What the table shows, with the judge's accuracy on ground truth computed from the summary."""
    real = rows[(rows.run == "ground_truth") & (rows.slice == ALL)].set_index("metric")
    parts = [
        "Mean over test clips with its confidence interval; arrows point to the better, → to an ideal value. "
        "Bold: best trained run (baselines and the ceiling never are). † some clips yielded no score; coverage is the "
        "share that did."
    ]
    if "acc_emo@corpus-v1" in real.index and real.at["acc_emo@corpus-v1", "n"] > 0:
        judged = real.loc["acc_emo@corpus-v1"]
        parts.append(
            f"The emotion judge recognises {percent(judged['mean'])} of {int(judged['n'])} ground-truth clips, so no "
            "method can be told apart above that."
        )
    if "lse_c@corpus-v1" in real.index and real.at["lse_c@corpus-v1", "n"] > 0:
        parts.append(f"The sync judge gives real clips an LSE-C of {number(real.at['lse_c@corpus-v1', 'mean'])}.")
    return " ".join(parts) + " All judges were trained on this corpus's real training clips."


def _numeric() -> list[str]:
    return [key for key, spec in REGISTRY.items() if not spec.is_category]


def _worth(mean: float, spec: MetricSpec) -> float:
    if spec.higher_is_better is None:
        return -abs(mean - spec.target)
    return mean if spec.higher_is_better else -mean


def _panel(rows: pd.DataFrame, part: str, family: str) -> Panel | None:
    """Methods by the metrics of one family; None where no method has a value."""
    specs = [spec for spec in family_specs(family) if rows["mean"][rows.metric == spec.key].notna().any()]
    if not specs:
        return None
    rows = rows[rows.metric.isin([spec.key for spec in specs])]
    columns = {spec.key: _column(rows[rows.metric == spec.key], spec) for spec in specs}
    body = [
        (Cell(run_label(run)), *(columns[spec.key].get(run, Cell(number(float("nan")))) for spec in specs),
         *_counts(rows[rows.run == run]))
        for run in order_runs(rows.run)
    ]  # fmt: skip
    header = ("Method", *map(metric_heading, specs), "n", "coverage")
    return Panel(FAMILY_LABELS.get(family, family), header, tuple(body), group=SLICE_LABELS.get(part, part))


def _column(rows: pd.DataFrame, spec: MetricSpec) -> dict[str, Cell]:
    places, best = decimals(rows["mean"]), best_runs(rows, spec)
    return {
        row.run: Cell(
            number(row.mean, places) + ("†" if row.coverage < 1 else ""),
            interval(row.ci_low, row.ci_high, places),
            row.run in best,
        )
        for row in rows.itertuples()
    }


def _counts(rows: pd.DataFrame) -> Sequence[Cell]:
    return Cell(span(list(rows.n))), Cell(span(list(rows.coverage), "percent"))


def _frame(rows: pd.DataFrame) -> pd.DataFrame:
    rank = {name: place for place, name in enumerate([*SLICES, *order_runs(rows.run), *REGISTRY])}
    keys = ["slice", "corpus", "run", "metric"]
    ordered = rows.sort_values(
        keys, key=lambda column: column.map(rank).fillna(-1) if column.name != "corpus" else column
    )
    return ordered[list(COLUMNS)].reset_index(drop=True)
