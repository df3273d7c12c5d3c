"""Family ``videomae``: content-debiased FVD, the Frechet distance in features of VideoMAE-v2 ViT-g.

As songweige/content-debiased-fvd cdfvd/fvd.py@0919683 with `model='videomae'`. The same network supervises models that
train with TREPA (eadnet.published.videomae_v2); such a model is judged by its supervisor here.
"""

import pickle
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from eadnet.provenance import sha256_file
from eadnet.published.videomae_v2 import FRAMES, STEPS, VideoMAEv2, from_published, sinusoids
from metrics.families.feature_sets import (
    FeatureSet,
    clip_features,
    computing_device,
    frechet_value,
    names_of,
    of_enough,
)
from metrics.functional.distances import plain_frechet
from metrics.functional.set_samples import frechet_kind
from metrics.scoring.pairs import Pair
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from metrics.scoring.shown import longest_shown
from metrics.scoring.values import Value
from metrics.spec import family_specs

ASSET, FILE = "videomae-v2-g", "vit_g_hybrid_pt_1200e_ssv2_ft.pth"
WRAPPERS = ("model", "module")
SUPERVISOR = "says nothing of a model trained with TREPA on this network"


@dataclass(frozen=True)
class Sizes:
    """Sizes of the encoder; the defaults are the published ones."""

    width: int = 1408
    depth: int = 40
    heads: int = 16
    mlp: int = 6144
    patch: int = 14
    size: int = 224


def score(pairs: list[Pair], settings: ScoringSettings, sizes: Sizes | None = None) -> Iterator[Value]:
    """The distance of all measured pairs together; other `sizes` than the published ones serve tests."""
    keys = [spec.key for spec in family_specs("videomae")]
    return of_enough("videomae", pairs, lambda good: (
        frechet_value(sides, f"{FRAMES} frames", note=SUPERVISOR) for sides in feature_sets(good, settings, keys, sizes)
    ))  # fmt: skip


def feature_sets(
    pairs: list[Pair], settings: ScoringSettings, keys: Collection[str], sizes: Sizes | None = None
) -> Iterator[FeatureSet]:
    """The encoder's features of measured pairs, where the family's distance is among `keys`.

    Raises:
        WeightsAbsent: the encoder is not here, or is none.
    """
    path = settings.weights(ASSET) / FILE
    network, evaluator = cache(lambda: load(path, sizes or Sizes())), f"videomae-v1-{sha256_file(path)[:16]}"
    for spec in family_specs("videomae"):
        if spec.key in keys:
            sides = clip_features(
                pairs, settings, evaluator, lambda crops: features(network(), crops), shown=longest_shown
            )
            distance = partial(plain_frechet, ddof=0)
            kind = frechet_kind((sizes or Sizes()).width, distance, ddof=0)
            yield FeatureSet(spec.key, names_of(pairs), *sides, distance, kind)


def load(path: Path, sizes: Sizes) -> VideoMAEv2:
    """The published encoder in single precision.

    Raises:
        WeightsAbsent: the file does not hold it.
    """
    with torch.device("meta"):  # drawing initial weights would take longer than reading the published ones
        network = VideoMAEv2(sizes)
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
        for name in WRAPPERS:
            weights = weights.get(name, weights)
        weights = {name: value.float() for name, value in from_published(weights).items()}
        missing, unknown = network.load_state_dict(weights, strict=False, assign=True)
    except (RuntimeError, AttributeError, KeyError, EOFError, pickle.UnpicklingError) as error:
        raise WeightsAbsent(ASSET, f"unreadable: {' '.join(str(error).split()[:20])}") from None
    if unknown or {*missing} - {"position", "feature_mean", "feature_std"}:
        raise WeightsAbsent(ASSET, f"{FILE} lacks or has unknown parameters: {[*missing, *unknown][:3]}")
    network.position = sinusoids(STEPS * (sizes.size // sizes.patch) ** 2, sizes.width)
    network.feature_mean = torch.zeros(2 * STEPS - 1, sizes.width)
    network.feature_std = torch.ones(2 * STEPS - 1, sizes.width)
    return network.to(computing_device()).eval().requires_grad_(False)


@torch.inference_mode()
def features(network: VideoMAEv2, crops: np.ndarray) -> np.ndarray:
    """(n, width) float32 pooled features of the n windows of 16 frames that follow one another.

    Args:
        network: what `load` gives.
        crops: (T, R, R, 3) uint8; enlarged or shrunk to 224 x 224 linearly, without antialiasing.
    """
    found = []
    for start in range(0, len(crops) - FRAMES + 1, FRAMES):
        video = torch.from_numpy(np.array(crops[start : start + FRAMES])).permute(0, 3, 1, 2).float() / 255
        video = functional.interpolate(video, (network.size, network.size), mode="bilinear", align_corners=False)
        found.append(network.pooled((2 * video - 1)[None].to(network.position.device))[0].cpu().numpy())
    return np.stack(found) if found else np.empty((0, network.embed.out_channels), np.float32)
