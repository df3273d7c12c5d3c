"""Family ``lip_sync``: LSE-C, LSE-D, offset and likeness of the lips by the corpus's sync judge.

The mathematics is that of joonson/syncnet_python (``SyncNetInstance.evaluate``), but for one thing: a shift averages
only windows whose partner exists. Zero padding, as there, lowers the confidence of short clips by up to a third.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from eadnet.provenance import sha256_file
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
    """Lip sync of every pair with the clip's true sound, and likeness to the true lips."""
    specs, folder = family_specs("lip_sync"), settings.judge("sync")
    report = read_report(folder)
    if not report["usable"]:
        return iter(empty(specs, pairs, "no_judge", report["reason"]))
    judge = Judge(load(folder), f"sync-judge-{sha256_file(folder / 'model.safetensors')[:16]}", settings)
    return per_clip(pairs, [spec.key for spec in specs], lambda pair: _measure(pair, judge))


@dataclass(frozen=True)
class Judge:
    """The network, and the name under which what it has seen is remembered."""

    network: object
    name: str
    settings: Settings

    def see(self, crops: np.ndarray, digest: str) -> np.ndarray:
        """(T - 4, E) float32 embeddings of the windows of (T, H, W, 3) crops with that digest."""
        from metrics.judges.sync import see

        return self.settings.cached(digest, self.name, lambda: see(self.network, crops))


def distances(seen: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """(W, W) float64 Euclidean distances between W windows of frames (rows) and of sound (columns)."""
    difference = seen[:, None].astype(np.float64) - heard[None]
    return np.linalg.norm(difference, axis=2)


def sync_values(seen: np.ndarray, heard: np.ndarray) -> SyncValues:
    """LSE-D, LSE-C and offset from the embeddings of W windows.

    The distance of shift s is the mean of d(v_i, a_{i+s}) over the windows i that have a partner; LSE-D is the least of
    these, LSE-C their median less their least, the offset minus the shift of the least. Shifts reach 15 frames either
    way, or as far as leaves 10 pairs.

    Args:
        seen: (W, E) embeddings of the frames.
        heard: (W, E) embeddings of the sound.

    Raises:
        Unscorable: fewer than 15 windows (19 frames).
    """
    count = len(seen)
    reach = min(MAX_SHIFT, count - MIN_WINDOWS)
    if reach < MIN_SHIFTS:
        needed = MIN_WINDOWS + MIN_SHIFTS
        raise Unscorable("too_short", f"{count} windows of 5 frames; lip sync needs {needed}")
    shifts = np.arange(-reach, reach + 1)
    means = np.array([_distance_at(seen, heard, shift) for shift in shifts])
    best = int(means.argmin())
    return SyncValues(float(means[best]), float(np.median(means) - means[best]), -int(shifts[best]), len(shifts))


def _distance_at(seen: np.ndarray, heard: np.ndarray, shift: int) -> float:
    """Mean Euclidean distance between each window of frames and the sound `shift` windows later."""
    first, last = max(0, -shift), len(seen) - max(0, shift)
    difference = seen[first:last].astype(np.float64) - heard[first + shift : last + shift]
    return float(np.linalg.norm(difference, axis=1).mean())


def order_accuracy(distance: np.ndarray) -> float:
    """How often a window of frames is nearer to its own sound than to one at least 5 frames away; chance is 0.5."""
    index = np.arange(len(distance))
    far = np.abs(index[:, None] - index) >= FAR
    closer = distance > np.diagonal(distance)[:, None]
    return float(closer[far].mean()) if far.any() else float("nan")


def _measure(pair: Pair, judge: Judge) -> Iterator[Value]:
    from eadnet.spectrogram import log_mel
    from metrics.judges.sync import WINDOW, hear

    frames = pair.n_frames
    if frames < WINDOW:
        raise Unscorable("too_short", f"{frames} frames; lip sync needs {WINDOW + MIN_WINDOWS + MIN_SHIFTS - 1}")
    if np.abs(pair.true_audio).max() <= SILENCE:
        raise Unscorable("silent", "the clip has no sound to be in step with")
    seen = judge.see(pair.generated_crops, pair.generated_digest)
    result = sync_values(seen, hear(judge.network, log_mel(pair.true_audio), len(seen)))
    note = None if result.shifts == 2 * MAX_SHIFT + 1 else f"{result.shifts} shifts instead of {2 * MAX_SHIFT + 1}"
    yield Value("lse_c@corpus-v1", pair.clip_id, result.confidence, len(seen), reason=note)
    yield Value("lse_d@corpus-v1", pair.clip_id, result.distance, len(seen), reason=note)
    yield Value("sync_offset@corpus-v1", pair.clip_id, result.offset, len(seen), reason=note)
    likeness = cosine(seen, judge.see(pair.true_crops, pair.true_digest))
    yield Value("lip_cosine@corpus-v1", pair.clip_id, likeness, len(seen))


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    """Mean over rows of the cosine between two (W, E) series of embeddings."""
    first, second = first.astype(np.float64), second.astype(np.float64)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return float(np.clip((first * second).sum(1) / lengths, -1, 1).mean())
