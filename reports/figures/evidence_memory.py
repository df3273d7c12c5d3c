"""How far the expression drifts.

Change of the face's expression between two frames that lie some frames apart, over the truth's (family `memory`): mean
over the clips common to all sources, with its interval over people and seeds. At the line the expression changes as the
true one; a source that forgets a hidden constant lies above it at long distances.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metrics.functional.statistics import Level
from metrics.spec import REGISTRY
from metrics.tables import ALL, FPS
from reports.load import EmptyInputs, Inputs
from reports.sources.levels import Group, groups, levels
from reports.style import RULE, WIDTH, order_runs, run_colours, run_label

NAME = "expression_change_"
APART = 0.04
"""How far the points of two sources stand apart, in decades."""


def build(of_source: dict[str, dict[int, Level]], title: str = "") -> Figure:
    """One panel, a line a source.

    Args:
        of_source: levels by source and lag in frames.
        title: what the clips are.
    """
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    axes = figure.subplots()
    colours = run_colours(of_source)
    for place, run in enumerate(order_runs(of_source)):
        _draw(axes, of_source[run], colours[run], run_label(run), place - (len(of_source) - 1) / 2)
    lags = sorted({lag for own in of_source.values() for lag in own})
    axes.set_xscale("log")
    axes.set_xticks(lags, [f"{lag}\n{lag / FPS:g} s" for lag in lags])
    axes.minorticks_off()
    axes.axhline(1, color=RULE, linewidth=1, zorder=1)
    axes.set_ylim(bottom=0)
    axes.set(xlabel="frames apart", ylabel="change of expression / truth")
    axes.set_title(title, fontsize=8.5, parse_math=False)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def draw(inputs: Inputs) -> Figure:
    """Take the group of sources that is measured over the longest distance."""
    found = [(own, group) for group in groups(inputs.scores, inputs.questions) if (own := lagged(group))]
    if not found:
        raise EmptyInputs("no score of the family memory; add it to evaluation.metrics, and clips of ten seconds")
    own, group = max(found, key=lambda item: max(lag for lags in item[0].values() for lag in lags))
    return build(own, "All clips" if group.corpus == ALL else f"Clips of {group.corpus}")


def lagged(group: Group) -> dict[str, dict[int, Level]]:
    """Levels by source and lag in frames, of the sources that have some."""
    keys = [key for key in REGISTRY if key.startswith(NAME) and (group.scores.metric == key).any()]
    found: dict[str, dict[int, Level]] = {}
    for key in keys:
        lag = int(REGISTRY[key].name.removeprefix(NAME))
        for run, level in levels(group, key).items():
            found.setdefault(run, {})[lag] = level
    return found


def _draw(axes: Axes, own: dict[int, Level], colour: str, label: str, shift: float) -> None:
    lags = np.array(sorted(own))
    places = lags * 10 ** (APART * shift)
    means = [own[lag].mean for lag in lags]
    bounds = [(mean if own[lag].low is None else own[lag].low, mean if own[lag].high is None else own[lag].high)
              for lag, mean in zip(lags, means, strict=True)]  # fmt: skip
    axes.plot(places, means, "o-", color=colour, markersize=4, label=label)
    for place, (low, high) in zip(places, bounds, strict=True):
        axes.plot([place, place], [low, high], color=colour, linewidth=1.2)
