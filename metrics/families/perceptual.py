"""Family ``perceptual``: LPIPS of aligned crops, their region and whole frames, and how steadily it changes (tLP).

Reads the published trunks and linear heads; each network's metrics stand or fall with its own weights.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eadnet.media.decoding import MediaError
from eadnet.provenance import sha256_file
from metrics.families.pictures import CROPS, FRAMES, Frames, Pictures, region_of
from metrics.scoring.pairs import Pair, absent, per_clip
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from metrics.scoring.shown import only_shown
from metrics.scoring.values import Value
from metrics.spec import REGISTRY
from metrics.tables import Unscorable

if TYPE_CHECKING:
    from eadnet.published.lpips import LPIPS

VERSION = 1
BATCH = 4  # frames seen at once; VGG-16's maps of one 256-pixel picture take 60 MB
MIN_SIDE = 64  # AlexNet has no picture left below


@dataclass(frozen=True)
class Network:
    """A trunk with its heads: the assets and files that hold them, and the metrics that they give."""

    name: str
    trunk: tuple[str, str]
    heads: tuple[str, str]
    keys: tuple[str, ...]


NETWORKS = (
    Network(
        "alex",
        ("alexnet", "alexnet-owt-7be5be79.pth"),
        ("lpips-alex", "alex.pth"),
        ("lpips@alex", "tlp@alex", "lpips@alex-frame", "lpips@alex-region"),
    ),
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
        lpips, stamp = load(network.name, trunk, heads), _stamp(trunk, heads)
        for pictures, keys in _shown(network, settings):
            yield from _scored(lpips, f"lpips-{network.name}-{VERSION}-{stamp}", pictures, keys, pairs, settings)


def _shown(network: Network, settings: ScoringSettings) -> Iterator[tuple[Pictures, tuple[str, ...]]]:
    """What a network is shown, and the metrics that come of it."""
    whole = tuple(key for key in network.keys if not key.endswith(("-frame", "-region")))
    yield CROPS, whole
    if "lpips@alex-frame" in network.keys:
        yield FRAMES, ("lpips@alex-frame",)
        yield region_of(settings.region()), ("lpips@alex-region",)


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


def distances(network: "LPIPS", generated: Frames, truth: Frames) -> np.ndarray:
    """Distances between pictures of two clips, a few frames at a time.

    Args:
        network: from `load`.
        generated: T of (H, W, 3) uint8.
        truth: of the same size; frames beyond the shorter of the two are left out.

    Returns:
        (3, T) float32: generated to true frame, generated frame to the one before it, true frame to the one before
        it. The first of either sequence has none before it and is 0.

    Raises:
        Unscorable: the frames differ in size, or are smaller than `MIN_SIDE`.
    """
    from metrics.networks.steady import steady

    before, parts = None, []
    with steady():
        for made, real in _side_by_side(generated, truth):
            _check(made, real)
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


def _side_by_side(generated: Frames, truth: Frames) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """A few frames of either at a time, up to the end of the shorter one."""
    frames = zip(generated, truth, strict=False)
    while batch := list(islice(frames, BATCH)):
        yield tuple(np.stack(side) for side in zip(*batch, strict=True))


def _check(generated: np.ndarray, truth: np.ndarray) -> None:
    if generated.shape != truth.shape or min(truth.shape[1:3]) < MIN_SIDE:
        reason = f"pictures are {generated.shape}, the truth {truth.shape}; equal ones of {MIN_SIDE} pixels are needed"
        raise Unscorable("wrong_size", reason)


def _scored(
    lpips: "LPIPS", evaluator: str, pictures: Pictures, keys: tuple[str, ...], pairs: list[Pair],
    settings: ScoringSettings,
) -> Iterator[Value]:  # fmt: skip
    def measure(pair: Pair) -> Iterator[Value]:
        made, real = pictures.of(pair)
        both = hashlib.sha256(f"{pair.generated_digest}|{pair.true_digest}".encode()).hexdigest()
        try:
            found = settings.cached(
                both, evaluator + pictures.suffix,
                lambda: distances(lpips, only_shown(pair, made()), only_shown(pair, real())),
            )  # fmt: skip
        except MediaError as fault:
            raise Unscorable(fault.status, str(fault)) from None
        found, frames = found.astype(np.float64), found.shape[1]
        yield Value(keys[0], pair.clip_id, found[0].mean(), frames, n_wanted=max(frames, pair.n_frames))
        if "tlp@alex" in keys:
            yield _steadiness(pair, found)

    return per_clip(pairs, keys, measure)


def _steadiness(pair: Pair, found: np.ndarray) -> Value:
    """TecoGAN's tLP100 of (3, T) distances of the frames that are shown, over those whose neighbour is shown too."""
    neighbours = np.diff(np.flatnonzero(pair.seen)[: found.shape[1]]) == 1
    steps = np.abs(found[1, 1:] - found[2, 1:])[neighbours]
    if not len(steps):
        return Value("tlp@alex", pair.clip_id, None, 0, "too_short", "a single frame does not move")
    return Value("tlp@alex", pair.clip_id, 100 * steps.mean(), len(steps))


def _stamp(*files: Path) -> str:
    return "-".join(sha256_file(file)[:12] for file in files)
