"""Family ``i3d``: Frechet video distances in the I3D features that the field uses, by three recipes that differ.

The network is the published ``i3d_torchscript.pt`` (400 logits of Kinetics-400), run as it is: it is a program of its
own, with two switches, `rescale` (from 0..255 to -1..1) and `resize` (to 224 x 224). What the recipes do around it
follows, by key: universome/stylegan-v@1f630af src/metrics, bytedance/LatentSync eval/eval_fvd.py and eval/fvd.py, and
JunyaoHu/common_metrics_on_video_quality@5f75173 fvd/styleganv/fvd.py.

Shape legend: T frames, R crop side.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache, partial

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from eadnet.provenance import sha256_file
from metrics.families.feature_sets import (
    FeatureSet,
    clip_features,
    computing_device,
    frechet_value,
    names_of,
    of_enough,
)
from metrics.families.pictures import CROPS, FRAMES, Frames, Pictures, batches, region_of
from metrics.functional.distances import plain_frechet
from metrics.functional.set_samples import frechet_kind
from metrics.scoring.pairs import Pair
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from metrics.scoring.shown import longest_shown
from metrics.scoring.values import Value
from metrics.spec import REGISTRY, family_specs

ASSET, FILE = "i3d-torchscript", "i3d_torchscript.pt"
WINDOW = 16
SIDE = 224
FEATURES = 400
LEAST, MOST = 10, 128  # frames of a clip that `common-metrics` uses
SKIPPED = 20  # frames before LatentSync's window


STATUS = {"crop": "too_short", "frame": "no_truth", "region": "wrong_size"}
"""Status of a set of which too few clips have such pictures."""


@dataclass(frozen=True)
class Recipe:
    """`windows` cuts and prepares (3, T, H, W) float videos; `inside`: the network itself scales and resizes."""

    windows: Callable[[Frames], Iterator[Tensor]]
    inside: bool
    ddof: int
    needed: str
    part: str = "crop"

    def pictures(self, settings: ScoringSettings) -> Pictures:
        """What the network is shown: the aligned crop, its generated region, or whole frames."""
        return region_of(settings.region()) if self.part == "region" else {"crop": CROPS, "frame": FRAMES}[self.part]


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """The three distances of all measured pairs together."""
    return of_enough("i3d", pairs, lambda good: _values(good, settings))


def _values(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    for sides in feature_sets(pairs, settings, [spec.key for spec in family_specs("i3d")]):
        recipe = RECIPES[REGISTRY[sides.key].variant]
        yield frechet_value(sides, recipe.needed, STATUS[recipe.part])


def feature_sets(pairs: list[Pair], settings: ScoringSettings, keys: Collection[str]) -> Iterator[FeatureSet]:
    """The network's features of measured pairs, by each recipe whose distance is among `keys`.

    Raises:
        WeightsAbsent: the network is not here, or is none.
    """
    path = settings.weights(ASSET) / FILE
    network, digest = cache(lambda: load(path)), sha256_file(path)[:16]
    for spec in family_specs("i3d"):
        if spec.key in keys:
            recipe = RECIPES[spec.variant]
            evaluator = f"i3d-v1-{spec.variant.removesuffix('-' + recipe.part)}-{digest}"
            sides = clip_features(
                pairs, settings, evaluator, lambda frames, recipe=recipe: features(network(), frames, recipe),
                recipe.pictures(settings), longest_shown,
            )  # fmt: skip
            distance = partial(plain_frechet, ddof=recipe.ddof)
            yield FeatureSet(spec.key, names_of(pairs), *sides, distance, frechet_kind(FEATURES, distance, recipe.ddof))


def load(path: object) -> torch.jit.ScriptModule:
    """The published network.

    Raises:
        WeightsAbsent: the file is no such program.
    """
    try:
        return torch.jit.load(str(path), map_location=computing_device()).eval()
    except RuntimeError as error:
        raise WeightsAbsent(ASSET, f"unreadable: {' '.join(str(error).split()[:20])}") from None


@torch.inference_mode()
def features(network: torch.jit.ScriptModule, frames: Frames, recipe: Recipe) -> np.ndarray:
    """(n, 400) float32 logits of a clip's windows, one window at a time; n may be 0.

    Args:
        network: what `load` gives.
        frames: T of (H, W, 3) uint8.
        recipe: one of `RECIPES`.
    """
    device = computing_device()
    found = [
        network(video[None].to(device), rescale=recipe.inside, resize=recipe.inside, return_features=True)[0].cpu()
        for video in recipe.windows(frames)
    ]
    return torch.stack(found).float().numpy() if found else np.empty((0, FEATURES), np.float32)


def neighbouring_windows(frames: Frames) -> Iterator[Tensor]:
    """Every 16 frames, one after another, values 0 to 255: stylegan-v takes one window of a video, at random."""
    for window in batches(frames, WINDOW):
        if len(window) == WINDOW:
            yield _video(window).float()


def frames_20_to_35(crops: np.ndarray) -> Iterator[Tensor]:
    """LatentSync's one window, shrunk by area, values in [0, 1] where the network expects [-1, 1]."""
    if len(crops) >= SKIPPED + WINDOW:
        window = crops[SKIPPED : SKIPPED + WINDOW]
        resized = [cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for frame in window]
        yield _video(np.stack(resized)).float() / 255


def whole_clip(crops: np.ndarray) -> Iterator[Tensor]:
    """The first 128 frames, the shorter side 224 (linear, no antialiasing), its middle, values in [-1, 1]."""
    if len(crops) >= LEAST:
        video = _video(crops[:MOST]).float() / 255
        scale = SIDE / min(video.shape[2:])
        size = [max(SIDE, int(np.ceil(round(side * scale, 6)))) for side in video.shape[2:]]
        video = functional.interpolate(video, size=size, mode="bilinear", align_corners=False)
        top, left = ((side - SIDE) // 2 for side in size)
        yield (video[:, :, top : top + SIDE, left : left + SIDE] - 0.5) * 2


def _video(frames: np.ndarray) -> Tensor:
    """(3, T, H, W) of (T, H, W, 3)."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(3, 0, 1, 2)


RECIPES = {
    "stylegan-v": Recipe(neighbouring_windows, True, 0, "16 frames"),
    "stylegan-v-frame": Recipe(
        neighbouring_windows, True, 0, "16 whole frames of the video and of its source", "frame"
    ),
    "stylegan-v-region": Recipe(neighbouring_windows, True, 0, "16 frames of the region's size", "region"),
    "latentsync": Recipe(frames_20_to_35, False, 1, "36 frames"),
    "common-metrics": Recipe(whole_clip, False, 1, f"{LEAST} frames"),
}
