"""Levels of the sources that an experiment compares, beside the truth and the autoencoder's reconstruction of it."""

from collections.abc import Iterator

import pandas as pd

from eadnet.config.evidence import Evidence
from metrics.functional.statistics import Level
from metrics.spec import FAMILIES, REGISTRY, MetricSpec
from metrics.tables import ALL
from reports.numbers import NONE, count, decimals, interval, number
from reports.sources.levels import Group, groups, is_divided, levels, ratios
from reports.style import family_label, metric_heading, metric_label, order_runs, run_label, specs_in
from reports.tables.layout import Cell, Panel, Table

COLUMNS = ("corpus", "run", "metric", "over_reconstruction", "n", "clusters", "mean", "ci_low", "ci_high")


def build(scores: pd.DataFrame, section: Evidence) -> Table:
    """A panel a group of sources and family of metrics.

    Args:
        scores: columns of ``metrics.tables.SCORES``.
        section: questions and further measures.
    """
    frames, panels = [], []
    for group in groups(scores, section):
        for specs in _families(group, section):
            found = {column: _column(group, *column) for column in _columns(specs)}
            found = {column: own for column, own in found.items() if own}
            frames += [_frame(group.corpus, *column, own) for column, own in found.items()]
            panels += [_panel(group, specs[0], found)] if found else []
    return Table("evidence_levels", "Levels", caption(), tuple(panels), _joined(frames))


def caption() -> str:
    """What the numbers are."""
    return (
        "Mean with 95 % interval over people and training seeds, over the clips that all sources of a group made. "
        "These levels decide nothing; the differences above do, clip by clip. The autoencoder's row is the ceiling: it "
        "decodes the true latents. Flicker and sharpness also stand as a share of the autoencoder's, clip by clip."
    )


def _families(group: Group, section: Evidence) -> Iterator[list[MetricSpec]]:
    present = set(group.scores.metric)
    keys = [key for key in (*section.primary, *section.measures) if key in present]
    for family in FAMILIES:
        specs = [spec for spec in specs_in(family, keys) if not spec.is_category]
        if specs:
            yield specs


def _columns(specs: list[MetricSpec]) -> list[tuple[str, bool]]:
    """Metric keys, each with whether it is divided by the reconstruction's."""
    return [(spec.key, divided) for spec in specs for divided in ((False, True) if is_divided(spec) else (False,))]


def _column(group: Group, key: str, divided: bool) -> dict[str, Level]:
    return ratios(group, key) if divided else levels(group, key)


def _panel(group: Group, first: MetricSpec, found: dict[tuple[str, bool], dict[str, Level]]) -> Panel:
    runs = order_runs(run for own in found.values() for run in own)
    header = ["Source", *(_heading(*column) for column in found)]
    body = [(Cell(run_label(run)), *(_cell(own, run) for own in found.values())) for run in runs]
    clips = max(level.n for own in found.values() for level in own.values())
    place = "all clips" if group.corpus == ALL else group.corpus
    return Panel(f"{family_label(first.family)} ({count(clips, 'clip')})", tuple(header), tuple(body), place)


def _heading(key: str, divided: bool) -> str:
    return f"{metric_label(key)} / autoencoder's" if divided else metric_heading(REGISTRY[key])


def _cell(own: dict[str, Level], run: str) -> Cell:
    if run not in own:
        return Cell(NONE)
    places = decimals([level.mean for level in own.values()])
    return Cell(number(own[run].mean, places), interval(own[run].low, own[run].high, places))


def _frame(corpus: str, key: str, divided: bool, own: dict[str, Level]) -> pd.DataFrame:
    rows = [
        (corpus, run, key, divided, level.n, level.clusters, level.mean, level.low, level.high)
        for run, level in own.items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"ci_low": float, "ci_high": float})


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(COLUMNS))
