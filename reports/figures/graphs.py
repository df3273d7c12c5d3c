"""Which frames the graph connects.

Edge weights of the learned frame graphs (tfrm: extended) on a held-out clip: row i shows how much frame i takes from
each frame j, one map for each place in the U-Net, all on one colour scale. Beside it the mean weight by offset j - i
and the mean distance along edges, over clips and seeds, for every run that has a graph.
"""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports.load import EmptyInputs
from reports.numbers import number
from reports.style import BLUE, INK, MUTED, PAPER, WIDTH, order_runs, run_colours, run_label

COLUMNS = 2
"""Modules side by side, each with a map and a curve."""


def build(edges: pd.DataFrame) -> Figure:
    """A map and a curve for each module.

    Args:
        edges: Columns of ``eadnet.tables.GRAPHS``, one row an edge.

    Raises:
        EmptyInputs: there is no edge.
    """
    if edges.empty:
        raise EmptyInputs("no run has learned a frame graph; train one with tfrm: extended")
    modules, runs = sorted(edges.module.unique()), order_runs(edges.run)
    rows = math.ceil(len(modules) / COLUMNS)
    figure = Figure(figsize=(WIDTH, 2.5 * rows + 0.8), layout="constrained")
    grid = figure.subplots(rows, 2 * COLUMNS, squeeze=False, width_ratios=[1, 1.05] * COLUMNS)
    shown = one_graph(edges, "full" if "full" in runs else runs[0])
    picture = None
    for (left, right), module in zip(grid.reshape(-1, 2), modules, strict=False):
        picture = _draw_map(left, shown[shown.module == module], module, shown.weight.max()) or picture
        _draw_curves(right, edges[edges.module == module], run_colours(runs))
    for axes in grid.flat[2 * len(modules) :]:
        axes.set_visible(False)
    figure.colorbar(picture, ax=grid, label="weight, each row sums to 1", shrink=0.8, aspect=30, pad=0.01)
    figure.suptitle(f"Maps: {run_label(shown.run.iloc[0])}, clip {shown.clip_id.iloc[0]}", x=0.01, ha="left",
                    fontsize=8.5, color=MUTED, parse_math=False)  # fmt: skip
    lines = [grid[0, 1].plot([], [], color=colour)[0] for colour in run_colours(runs).values()]
    figure.legend(lines, [run_label(run) for run in runs], loc="outside lower center", ncols=4, fontsize=7.5)
    return figure


def one_graph(edges: pd.DataFrame, run: str) -> pd.DataFrame:
    """The edges of a run's first seed on its first clip, all modules."""
    edges = edges[edges.run == run]
    edges = edges[edges.seed == edges.seed.min()]
    return edges[edges.clip_id == edges.clip_id.min()]


def matrix(edges: pd.DataFrame) -> np.ndarray:
    """(T, T) weights of one graph, query frame by key frame; zero where there is no edge."""
    frames = int(edges[["query", "key"]].to_numpy().max()) + 1
    weights = np.zeros((frames, frames))
    weights[edges["query"], edges["key"]] = edges.weight
    return weights


def by_offset(edges: pd.DataFrame) -> Mapping[int, float]:
    """Mean weight by offset j - i over the frames that have such a neighbour, over all graphs given."""
    weights = [matrix(graph) for _, graph in edges.groupby(["seed", "clip_id"])]
    longest = max(map(len, weights))
    means = {}
    for offset in range(1 - longest, longest):
        diagonals = np.concatenate([np.diagonal(graph, offset) for graph in weights if len(graph) > abs(offset)])
        means[offset] = float(diagonals.mean())
    return means


def distance(edges: pd.DataFrame) -> float:
    """Mean |j - i| in frames along the edges of the graphs given, by weight (the rows of a graph sum to 1)."""
    return float(np.average((edges["key"] - edges["query"]).abs(), weights=edges.weight))


def _draw_map(axes: Axes, edges: pd.DataFrame, module: str, largest: float):  # noqa: ANN202 - an image
    if edges.empty:
        axes.set_visible(False)
        return None
    axes.set_title(module.replace("_", " "), fontsize=8.5, parse_math=False)
    axes.set(xlabel="from frame j", ylabel="to frame i")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, integer=True))
    axes.spines[:].set_visible(True)
    colours = LinearSegmentedColormap.from_list("paper-to-ink", [PAPER, BLUE, INK])
    return axes.imshow(matrix(edges), cmap=colours, vmin=0, vmax=largest, interpolation="nearest")


def _draw_curves(axes: Axes, edges: pd.DataFrame, colours: Mapping[str, str]) -> None:
    farthest = int((edges["key"] - edges["query"]).abs().max())
    axes.text(1, 1, "mean |j − i|", transform=axes.transAxes, ha="right", va="top", fontsize=7, color=MUTED)
    for place, run in enumerate(order_runs(edges.run)):
        means = by_offset(edges[edges.run == run])
        offsets = [offset for offset in means if abs(offset) <= farthest]
        axes.plot(offsets, [means[offset] for offset in offsets], color=colours[run], marker="o", markersize=2.5,
                  linewidth=1.2)  # fmt: skip
        axes.text(1, 0.9 - 0.09 * place, number(distance(edges[edges.run == run]), 1), transform=axes.transAxes,
                  ha="right", va="top", fontsize=8, color=colours[run])  # fmt: skip
    axes.set(xlabel="j − i, frames", ylabel="mean weight")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    axes.grid(axis="y")
