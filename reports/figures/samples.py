"""Same frames, every method.

Each block is one test clip; its rows are the truth, EAD-Net and each ablation at the same frames, beside the
reference frame that supplied the appearance. Clips are picked by name and label, never by score.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.load import Inputs, ReportError, frame_picks
from reports.style import INK, MUTED, WIDTH, bare, is_baseline, order_runs, run_label

REFERENCE_CELLS, LABEL_CELLS = 1.75, 1.95


@dataclass(frozen=True)
class Strip:
    """One clip: what it is, its (H, W, 3) uint8 reference frame, and (F, H, W, 3) uint8 frames of each run."""

    title: str
    reference: np.ndarray
    rows: Mapping[str, np.ndarray]


def build(strips: Sequence[Strip]) -> Figure:
    """One block a strip, one row a run, one column a frame."""
    columns = max(len(frames) for strip in strips for frames in strip.rows.values())
    cell = WIDTH / (REFERENCE_CELLS + LABEL_CELLS + columns)
    heights = [(len(strip.rows) + 0.75) * cell for strip in strips]
    figure = Figure(figsize=(WIDTH, sum(heights)))
    top = sum(heights)
    for strip, height in zip(strips, heights, strict=True):
        axes = figure.add_axes((0, (top - height) / sum(heights), 1, height / sum(heights)))
        _draw_strip(bare(axes), strip, columns)
        top -= height
    return figure


def draw(inputs: Inputs) -> Figure:
    """Fetch crops of the first test clips and draw them."""
    runs = [run for run in order_runs(inputs.compared) if not is_baseline(run) or run == "ground_truth"]
    if not runs:
        raise ReportError("--measurements holds neither ground_truth nor a run; pass results/measurements/<run>/<seed>")
    clips = inputs.test_clips.head(inputs.settings.strip_clips)
    return build([strip(inputs, row, runs) for row in clips.to_dict("records")])


def strip(inputs: Inputs, clip: dict, runs: Sequence[str]) -> Strip:
    """One clip (a row of the CLIPS table) as the runs made it, at evenly spread frames."""
    videos = {run: inputs.generated(run, clip["clip_id"]).crops for run in runs}
    picks = frame_picks(min(map(len, videos.values())), inputs.settings.strip_frames)
    emotion = f"{clip['emotion']}, " if clip["emotion"] else ""
    person = "person seen in training" if clip["seen_speaker"] else "unseen person"
    reference = inputs.truth(clip["reference"] or clip["clip_id"]).crops[0]
    return Strip(f"{clip['clip_id']}  ·  {emotion}{person}", reference, {run: v[picks] for run, v in videos.items()})


def _draw_strip(axes: Axes, strip: Strip, columns: int) -> None:
    """Draw in units of one cell: x = 0 is the left edge of the first frame, y grows downward."""
    rows = len(strip.rows)
    axes.set(xlim=(-REFERENCE_CELLS - LABEL_CELLS, columns), ylim=(rows + 0.1, -0.65))
    left = -REFERENCE_CELLS - LABEL_CELLS
    axes.text(left + 0.08, -0.3, strip.title, fontsize=8.5, fontweight="bold", va="center", parse_math=False)
    _show(axes, strip.reference, left + 0.08, 0, REFERENCE_CELLS - 0.08)
    axes.text(left + 0.08, REFERENCE_CELLS + 0.05, "reference frame", fontsize=7, color=MUTED, va="center")
    for place, (run, frames) in enumerate(strip.rows.items()):
        weight = "bold" if run in ("ground_truth", "full") else "normal"
        label = run_label(run).replace(" (", "\n(")
        axes.text(-0.12, place + 0.5, label, fontsize=7.5, fontweight=weight, color=INK, ha="right", va="center",
                  parse_math=False)  # fmt: skip
        for column, frame in enumerate(frames):
            _show(axes, frame, column, place, 1)
    axes.set_aspect("auto")


def _show(axes: Axes, picture: np.ndarray, x: float, y: float, size: float) -> None:
    axes.imshow(picture, extent=(x + 0.015, x + size - 0.015, y + size - 0.015, y + 0.015), interpolation="lanczos")
