"""Family ``perceptual``: LPIPS of the aligned crops, and how steadily it changes from frame to frame (tLP).

Reads the published trunks and linear heads; each network's metrics stand or fall with its own weights.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eadnet.provenance import sha256_file
from metrics.scoring.pairs import Pair, Value, absent, chunks, per_clip
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from metrics.spec import REGISTRY
from metrics.tables import Unscorable

if TYPE_CHECKING:
    from eadnet.published.lpips import LPIPS

VERSION = 1
FRAMES = 4  # seen at once; VGG-16's maps of one 256-pixel picture take 60 MB
MIN_SIDE = 64  # AlexNet has no picture left below


@dataclass(frozen=True)
class Network:
    """A trunk with its heads: the assets and files that hold them, and the metrics that they give."""

    name: str
    trunk: tuple[str, str]
    heads: tuple[str, str]
    keys: tuple[str, ...]


NETWORKS = (
    Network("alex", ("alexnet", "alexnet-owt-7be5be79.pth"), ("lpips-alex", "alex.pth"), ("lpips@alex", "tlp@alex")),
    Network("vgg", ("vgg16", "vgg16-397923af.pth"), ("lpips-vgg", "vgg.pth"), ("lpips@vgg",)),
)


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """LPIPS by either network, and tLP by the smaller one."""
    for network in NETWORKS:
        try:
            trunk, heads = (settings.weights(asset) / file for asset, file in (network.trunk, network.heads))
        except WeightsAbsent as fault:
            yield from absent([REGISTRY[key] for key in network.keys], pairs, fault)
            continue
        yield from _scored(network, load(network.name, trunk, heads), _stamp(trunk, heads), pairs, settings)


def load(name: str, trunk: Path, heads: Path) -> "LPIPS":
    """LPIPS with a published trunk and published heads.

    Args:
        name: ``alex`` or ``vgg``.
        trunk: torchvision's ``alexnet-owt-7be5be79.pth`` or ``vgg16-397923af.pth``.
        heads: ``alex.pth`` or ``vgg.pth`` of richzhang/PerceptualSimilarity, version 0.1.

    Raises:
        ValueError: weights of another network.
    """
    import torch

    from eadnet.published.lpips import LPIPS, VGG16, AlexNet, from_published
    from metrics.networks.steady import frozen

    read = (torch.load(path, map_location="cpu", weights_only=True) for path in (trunk, heads))
    return frozen(LPIPS({"alex": AlexNet, "vgg": VGG16}[name]()), from_published(*read))


def distances(network: "LPIPS", generated: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Distances between pictures of two clips, a few frames at a time.

    Args:
        network: from `load`.
        generated: (T, H, W, 3) uint8.
        truth: same shape.

    Returns:
        (3, T) float32: generated to true frame, generated frame to the one before it, true frame to the one before
        it. The first of either sequence has none before it and is 0.
    """
    from metrics.networks.steady import steady

    before, parts = None, []
    with steady():
        for made, real in chunks(generated, truth, size=FRAMES):
            maps = _maps(network, made), _maps(network, real)
            before = before or tuple([tap[:1] for tap in clip] for clip in maps)
            steps = [network.between(_shifted(last, clip), clip) for last, clip in zip(before, maps, strict=True)]
            parts.append(np.stack([row.cpu().numpy() for row in (network.between(*maps), *steps)]))
            before = tuple([tap[-1:] for tap in clip] for clip in maps)
    return np.concatenate(parts, axis=1)


def _maps(network: "LPIPS", crops: np.ndarray) -> list:
    from metrics.networks.steady import to_tensor

    return network.unit_maps(to_tensor(crops) / 127.5 - 1)


def _shifted(before: list, clip: list) -> list:
    """Maps of the frames that come one earlier."""
    import torch

    return [torch.cat([last, tap[:-1]]) for last, tap in zip(before, clip, strict=True)]


def _scored(
    network: Network, lpips: "LPIPS", stamp: str, pairs: list[Pair], settings: ScoringSettings
) -> Iterator[Value]:
    def measure(pair: Pair) -> Iterator[Value]:
        generated, truth = pair.generated_crops, pair.true_crops
        if generated.shape != truth.shape or min(truth.shape[1:3]) < MIN_SIDE:
            reason = f"crops are {generated.shape}, the truth {truth.shape}; {MIN_SIDE} pixels are needed"
            raise Unscorable("wrong_size", reason)
        both = hashlib.sha256(f"{pair.generated_digest}|{pair.true_digest}".encode()).hexdigest()
        found = settings.cached(
            both, f"lpips-{network.name}-{VERSION}-{stamp}", lambda: distances(lpips, generated, truth)
        ).astype(np.float64)
        yield Value(f"lpips@{network.name}", pair.clip_id, found[0].mean(), len(truth))
        if "tlp@alex" in network.keys:
            yield _steadiness(pair.clip_id, found)

    return per_clip(pairs, network.keys, measure)


def _steadiness(clip_id: str, found: np.ndarray) -> Value:
    """TecoGAN's tLP100 of (3, T) distances."""
    steps = np.abs(found[1, 1:] - found[2, 1:])
    if not len(steps):
        return Value("tlp@alex", clip_id, None, 0, "too_short", "a single frame does not move")
    return Value("tlp@alex", clip_id, 100 * steps.mean(), len(steps))


def _stamp(*files: Path) -> str:
    return "-".join(sha256_file(file)[:12] for file in files)
