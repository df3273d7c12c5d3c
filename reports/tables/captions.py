"""How good the captions are, captioner by captioner: who wrote them, and their scores in the family ``captions``.

Reads the captions tables of all captioners and their rows of the summary.
"""

from collections.abc import Iterator

import pandas as pd

from eadnet.config.captions import MAIN
from metrics.spec import MetricSpec, families_of, family_specs
from metrics.tables import ALL, CAPTIONER
from reports.load import Inputs, ReportError
from reports.numbers import NONE, count, decimals, interval, listing, number
from reports.style import metric_heading, metric_label, overall
from reports.tables.layout import Cell, Panel, Table
from reports.tables.levels import speakers_sentence

COLUMNS = (
    "captioner", "engine", "model", "prompt_version", "prompt_sha256", "told", "clips", "corpus", "slice", "metric",
    "metric_version", "n", "n_missing", "coverage", "mean", "std", "ci_low", "ci_high", "reason", "commit",
)  # fmt: skip
PANELS = {
    "Answers and texts": ("answers", "texts"),
    "Agreement with the corpora's labels": ("labels",),
    "Agreement with what was drawn": ("truth",),
}
"""Variants of the metrics that stand together, by title."""
DIGITS = 8  # of a prompt's digest
CAPTION = (
    "One row a captioner: mean over clips, or value of the whole set, with its interval and the number n of clips "
    "behind it. Clips without caption lower n, not the agreement. Truth: drawn corpora only, emotion and level of "
    "clips that carry no label, action units of all. Bold: the best captioner where its difference to the next best is "
    "decided."
)


def build(captioners: pd.DataFrame, summary: pd.DataFrame) -> Table:
    """Lay out the captioners.

    Args:
        captioners: Columns of ``reports.load.Inputs.captioners``.
        summary: Columns of ``metrics.tables.SUMMARY``, rows of the family ``captions``.

    Raises:
        ReportError: the summary holds no captioner.
    """
    if summary.empty:
        raise ReportError("the summary holds no captioner; score one with `python -m metrics score-captions`")
    rows = summary.assign(captioner=summary.run.str.removeprefix(CAPTIONER))
    names = sorted(rows.captioner.unique(), key=lambda name: (name != MAIN, name))
    who = {name: _identity(captioners[captioners.captioner == name]) for name in names}
    shown = overall(rows)
    panels = [_writers(who), *filter(None, (_panel(shown, names, *item) for item in PANELS.items()))]
    words = " ".join(filter(None, [CAPTION, speakers_sentence(shown), *_dashes(shown)]))
    return Table("captions", "Captions", words, tuple(panels), _frame(rows, who))


def draw(inputs: Inputs) -> Table:
    """Fetch the captioners and their summary and lay them out."""
    return build(inputs.captioners, inputs.caption_summary)


def _identity(rows: pd.DataFrame) -> dict[str, object]:
    """Who a captioner is; several values of one thing are listed, an unknown captioner has none."""
    asked = int(rows.clips.sum())
    given = int(rows.clips[rows.labelled.eq(True)].sum())
    words = {
        name: listing(sorted(rows[name].dropna().unique()))
        for name in ("engine", "model", "prompt_version", "prompt_sha256")
    }
    return words | {"told": given, "clips": asked}


def _writers(who: dict[str, dict]) -> Panel:
    body = tuple(
        (Cell(name), Cell(facts["engine"]), Cell(facts["model"]), Cell(facts["prompt_version"]),
         Cell(facts["prompt_sha256"][:DIGITS]), Cell(_given(facts)))
        for name, facts in who.items()
    )  # fmt: skip
    header = ("Captioner", "engine", "model", "prompt", "its SHA-256", "told the label")
    return Panel("Captioners", header, body, names=len(header))


def _given(facts: dict) -> str:
    return f"of {facts['told']:,} of {count(facts['clips'], 'clip')}" if facts["told"] else "no"


def _panel(rows: pd.DataFrame, names: list[str], title: str, variants: tuple[str, ...]) -> Panel | None:
    """Captioners by the metrics of some variants; None where none was scored."""
    specs = [spec for spec in _specs() if spec.variant in variants and spec.key in set(rows.metric)]
    if not specs:
        return None
    columns = [_column(rows[rows.metric == spec.key]) for spec in specs]
    body = tuple((Cell(name), *(cells.get(name, Cell(NONE)) for cells in columns)) for name in names)
    return Panel(title, ("Captioner", *map(metric_heading, specs)), body)


def _column(rows: pd.DataFrame) -> dict[str, Cell]:
    places, rows = decimals(rows["mean"]), rows.assign(best=rows.best.eq(True))
    return {row.captioner: Cell(number(row.mean, places), _detail(row, places), row.best) for row in rows.itertuples()}


def _detail(row: object, places: int) -> str:
    return " ".join(filter(None, [interval(row.ci_low, row.ci_high, places), f"n={row.n}"])) if row.n else ""


def _dashes(rows: pd.DataFrame) -> Iterator[str]:
    """Sentences on every missing value: the reason, and whom and what it keeps from having one."""
    absent = rows[rows.n == 0].fillna({"reason": "no clip yielded a value"})
    if len(absent):
        yield "A dash has a reason."
    for reason, missing in absent.groupby("reason", sort=False):
        by_captioner = missing.groupby("captioner", sort=True).metric.agg(frozenset)
        for metrics, owners in by_captioner.groupby(by_captioner, sort=False):
            keys = [spec.key for spec in _specs() if spec.key in metrics]
            yield f"{listing(list(owners.index))}, {listing(list(map(metric_label, keys)))}: {reason}."


def _frame(rows: pd.DataFrame, who: dict[str, dict]) -> pd.DataFrame:
    known = pd.DataFrame.from_dict(who, orient="index").rename_axis("captioner").reset_index()
    rank = {name: place for place, name in enumerate([*who, *(spec.key for spec in _specs())])}
    # Here `clips` are those that the captioner was given, not those behind a value.
    ordered = (
        rows.drop(columns="clips")
        .merge(known, on="captioner")
        .sort_values(
            ["captioner", "metric", "corpus", "slice"],
            key=lambda column: column.map(rank) if column.name in ("captioner", "metric") else column != ALL,
            kind="stable",
        )
    )
    return ordered[list(COLUMNS)].reset_index(drop=True)


def _specs() -> list[MetricSpec]:
    return [spec for name in families_of("captions") for spec in family_specs(name)]
