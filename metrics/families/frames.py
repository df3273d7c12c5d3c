"""Family ``frames``: PSNR and SSIM of whole frames, from what ``metrics.measuring.extractors.frames`` took of them."""

from collections.abc import Iterator

import numpy as np

from metrics.functional.pixels import PSNR_CEILING, decibels
from metrics.scoring.pairs import Pair, per_clip
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.shown import only_shown
from metrics.scoring.values import Value
from metrics.spec import family_specs


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """PSNR and SSIM of the whole frames of every pair."""
    return per_clip(pairs, [spec.key for spec in family_specs("frames")], _measure)


def _measure(pair: Pair) -> Iterator[Value]:
    errors, similarities = (only_shown(pair, pair.features(name)) for name in ("frame_mse", "frame_ssim"))
    value = decibels(float(np.mean(errors, dtype=np.float64)))
    note = "identical to the truth; capped" if value == PSNR_CEILING else None
    yield Value("psnr@frame", pair.clip_id, value, len(errors), reason=note, n_wanted=pair.n_frames)
    likeness = float(np.mean(similarities, dtype=np.float64))
    yield Value("ssim@frame", pair.clip_id, likeness, len(similarities), n_wanted=pair.n_frames)
