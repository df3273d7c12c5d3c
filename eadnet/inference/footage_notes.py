"""What a user should know about the video that a face is taken from, in a few words each. Numpy only."""

from collections.abc import Sequence

import numpy as np

from eadnet.faces.search import unseen_seconds
from eadnet.media.shots import Shot

NAMED = 5
"""Stretches of time that are named at most; of more, the number is given."""
FEW = 0.5
"""Share of frames with a face below which the video is hardly worth it."""


def footage_notes(seen: np.ndarray, shots: Sequence[Shot], fps: float) -> tuple[str, ...]:
    """Clauses on the shots of a video, and on the seconds that are left as they are.

    Args:
        seen: (N,) bool, the frames that show a face.
        shots: of the video; frames between them belong to a fade or dissolve.
        fps: frames per second.
    """
    inside = np.zeros(len(seen), bool)
    for shot in shots:
        inside[shot.first : shot.end] = True
    notes = [f"{len(shots)} shots, each by itself"] if len(shots) > 1 else []
    for what, left in (("no face", inside & ~seen), ("a fade or dissolve", ~inside)):
        if left.any():
            notes.append(f"{what} in {_bounded(unseen_seconds(~left, fps))}; left as it is")
    return tuple(notes)


def footage_warnings(seen: np.ndarray) -> tuple[str, ...]:
    """A clause where only few frames of (N,) show a face; nothing where most do."""
    if seen.mean() >= FEW:
        return ()
    count = int(seen.sum())
    return (f"only {count} of {len(seen)} frames show a face, and only in {'it' if count == 1 else 'them'} it speaks",)


def _bounded(spans: str) -> str:
    """The first few of comma-separated stretches of time, and how many more there are."""
    listed = spans.split(", ")
    more = len(listed) - NAMED
    return ", ".join(listed[:NAMED]) + (f" and {more} more" if more > 0 else "")
