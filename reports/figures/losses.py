"""Losses while training.

Every network and run: thin lines are logged values, thick lines their running mean. Shared networks have one
panel each; the stage-2 losses have one panel a loss with every run in it.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.style import BLUE, CYCLE, order_runs, panel_grid, run_colours, run_label

COLUMNS = 4


def build(losses: pd.DataFrame) -> Figure:
    """One panel for each shared network and for each stage-2 loss.

    Args:
        losses: Columns stage, seed (-1 for shared networks), step, loss, value.
    """
    panels = list(_panels(losses))
    figure, grid = panel_grid(len(panels), COLUMNS, lambda lines: 1.9 * lines + 0.5)
    for axes, (title, frame, colours) in zip(grid, panels, strict=True):
        _draw_panel(axes, title, frame, colours)
    _legend(figure, losses)
    return figure


def _panels(losses: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame, dict[str, str]]]:
    """Title, rows with a column `line`, and the colour of each line."""
    shared, runs = losses[losses.seed < 0], losses[losses.seed >= 0]
    for stage, frame in shared.groupby("stage", sort=True):
        names = sorted(frame.loss.unique())
        colours = {name: (BLUE, *CYCLE)[place % (len(CYCLE) + 1)] for place, name in enumerate(names)}
        yield str(stage).replace("_", " "), frame.assign(line=frame.loss), colours
    colours = run_colours(runs.stage)
    for loss, frame in runs.groupby("loss", sort=True):
        yield f"runs: {loss}", frame.assign(line=frame.stage), colours


def _draw_panel(axes: Axes, title: str, frame: pd.DataFrame, colours: dict[str, str]) -> None:
    for name, colour in colours.items():
        for _, line in frame[frame.line == name].groupby("seed"):
            line = line.sort_values("step")
            axes.plot(line.step, line.value, color=colour, linewidth=0.6, alpha=0.3)
            axes.plot(line.step, _smooth(line.value.to_numpy()), color=colour, linewidth=1.3, label=name)
    values = frame.value[frame.value > 0]
    if len(values) == len(frame) and len(values) and values.max() > 15 * values.quantile(0.05):
        axes.set_yscale("log")
    axes.set_title(title, fontsize=8.5, parse_math=False)
    axes.grid(axis="y")
    axes.tick_params(labelsize=7)
    if (frame.seed < 0).all() and len(colours) > 1:
        axes.legend(fontsize=6.5, handlelength=1)


def _smooth(values: np.ndarray) -> np.ndarray:
    """Centred running mean over a twentieth of the curve, with shrinking ends."""
    return pd.Series(values).rolling(max(1, len(values) // 20) * 2 + 1, center=True, min_periods=1).mean().to_numpy()


def _legend(figure: Figure, losses: pd.DataFrame) -> None:
    runs = losses.stage[losses.seed >= 0].unique()
    if not len(runs):
        return
    colours = run_colours(runs)
    lines = [figure.axes[0].plot([], [], color=colours[run])[0] for run in order_runs(runs)]
    figure.legend(
        lines, [run_label(run) for run in order_runs(runs)], loc="outside lower center", ncols=4, fontsize=7.5
    )
