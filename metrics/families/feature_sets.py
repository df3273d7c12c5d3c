"""Features of all clips by one evaluator, and the value that a distance between the two sets of them gives.

The evaluator decides what is measured; this module in which order, how often, and the words of the row. A family with
metrics of sets gives the features behind them by ``feature_sets(pairs, settings, keys)``: what it scores is what others
resample (``metrics.resolution``) and compare between runs (``metrics.comparison.compare_sets``).
"""

import importlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eadnet.media.decoding import MediaError
from metrics.families.pictures import CROPS, Frames, Pictures
from metrics.functional.distances import Distance, dimension_warning, jackknife
from metrics.functional.set_samples import Kind
from metrics.scoring.pairs import Pair, empty, usable
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.shown import only_shown
from metrics.scoring.values import Value
from metrics.spec import REGISTRY, family, family_specs
from metrics.tables import Unscorable

if TYPE_CHECKING:
    import torch

MIN_CLIPS = 2
ENOUGH_CLIPS = 8
"""Clips below which a row warns, however many frames they have: as few as an extrapolation needs."""
GROUPS = 50  # most leave-outs of an interval in features of many dimensions

Sets = tuple[list[np.ndarray], list[np.ndarray]]


@dataclass(frozen=True)
class FeatureSet:
    """What a metric of sets is computed of.

    `generated` and `truth` hold, for each of `clip_ids`, (n, d) features of the generated and of the true clip; n is 0
    for a clip that is too short. `distance` is that of two (n, d) arrays, all features of either side; `kind` computes
    any choice of clips (None: by `distance`). A kernel distance of clips has no `distance` of joined features.
    """

    key: str
    clip_ids: tuple[str, ...]
    generated: list[np.ndarray]
    truth: list[np.ndarray]
    distance: Distance | None
    kind: Kind | None = None

    def filled(self) -> "FeatureSet":
        """The clips that give a feature."""
        return self.at([place for place, clip in enumerate(self.truth) if len(clip)])

    def of(self, clip_ids: Collection[str]) -> "FeatureSet":
        """Those of some clips, in their order here."""
        return self.at([place for place, name in enumerate(self.clip_ids) if name in clip_ids])

    def at(self, places: Sequence[int]) -> "FeatureSet":
        """The clips at some places, in that order."""
        names = tuple(self.clip_ids[place] for place in places)
        generated, truth = ([clips[place] for place in places] for clips in (self.generated, self.truth))
        return replace(self, clip_ids=names, generated=generated, truth=truth)


def feature_sets(pairs: list[Pair], settings: ScoringSettings, keys: Collection[str]) -> Iterator[FeatureSet]:
    """The sets behind some metrics of sets, of all measured pairs, by the families that score them.

    Args:
        pairs: those that could be measured.
        settings: judges, weights, and where features are cached.
        keys: of ``metrics.spec.REGISTRY``, of metrics of sets whose families have features.

    Raises:
        metrics.scoring.settings.WeightsAbsent: published weights are not here.
    """
    for name in dict.fromkeys(REGISTRY[key].family for key in keys):
        yield from importlib.import_module(family(name).module).feature_sets(pairs, settings, keys)


def gives_features(name: str) -> bool:
    """Whether a family gives the features behind its metrics of sets."""
    return hasattr(importlib.import_module(family(name).module), "feature_sets")


def of_enough(name: str, pairs: list[Pair], measure: Callable[[list[Pair]], Iterator[Value]]) -> Iterator[Value]:
    """What a family gives the pairs that could be measured; rows without a value where they are fewer than `MIN_CLIPS`.

    Args:
        name: of a family of sets.
        pairs: all of them.
        measure: gives the values of the measured ones.
    """
    good = usable(pairs)
    if len(good) >= MIN_CLIPS:
        return measure(good)
    reason = f"{len(good)} clips could be measured; {MIN_CLIPS} are needed"
    return iter(empty(family_specs(name), pairs, "too_few", reason))


def clip_features(
    pairs: Iterable[Pair],
    settings: ScoringSettings,
    evaluator: str,
    compute: Callable[[Any], np.ndarray],
    pictures: Pictures = CROPS,
    shown: Callable[[Pair, Frames], Frames] = only_shown,
) -> Sets:
    """Per clip, in the order of clip ids, the features of the generated and of the true pictures.

    Args:
        pairs: measured pairs.
        settings: where features are cached.
        evaluator: plain name that changes with anything that can move a feature.
        compute: makes the features of what `pictures` gives.
        pictures: which part of the video is compared. A clip that has none of them gives no feature.
        shown: chooses among the frames that show the true face: all (of a network that looks at single frames), or the
            longest stretch (of one that looks at windows).
    """
    generated, truth = [], []
    name = f"{evaluator}{pictures.suffix}"
    for pair in sorted(pairs, key=lambda pair: pair.clip_id):
        try:
            own, true = pictures.of(pair)
            both = (
                settings.cached(pair.generated_digest, name, lambda pair=pair, made=own: compute(shown(pair, made()))),
                settings.cached(pair.true_digest, name, lambda pair=pair, real=true: compute(shown(pair, real()))),
            )
        except (Unscorable, MediaError):
            both = np.empty((0, 1), np.float32), np.empty((0, 1), np.float32)
        generated.append(both[0])
        truth.append(both[1])
    return generated, truth


def names_of(pairs: Iterable[Pair]) -> tuple[str, ...]:
    """Clip ids in the order of `clip_features`."""
    return tuple(sorted(pair.clip_id for pair in pairs))


def frechet_value(
    features: FeatureSet, needed: str, status: str = "too_short", note: str = "", groups: int = GROUPS
) -> Value:
    """The distance of a set with its interval; the notes count the features, and warn where they are too few.

    Args:
        features: both sides, and the distance.
        needed: what a clip must have to give features, for the reason.
        status: of the row if too few have it.
        note: further words for the notes.
        groups: most leave-outs of the interval.
    """
    kept = features.filled()
    if len(kept.truth) < MIN_CLIPS:
        reason = f"{len(kept.truth)} clips have {needed}; {MIN_CLIPS} are needed"
        return Value(features.key, None, None, 0, status, reason)
    value, low, high = jackknife(kept.generated, kept.truth, kept.distance, groups)
    n, d = sum(map(len, kept.truth)), kept.truth[0].shape[1]
    lost = len(features.truth) - len(kept.truth)
    counts = [f"{n} features of {d} dimensions", f"{lost} clips lack {needed}" if lost else ""]
    notes = joined_notes(*counts, note, dimension_warning(n, d), clips_warning(len(kept.truth)))
    return Value(features.key, None, value, len(kept.truth), ci_low=low, ci_high=high, notes=notes)


def clips_warning(clips: int) -> str:
    """The warning of a metric of sets over too few clips; empty where they are `ENOUGH_CLIPS`."""
    if clips >= ENOUGH_CLIPS:
        return ""
    return f"warning: {clips} clips; below {ENOUGH_CLIPS} the value depends on the clips more than on the run"


def joined_notes(*notes: str) -> str | None:
    """Those notes that are not empty, separated by semicolons; None where all are."""
    return "; ".join(filter(None, notes)) or None


def computing_device() -> "torch.device":
    """The GPU where there is one, in full single precision; both give the same numbers up to rounding."""
    import torch

    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
