"""Family ``inception``: FID and KID of all frames' aligned crops, in the features that the field publishes them in.

Two recipes bring a crop to the network's 299 pixels: ``pytorch-fid`` (bilinear, not antialiased) and ``clean``
(bicubic, antialiased, as clean-fid does). Covariances are not shrunk, as in the references; rows state where frames are
too few.
"""

from collections.abc import Callable, Collection, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eadnet.provenance import sha256_file
from metrics.families.feature_sets import FeatureSet, clip_features, names_of, of_enough
from metrics.functional.distances import dimension_warning, jackknife, kernel_distance, plain_frechet
from metrics.scoring.pairs import Pair, Value, chunks
from metrics.scoring.settings import ScoringSettings

if TYPE_CHECKING:
    from torch import Tensor

    from metrics.networks.inception import Inception

VERSION = 1
ASSET, FILE = "inception-fid", "pt_inception-2015-12-05-6726825d.pth"
FRAMES = 8  # seen at once
GROUPS = 10  # of clips, left out in turn for the interval: a distance of 2048 dimensions takes seconds
KERNEL_FRAMES = 8192  # most frames of a set whose kernels are computed, every k-th of each clip


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """FID by both recipes and KID, of all measured pairs together.

    Raises:
        metrics.scoring.settings.WeightsAbsent: the network is not here.
    """
    settings.weights(ASSET)  # an absent network is reported before anything else
    return of_enough("inception", pairs, lambda good: _values(good, settings))


def _values(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    for features in feature_sets(pairs, settings, [f"fid@{recipe}" for recipe in RECIPES]):
        yield _fid(features)
        if features.key == "fid@clean":
            yield _kid("kid@clean", features.generated, features.truth)


def feature_sets(pairs: list[Pair], settings: ScoringSettings, keys: Collection[str]) -> Iterator[FeatureSet]:
    """The network's features of all frames of measured pairs, by each recipe whose FID is among `keys`.

    Raises:
        metrics.scoring.settings.WeightsAbsent: the network is not here.
    """
    weights = settings.weights(ASSET) / FILE
    network, stamp = cache(lambda: load(weights)), sha256_file(weights)[:12]
    for recipe in RECIPES:
        if f"fid@{recipe}" in keys:
            evaluator = f"inception-{recipe}-{VERSION}-{stamp}"
            sides = clip_features(
                pairs, settings, evaluator, lambda crops, recipe=recipe: features(network(), crops, recipe)
            )
            yield FeatureSet(f"fid@{recipe}", names_of(pairs), *sides, plain_frechet)


def load(path: Path) -> "Inception":
    """The network with published weights; their classifier is left out.

    Raises:
        ValueError: weights of another network.
    """
    import torch

    from metrics.networks.inception import Inception
    from metrics.networks.steady import frozen

    weights = torch.load(path, map_location="cpu", weights_only=True)
    return frozen(Inception(), {name: value for name, value in weights.items() if not name.startswith("fc.")})


def features(network: "Inception", crops: np.ndarray, recipe: str) -> np.ndarray:
    """Features of pool_3, a few frames at a time.

    Args:
        network: from `load`.
        crops: (T, H, W, 3) uint8.
        recipe: ``pytorch-fid`` or ``clean``.

    Returns:
        (T, 2048) float32.
    """
    from metrics.networks.steady import steady

    with steady():
        parts = [network(RECIPES[recipe](frames)).cpu().numpy() for (frames,) in chunks(crops, size=FRAMES)]
    return np.concatenate(parts)


def bilinear(crops: np.ndarray) -> "Tensor":
    """Pictures as pytorch-fid's network takes them: [0, 1], bilinear without antialiasing, then 2 x - 1."""
    from torch.nn import functional

    from metrics.networks.inception import SIDE
    from metrics.networks.steady import to_tensor

    pictures = to_tensor(crops) / 255
    return 2 * functional.interpolate(pictures, size=(SIDE, SIDE), mode="bilinear", align_corners=False) - 1


def antialiased(crops: np.ndarray) -> "Tensor":
    """Pictures as clean-fid's network takes them: `clean_resize`, then (x - 128) / 128."""
    from metrics.networks.steady import to_tensor

    return (to_tensor(np.stack([clean_resize(crop) for crop in crops])) - 128) / 128


def clean_resize(crop: np.ndarray) -> np.ndarray:
    """Pillow's antialiased bicubic to 299 x 299, each channel in floating point (clean-fid ``resize.py``, 0.1.35).

    Args:
        crop: (H, W, 3) uint8.

    Returns:
        (299, 299, 3) float32 in [0, 255].
    """
    from PIL import Image

    from metrics.networks.inception import SIDE

    channels = [Image.fromarray(np.ascontiguousarray(crop[..., index], np.float32)) for index in range(3)]
    resized = [np.asarray(channel.resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for channel in channels]
    return np.stack(resized, axis=-1).clip(0, 255)


RECIPES: dict[str, Callable[[np.ndarray], "Tensor"]] = {"pytorch-fid": bilinear, "clean": antialiased}


def _fid(features: FeatureSet) -> Value:
    clips, frames, dimensions = len(features.truth), sum(map(len, features.truth)), features.truth[0].shape[1]
    warning = dimension_warning(frames, dimensions)
    note = f"{frames} frames of {clips} clips" + (f"; {warning}" if warning else "")
    value, low, high = jackknife(features.generated, features.truth, features.distance, GROUPS)
    return Value(features.key, None, value, clips, reason=note, ci_low=low, ci_high=high)


def _kid(key: str, generated: list[np.ndarray], truth: list[np.ndarray]) -> Value:
    step = -(-sum(map(len, truth)) // KERNEL_FRAMES)
    generated, truth = ([clip[::step] for clip in clips] for clips in (generated, truth))
    value, low, high = kernel_distance(generated, truth)
    note = f"{sum(map(len, truth))} frames of {len(truth)} clips" + (f", one in {step}" if step > 1 else "")
    return Value(key, None, value, len(truth), reason=note, ci_low=low, ci_high=high)
