"""Family ``syncnet``: lip sync by the published SyncNet v2, in every variant that papers print.

All read the features that ``measuring.extractors.syncnet`` left, so that a video is seen once for all of them. The
distances, their median and minimum are those of joonson/syncnet_python@6efbb1c (SyncNetInstance.evaluate); variants
differ in the crop, in what shifts beyond the ends count for, and in how tracks are put together. Writes nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from eadnet.faces.search import frames_seen
from metrics.families.lip_sync import sync_rows
from metrics.families.search_edge import edged
from metrics.functional.sync import MAX_SHIFT, cosine, sync_values
from metrics.scoring.pairs import Pair, per_clip
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from metrics.scoring.shown import windows_shown
from metrics.scoring.values import Value
from metrics.tables import Unscorable

REFERENCE_TRACK, LATENTSYNC_TRACK = 100, 50
WINDOW = 5
LOST = 5  # frames that a video has more than windows: 4, and the last one, which the reference leaves out
VERSE_REACH = 14  # offsets that far, or farther, Verse-Bench does not believe


@dataclass(frozen=True)
class ShiftedValues:
    """What the reference prints of one crop: distance, confidence, offset, and the mean over all 31 shifts.

    `offset` is in frames, negative where the sound comes late.
    """

    distance: float
    confidence: float
    offset: int
    mean: float
    windows: int

    @property
    def edge(self) -> int | None:
        """Frames either way that were searched, where the least distance lies that far off; else None."""
        return MAX_SHIFT if abs(self.offset) >= MAX_SHIFT else None


@dataclass(frozen=True)
class Recipe:
    """Metrics that are read from the same arrays; `assets` are the weights that left them."""

    keys: tuple[str, ...]
    assets: tuple[str, ...]
    measure: Callable[[Pair], Iterator[Value]]


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """All variants of every pair; rows name the absent weights where features are missing for that reason."""

    @cache
    def missing(asset: str) -> str | None:
        try:
            settings.weights(asset)
        except WeightsAbsent as fault:
            return fault.brief
        return None

    for recipe in RECIPES:
        yield from per_clip(pairs, recipe.keys, lambda pair, recipe=recipe: _explained(pair, recipe, missing))


def shifted(seen: np.ndarray, heard: np.ndarray) -> ShiftedValues:
    """The reference's numbers from the features of W windows, (W, 1024) each.

    Beyond the ends the sound is zeros, which lie nearer than foreign sound does: LSE-C of short clips is too low.

    Raises:
        Unscorable: no window.
    """
    if not len(seen):
        raise Unscorable("too_short", "no window of 5 frames and 0.2 s of sound; SyncNet needs 6 frames")
    means = padded_means(seen, heard)
    best = int(means.argmin())
    low = float(means[best])
    return ShiftedValues(low, float(np.median(means)) - low, MAX_SHIFT - best, float(means.mean()), len(seen))


def padded_means(seen: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """(31,) float64 mean distances of frames to the sound -15 to 15 frames later, zeros beyond the ends."""
    count = len(seen)
    padded = np.pad(heard.astype(np.float64), ((MAX_SHIFT, MAX_SHIFT), (0, 0)))
    # torch.pairwise_distance, which the reference takes, adds 1e-6 to every difference.
    gaps = (seen - padded[shift : shift + count] + 1e-6 for shift in range(2 * MAX_SHIFT + 1))
    return np.array([np.sqrt(np.einsum("wc,wc->w", gap, gap)).mean() for gap in gaps])


def _explained(pair: Pair, recipe: Recipe, missing: Callable[[str], str | None]) -> Iterator[Value]:
    try:
        yield from recipe.measure(pair)
    except Unscorable as fault:
        reason = next(filter(None, map(missing, recipe.assets)), None) if fault.status == "not_measured" else None
        if reason:
            raise Unscorable("weights_absent", reason) from None
        raise


# ------------------------------------------------------------------------------------------------- the variants
def _reference(pair: Pair) -> Iterator[Value]:
    found = [shifted(*track) for track in _tracks(pair, REFERENCE_TRACK)]
    return _of_tracks(pair, found, "ref-v1", lse_c="confidence", lse_d="distance", sync_offset="offset")


def _reference_valid(pair: Pair) -> Iterator[Value]:
    """The reference's tracks and crops without its zeros beyond the ends, so that the padding alone differs."""
    tracks = list(_tracks(pair, REFERENCE_TRACK))
    found = [sync_values(*track) for track in tracks]
    names = {"lse_c": "confidence", "lse_d": "distance", "sync_offset": "offset"}
    return _rows(pair, found, sum(len(seen) for seen, _ in tracks), "ref-valid-v1", names)


def _latentsync(pair: Pair) -> Iterator[Value]:
    found = [shifted(*track) for track in _tracks(pair, LATENTSYNC_TRACK)]
    return _of_tracks(pair, found, "latentsync", lse_c="confidence")


def _valid(pair: Pair) -> Iterator[Value]:
    heard, seen = _heard(pair), _mesh(pair)
    windows = min(len(seen), len(heard))
    shown, wanted = _seen_windows(pair)[:windows], _wanted(pair)
    found = sync_values(seen[:windows], heard[:windows], shown)
    for value in sync_rows(found, "valid-v1", pair.clip_id, int(shown.sum())):
        yield value if value.value is None else replace(value, n_wanted=wanted)


def _fullframe(pair: Pair) -> Iterator[Value]:
    heard = _heard(pair)
    found = shifted(pair.features("syncnet_frame_seen")[: len(heard)], heard)
    return _of_tracks(pair, [found], "wav2lip-fullframe", lse_c="confidence", lse_d="distance")


