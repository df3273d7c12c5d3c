"""HyperIQA (Su et al., CVPR 2020): how good a picture looks without another to compare it with, 0 to 100.

A ResNet-50 sees the picture; its last feature map makes the weights of a small network (section 3.2), which reads what
the four stages saw locally (section 3.3) and gives the score. Sizes and tensor names are those of the published file
``koniq_pretrained.pkl``, trained on KonIQ-10k (SSL92/hyperIQA `models.py`). The ResNet is that of ``transformers``.
The toolbox pyiqa has this network too; its licence (0.1.16) forbids commercial use, and it brings torchvision and timm.

Shape legend: N pictures, C channels, D = 224 values that the small network reads.
"""

import re
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from eadnet.assets import AssetError

FILE = "koniq_pretrained.pkl"
SIDE = 224
CHANNELS = (256, 512, 1024, 2048)
LOCAL = ((256, 16, 8), (512, 32, 4), (1024, 64, 2))
"""Of the first three stages: channels, those kept, and patches a side."""
LOCAL_WIDTH = 16
HYPER = 112
GRID = 7
TARGET = (224, 112, 56, 28, 14)
"""Widths of the small network's layers; a last one gives the score."""
SHIFT = (0.485, 0.456, 0.406)
SCALE = (0.229, 0.224, 0.225)


class HyperIQA(nn.Module):
    """The published network; random weights until `load_hyperiqa` fills them."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = _trunk()
        self.local = nn.ModuleList(_patches(*sizes) for sizes in LOCAL)
        self.whole = nn.Linear(CHANNELS[-1], TARGET[0] - LOCAL_WIDTH * len(LOCAL))
        self.meaning = nn.Sequential(
            nn.Conv2d(CHANNELS[-1], 1024, 1), nn.ReLU(), nn.Conv2d(1024, 512, 1), nn.ReLU(),
            nn.Conv2d(512, HYPER, 1), nn.ReLU(),
        )  # fmt: skip
        pairs = list(pairwise(TARGET))
        self.weights = nn.ModuleList(nn.Conv2d(HYPER, a * b // GRID**2, 3, padding=1) for a, b in pairs)
        self.biases = nn.ModuleList(nn.Linear(HYPER, width) for width in TARGET[1:])
        self.score_weight = nn.Linear(HYPER, TARGET[-1])
        self.score_bias = nn.Linear(HYPER, 1)
        self.register_buffer("shift", torch.tensor(SHIFT).view(3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE).view(3, 1, 1), persistent=False)

    def forward(self, pictures_N3SS: Tensor) -> Tensor:
        """(N,) scores of RGB pictures in [0, 1] of 224 x 224 pixels; higher is better, nothing holds them in 0 to 100.

        Raises:
            ValueError: the pictures have another size.
        """
        if pictures_N3SS.shape[1:] != (3, SIDE, SIDE):
            raise ValueError(f"hyperiqa: expected RGB pictures of {SIDE} pixels, got {tuple(pictures_N3SS.shape[1:])}")
        maps = self.trunk((pictures_N3SS - self.shift) / self.scale).feature_maps
        seen = [patches(stage) for patches, stage in zip(self.local, maps[:-1], strict=True)]
        states_ND = torch.cat([*seen, self.whole(maps[-1].mean((2, 3)))], 1)
        meaning_NCHW = self.meaning(maps[-1])
        summary_NC = meaning_NCHW.mean((2, 3))
        for make_weight, make_bias in zip(self.weights, self.biases, strict=True):
            bias_NB = make_bias(summary_NC)
            weight_NBA = make_weight(meaning_NCHW).reshape(len(bias_NB), bias_NB.shape[1], states_ND.shape[1])
            states_ND = (torch.einsum("nba,na->nb", weight_NBA, states_ND) + bias_NB).sigmoid()
        return (self.score_weight(summary_NC) * states_ND).sum(1) + self.score_bias(summary_NC)[:, 0]


def load_hyperiqa(path: str | Path) -> HyperIQA:
    """The network with the published weights.

    Raises:
        AssetError: the file does not hold them.
    """
    network = HyperIQA()
    try:
        network.load_state_dict(from_published(torch.load(path, map_location="cpu", weights_only=True)))
    except Exception as error:  # torch raises many kinds for a damaged or foreign file
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise AssetError(f"{path}: does not hold HyperIQA ({reason}); fetch it again") from None
    return network.eval()


def from_published(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Parameters of `HyperIQA` from the published ones; counts of batches, which nothing reads, are zero if absent."""
    renamed = {_renamed(name): value for name, value in weights.items()}
    counts = {name.replace("running_mean", "num_batches_tracked") for name in renamed if name.endswith("running_mean")}
    return {name: torch.tensor(0) for name in counts} | renamed


def _trunk() -> nn.Module:
    """ResNet-50 (arXiv 1512.03385) with the stride in the 3 x 3 convolutions, as torchvision's; all four stages."""
    from transformers import ResNetBackbone, ResNetConfig

    stages = [f"stage{number}" for number in (1, 2, 3, 4)]
    return ResNetBackbone(ResNetConfig(hidden_sizes=list(CHANNELS), depths=[3, 4, 6, 3], out_features=stages))


def _patches(channels: int, kept: int, side: int) -> nn.Module:
    """Features that one stage gives of side x side patches of the picture, (N, 16)."""
    squeeze = nn.Conv2d(channels, kept, 1, bias=False)
    return nn.Sequential(squeeze, nn.AvgPool2d(GRID), nn.Flatten(), nn.Linear(kept * side**2, LOCAL_WIDTH))


_KINDS = {"conv": "convolution", "bn": "normalization", "0": "convolution", "1": "normalization"}
_NAMES = (
    (r"^res\.(conv|bn)1\.", lambda m: f"trunk.embedder.embedder.{_KINDS[m[1]]}."),
    (
        r"^res\.layer(\d)\.(\d+)\.(conv|bn)(\d)\.",
        lambda m: f"trunk.encoder.stages.{int(m[1]) - 1}.layers.{m[2]}.layer.{int(m[4]) - 1}.{_KINDS[m[3]]}.",
    ),
    (
        r"^res\.layer(\d)\.(\d+)\.downsample\.(\d)\.",
        lambda m: f"trunk.encoder.stages.{int(m[1]) - 1}.layers.{m[2]}.shortcut.{_KINDS[m[3]]}.",
    ),
    (r"^res\.lda4_fc\.", "whole."),
    (r"^res\.lda(\d)_pool\.0\.", lambda m: f"local.{int(m[1]) - 1}.0."),
    (r"^res\.lda(\d)_fc\.", lambda m: f"local.{int(m[1]) - 1}.3."),
    (r"^conv1\.", "meaning."),
    (r"^fc5(w|b)_fc\.", lambda m: {"w": "score_weight.", "b": "score_bias."}[m[1]]),
    (r"^fc(\d)w_conv\.", lambda m: f"weights.{int(m[1]) - 1}."),
    (r"^fc(\d)b_fc\.", lambda m: f"biases.{int(m[1]) - 1}."),
)
"""Beginnings of published names, and ours; the first that fits counts."""


def _renamed(name: str) -> str:
    """Our name of a published tensor; an unknown one stays as it is, and is refused when loaded."""
    rule = next((rule for rule in _NAMES if re.search(rule[0], name)), None)
    return re.sub(*rule, name) if rule else name
