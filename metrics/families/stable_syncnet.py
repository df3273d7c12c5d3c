"""Family ``stable_syncnet``: the accuracy that LatentSync's own evaluation prints, by the SyncNet that trains it.

Reads what ``measuring.extractors.stable_syncnet`` left. Every window is judged with its own sound and with the sound of
every other window of the video, where LatentSync draws one pair at random.
"""

from collections.abc import Iterator

import numpy as np

from metrics.scoring.pairs import Pair, per_clip
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.spec import family_specs
from metrics.tables import Unscorable

ASSET = "latentsync-syncnet"
IN_SYNC = 0.5  # a cosine above it is called in sync


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """Accuracy, hits and mean cosine of every video.

    Raises:
        metrics.scoring.settings.WeightsAbsent: nothing can have been embedded.
    """
    settings.weights(ASSET)
    yield from per_clip(pairs, [spec.key for spec in family_specs("stable_syncnet")], _measure)


def accuracy(cosines: np.ndarray) -> float:
    """Balanced accuracy of (W, W) cosines of windows (rows) and sounds (columns), W >= 2; the diagonal is in sync."""
    own = np.eye(len(cosines), dtype=bool)
    return float((cosines[own] > IN_SYNC).mean() + (cosines[~own] <= IN_SYNC).mean()) / 2


def _measure(pair: Pair) -> Iterator[Value]:
    seen, heard, faces = (pair.features(f"stable_{name}") for name in ("seen", "heard", "faces"))
    _ = pair.own_audio  # a silent video has no value
    seen, heard = seen[faces == 1], heard[faces == 1]
    if len(seen) < 2:
        face = np.isfinite(pair.own_landmarks_25).any()
        reason = "fewer than 2 windows of 16 frames with sound, all of which show a face"
        reason = reason if face else "no frame in which the mesh finds a face"
        raise Unscorable("too_short" if face else "no_face", reason)
    cosines = seen.astype(np.float64) @ heard.T
    own, count = np.diagonal(cosines), len(seen)
    values = accuracy(cosines), float((own > IN_SYNC).mean()), float(own.mean())
    for name, value in zip(("sync_accuracy", "sync_hits", "sync_cosine"), values, strict=True):
        yield Value(f"{name}@stable-syncnet", pair.clip_id, value, count, n_wanted=len(faces))
