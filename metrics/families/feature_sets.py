"""Features of all clips by one evaluator, and the value that a distance between the two sets of them gives.

The evaluator decides what is measured; this module in which order, how often, and the words of the row. A family of
Frechet distances gives its sets by ``feature_sets(pairs, settings, keys)``: what it scores is what others resample.
"""

import importlib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from metrics.functional.distances import Distance, dimension_warning, jackknife
from metrics.scoring.pairs import Pair, Value, empty, usable
from metrics.scoring.settings import ScoringSettings
from metrics.spec import REGISTRY, family, family_specs

if TYPE_CHECKING:
    import torch

MIN_CLIPS = 2
GROUPS = 50  # most leave-outs of an interval in features of many dimensions

Sets = tuple[list[np.ndarray], list[np.ndarray]]


@dataclass(frozen=True)
class FeatureSet:
    """What a Frechet distance is computed of.

    `generated` and `truth` hold, for each of `clip_ids`, (n, d) features of the generated and of the true clip; n is 0
    for a clip that is too short. `distance` is that of two (n, d) arrays, all features of either side.
    """

    key: str
    clip_ids: tuple[str, ...]
    generated: list[np.ndarray]
    truth: list[np.ndarray]
    distance: Distance

    def filled(self) -> "FeatureSet":
        """The clips that give a feature."""
        kept = [place for place, clip in enumerate(self.truth) if len(clip)]
        names = tuple(self.clip_ids[place] for place in kept)
        generated, truth = ([clips[place] for place in kept] for clips in (self.generated, self.truth))
        return FeatureSet(self.key, names, generated, truth, self.distance)


def feature_sets(pairs: list[Pair], settings: ScoringSettings, keys: Collection[str]) -> Iterator[FeatureSet]:
    """The sets behind some Frechet distances, of all measured pairs, by the families that score them.

    Args:
        pairs: those that could be measured.
        settings: judges, weights, and where features are cached.
        keys: of ``metrics.spec.REGISTRY``, of Frechet distances.

    Raises:
        metrics.scoring.settings.WeightsAbsent: published weights are not here.
    """
    for name in dict.fromkeys(REGISTRY[key].family for key in keys):
        yield from importlib.import_module(family(name).module).feature_sets(pairs, settings, keys)


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
    pairs: Iterable[Pair], settings: ScoringSettings, evaluator: str, compute: Callable[[np.ndarray], np.ndarray]
) -> Sets:
    """Per clip, in the order of clip ids, the features of the generated and of the true aligned crops.

    Args:
        pairs: measured pairs.
        settings: where features are cached.
        evaluator: plain name that changes with anything that can move a feature.
        compute: makes the features of (T, R, R, 3) uint8 crops.
    """
    generated, truth = [], []
    for pair in sorted(pairs, key=lambda pair: pair.clip_id):
        own, true = pair.generated_crops, pair.true_crops
        generated.append(settings.cached(pair.generated_digest, evaluator, lambda crops=own: compute(crops)))
        truth.append(settings.cached(pair.true_digest, evaluator, lambda crops=true: compute(crops)))
    return generated, truth


def names_of(pairs: Iterable[Pair]) -> tuple[str, ...]:
    """Clip ids in the order of `clip_features`."""
    return tuple(sorted(pair.clip_id for pair in pairs))


def frechet_value(features: FeatureSet, needed: str, note: str = "") -> Value:
    """The distance of a set with its interval; the reason counts the features, and warns where they are too few.

    Args:
        features: both sides, and the distance.
        needed: what a clip must have to give features, for the reason.
        note: further words for the reason.
    """
    kept = features.filled()
    if len(kept.truth) < MIN_CLIPS:
        reason = f"{len(kept.truth)} clips have {needed}; {MIN_CLIPS} are needed"
        return Value(features.key, None, None, 0, "too_short", reason)
    value, low, high = jackknife(kept.generated, kept.truth, kept.distance, GROUPS)
    n, d = sum(map(len, kept.truth)), kept.truth[0].shape[1]
    lost = len(features.truth) - len(kept.truth)
    notes = [f"{n} features of {d} dimensions", f"{lost} clips lack {needed}" if lost else "", note]
    reason = "; ".join(filter(None, [*notes, dimension_warning(n, d)]))
    return Value(features.key, None, value, len(kept.truth), reason=reason, ci_low=low, ci_high=high)


def computing_device() -> "torch.device":
    """The GPU where there is one, in full single precision; both give the same numbers up to rounding."""
    import torch

    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