def _versebench(pair: Pair) -> Iterator[Value]:
    found = [shifted(*track) for track in _runs(pair)]
    far = [values.offset for values in found if abs(values.offset) >= VERSE_REACH]
    if far:
        raise Unscorable("out_of_sync", f"an offset of {far[0]} frames; Verse-Bench gives no score from {VERSE_REACH}")
    lost = len(found)  # the sound of each track ends a frame early
    windows = lost + sum(values.windows for values in found)
    return _rows(pair, found, windows, "versebench", {"lse_c": "confidence", "lse_d": "mean"})


def _of_tracks(pair: Pair, found: list[ShiftedValues], variant: str, **names: str) -> Iterator[Value]:
    return _rows(pair, found, sum(values.windows for values in found), variant, names)


def _rows(pair: Pair, found: list, windows: int, variant: str, names: dict[str, str]) -> Iterator[Value]:
    """Rows of a variant: by metric, the mean over tracks of one of their numbers; `windows` are behind them."""
    note = None if len(found) == 1 else f"mean of {len(found)} tracks"
    wanted = max(windows, _wanted(pair))
    edge = next((values.edge for values in found if values.edge is not None), None)
    for name, number in names.items():
        mean = float(np.mean([getattr(values, number) for values in found]))
        yield edged(Value(f"{name}@{variant}", pair.clip_id, mean, windows, reason=note, n_wanted=wanted), edge)


def _cosine(pair: Pair) -> Iterator[Value]:
    seen = _mesh(pair)
    true = pair.true_features("syncnet_mesh_seen")
    if not len(true):
        raise Unscorable("no_face", "no face in the true video")
    count = min(len(seen), len(true), pair.n_frames - LOST)
    shown = _seen_windows(pair)[:count] & windows_shown(pair.seen, WINDOW)[:count]
    if not shown.any():
        raise Unscorable("no_face", f"no {WINDOW} neighbouring frames show a face in both videos")
    value = cosine(seen[:count][shown], true[:count][shown])
    yield Value("lip_cosine@syncnet-v2", pair.clip_id, value, int(shown.sum()), n_wanted=pair.n_frames - LOST)


RECIPES = (
    Recipe(("lse_c@ref-v1", "lse_d@ref-v1", "sync_offset@ref-v1"), ("syncnet-v2", "sfd-face"), _reference),
    Recipe(
        ("lse_c@ref-valid-v1", "lse_d@ref-valid-v1", "sync_offset@ref-valid-v1"),
        ("syncnet-v2", "sfd-face"),
        _reference_valid,
    ),
    Recipe(("lse_c@valid-v1", "lse_d@valid-v1", "sync_offset@valid-v1"), ("syncnet-v2",), _valid),
    Recipe(("lse_c@latentsync",), ("syncnet-v2", "sfd-face"), _latentsync),
    Recipe(("lse_c@wav2lip-fullframe", "lse_d@wav2lip-fullframe"), ("syncnet-v2",), _fullframe),
    Recipe(("lse_c@versebench", "lse_d@versebench"), ("syncnet-v2", "insightface-buffalo-l"), _versebench),
    Recipe(("lip_cosine@syncnet-v2",), ("syncnet-v2",), _cosine),
)


# ------------------------------------------------------------------------------------------------- the features
def _heard(pair: Pair) -> np.ndarray:
    """Features of the video's whole own sound; one without sound has no score."""
    heard = pair.features("syncnet_heard")
    _ = pair.own_audio  # raises where there is none
    return heard


def _wanted(pair: Pair) -> int:
    """Windows that the whole video has."""
    return max(0, int(pair.features("syncnet_frames")[0]) - LOST)


def _seen_windows(pair: Pair) -> np.ndarray:
    """(W,) bool: windows in all of whose frames the mesh finds a face; in the others its square is bridged."""
    return windows_shown(frames_seen(pair.own_landmarks_25), WINDOW)


def _mesh(pair: Pair) -> np.ndarray:
    seen = pair.features("syncnet_mesh_seen")
    if len(seen):
        return seen
    if not np.isfinite(pair.own_landmarks_25).any():
        raise Unscorable("no_face", "no frame in which the mesh finds a face")
    raise Unscorable("too_short", f"{len(pair.own_landmarks_25)} frames; SyncNet needs 6, with sound")


def _tracks(pair: Pair, min_track: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Features of the tracks of S3FD's boxes with more than `min_track` detections, in shots as long."""
    _heard(pair)
    table = pair.features("syncnet_tracks")
    chosen = (table[:, 3] > min_track) & (table[:, 4] >= min_track)
    if not chosen.any():
        reason = f"no face of over 100 pixels that S3FD sees in over {min_track} frames of one shot"
        frames = int(pair.features("syncnet_frames")[0])
        if frames <= min_track:
            raise Unscorable("too_short", f"{frames} frames; a track needs over {min_track}")
        raise Unscorable("no_track", reason)
    return _parts(pair, "track", table, chosen)


def _runs(pair: Pair) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    _heard(pair)
    table = pair.features("syncnet_verse_tracks")
    if not len(table):
        raise Unscorable("no_track", "no 2 s in which InsightFace sees a face in every frame")
    return _parts(pair, "verse", table, np.ones(len(table), bool))


def _parts(pair: Pair, name: str, table: np.ndarray, chosen: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    seen, heard = pair.features(f"syncnet_{name}_seen"), pair.features(f"syncnet_{name}_heard")
    ends = np.cumsum(table[:, 2])
    return ((seen[end - n : end], heard[end - n : end]) for end, n in zip(ends[chosen], table[chosen, 2], strict=True))
