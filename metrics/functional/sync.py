"""How far pictures and sound of a clip are apart, from the embeddings of their windows by any network.

The mathematics is that of joonson/syncnet_python (``SyncNetInstance.evaluate``), but for one thing: a shift averages
only windows whose partner exists. Zero padding, as there, lowers the confidence of short clips by up to a third.
"""

from dataclasses import dataclass

import numpy as np

from metrics.tables import Unscorable

MAX_SHIFT = 15
MIN_WINDOWS = 10  # pairs of windows that a shift needs to count
MIN_SHIFTS = 5  # shifts either way below which a median means nothing
SILENCE = 1e-3  # a wave that never exceeds this cannot be lip-synced to
FAR = 5  # windows this far apart share no frame


@dataclass(frozen=True)
class SyncValues:
    """LSE-D (`distance`), LSE-C (`confidence`) and `offset` in frames: negative where the sound comes late."""

    distance: float
    confidence: float
    offset: int
    shifts: int

    @property
    def edge(self) -> int | None:
        """Frames either way that were searched, where the least distance lies that far off; else None."""
        reach = self.shifts // 2
        return reach if abs(self.offset) >= reach else None

    @property
    def note(self) -> str | None:
        """That the clip was too short for all shifts, where it was."""
        every = 2 * MAX_SHIFT + 1
        return None if self.shifts == every else f"{self.shifts} shifts instead of {every}"


def distances(seen: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """(W, W) float64 Euclidean distances between W windows of frames (rows) and of sound (columns)."""
    difference = seen[:, None].astype(np.float64) - heard[None]
    return np.linalg.norm(difference, axis=2)


def sync_values(seen: np.ndarray, heard: np.ndarray, shown: np.ndarray | None = None) -> SyncValues:
    """LSE-D, LSE-C and offset from the embeddings of W windows.

    The distance of shift s is the mean of d(v_i, a_{i+s}) over the windows i that have a partner; LSE-D is the least of
    these, LSE-C their median less their least, the offset minus the shift of the least. Shifts reach 15 frames either
    way, or as far as leaves 10 pairs.

    Args:
        seen: (W, E) embeddings of the frames.
        heard: (W, E) embeddings of the sound.
        shown: (W,) bool, windows whose frames show a face; the others are left out. None: all.

    Raises:
        Unscorable: fewer than 15 windows (19 frames), or too few of them show a face.
    """
    shown = np.ones(len(seen), bool) if shown is None else shown
    reach = min(MAX_SHIFT, len(seen) - MIN_WINDOWS)
    while reach >= MIN_SHIFTS and min(_pairs(shown, reach), _pairs(shown, -reach)) < MIN_WINDOWS:
        reach -= 1
    if reach < MIN_SHIFTS:
        needed, lost = MIN_WINDOWS + MIN_SHIFTS, int((~shown).sum())
        hidden = f", {lost} of them without a face" if lost else ""
        raise Unscorable("too_short", f"{len(seen)} windows of 5 frames{hidden}; lip sync needs {needed}")
    shifts = np.arange(-reach, reach + 1)
    means = np.array([_distance_at(seen, heard, shift, shown) for shift in shifts])
    best = int(means.argmin())
    return SyncValues(float(means[best]), float(np.median(means) - means[best]), -int(shifts[best]), len(shifts))


def _pairs(shown: np.ndarray, shift: int) -> int:
    """Windows that show a face and have a partner `shift` windows later."""
    return int(shown[_span(len(shown), shift)].sum())


def _span(count: int, shift: int) -> slice:
    return slice(max(0, -shift), count - max(0, shift))


def _distance_at(seen: np.ndarray, heard: np.ndarray, shift: int, shown: np.ndarray) -> float:
    """Mean Euclidean distance between each window of frames and the sound `shift` windows later."""
    span = _span(len(seen), shift)
    difference = seen[span].astype(np.float64) - heard[span.start + shift : span.stop + shift]
    return float(np.linalg.norm(difference[shown[span]], axis=1).mean())


def order_accuracy(distance: np.ndarray) -> float:
    """How often a window of frames is nearer to its own sound than to one at least 5 frames away; chance is 0.5."""
    index = np.arange(len(distance))
    far = np.abs(index[:, None] - index) >= FAR
    closer = distance > np.diagonal(distance)[:, None]
    return float(closer[far].mean()) if far.any() else float("nan")


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    """Mean over rows of the cosine between two (W, E) series of embeddings."""
    first, second = first.astype(np.float64), second.astype(np.float64)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return float(np.clip((first * second).sum(1) / lengths, -1, 1).mean())
