"""Every method by every metric: ground truth, floors and ceiling, EAD-Net, its ablations and other methods.

Reads the summary; for the notes on clips the scores; for the panels of what is reported elsewhere the registry of
published numbers. Bold is the best run, and the best method, where that is decided (``metrics.summary.decisions``);
baselines never are, and nothing is ever compared with a published number.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd

from metrics.spec import FAMILIES, REGISTRY, MetricSpec
from metrics.tables import ALL, SLICES
from reports.load import Inputs, ReportError
from reports.numbers import NONE, count, decimals, span
from reports.published.registry import chosen
from reports.published.vocabulary import OURS
from reports.style import (
    SLICE_LABELS,
    family_label,
    metric_heading,
    name_label,
    order_runs,
    run_label,
    specs_in,
)
from reports.tables.clip_notes import note_panels
from reports.tables.judged import judges_on_truth
from reports.tables.layout import Cell, Panel, Table
from reports.tables.levels import PARTIAL_NOTE, level_cell, partial_rows, speakers_sentence
from reports.tables.reported import value_range

COLUMNS = (
    "slice", "corpus", "run", "kind", "family", "metric", "metric_version", "seeds", "n", "n_missing", "coverage",
    "clips", "clusters", "mean", "std", "ci_low", "ci_high", "distance", "distance_low", "distance_high", "best",
    "reason", "notes", "evaluator_sha256", "model_commit", "videos_commit", "commit",
)  # fmt: skip
PERCENT = ("acc_emo",)
"""Metrics that papers print in percent."""


def build(summary: pd.DataFrame, reported: pd.DataFrame | None = None, scores: pd.DataFrame | None = None) -> Table:
    """Lay out the summary.

    Args:
        summary: Columns of ``metrics.tables.SUMMARY``.
        reported: What papers report, columns of ``reports.published.registry.spreads``; None shows nothing of it.
        scores: Columns of ``metrics.tables.SCORES``, for the notes on clips; None shows none.

    Raises:
        ReportError: the summary holds no value of any known metric.
    """
    known = summary[summary.metric.isin(_numeric())]
    rows, of_corpora = headlines(known)
    panels = [
        panel
        for part in SLICES
        for family in FAMILIES
        for panel in (
            *_family_panels(rows[rows.slice == part], part, family, reported),
            *_corpus_panels(of_corpora[of_corpora.slice == part], part, family),
        )
    ]
    if not panels:
        raise ReportError("the summary holds no value to compare; score at least one run")
    panels += _not_scored(known[(known.corpus == ALL) & (known.slice == ALL)])
    panels += _warned(pd.concat([rows, of_corpora]))
    panels += note_panels(scores)
    named = any(panel.header[0].endswith("‡") for panel in panels)
    return Table("comparison", "Comparison", caption(known, named), tuple(panels), _frame(known))


def draw(inputs: Inputs) -> Table:
    """Fetch the summary, the scores and the published numbers that the settings name, and lay them out."""
    settings = inputs.settings
    reported = chosen(settings.reported_methods, settings.reported_datasets)
    return build(inputs.summary, reported, inputs.scores)


def headlines(summary: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows over all corpora, and those of single corpora that stand in their place.

    LSE and metrics of sets are not pooled (`MetricSpec.pooled`): where there are several corpora, each has its own row.
    """
    whole, single = summary[summary.corpus == ALL], summary[summary.corpus != ALL]
    if single.corpus.nunique() < 2:
        return whole, single.iloc[:0]
    by_corpus = [key for key, spec in REGISTRY.items() if not spec.pooled]
    return whole[~whole.metric.isin(by_corpus)], single[single.metric.isin(by_corpus)]


def caption(rows: pd.DataFrame, reported: bool = False) -> str:
    """What the table shows, with the scores of the ground truth by the judges, computed from the summary."""
    parts = [
        "Mean over test clips with its confidence interval; arrows point to the better, → to an ideal value, from "
        "which the clips are off by the mean distance named. Bold: the best trained run, and the best method of other "
        "authors, where its difference to the next best is decided (p after Holm's correction over the table's "
        "metrics, interval, size, null row; the first variant of each quantity only); baselines, the ceiling and the "
        f"null row never are. {PARTIAL_NOTE}",
        speakers_sentence(rows),
    ]
    parts += judges_on_truth(rows)
    parts.append("Judges named corpus-v1 were trained on this corpus's real training clips.")
    if reported:
        parts.append(
            "‡ Reported elsewhere: the range over papers, each counted once by its median and each under its own "
            "protocol, on the real corpus named. Never "
            "subtract one from a row above: the variant may differ, and the default corpora are drawn, so that only "
            "rows of real corpora are comparable even in kind."
        )
    return " ".join(filter(None, parts))


def _numeric() -> list[str]:
    return [key for key, spec in REGISTRY.items() if not spec.is_category]


def _family_panels(rows: pd.DataFrame, part: str, family: str, reported: pd.DataFrame | None) -> Iterator[Panel]:
    panel = _panel(rows, part, family)
    if panel is None:
        return
    yield panel
    if reported is not None and part == ALL:
        yield from _reported_panel(_with_values(rows, family), family, part, reported)


