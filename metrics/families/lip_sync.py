"""Family ``lip_sync``: LSE-C, LSE-D, offset and likeness of the lips by the corpus's sync judge."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from eadnet.data.clips import SAMPLES_PER_FRAME
from eadnet.provenance import sha256_file
from metrics.families.judged import with_doubts
from metrics.families.search_edge import edged
from metrics.functional.sync import MIN_SHIFTS, MIN_WINDOWS, SyncValues, cosine, sync_values
from metrics.judges import load, read_report
from metrics.scoring.pairs import Pair, empty, per_clip
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.shown import windows_shown
from metrics.scoring.values import Value
from metrics.spec import family_specs
from metrics.tables import Unscorable

LSE = ("lse_c", "lse_d", "sync_offset")


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """Lip sync of every video with its own sound, and likeness to the true lips."""
    specs, folder = family_specs("lip_sync"), settings.judge("sync")
    report = read_report(folder)
    if not report["usable"]:
        return iter(empty(specs, pairs, "no_judge", report["reason"]))
    judge = SyncJudge(load(folder), f"sync-judge-{sha256_file(folder / 'model.safetensors')[:16]}", settings)
    values = chain(
        per_clip(pairs, [f"{name}@corpus-v1" for name in LSE], lambda pair: _measure(pair, judge)),
        per_clip(pairs, ["lip_cosine@corpus-v1"], lambda pair: _likeness(pair, judge)),
    )
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
    for name, value in zip(LSE, (found.confidence, found.distance, found.offset), strict=True):
        yield edged(Value(f"{name}@{variant}", clip_id, value, windows, reason=found.note), found.edge)


def _measure(pair: Pair, judge: SyncJudge) -> Iterator[Value]:
    from eadnet.media.spectrogram import log_mel
    from metrics.judges.sync import WINDOW, hear

    wave, faces = pair.own_audio, pair.faces
    _check_length(len(faces.crops))
    seen = judge.see(faces.crops, faces.digest)
    wave = np.pad(wave, (0, -len(wave) % SAMPLES_PER_FRAME))[: len(faces.crops) * SAMPLES_PER_FRAME]
    heard = seen[: max(0, len(wave) // SAMPLES_PER_FRAME - WINDOW + 1)]
    shown = windows_shown(faces.seen, WINDOW)[: len(heard)]
    result = sync_values(heard, hear(judge.network, log_mel(wave), len(heard)), shown)
    for value in sync_rows(result, "corpus-v1", pair.clip_id, int(shown.sum())):
        notes = "; ".join(filter(None, (faces.notes, value.notes))) or None
        yield replace(value, n_wanted=len(seen) if value.value is not None else None, notes=notes)


def _likeness(pair: Pair, judge: SyncJudge) -> Iterator[Value]:
    from metrics.judges.sync import WINDOW

    _check_length(pair.n_frames)
    faces = pair.faces
    seen, true = judge.see(faces.crops, faces.digest), judge.see(pair.true_crops, pair.true_digest)
    shown = windows_shown(pair.seen, WINDOW)
    if not shown.any():
        raise Unscorable("no_face", f"no {WINDOW} neighbouring frames show the true face; lip sync needs them")
    likeness, count = cosine(seen[: len(true)][shown], true[shown]), int(shown.sum())
    yield Value("lip_cosine@corpus-v1", pair.clip_id, likeness, count, n_wanted=len(true), notes=faces.notes)


def _check_length(frames: int) -> None:
    from metrics.judges.sync import WINDOW

    if frames < WINDOW:
        raise Unscorable("too_short", f"{frames} frames; lip sync needs {WINDOW + MIN_WINDOWS + MIN_SHIFTS - 1}")
