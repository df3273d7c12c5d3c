"""Family ``lip_sync``: LSE-C, LSE-D, offset and likeness of the lips by the corpus's sync judge."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from eadnet.provenance import sha256_file
from metrics.families.judged import with_doubts
from metrics.functional.sync import MIN_SHIFTS, MIN_WINDOWS, SILENCE, SyncValues, cosine, sync_values
from metrics.judges import load, read_report
from metrics.scoring.pairs import Pair, Value, empty, per_clip
from metrics.scoring.settings import ScoringSettings
from metrics.spec import family_specs
from metrics.tables import Unscorable


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """Lip sync of every pair with the clip's true sound, and likeness to the true lips."""
    specs, folder = family_specs("lip_sync"), settings.judge("sync")
    report = read_report(folder)
    if not report["usable"]:
        return iter(empty(specs, pairs, "no_judge", report["reason"]))
    judge = SyncJudge(load(folder), f"sync-judge-{sha256_file(folder / 'model.safetensors')[:16]}", settings)
    values = per_clip(pairs, [spec.key for spec in specs], lambda pair: _measure(pair, judge))
    return with_doubts(values, pairs, report)


@dataclass(frozen=True)
class SyncJudge:
    """The network, and the name under which its features are cached."""

    network: object
    name: str
    settings: ScoringSettings

    def see(self, crops: np.ndarray, digest: str) -> np.ndarray:
        """(T - 4, E) float32 embeddings of the windows of (T, H, W, 3) crops with that digest."""
        from metrics.judges.sync import see

        return self.settings.cached(digest, self.name, lambda: see(self.network, crops))


def sync_rows(found: SyncValues, variant: str, clip_id: str, windows: int) -> Iterator[Value]:
    """LSE-C, LSE-D and offset of a clip as rows of a variant; `windows` is the number behind them."""
    for name, value in (("lse_c", found.confidence), ("lse_d", found.distance), ("sync_offset", found.offset)):
        yield Value(f"{name}@{variant}", clip_id, value, windows, reason=found.note)


def _measure(pair: Pair, judge: SyncJudge) -> Iterator[Value]:
    from eadnet.media.spectrogram import log_mel
    from metrics.judges.sync import WINDOW, hear

    frames = pair.n_frames
    if frames < WINDOW:
        raise Unscorable("too_short", f"{frames} frames; lip sync needs {WINDOW + MIN_WINDOWS + MIN_SHIFTS - 1}")
    if np.abs(pair.true_audio).max() <= SILENCE:
        raise Unscorable("silent", "the clip has no sound to be in step with")
    seen = judge.see(pair.generated_crops, pair.generated_digest)
    result = sync_values(seen, hear(judge.network, log_mel(pair.true_audio), len(seen)))
    yield from sync_rows(result, "corpus-v1", pair.clip_id, len(seen))
    likeness = cosine(seen, judge.see(pair.true_crops, pair.true_digest))
    yield Value("lip_cosine@corpus-v1", pair.clip_id, likeness, len(seen))
