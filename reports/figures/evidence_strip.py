"""Every one of some neighbouring frames.

One test clip as the truth and each source made it: neighbouring frames from the middle of the clip, none left out, and
below each the eyes enlarged. The clip is chosen by name, never by score. Where frames know nothing of each other, gaze,
lids, brows and texture change from one frame to the next.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.load import Inputs
from reports.sources.shown import TRUE, Shown, shown
from reports.style import INK, MUTED, WIDTH, bare, run_label

LABEL_CELLS = 2.1
GAP = 0.12


def build(clip: Shown) -> Figure:
    """A row of crops and one of eyes for every source, a column a frame."""
    eyes_high = _height(clip)
    block = 1 + eyes_high + GAP
    cell = WIDTH / (LABEL_CELLS + clip.count)
    rows = block * len(clip.frames) + 0.5
    figure = Figure(figsize=(WIDTH, rows * cell))
    axes = bare(figure.add_axes((0, 0, 1, 1)))
    axes.set(xlim=(-LABEL_CELLS, clip.count), ylim=(rows - 0.5, -0.5))
    first = clip.first + 1
    words = f"{clip.title}  ·  frames {first} to {clip.first + clip.count}"
    axes.text(-LABEL_CELLS + 0.08, -0.24, words, fontsize=8, fontweight="bold", va="center", parse_math=False)
    for place, (source, frames) in enumerate(clip.frames.items()):
        _draw_source(axes, clip, source, frames, place * block, eyes_high)
    axes.set_aspect("auto")
    return figure


def draw(inputs: Inputs) -> Figure:
    """Fetch the clip and draw it."""
    return build(shown(inputs))


def _draw_source(axes: Axes, clip: Shown, source: str, frames: np.ndarray, top: float, eyes_high: float) -> None:
    weight = "bold" if source == TRUE else "normal"
    label = run_label(source).replace(" (", "\n(")
    axes.text(-0.12, top + 0.5, label, fontsize=7.5, fontweight=weight, color=INK, ha="right", va="center",
              parse_math=False)  # fmt: skip
    axes.text(-0.12, top + 1 + eyes_high / 2, "eyes", fontsize=6.5, color=MUTED, ha="right", va="center")
    for column in range(clip.count):
        frame = frames[clip.first + column]
        _show(axes, frame, column, top, 1)
        _show(axes, frame[clip.eyes], column, top + 1, eyes_high)


def _show(axes: Axes, picture: np.ndarray, x: float, y: float, height: float) -> None:
    axes.imshow(picture, extent=(x + 0.015, x + 0.985, y + height - 0.015, y + 0.015), interpolation="lanczos")


def _height(clip: Shown) -> float:
    """Height of the eyes' row in cells, so that their region keeps its shape at the full width of a cell."""
    rows, columns = clip.eyes
    return (rows.stop - rows.start) / (columns.stop - columns.start)
