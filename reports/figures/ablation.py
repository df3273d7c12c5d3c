"""What each ablation changes.

Paired difference to full EAD-Net (run minus full; of metrics with an ideal value, of the distance to it) with its
confidence interval, one panel a metric; the green side is the better one. Filled points are decided, hollow ones are
not; none inside the grey band can be, which is as far as the same model with another seed may lie from full.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metrics.spec import REGISTRY, MetricSpec
from metrics.tables import METHOD
from reports.load import EmptyInputs, Inputs
from reports.style import (
    GREEN,
    INK,
    MUTED,
    PAPER,
    RULE,
    headline_place,
    metric_heading,
    metric_label,
    order_runs,
    panel_grid,
    run_colours,
    run_label,
)
from reports.tables.ablation import differences

COLUMNS = 4


def build(frame: pd.DataFrame) -> Figure:
    """A forest plot, one panel a metric that has a direction or an ideal value.

    Args:
        frame: What ``reports.tables.ablation.differences`` returns.

    Raises:
        EmptyInputs: no run was compared with full.
    """
    tested = frame[frame.difference_low.notna() & frame.difference_high.notna() & (frame.kind != METHOD)]
    specs = [spec for key, spec in REGISTRY.items() if key in set(tested.metric) and spec.is_judged]
    if not specs:
        raise EmptyInputs("the summary compares no ablation with full; add a run besides full to the config")
    runs = order_runs(tested.run)
    figure, grid = panel_grid(len(specs), COLUMNS, lambda lines: lines * (0.24 * len(runs) + 0.85), sharey=True)
    for axes, spec in zip(grid, specs, strict=True):
        _draw_panel(axes, tested[tested.metric == spec.key].set_index("run"), spec, runs)
    return figure


def draw(inputs: Inputs) -> Figure:
    """Fetch the summary and draw it."""
    return build(differences(inputs.summary))


def _draw_panel(axes: Axes, rows: pd.DataFrame, spec: MetricSpec, runs: list[str]) -> None:
    colours = run_colours(runs)
    for place, run in enumerate(runs):
        if run not in rows.index:
            continue
        row, colour = rows.loc[run], colours[run]
        axes.plot([row.difference_low, row.difference_high], [place, place], color=colour, solid_capstyle="round")
        face = colour if row.decided else PAPER
        axes.plot(row.difference_vs_full, place, "o", color=colour, markerfacecolor=face, markersize=5)
    reach = 1.15 * np.abs(rows[["difference_low", "difference_high"]].to_numpy()).max() or 1.0
    null = rows.null_reach.max()
    if null == null:
        axes.axvspan(-null, null, color=RULE, alpha=0.5, linewidth=0)
        reach = max(reach, 1.05 * null)
    axes.axvspan(0, reach if spec.higher_is_better else -reach, color=GREEN, alpha=0.07, linewidth=0)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.set(xlim=(-reach, reach), ylim=(len(runs) - 0.4, -0.6))
    axes.set_yticks(range(len(runs)), [run_label(run).replace(" (", "\n(") for run in runs], color=INK, fontsize=7.5)
    heading = f"{metric_label(spec.key)}, off {spec.target:g} ↓" if spec.by_distance else metric_heading(spec)
    place = headline_place(spec.key, rows.reset_index()).strip()
    axes.set_title(f"{heading}\n{place}" if place else heading, fontsize=7.5)
    axes.locator_params(axis="x", nbins=4)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
