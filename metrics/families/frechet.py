"""Family ``frechet``: distances between real and generated frames and windows, in the corpus's video judge's features.

A few dozen clips cannot fill a covariance, so both are shrunk alike towards a round one (the share is in the row's
notes), and the interval comes from leaving out one clip at a time. Beside them stand the distance extrapolated to
endlessly many clips and the kernel distance, which do not grow as clips become fewer.
"""

from collections.abc import Collection, Iterator
from functools import cache

import numpy as np

from eadnet.faces.search import stretches
from eadnet.provenance import sha256_file
from metrics.families.feature_sets import (
    MIN_CLIPS,
    FeatureSet,
    clip_features,
    clips_warning,
    joined_notes,
    names_of,
    of_enough,
)
from metrics.families.judged import with_doubts
from metrics.functional.distances import (
    clip_kernel_distance,
    dimension_warning,
    extrapolated,
    jackknife,
    shrunk_frechet,
)
from metrics.functional.set_samples import clip_kernel_kind, frechet_kind
from metrics.judges import load, read_report
from metrics.scoring.pairs import Pair, empty
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.shown import longest_shown
from metrics.scoring.values import Value
from metrics.spec import family_specs

KERNEL_FEATURES = 16  # evenly spread features of a clip whose kernels are computed; neighbours are alike
SETS = {
    "fid@corpus-v1": ("fid_infinity@corpus-v1", "kid@corpus-v1"),
    "fvd@corpus-v1": ("fvd_infinity@corpus-v1", "kvd@corpus-v1"),
}
"""The distance of frames and that of windows, each with its limit for many clips and the kernel distance."""


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """Distances of all measured pairs together."""
    report = read_report(settings.judge("video"))
    if not report["usable"]:
        return iter(empty(family_specs("frechet"), pairs, "no_judge", report["reason"]))
    values = of_enough("frechet", pairs, lambda good: (
        value for features in feature_sets(good, settings, SETS) for value in _values(features.filled())
    ))  # fmt: skip
    return with_doubts(values, pairs, report)


def feature_sets(pairs: list[Pair], settings: ScoringSettings, keys: Collection[str]) -> Iterator[FeatureSet]:
    """The judge's features of frames and of windows of measured pairs, for each metric that is among `keys`.

    The limits for endlessly many clips are not among them: they take seconds each, and follow the distance.
    """
    folder = settings.judge("video")
    evaluator = f"judge-video-v1-{sha256_file(folder / 'model.safetensors')[:16]}"
    network = cache(lambda: load(folder))
    sides = clip_features(pairs, settings, evaluator, lambda crops: _stacked(network(), crops), shown=longest_shown)
    counts = [_frames_seen(pair) for pair in sorted(pairs, key=lambda pair: pair.clip_id)]
    for part, (key, (_, kernel)) in enumerate(SETS.items()):
        both = [_split(clips, counts, part) for clips in sides]
        dimensions = both[0][0].shape[1] if both[0] else 1
        if key in keys:
            kind = frechet_kind(dimensions, shrunk_frechet, shrunk=True)
            yield FeatureSet(key, names_of(pairs), *both, shrunk_frechet, kind)
        if kernel in keys:
            spread = ([_spread(clip) for clip in clips] for clips in both)
            yield FeatureSet(kernel, names_of(pairs), *spread, None, clip_kernel_kind())


def _frames_seen(pair: Pair) -> int:
    """Frames of a clip that the judge sees: its longest stretch with a face, since its windows need neighbours."""
    return max((last - first for first, last in stretches(pair.seen, 0)), default=0)


def _split(clips: list[np.ndarray], counts: list[int], kind: int) -> list[np.ndarray]:
    """Per clip, the features of its frames (kind 0), which come first, or of its windows (kind 1)."""
    return [(both[:count], both[count:])[kind] for both, count in zip(clips, counts, strict=True)]


def _stacked(network: object, crops: np.ndarray) -> np.ndarray:
    """(T + W, d) the features of the frames, then those of the windows."""
    from metrics.judges.video import features

    return np.concatenate(features(network, crops))


def _values(features: FeatureSet) -> Iterator[Value]:
    """The Frechet distance, its limit and the kernel distance of the clips that have features of a kind."""
    keys = (features.key, *SETS[features.key])
    generated, truth = features.generated, features.truth
    if len(truth) < MIN_CLIPS:
        reason = f"{len(truth)} clips have a window of 16 frames; {MIN_CLIPS} are needed"
        yield from (Value(key, None, None, 0, "too_short", reason) for key in keys)
        return
    n, d = sum(map(len, truth)), truth[0].shape[1]
    warning = dimension_warning(n, d)
    few = clips_warning(len(truth))
    notes = joined_notes(f"{n} features of {d} dimensions, shrunk by {d / (d + n):.3f}", warning, few)
    value, low, high = jackknife(generated, truth, features.distance)
    yield Value(keys[0], None, value, len(truth), ci_low=low, ci_high=high, notes=notes)
    yield _extrapolated(keys[1], generated, truth)
    value, low, high = clip_kernel_distance(*([_spread(clip) for clip in clips] for clips in (generated, truth)))
    notes = joined_notes(f"at most {KERNEL_FEATURES} of each clip's features", few)
    yield Value(keys[2], None, value, len(truth), ci_low=low, ci_high=high, notes=notes)


def _extrapolated(key: str, generated: list[np.ndarray], truth: list[np.ndarray]) -> Value:
    try:
        value, low, high = extrapolated(generated, truth)
    except ValueError as fault:
        return Value(key, None, None, len(truth), "too_few", str(fault))
    return Value(key, None, value, len(truth), ci_low=low, ci_high=high)


def _spread(features: np.ndarray) -> np.ndarray:
    """At most `KERNEL_FEATURES` of (n, d), evenly spread."""
    return features[np.linspace(0, max(len(features) - 1, 0), min(len(features), KERNEL_FEATURES)).round().astype(int)]
