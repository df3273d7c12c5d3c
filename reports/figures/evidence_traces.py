"""Gaze, lids and mouth over time.

The same clip as in the strip, a column a source: where the eyes look (sideways, in widths of an eye), how far the lids
are open (gap over the eye's width) and how far the mouth is (gap over the distance of the eyes), all by MediaPipe and
frame by frame. Grey, in every column: the truth. The grey band is what the strip shows.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eadnet.faces.landmarks import eye_opening, mouth_opening
from metrics.functional.trajectories import gaze
from metrics.tables import FPS
from reports.load import Inputs
from reports.sources.shown import TRUE, Shown, shown
from reports.style import BLUE, INK, RULE, WIDTH, run_label

PATHS = {
    "gaze": lambda points: gaze(points)[:, 0],
    "lids": eye_opening,
    "mouth": mouth_opening,
}
MARGIN = 0.08
TRUTH_COLOUR = "#9aa2ad"


def build(clip: Shown) -> Figure:
    """A line of panels a path, a column a source, all of one path on one scale."""
    names = list(clip.landmarks)
    figure = Figure(figsize=(WIDTH, 4.4), layout="constrained")
    grid = figure.subplots(len(PATHS), len(names), squeeze=False, sharex=True, sharey="row")
    for axes_of_path, (path, measure) in zip(grid, PATHS.items(), strict=True):
        traces = {name: np.asarray(measure(clip.landmarks[name]), float) for name in names}
        for axes, name in zip(axes_of_path, names, strict=True):
            _draw(axes, traces[name], traces[TRUE], clip, is_truth=name == TRUE)
        axes_of_path[0].set_ylim(*_limits(list(traces.values())))
        axes_of_path[0].set_ylabel(path)
    for axes, name in zip(grid[0], names, strict=True):
        axes.set_title(run_label(name).replace(" (", "\n("), fontsize=8, parse_math=False)
    for axes in grid[-1]:
        axes.set_xlabel("seconds")
    figure.suptitle(clip.title, fontsize=8.5, x=0.01, ha="left", parse_math=False)
    return figure


def draw(inputs: Inputs) -> Figure:
    """Fetch the clip's landmarks and draw them."""
    return build(shown(inputs))


def _draw(axes: Axes, trace: np.ndarray, truth: np.ndarray, clip: Shown, is_truth: bool) -> None:
    seconds = np.arange(len(trace)) / FPS
    axes.axvspan(clip.first / FPS, (clip.first + clip.count - 1) / FPS, color=RULE, alpha=0.45, linewidth=0)
    if not is_truth:
        axes.plot(seconds, truth, color=TRUTH_COLOUR, linewidth=0.9)
    axes.plot(seconds, trace, color=INK if is_truth else BLUE, linewidth=1.1)
    axes.set_xlim(0, max(seconds[-1], 1 / FPS))


def _limits(traces: list[np.ndarray]) -> tuple[float, float]:
    """The range of all traces, which a single frame that MediaPipe misreads must not stretch: 0.5 to 99.5 per cent."""
    values = np.concatenate(traces)
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = np.percentile(values, [0.5, 99.5])
    room = MARGIN * max(high - low, 1e-6)
    return float(low - room), float(high + room)
