"""Family ``inception``: FID and KID of all frames, in the features that the field publishes them in.

Two recipes bring a picture to the network's 299 pixels: ``pytorch-fid`` (bilinear, not antialiased) and ``clean``
(bicubic, antialiased, as clean-fid does). Aligned crops are compared, by pytorch-fid's recipe also their generated
region and whole frames. Covariances are not shrunk, as in the references; rows state where frames or clips are too few.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eadnet.provenance import sha256_file
from metrics.families.feature_sets import (
    MIN_CLIPS,
    FeatureSet,
    clip_features,
    clips_warning,
    frechet_value,
    joined_notes,
    names_of,
    of_enough,
)
from metrics.families.pictures import CROPS, FRAMES, Frames, Pictures, batches, region_of
from metrics.functional.distances import clip_kernel_distance, kernel_distance, plain_frechet
from metrics.functional.set_samples import clip_kernel_kind, frame_kernel_kind, frechet_kind
from metrics.scoring.pairs import Pair
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.spec import family_specs

if TYPE_CHECKING:
    from torch import Tensor

    from metrics.networks.inception import Inception

VERSION = 1
ASSET, FILE = "inception-fid", "pt_inception-2015-12-05-6726825d.pth"
BATCH = 8  # frames seen at once
DIMENSIONS = 2048
GROUPS = 10  # of clips, left out in turn for the interval: a distance of 2048 dimensions takes seconds
KERNEL_FRAMES = 8192  # most frames of a set whose kernels are computed, every k-th of each clip


@dataclass(frozen=True)
class Seen:
    """What the network is shown for some metrics: pictures, by which recipe, and the keys that come of it."""

    recipe: str
    part: str
    keys: tuple[str, ...]

    def pictures(self, settings: ScoringSettings) -> Pictures:
        """The pictures of `part`."""
        return region_of(settings.region()) if self.part == "region" else {"crop": CROPS, "frame": FRAMES}[self.part]


SEEN = (
    Seen("pytorch-fid", "crop", ("fid@pytorch-fid",)),
    Seen("clean", "crop", ("fid@clean", "kid@clean", "kid@clean-clips")),
    Seen("pytorch-fid", "frame", ("fid@pytorch-fid-frame",)),
    Seen("pytorch-fid", "region", ("fid@pytorch-fid-region",)),
)
NEEDED = {
    "crop": ("a frame", "too_short"),
    "frame": ("whole frames of the video and of the clip's source", "no_truth"),
    "region": ("crops of the region's size", "wrong_size"),
}
"""What a clip must have to give features, and the status of a set that has none, by part."""
KERNELS = {
    "kid@clean": (kernel_distance, frame_kernel_kind),
    "kid@clean-clips": (clip_kernel_distance, clip_kernel_kind),
}


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """FID by both recipes and of every part, and KID of frames and of clips, of all measured pairs together.

    Raises:
        metrics.scoring.settings.WeightsAbsent: the network is not here.
    """
    settings.weights(ASSET)  # an absent network is reported before anything else
    return of_enough("inception", pairs, lambda good: _values(good, settings))


def _values(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    needed = {key: NEEDED[seen.part] for seen in SEEN for key in seen.keys}
    for features in feature_sets(pairs, settings, [spec.key for spec in family_specs("inception")]):
        words = needed[features.key]
        yield _kid(features) if features.key in KERNELS else frechet_value(features, *words, groups=GROUPS)


def feature_sets(pairs: list[Pair], settings: ScoringSettings, keys: Collection[str]) -> Iterator[FeatureSet]:
    """The network's features of all frames of measured pairs, for each metric of the family that is among `keys`.

    Raises:
        metrics.scoring.settings.WeightsAbsent: the network is not here.
    """
    weights = settings.weights(ASSET) / FILE
    network, stamp = cache(lambda: load(weights)), sha256_file(weights)[:12]
    for seen in SEEN:
        wanted = [key for key in seen.keys if key in keys]
        if not wanted:
            continue
        evaluator = f"inception-{seen.recipe}-{VERSION}-{stamp}"
        sides = clip_features(
            pairs, settings, evaluator, lambda frames, recipe=seen.recipe: features(network(), frames, recipe),
            seen.pictures(settings),
        )  # fmt: skip
        for key in wanted:
            if key in KERNELS:
                yield FeatureSet(key, names_of(pairs), *_thinned(*sides), None, KERNELS[key][1]())
            else:
                yield FeatureSet(key, names_of(pairs), *sides, plain_frechet, frechet_kind(DIMENSIONS, plain_frechet))


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


def features(network: "Inception", frames: Frames, recipe: str) -> np.ndarray:
    """Features of pool_3, a few frames at a time.

    Args:
        network: from `load`.
        frames: T of (H, W, 3) uint8.
        recipe: ``pytorch-fid`` or ``clean``.

    Returns:
        (T, 2048) float32.
    """
    from metrics.networks.steady import steady

    with steady():
        parts = [network(RECIPES[recipe](batch)).cpu().numpy() for batch in batches(frames, BATCH)]
    return np.concatenate(parts) if parts else np.empty((0, DIMENSIONS), np.float32)


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


def _thinned(generated: list[np.ndarray], truth: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Every k-th frame of each clip, so that a side has at most about `KERNEL_FRAMES`."""
    step = max(1, -(-sum(map(len, truth)) // KERNEL_FRAMES))
    return [clip[::step] for clip in generated], [clip[::step] for clip in truth]


def _kid(features: FeatureSet) -> Value:
    kept = features.filled()
    if len(kept.truth) < MIN_CLIPS:
        return Value(features.key, None, None, 0, "too_short", f"{len(kept.truth)} clips have a frame")
    value, low, high = KERNELS[features.key][0](kept.generated, kept.truth)
    clips = len(kept.truth)
    notes = joined_notes(f"{sum(map(len, kept.truth))} frames of {clips} clips", clips_warning(clips))
    return Value(features.key, None, value, clips, ci_low=low, ci_high=high, notes=notes)
