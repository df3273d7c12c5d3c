"""Features of all clips by one evaluator, and the value that a distance between the two sets of them gives.

The evaluator decides what is looked at; this module in which order, how often, and what the row says of it.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from metrics.families.distances import dimension_warning, jackknife, plain_frechet
from metrics.pairs import Pair, Value
from metrics.scoring import Settings

if TYPE_CHECKING:
    import torch

MIN_CLIPS = 2
GROUPS = 50  # most leave-outs of an interval in features of many dimensions

Sets = tuple[list[np.ndarray], list[np.ndarray]]


def clip_features(
    pairs: Iterable[Pair], settings: Settings, evaluator: str, compute: Callable[[np.ndarray], np.ndarray]
) -> Sets:
    """Per clip, in the order of clip ids, the features of the generated and of the true aligned crops.

    Args:
        pairs: measured pairs.
        settings: remembers features between runs.
        evaluator: plain name that changes with anything that can move a feature.
        compute: makes the features of (T, R, R, 3) uint8 crops.
    """
    generated, truth = [], []
    for pair in sorted(pairs, key=lambda pair: pair.clip_id):
        own, true = pair.generated_crops, pair.true_crops
        generated.append(settings.cached(pair.generated_digest, evaluator, lambda crops=own: compute(crops)))
        truth.append(settings.cached(pair.true_digest, evaluator, lambda crops=true: compute(crops)))
    return generated, truth


def frechet_value(key: str, sets: Sets, needed: str, ddof: int = 1, note: str = "") -> Value:
    """Plain Frechet distance of two sets with its interval; says how many features, and where they are too few.

    Args:
        key: the metric.
        sets: per clip, (n, d) features of the generated and of the true clip; n is 0 where a clip gives none.
        needed: what a clip must have to give features, for the reason.
        ddof: see `metrics.families.distances.plain_moments`.
        note: further words for the reason.
    """
    kept = [index for index, clip in enumerate(sets[1]) if len(clip)]
    if len(kept) < MIN_CLIPS:
        reason = f"{len(kept)} clips have {needed}; {MIN_CLIPS} are needed"
        return Value(key, None, None, 0, "too_short", reason)
    generated, truth = ([clips[index] for index in kept] for clips in sets)
    value, low, high = jackknife(generated, truth, partial(plain_frechet, ddof=ddof), GROUPS)
    n, d = sum(map(len, truth)), truth[0].shape[1]
    lost = len(sets[1]) - len(kept)
    notes = [f"{n} features of {d} dimensions", f"{lost} clips lack {needed}" if lost else "", note]
    reason = "; ".join(filter(None, [*notes, dimension_warning(n, d)]))
    return Value(key, None, value, len(kept), reason=reason, ci_low=low, ci_high=high)


def computing_device() -> "torch.device":
    """The GPU where there is one, in full single precision; both give the same numbers up to rounding."""
    import torch

    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
