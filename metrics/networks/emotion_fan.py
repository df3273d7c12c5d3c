"""Emotion-FAN: ResNet-18 on single frames, and two attentions that weigh the frames of a clip.

Meng et al., Frame Attention Networks for Facial Expression Recognition in Videos, ICIP 2019; architecture, parameter
names and arithmetic as yuangan/evaluation_eat@e39b004 code/emotionfan_basiccode/networks.py, which judged EAT on MEAD.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

CLASSES = ("happy", "angry", "disgusted", "fear", "sad", "neutral", "surprised", "contempt")  # load.py, cate2label MEAD
FEATURES = 512
FILE = "self_relation-attention_61_84.3655"  # the published checkpoint


class EmotionFan(nn.Module):
    """Self and relation attention over the frames of one clip; parameter names are the published ones."""

    def __init__(self) -> None:
        """Untrained weights."""
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(Block(64, 64), Block(64, 64))
        self.layer2 = nn.Sequential(Block(64, 128, 2), Block(128, 128))
        self.layer3 = nn.Sequential(Block(128, 256, 2), Block(256, 256))
        self.layer4 = nn.Sequential(Block(256, FEATURES, 2), Block(FEATURES, FEATURES))
        self.alpha = nn.Sequential(nn.Linear(FEATURES, 1), nn.Sigmoid())
        self.beta = nn.Sequential(nn.Linear(2 * FEATURES, 1), nn.Sigmoid())
        self.pred_fc1 = nn.Linear(FEATURES, len(CLASSES))  # of self attention alone; published, not used here
        self.pred_fc2 = nn.Linear(2 * FEATURES, len(CLASSES))

    def frames(self, images: Tensor) -> Tensor:
        """(N, 3, 224, 224) RGB in [0, 1] to (N, 512) features."""
        images = torch.relu(self.bn1(self.conv1(images)))
        images = nn.functional.max_pool2d(images, 3, 2, 1)
        return self.layer4(self.layer3(self.layer2(self.layer1(images)))).mean((2, 3))

    def clip(self, features: Tensor) -> Tensor:
        """(T, 512) features of one clip's frames to (8,) logits over `CLASSES`.

        With f the features, a the self attention and b the relation attention, the published evaluation computes
        sum_t a_t [f_t, f_mean] / sum_t a_t b_t: the relation attention weighs the sum below the line and not the one
        above it, as it does in training. Kept, since the published accuracies were computed so.
        """
        alpha = self.alpha(features)
        mean = (alpha * features).sum(0) / alpha.sum(0)
        both = torch.cat([features, mean.expand_as(features)], dim=1)
        return self.pred_fc2((alpha * both).sum(0) / (alpha * self.beta(both)).sum(0))


class Block(nn.Module):
    """Basic block of ResNet (He et al., CVPR 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        """Untrained weights; `stride` or other `outputs` bring a projection."""
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        project = stride > 1 or inputs != outputs
        self.downsample = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
            if project
            else None
        )

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', H / stride, W / stride)."""
        inner = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(images)))))
        return torch.relu(inner + (images if self.downsample is None else self.downsample(images)))


def load_emotion_fan(path: str | Path) -> EmotionFan:
    """The network with published weights, in evaluation mode.

    Args:
        path: a checkpoint whose ``state_dict`` holds the names of this network, mostly after ``module.``; keys of the
            network that it was started from (``fc``) are left out, as the published loader does.

    Raises:
        ValueError: the file does not hold them.
    """
    network = EmotionFan()
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
        named = {name.removeprefix("module."): value for name, value in stored.items()}
        network.load_state_dict({name: value for name, value in named.items() if not name.startswith("fc.")})
    except Exception as error:  # torch raises many kinds for a damaged or foreign file
        reason = " ".join(str(error).split()[:30]) or type(error).__name__
        raise ValueError(f"{path}: does not hold Emotion-FAN ({reason}); get it again") from None
    return network.eval()
