"""People seen in training and unseen people.

Mean and confidence interval of the main metrics on test clips of people who also have training clips (filled)
and of people who have none (hollow).
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metrics.spec import REGISTRY, MetricSpec, first_variants
from metrics.tables import ALL
from reports.load import EmptyInputs
from reports.style import INK, PAPER, metric_heading, order_runs, panel_grid, run_colours, run_label

COLUMNS = 4
RUNS = ("ground_truth", "still", "shuffled_audio", "reconstruction", "full")
KINDS = {"seen_people": ("seen people", -0.13, True), "unseen_people": ("unseen people", 0.13, False)}


def build(summary: pd.DataFrame) -> Figure:
    """One panel a metric that has a direction, one row a method.

    Args:
        summary: Columns of ``metrics.tables.SUMMARY``.

    Raises:
        EmptyInputs: the summary has no values for seen or unseen people.
    """
    rows = summary[
        (summary.corpus == ALL) & summary.slice.isin(KINDS) & summary.run.isin(RUNS) & summary["mean"].notna()
    ]
    specs = [REGISTRY[key] for key in first_variants(rows.metric) if REGISTRY[key].higher_is_better is not None]
    if not specs:
        raise EmptyInputs("the summary has no slices of seen and unseen people; score both kinds of test clips")
    runs = order_runs(rows.run)
    figure, grid = panel_grid(len(specs), COLUMNS, lambda lines: lines * (0.26 * len(runs) + 0.8) + 0.3, sharey=True)
    for axes, spec in zip(grid, specs, strict=True):
        _draw_panel(axes, rows[rows.metric == spec.key], spec, runs)
    _legend(figure)
    return figure


def _draw_panel(axes: Axes, rows: pd.DataFrame, spec: MetricSpec, runs: list[str]) -> None:
    colours, place = run_colours(runs), {run: number for number, run in enumerate(runs)}
    for row in rows.itertuples():
        if spec.family == "image" and row.run == "ground_truth":
            continue  # compared with itself: far off the scale of the others
        _, shift, filled = KINDS[row.slice]
        y, colour = place[row.run] + shift, colours[row.run]
        axes.plot([row.ci_low, row.ci_high], [y, y], color=colour, linewidth=1.3, solid_capstyle="round")
        axes.plot(row.mean, y, "o", color=colour, markerfacecolor=colour if filled else PAPER, markersize=4.5)
    axes.set_yticks(range(len(runs)), [run_label(run) for run in runs], color=INK, fontsize=7.5)
    axes.set_ylim(len(runs) - 0.5, -0.5)
    axes.set_title(metric_heading(spec), fontsize=8.5)
    axes.grid(axis="x")
    axes.locator_params(axis="x", nbins=4)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _legend(figure: Figure) -> None:
    axes = figure.axes[0]
    marks = [
        axes.plot([], [], "o", color=INK, markerfacecolor=INK if filled else PAPER, markersize=4.5)[0]
        for _, _, filled in KINDS.values()
    ]
    figure.legend(marks, [name for name, *_ in KINDS.values()], loc="outside lower center", ncols=2)
