"""Mouths and sound.

Opening of the inner lips (gap over inter-ocular distance, MediaPipe) frame by frame against the loudness of the
true audio (grey): the truth, EAD-Net, and EAD-Net driven by somebody else's audio; r is the correlation with
the truth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eadnet.data.clips import SAMPLES_PER_FRAME
from metrics.tables import FPS
from reports.load import Inputs, ReportError
from reports.numbers import number
from reports.style import BLUE, INK, MUTED, RULE, VERMILION, WIDTH, run_label

CLIPS = 4
RUNS = {"ground_truth": INK, "full": BLUE, "shuffled_audio": VERMILION}


@dataclass(frozen=True)
class Trace:
    """One clip: its name, (T,) loudness in [0, 1], and (T,) lip opening of each run (NaN where no face was found)."""

    title: str
    loudness: np.ndarray
    openings: Mapping[str, np.ndarray]


def build(traces: Sequence[Trace]) -> Figure:
    """One panel a clip."""
    figure = Figure(figsize=(WIDTH, 1.45 * len(traces) + 0.5), layout="constrained")
    grid = figure.subplots(len(traces), 1, squeeze=False)[:, 0]
    for axes, trace in zip(grid, traces, strict=True):
        _draw_trace(axes, trace)
    for axes in grid[:-1]:
        axes.tick_params(labelbottom=False)
    grid[-1].set_xlabel("seconds")
    runs = [run for run in RUNS if any(run in trace.openings for trace in traces)]
    lines = [grid[0].plot([], [], color=RUNS[run])[0] for run in runs]
    figure.legend(lines, [run_label(run) for run in runs], loc="outside upper right", ncols=len(runs))
    return figure


def draw(inputs: Inputs) -> Figure:
    """Fetch landmarks and audio of the first test clips and draw them."""
    runs = [run for run in RUNS if run in inputs.compared]
    if "ground_truth" not in runs:
        raise ReportError("--measurements lacks ground_truth; pass results/measurements/ground_truth/0")
    clips = inputs.test_clips.head(CLIPS).to_dict("records")
    return build([_trace(inputs, clip, runs) for clip in clips])


def loudness(wave: np.ndarray, n_frames: int) -> np.ndarray:
    """(n_frames,) root mean square of a wave at 16 kHz in each 25 fps frame, scaled to a largest value of 1."""
    frames = wave[: n_frames * SAMPLES_PER_FRAME].reshape(-1, SAMPLES_PER_FRAME)
    level = np.sqrt(np.mean(frames.astype(np.float64) ** 2, axis=1))
    return level / max(level.max(initial=0), 1e-9)


def lip_gap(landmarks: np.ndarray) -> np.ndarray:
    """(T,) gap of the inner lips over the distance of the outer eye corners, from (T, 478, 2) MediaPipe points."""
    gap = np.linalg.norm(landmarks[:, 13] - landmarks[:, 14], axis=1)
    return gap / np.linalg.norm(landmarks[:, 33] - landmarks[:, 263], axis=1)


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson's r over the frames where both are known; NaN where one does not move."""
    known = np.isfinite(first) & np.isfinite(second)
    if known.sum() < 3 or not first[known].std() or not second[known].std():
        return float("nan")
    return float(np.corrcoef(first[known], second[known])[0, 1])


def _trace(inputs: Inputs, clip: dict, runs: Sequence[str]) -> Trace:
    openings = {run: lip_gap(inputs.generated(run, clip["clip_id"]).landmarks) for run in runs}
    frames = min(map(len, openings.values()))
    sound = loudness(inputs.truth(clip["clip_id"]).audio, frames)
    person = "seen" if clip["seen_speaker"] else "unseen person"
    title = "  ·  ".join(filter(None, [clip["clip_id"], clip["emotion"], person]))
    return Trace(title, sound, {run: opening[:frames] for run, opening in openings.items()})


def _draw_trace(axes: Axes, trace: Trace) -> None:
    seconds = np.arange(len(trace.loudness)) / FPS
    top = max(np.nanmax(opening, initial=0.05) for opening in trace.openings.values()) * 1.08
    axes.fill_between(seconds, 0, trace.loudness * top, color=RULE, alpha=0.75, linewidth=0, label="loudness")
    truth = trace.openings["ground_truth"]
    for run, opening in trace.openings.items():
        axes.plot(seconds, opening, color=RUNS[run], linewidth=1.8 if run == "ground_truth" else 1.4)
    matches = [
        f"r = {number(correlation(opening, truth))} {run_label(run)}"
        for run, opening in trace.openings.items()
        if run != "ground_truth"
    ]
    axes.set_title(trace.title, fontsize=8.5, parse_math=False)
    axes.text(
        1, 1.02, "   ".join(matches), transform=axes.transAxes, ha="right", va="bottom", fontsize=7.5, color=MUTED
    )
    axes.set(xlim=(0, max(seconds[-1], 0.04)), ylim=(0, top))
    axes.set_ylabel("opening", fontsize=8)
