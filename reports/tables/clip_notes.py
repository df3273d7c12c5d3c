"""The footnote of a table: what was done to clips before they were measured, or differs in them, method by method.

Reads the scores; every row of them carries the notes on its clip.
"""

from collections.abc import Iterator

import pandas as pd

from metrics.functional.clip_notes import clauses, grouped
from metrics.spec import REGISTRY, families_of, needs_of
from reports.style import order_runs, run_label
from reports.tables.layout import Cell, Panel

ALIGNED = ("frames", "timing")
"""What metrics need that see a clip in step with its reference; all others see the video by itself."""


def note_panels(scores: pd.DataFrame | None) -> Iterator[Panel]:
    """A panel with a line a method and kind of note; none where no clip has one.

    Args:
        scores: columns of ``metrics.tables.SCORES``, of the clips that the table shows; None yields nothing.
    """
    if scores is None:
        return
    clips = scores[scores.clip_id.notna() & scores.metric.isin(REGISTRY) & scores.family.isin(families_of("videos"))]
    lines = [
        (Cell(run_label(run)), Cell(f"{number} of {clips[clips.run == run].clip_id.nunique()} clips"), Cell(text))
        for run, said in _notes(clips).items()
        for number, text in grouped(said)
    ]
    if lines:
        header = ("Method", "clips", "what was done to them, or differs")
        yield Panel("Notes on clips", header, tuple(lines), group="Notes on clips", names=3)


def _notes(clips: pd.DataFrame) -> dict[str, list[frozenset[str]]]:
    """By run, the clauses on each clip that all metrics of a view share: what a metric adds is about its value."""
    said = clips.notes.fillna("") != ""
    noted = clips[said.groupby([clips.run, clips.clip_id]).transform("any")]
    found: dict[tuple[str, str], set[str]] = {}
    views = noted.assign(aligned=[needs_of(key) in ALIGNED for key in noted.metric])
    for (run, _, clip_id, _), rows in views.groupby(["run", "seed", "clip_id", "aligned"], sort=False):
        shared = set.intersection(*(set(clauses(notes)) for notes in rows.notes.fillna("")))
        found.setdefault((run, clip_id), set()).update(shared)
    order = order_runs(noted.run)
    return {run: [frozenset(said) for (of, _), said in found.items() if of == run] for run in order}
