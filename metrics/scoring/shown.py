"""Which frames of a pair are compared: those in which the true clip shows a face.

Crops of the others show whatever lies where a face was or will be. What judges single frames takes all that are shown
(`only_shown`), what looks at neighbours takes each unbroken stretch (`stretches_shown`), and a network that sees
windows of many frames the longest one (`longest_shown`).
"""

from collections.abc import Iterable
from itertools import compress, islice
from typing import TypeVar

import numpy as np

from eadnet.faces.search import stretches, unseen_seconds
from metrics.scoring.pairs import Pair
from metrics.tables import FPS, Unscorable

Frames = TypeVar("Frames", bound=Iterable)


def only_shown(pair: Pair, frames: Frames) -> Frames | Iterable:
    """Those of T frames in which the true clip shows a face.

    Args:
        pair: whose frames they are.
        frames: an array of them, which stays as it is where all are shown, or what reads them.

    Raises:
        Unscorable: there is none.
    """
    seen = _some(pair)
    if seen.all():
        return frames
    return frames[np.flatnonzero(seen)] if isinstance(frames, np.ndarray) else compress(frames, seen)


def longest_shown(pair: Pair, frames: Frames) -> Frames | Iterable:
    """The longest unbroken stretch of T frames in which the true clip shows a face; as `only_shown`."""
    seen = _some(pair)
    if seen.all():
        return frames
    first, last = max(stretches(seen, 0), key=lambda span: span[1] - span[0])
    return frames[first:last] if isinstance(frames, np.ndarray) else islice(frames, first, last)


def stretches_shown(pair: Pair) -> list[tuple[int, int]]:
    """First frame and the one behind the last of every unbroken stretch of frames that show the true face.

    Raises:
        Unscorable: there is none.
    """
    return stretches(_some(pair), 0)


def windows_shown(seen: np.ndarray, length: int) -> np.ndarray:
    """(T - length + 1,) bool: windows of so many neighbouring frames all of which are seen, of a (T,) bool mask."""
    if len(seen) < length:
        return np.zeros(0, bool)
    return np.lib.stride_tricks.sliding_window_view(seen, length).all(1)


def note_of_unseen(pair: Pair) -> str | None:
    """The seconds that are left out because the true clip shows no face there; None where there are none."""
    if not pair.in_step or not pair.row.get("unseen"):
        return None
    seconds = unseen_seconds(pair.seen, FPS)
    return f"the true clip shows no face in {seconds}; left out" if seconds else None


def check_shapes(pair: Pair, region: np.ndarray) -> None:
    """Make sure that both crops have the region's size and one length.

    Raises:
        Unscorable: they do not; the reason names both shapes.
    """
    generated, truth = pair.generated_crops.shape, pair.true_crops.shape
    if generated != truth or truth[1:3] != region.shape:
        reason = f"crops are {generated}, the truth {truth}, the region {region.shape}; measure again"
        raise Unscorable("wrong_size", reason)


def _some(pair: Pair) -> np.ndarray:
    if not pair.seen.any():
        raise Unscorable("no_face", "no frame of the true clip shows a face where the video has frames")
    return pair.seen