def _corpus_panels(rows: pd.DataFrame, part: str, family: str) -> Iterator[Panel]:
    """A panel a corpus, of the metrics that are not pooled over corpora."""
    for corpus in sorted(rows.corpus.unique()):
        panel = _panel(rows[rows.corpus == corpus], part, family)
        if panel is not None:
            yield replace(panel, title=f"{panel.title}, {corpus}")


def _warned(rows: pd.DataFrame) -> Iterator[Panel]:
    """What a reader of a metric of sets must know: too few clips or features, by metric and corpus."""
    noted = rows[rows.notes.fillna("").str.contains("warning") & (rows.slice == ALL)]
    lines = [
        (Cell(key), Cell("" if corpus == ALL else corpus), Cell(own.notes.iloc[0]))
        for (key, corpus), own in noted.groupby(["metric", "corpus"], sort=False)
    ]
    if lines:
        yield Panel("Warnings", ("Metric", "corpus", "note"), tuple(lines), group="Warnings", names=3)


def _with_values(rows: pd.DataFrame, family: str) -> list[MetricSpec]:
    return specs_in(family, rows.metric[rows["mean"].notna()])


def _panel(rows: pd.DataFrame, part: str, family: str) -> Panel | None:
    """Methods by the metrics of one family; None where no method has a value."""
    specs = _with_values(rows, family)
    if not specs:
        return None
    rows = rows[rows.metric.isin([spec.key for spec in specs])]
    columns = {spec.key: _column(rows[rows.metric == spec.key], spec) for spec in specs}
    body = [
        (Cell(run_label(run)), *(columns[spec.key].get(run, Cell(NONE)) for spec in specs),
         *_counts(rows[rows.run == run]))
        for run in order_runs(rows.run)
    ]  # fmt: skip
    header = ("Method", *map(metric_heading, specs), "n", "coverage")
    return Panel(family_label(family), header, tuple(body), group=SLICE_LABELS.get(part, part))


def _column(rows: pd.DataFrame, spec: MetricSpec) -> dict[str, Cell]:
    places, partial = decimals(rows["mean"]), partial_rows(rows)
    rows = rows.assign(best=rows.best.eq(True))
    return {row.run: level_cell(row, spec, places, row.run in partial, row.best) for row in rows.itertuples()}


def _reported_panel(specs: list[MetricSpec], family: str, part: str, reported: pd.DataFrame) -> Iterator[Panel]:
    """What papers report under the names of a family's metrics, whatever the variant; nothing where they do not."""
    published = {OURS[quantity]: quantity for quantity in reported.quantity if quantity in OURS}
    names = [name for name in dict.fromkeys(spec.name for spec in specs) if name in published]
    if not names:
        return
    cells = {(row.dataset, row.subject, OURS.get(row.quantity)): _range(row) for row in reported.itertuples()}
    subjects = dict.fromkeys((row.dataset, row.subject) for row in reported.itertuples())
    body = [
        (
            Cell(subject),
            Cell(dataset),
            *(cells.get((dataset, subject, name), Cell(NONE)) for name in names),
        )
        for dataset, subject in subjects
        if any((dataset, subject, name) in cells for name in names)
    ]
    title = f"{family_label(family)}, reported elsewhere (other protocols, never to be subtracted)"
    header = ("Method ‡", "dataset", *map(name_label, names))
    yield Panel(title, header, tuple(body), group=SLICE_LABELS.get(part, part), names=2)


def _range(row: object) -> Cell:
    unit = " %" if OURS.get(row.quantity) in PERCENT else ""
    if not row.values:
        return Cell(NONE, "(suspicious)")
    return Cell(f"{value_range(row.low, row.high)}{unit}", f"({count(row.papers, 'paper')})")


def _not_scored(rows: pd.DataFrame) -> Iterator[Panel]:
    """Metrics without any value, each with its reason: an absent judge or absent weights is a result, too."""
    absent = [
        (Cell(name), Cell(_reason(own)))
        for name in REGISTRY
        if len(own := rows[rows.metric == name]) and not own.n.any()
    ]
    if absent:
        yield Panel("Not scored", ("Metric", "reason"), tuple(absent), group="Not scored", names=2)


def _reason(rows: pd.DataFrame) -> str:
    said = rows.reason.dropna()
    return said.mode().iloc[0] if len(said) else "no clip yielded a value"


def _counts(rows: pd.DataFrame) -> Sequence[Cell]:
    return Cell(span(list(rows.n))), Cell(span(list(rows.coverage), "percent"))


def _frame(rows: pd.DataFrame) -> pd.DataFrame:
    rank = {name: place for place, name in enumerate([*SLICES, *order_runs(rows.run), *REGISTRY])}
    keys = ["slice", "corpus", "run", "metric"]
    ordered = rows.sort_values(
        keys, key=lambda column: column.map(rank).fillna(-1) if column.name != "corpus" else column
    )
    return ordered[list(COLUMNS)].reset_index(drop=True)
