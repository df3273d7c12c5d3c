"""The people.

One aligned frame for every person and emotion (people across, emotions down; the middle frame of the first
usable clip, at the strongest level). People in blue are unseen in training.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.load import EmptyInputs, Inputs
from reports.numbers import count, duration
from reports.style import BLUE, MUTED, WIDTH, bare, by_emotion

PEOPLE = 16
UNLABELLED = "not labelled"
LEFT = 0.95  # inches that row names take


@dataclass(frozen=True)
class Board:
    """One corpus: its name, the people (name to unseen or not) and (H, W, 3) uint8 faces by person and emotion."""

    title: str
    people: Mapping[str, bool]
    faces: Mapping[tuple[str, str], np.ndarray]


def build(boards: Sequence[Board]) -> Figure:
    """One montage a corpus, below one another."""
    cell = (WIDTH - LEFT) / PEOPLE
    heights = [cell * len(_rows(board)) + 0.75 for board in boards]
    total = sum(heights)
    figure, top = Figure(figsize=(WIDTH, total)), total
    for board, height in zip(boards, heights, strict=True):
        top -= height
        rows = len(_rows(board))
        area = (LEFT / WIDTH, (top + 0.05) / total, PEOPLE * cell / WIDTH, rows * cell / total)
        _draw_board(bare(figure.add_axes(area)), board)
    return figure


def draw(inputs: Inputs) -> Figure:
    """Fetch one crop for each person and emotion and draw them."""
    clips = inputs.clips[inputs.clips.status == "ok"]
    if clips.empty:
        raise EmptyInputs(f"{inputs.path('clips')}: holds no usable clip; see its reasons")
    boards = [_board(inputs, str(corpus), rows) for corpus, rows in clips.groupby("corpus", sort=True)]
    return build(boards)


def _board(inputs: Inputs, corpus: str, clips: pd.DataFrame) -> Board:
    unseen = ~clips.groupby("speaker").split.agg(lambda split: (split == "train").any())
    people = unseen.sort_values(kind="stable")
    shown = dict(_few(people))
    rows = clips[clips.speaker.isin(shown)].sort_values(["level", "clip_id"], ascending=[False, True])
    first = rows.assign(emotion=rows.emotion.fillna(UNLABELLED)).drop_duplicates(["speaker", "emotion"])
    faces = {(row.speaker, row.emotion): _middle(inputs.truth(row.clip_id).crops) for row in first.itertuples()}
    hours = (clips.n_frames / clips.fps).sum()
    more = f", {len(shown)} shown" if len(shown) < len(people) else ""
    title = f"{corpus}: {count(len(people), 'person', 'people')}{more}, {count(len(clips), 'clip')}, {duration(hours)}"
    return Board(title, shown, faces)


def _few(people: pd.Series) -> pd.Series:
    """At most `PEOPLE` people, of seen and unseen ones alike."""
    unseen = people[people].head(PEOPLE // 2)
    return pd.concat([people[~people].head(PEOPLE - len(unseen)), unseen])


def _middle(crops: np.ndarray) -> np.ndarray:
    return crops[len(crops) // 2]


def _rows(board: Board) -> list[str]:
    return by_emotion(emotion for _, emotion in board.faces)


def _draw_board(axes: Axes, board: Board) -> None:
    rows, people = _rows(board), list(board.people)
    for (person, emotion), face in board.faces.items():
        x, y = people.index(person), rows.index(emotion)
        axes.imshow(face, extent=(x + 0.02, x + 0.98, y + 0.98, y + 0.02), interpolation="lanczos")
    axes.set(xlim=(0, PEOPLE), ylim=(len(rows), 0))
    axes.set_aspect("auto")
    for y, emotion in enumerate(rows):
        axes.text(-0.12, y + 0.5, emotion, ha="right", va="center", fontsize=8, parse_math=False)
    for x, (person, unseen) in enumerate(board.people.items()):
        name = person.rsplit("_", 1)[-1][:9]
        axes.text(x + 0.5, -0.1, name, ha="center", va="bottom", fontsize=6.5, parse_math=False,
                  color=BLUE if unseen else MUTED, fontweight="bold" if unseen else "normal")  # fmt: skip
    axes.annotate(board.title, (0, 1), (0, 16), xycoords="axes fraction", textcoords="offset points", fontsize=10,
                  fontweight="bold", parse_math=False)  # fmt: skip
