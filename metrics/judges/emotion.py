"""The emotion judge: which of the eight emotions does a face show?

A small per-frame network on the aligned face without hair and background; a clip's answer is the mean of its frames'
probabilities, so that no single mouth shape decides. Trained on labelled real train clips, sampled evenly over the
emotions, with colours, blur, noise, shifts and hidden patches, and tested on people it has never seen.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from eadnet.data.clips import Clip
from eadnet.tables import EMOTIONS
from metrics.judges import UnusableCorpus
from metrics.judges.pictures import by_parts, cut, grain, recolour, to_tensor

VERSION = 1
BOX = (0.08, 0.94, 0.14, 0.86)
SIZE = (64, 56)
FRAMES_KEPT = 24  # frames of a train clip held in memory, evenly spread


class Network(nn.Module):
    """Logits over `eadnet.tables.EMOTIONS` for single frames."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.config = {"width": width}
        self.body = nn.Sequential(
            nn.PixelUnshuffle(2), *_block(12, width, 1), *_block(width, 2 * width, 2),
            *_block(2 * width, 3 * width, 2), *_block(3 * width, 4 * width, 2), nn.Flatten(), nn.Dropout(0.3),
        )  # fmt: skip
        self.head = nn.Linear(4 * width * 4 * 4, len(EMOTIONS))

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, 64, 56) in [-1, 1] to (N, 8) logits."""
        return self.head(self.body(images))


def prepare(crops: np.ndarray) -> np.ndarray:
    """(T, H, W, 3) aligned crops to the judge's (T, 64, 56, 3) view of the face."""
    return cut(crops, BOX, SIZE)


@torch.inference_mode()
def probabilities(network: Network, crops: np.ndarray) -> np.ndarray:
    """(8,) mean over frames of the emotions' probabilities for one clip of (T, H, W, 3) uint8 aligned crops."""
    logits = by_parts(lambda frames: network(to_tensor(prepare(frames))).float(), crops)
    return torch.softmax(logits, dim=1).mean(0).numpy()


class Task:
    """Name the emotion of single frames of people seen in training."""

    def __init__(self, train: list[Clip], test: list[Clip], rng: np.random.Generator) -> None:
        labelled = [clip for clip in train if clip.row["emotion"] in EMOTIONS]
        found = sorted({clip.row["emotion"] for clip in labelled})
        if len(found) < 2:
            raise UnusableCorpus(
                f"train clips are labelled with {len(found)} emotions ({', '.join(found) or 'none'}); the emotion "
                "judge needs 2"
            )
        self.network, self.rng = Network(), rng
        self.test = [clip for clip in test if clip.row["emotion"] in EMOTIONS]
        self.frames = [prepare(_spread(clip.crops)) for clip in labelled]
        self.labels = np.array([EMOTIONS.index(clip.row["emotion"]) for clip in labelled])

    def loss(self, batch_size: int) -> Tensor:
        """Smoothed cross-entropy on frames drawn evenly over emotions, then over their clips."""
        labels = self.rng.choice(np.unique(self.labels), batch_size)
        clips = [self.rng.choice(np.flatnonzero(self.labels == label)) for label in labels]
        frames = np.stack([self.frames[clip][self.rng.integers(len(self.frames[clip]))] for clip in clips])
        logits = self.network(self._disturbed(to_tensor(frames)))
        return functional.cross_entropy(logits.float(), torch.from_numpy(labels), label_smoothing=0.1)

    def _disturbed(self, images: Tensor) -> Tensor:
        """What generated faces may differ in without showing another emotion."""
        images = recolour(images, self.rng)
        count = len(images)
        blurred = torch.from_numpy(self.rng.random(count) < 0.4)
        images[blurred] = _blur(images[blurred], int(self.rng.integers(2, 4)))
        strength = 0.04 * torch.from_numpy(self.rng.random((count, 1, 1, 1), dtype=np.float32))
        images = images + strength * grain(images, self.rng)
        for image in images[: count // 2]:
            top, left = self.rng.integers(0, SIZE[0] - 16), self.rng.integers(0, SIZE[1] - 16)
            image[:, top : top + 16, left : left + 16] = image.mean()
        return torch.roll(images, tuple(self.rng.integers(-2, 3, 2)), dims=(2, 3))

    def evaluate(self) -> dict[str, Any]:
        """Clip accuracy overall, on unseen people and by level, and the confusion matrix [truth][answer]."""
        answers = np.array([probabilities(self.network, clip.crops).argmax() for clip in self.test], dtype=int)
        labels = np.array([EMOTIONS.index(clip.row["emotion"]) for clip in self.test], dtype=int)
        unseen = np.array([not clip.row["seen_speaker"] for clip in self.test], dtype=bool)
        levels = np.array([clip.row["level"] for clip in self.test], dtype=float)
        known = np.unique(levels[np.isfinite(levels)])
        confusion = np.zeros((len(EMOTIONS), len(EMOTIONS)), dtype=int)
        np.add.at(confusion, (labels, answers), 1)
        right = answers == labels
        return {
            "n_test": len(right),
            "accuracy": _mean(right),
            "accuracy_unseen_people": _mean(right[unseen]),
            "accuracy_by_level": {f"{level:.0f}": _mean(right[levels == level]) for level in known},
            "emotions": list(EMOTIONS),
            "confusion": confusion.tolist(),
        }


def _spread(crops: np.ndarray) -> np.ndarray:
    return crops[np.unique(np.linspace(0, len(crops) - 1, FRAMES_KEPT).round().astype(int))]


def _mean(flags: np.ndarray) -> float | None:
    return float(flags.mean()) if len(flags) else None


def _blur(images: Tensor, factor: int) -> Tensor:
    small = functional.interpolate(images, scale_factor=1 / factor, mode="bilinear", antialias=True)
    return functional.interpolate(small, size=images.shape[2:], mode="bilinear")


def _block(inputs: int, outputs: int, stride: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, 3, stride, 1), nn.SiLU()
