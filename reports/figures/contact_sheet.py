"""Contact sheet of the aligned crops.

One row a clip: frames spread evenly over it, as every later stage sees them. A clip that could not be used has its
status and reason instead. Where there are many clips, some are shown, taking turns between corpora, people and
emotions; the heading says how many.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.load import EmptyInputs, Inputs, frame_picks, spread
from reports.numbers import count
from reports.style import BLUE, INK, MUTED, VERMILION, WIDTH, bare

FRAMES = 8
LABEL = 2.9  # inches that a row's words take
SIDE = (WIDTH - LABEL) / FRAMES
REFUSED = 0.5  # height of a row without pictures
HEAD = 0.4


@dataclass(frozen=True)
class Row:
    """One clip: its row of the clips table, and (F, S, S, 3) uint8 frames; none where it could not be used."""

    clip: dict
    frames: np.ndarray | None

    @property
    def height(self) -> float:
        """In inches."""
        return REFUSED if self.frames is None else SIDE


def build(rows: Sequence[Row], total: int) -> Figure:
    """One row a clip, in the order given; `total` is the number of clips that there are."""
    height = HEAD + sum(row.height for row in rows)
    figure = Figure(figsize=(WIDTH, height))
    axes = bare(figure.add_axes((0, 0, 1, 1)))
    axes.set(xlim=(0, WIDTH), ylim=(height, 0))
    axes.text(0.08, HEAD / 2, _heading(rows, total), fontweight="bold", fontsize=10, va="center", parse_math=False)
    top = HEAD
    for row in rows:
        _draw_words(axes, row, top)
        if row.frames is not None:
            axes.imshow(_strip(row.frames), extent=(LABEL, WIDTH, top + SIDE, top), interpolation="lanczos")
        top += row.height
    axes.set_aspect("auto")
    return figure


def draw(inputs: Inputs) -> Figure:
    """Fetch the crops of the clips that are shown."""
    if inputs.clips.empty:
        raise EmptyInputs(f"{inputs.path('clips')}: holds no clip; see the sources' reasons")
    shown = chosen(inputs.clips, inputs.settings.sheet_clips)
    return build([_row(inputs, clip) for clip in shown.to_dict("records")], len(inputs.clips))


def chosen(clips: pd.DataFrame, limit: int) -> pd.DataFrame:
    """At most `limit` clips, evenly over corpora, then people, then emotions; by corpus, person and name."""
    few = spread(clips, ("corpus", "speaker", "emotion"), limit).head(limit) if len(clips) > limit else clips
    return few.sort_values(["corpus", "speaker", "clip_id"], kind="stable")


def _row(inputs: Inputs, clip: dict) -> Row:
    if clip["status"] != "ok":
        return Row(clip, None)
    crops = inputs.truth(clip["clip_id"]).crops
    return Row(clip, crops[frame_picks(len(crops), FRAMES)])


def _strip(frames: np.ndarray) -> np.ndarray:
    """(F, S, S, 3) frames side by side, with white seams between them."""
    seam = max(1, frames.shape[1] // 96)
    return np.concatenate(list(np.pad(frames, ((0, 0), *[(seam, seam)] * 2, (0, 0)), constant_values=255)), axis=1)


def _heading(rows: Sequence[Row], total: int) -> str:
    refused = sum(row.frames is None for row in rows)
    few = f"{len(rows):,} of {count(total, 'clip')}, evenly over corpora and people"
    shown = f"All {count(total, 'clip')}" if len(rows) == total else few
    return f"{shown}; {refused:,} of these could not be used" if refused else shown


def _draw_words(axes: Axes, row: Row, top: float) -> None:
    """Name, split, length and status; the reason where there are no pictures."""
    clip, middle = row.clip, top + row.height / 2
    unseen = clip["split"] == "test" and not clip["seen_speaker"]
    split = f"{clip['split']}, unseen person" if unseen else clip["split"] or "no split"
    label = f"{clip['emotion']} {clip['level']:.0f}  ·  " if clip["emotion"] and clip["level"] == clip["level"] else ""
    length = count(int(clip["n_frames"]), "frame") if clip["n_frames"] > 0 else "no frame"
    facts = f"{label}{split}  ·  {length}  ·  {clip['status']}"
    name = clip["clip_id"] if len(clip["clip_id"]) <= 40 else f"{clip['clip_id'][:39]}…"
    axes.text(0.08, middle - 0.08, name, fontsize=7.5, fontweight="bold", va="center", color=INK, parse_math=False)
    axes.text(0.08, middle + 0.1, facts, fontsize=7, va="center", color=BLUE if unseen else MUTED, parse_math=False)
    if row.frames is None:
        why = textwrap.shorten(clip["reason"] or "", 220, placeholder=" …")
        axes.text(LABEL + 0.05, middle - 0.11, clip["status"], fontsize=7.5, fontweight="bold", color=VERMILION,
                  va="center", parse_math=False)  # fmt: skip
        axes.text(LABEL + 0.05, middle + 0.09, textwrap.fill(why, 110), fontsize=7, color=MUTED, va="center",
                  parse_math=False)  # fmt: skip
