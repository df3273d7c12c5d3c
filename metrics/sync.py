"""Family ``lip_sync``: LSE-C, LSE-D and offset by the corpus's sync judge.

The mathematics is that of joonson/syncnet_python (``SyncNetInstance.evaluate``), but for one thing: a shift averages
only windows whose partner exists. Zero padding, as there, lowers the confidence of short clips by up to a third.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from metrics.judges import load, read_report
from metrics.pairs import Pair, Unscorable, Value, per_clip
from metrics.scoring import Settings, empty
from metrics.spec import family_specs

MAX_SHIFT = 15
MIN_WINDOWS = 10  # pairs of windows that a shift needs to count
MIN_SHIFTS = 5  # shifts either way without which a median says nothing
SILENCE = 1e-3  # a wave that never exceeds this cannot be lip-synced to
FAR = 5  # windows this far apart share no frame


@dataclass(frozen=True)
class SyncValues:
    """LSE-D (`distance`), LSE-C (`confidence`) and `offset` in frames: negative where the sound comes late."""

    distance: float
    confidence: float
    offset: int
    shifts: int


def score(pairs: list[Pair], settings: Settings) -> Iterator[Value]:
    """LSE-C, LSE-D and offset of every pair, with the clip's true sound."""
    specs = family_specs("lip_sync")
    report = read_report(settings.judge("sync"))
    if not report["usable"]:
        return iter(empty(specs, pairs, "no_judge", report["reason"]))
    network = load(settings.judge("sync"))
    return per_clip(pairs, [spec.key for spec in specs], lambda pair: _measure(pair, network))


def distances(seen: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """(W, W) float64 Euclidean distances between W windows of frames (rows) and of sound (columns)."""
    difference = seen[:, None].astype(np.float64) - heard[None]
    return np.linalg.norm(difference, axis=2)


def sync_values(distance: np.ndarray) -> SyncValues:
    """LSE-D, LSE-C and offset from the distances between windows.

    The distance of shift s is the mean of d(v_i, a_{i+s}) over the windows i that have a partner; LSE-D is the least of
    these, LSE-C their median less their least, the offset minus the shift of the least. Shifts reach 15 frames either
    way, or as far as leaves 10 pairs.

    Args:
        distance: (W, W), entry (i, j) between window i of the frames and window j of the sound.

    Raises:
        Unscorable: fewer than 15 windows (19 frames).
    """
    reach = min(MAX_SHIFT, len(distance) - MIN_WINDOWS)
    if reach < MIN_SHIFTS:
        needed = MIN_WINDOWS + MIN_SHIFTS
        raise Unscorable("too_short", f"{len(distance)} windows of 5 frames; lip sync needs {needed}")
    shifts = np.arange(-reach, reach + 1)
    means = np.array([np.diagonal(distance, shift).mean() for shift in shifts])
    best = int(means.argmin())
    return SyncValues(float(means[best]), float(np.median(means) - means[best]), -int(shifts[best]), len(shifts))


def order_accuracy(distance: np.ndarray) -> float:
    """How often a window of frames is nearer to its own sound than to one at least 5 frames away; chance is 0.5."""
    index = np.arange(len(distance))
    far = np.abs(index[:, None] - index) >= FAR
    closer = distance > np.diagonal(distance)[:, None]
    return float(closer[far].mean()) if far.any() else float("nan")


def _measure(pair: Pair, network: object) -> Iterator[Value]:
    from eadnet.spectrogram import log_mel
    from metrics.judge_sync import WINDOW, embed

    frames = len(pair.generated_crops)
    if frames < WINDOW:
        raise Unscorable("too_short", f"{frames} frames; lip sync needs {WINDOW + MIN_WINDOWS + MIN_SHIFTS - 1}")
    if np.abs(pair.true_audio).max() <= SILENCE:
        raise Unscorable("silent", "the clip has no sound to be in step with")
    seen, heard = embed(network, pair.generated_crops, log_mel(pair.true_audio))
    result = sync_values(distances(seen, heard))
    windows = len(seen)
    note = None if result.shifts == 2 * MAX_SHIFT + 1 else f"{result.shifts} shifts instead of {2 * MAX_SHIFT + 1}"
    yield Value("lse_c@corpus-v1", pair.clip_id, result.confidence, windows, reason=note)
    yield Value("lse_d@corpus-v1", pair.clip_id, result.distance, windows, reason=note)
    yield Value("sync_offset@corpus-v1", pair.clip_id, result.offset, windows, reason=note)
