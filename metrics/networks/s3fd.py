"""S3FD, the face detector of SyncNet's crops: network, priors, decoding and suppression.

Zhang et al., S3FD: single shot scale-invariant face detector, ICCV 2017; as joonson/syncnet_python@6efbb1c detectors/
s3fd, with its parameter names, so that the published ``sfd_face.pth`` loads with ``weights_only``. Writes nothing.
"""

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

FILE = "sfd_face.pth"
MEAN = (123.0, 117.0, 104.0)  # of RGB
SIDES = (16, 32, 64, 128, 256, 512)  # of the priors, one a head
STEPS = (4, 8, 16, 32, 64, 128)  # pixels from prior to prior
CENTRE, SCALE = 0.1, 0.2  # variances that boxes are decoded with
FLOOR = 0.05  # scores that the reference keeps at all
LIKE, ALIKE = 0.3, 0.1  # overlaps suppressed by the network's own step and by the detector's
AT_ONCE = 1 << 17  # pixels of a batch
TRUNK = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M")
TAPS = (16, 23, 30)  # layers of the trunk before which the first three heads look


class L2Norm(nn.Module):
    """Every pixel's channels brought to length 1, then weighed."""

    def __init__(self, channels: int, scale: float) -> None:
        """`scale` is what training starts from."""
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), scale))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        return x / (x.pow(2).sum(dim=1, keepdim=True).sqrt() + 1e-10) * self.weight[:, None, None]


class S3FDNetwork(nn.Module):
    """VGG trunk and six heads; parameter names are the published ones."""

    def __init__(self) -> None:
        """Untrained weights."""
        super().__init__()
        self.vgg = nn.ModuleList(_trunk())
        self.L2Norm3_3, self.L2Norm4_3, self.L2Norm5_3 = L2Norm(256, 10.0), L2Norm(512, 8.0), L2Norm(512, 5.0)
        self.extras = nn.ModuleList([
            nn.Conv2d(1024, 256, 1), nn.Conv2d(256, 512, 3, 2, padding=1),
            nn.Conv2d(512, 128, 1), nn.Conv2d(128, 256, 3, 2, padding=1),
        ])  # fmt: skip
        widths = (256, 512, 512, 1024, 512, 256)
        self.loc = nn.ModuleList(nn.Conv2d(width, 4, 3, padding=1) for width in widths)
        self.conf = nn.ModuleList(nn.Conv2d(width, 2 if n else 4, 3, padding=1) for n, width in enumerate(widths))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, tuple[tuple[int, int], ...]]:
        """(N, 3, H, W) RGB less its mean to (N, P, 4) places, (N, P) scores and the heads' (height, width)."""
        places, scores, sizes = [], [], []
        for number, source in enumerate(self._sources(pictures)):
            conf = self.conf[number](source)
            if not number:  # max-out: three sorts of background on the finest head
                conf = torch.cat([conf[:, :3].amax(dim=1, keepdim=True), conf[:, 3:]], dim=1)
            places.append(self.loc[number](source).permute(0, 2, 3, 1).flatten(1, 2))
            scores.append(conf.permute(0, 2, 3, 1).flatten(1, 2).softmax(dim=-1)[..., 1])
            sizes.append(tuple(source.shape[2:]))
        return torch.cat(places, dim=1), torch.cat(scores, dim=1), tuple(sizes)

    def _sources(self, x: Tensor) -> list[Tensor]:
        sources, norms = [], (self.L2Norm3_3, self.L2Norm4_3, self.L2Norm5_3)
        for number, layer in enumerate(self.vgg):
            if number in TAPS:
                sources.append(norms[len(sources)](x))
            x = layer(x)
        sources.append(x)
        for number, layer in enumerate(self.extras):
            x = functional.relu(layer(x))
            if number % 2:
                sources.append(x)
        return sources


class S3FD:
    """The detector: pictures in, boxes out."""

    def __init__(self, network: S3FDNetwork) -> None:
        """Put the network into use."""
        self.network = network.eval().to(memory_format=torch.channels_last)

    def detect(self, frame: np.ndarray, scale: float = 0.25, confidence: float = 0.9) -> np.ndarray:
        """(n, 5) boxes of one frame; see `detect_all`."""
        return self.detect_all([frame], scale, confidence)[0]

    @torch.inference_mode()
    def detect_all(
        self, frames: list[np.ndarray] | np.ndarray, scale: float = 0.25, confidence: float = 0.9
    ) -> list[np.ndarray]:
        """Boxes in each frame.

        Args:
            frames: (H, W, 3) uint8 RGB, all of one size.
            scale: by which they are resized first.
            confidence: score in [0, 1] that a box must exceed.

        Returns:
            For each frame (n, 5) float64 left, top, right, bottom in its pixels and score, the best first.
        """
        small = [cv2.resize(frame, (0, 0), fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR) for frame in frames]
        size = small[0].shape[:2] if small else (1, 1)
        step, found = max(1, AT_ONCE // (size[0] * size[1])), []
        for first in range(0, len(small), step):
            pictures = torch.from_numpy(np.stack(small[first : first + step])).float() - torch.tensor(MEAN)
            places, scores, sizes = self.network(pictures.permute(0, 3, 1, 2))
            priors = prior_boxes(size, sizes)
            found += [_boxes(*one, priors, confidence) for one in zip(places.numpy(), scores.numpy(), strict=True)]
        height, width = frames[0].shape[:2] if len(frames) else (1, 1)
        return [_in_pixels(boxes, width, height) for boxes in found]


def load_s3fd(path: str | Path) -> S3FD:
    """The detector with the published weights.

    Raises:
        ValueError: the file does not hold them.
    """
    network = S3FDNetwork()
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # torch raises many kinds for a damaged or foreign file
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f"{path}: does not hold S3FD ({reason}); fetch it again") from None
    return S3FD(network)


@lru_cache(maxsize=8)
def prior_boxes(picture: tuple[int, int], heads: tuple[tuple[int, int], ...]) -> np.ndarray:
    """(P, 4) float32 centre x, y, width, height of all priors, as shares of a picture of (height, width) pixels."""
    high, wide = picture
    rows = []
    for (height, width), side, step in zip(heads, SIDES, STEPS, strict=True):
        y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
        sides = np.full(height * width, side)
        rows.append(np.stack([(x.ravel() + 0.5) / (wide / step), (y.ravel() + 0.5) / (high / step)], axis=1))
        rows[-1] = np.concatenate([rows[-1], np.stack([sides / wide, sides / high], axis=1)], axis=1)
    return np.concatenate(rows).astype(np.float32)


def suppress(boxes: np.ndarray, scores: np.ndarray, overlap: float) -> np.ndarray:
    """Indices of the boxes that remain, the best first: none overlaps a better one by more than `overlap` (IoU)."""
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    order, kept = np.argsort(-scores, kind="stable"), []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[order, :2])
        high = np.minimum(boxes[best, 2:], boxes[order, 2:])
        shared = np.prod(np.maximum(high - low, 0), axis=1)
        order = order[shared / (areas[best] + areas[order] - shared) <= overlap]
    return np.array(kept, dtype=int)


def _boxes(places: np.ndarray, scores: np.ndarray, priors: np.ndarray, confidence: float) -> np.ndarray:
    """(n, 5) float32 boxes of one picture, as shares of it; only what exceeds `confidence` is decoded.

    A box is suppressed by better ones alone, so that leaving the worse out first changes nothing.
    """
    chosen = scores > max(confidence, FLOOR)
    places, scores, priors = places[chosen], scores[chosen], priors[chosen]
    sizes = priors[:, 2:] * np.exp(places[:, 2:] * np.float32(SCALE))
    low = priors[:, :2] + places[:, :2] * np.float32(CENTRE) * priors[:, 2:] - sizes / 2
    boxes = np.concatenate([low, low + sizes, scores[:, None]], axis=1)
    return boxes[suppress(boxes[:, :4], scores, LIKE)]


def _in_pixels(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    boxes = (boxes * np.float32([width, height, width, height, 1])).astype(np.float64)
    return boxes[suppress(boxes[:, :4], boxes[:, 4], ALIKE)]


def _trunk() -> list[nn.Module]:
    layers, width = [], 3
    for item in TRUNK:
        if item == "M":
            layers.append(nn.MaxPool2d(2, 2, ceil_mode=len(layers) == TAPS[0]))  # only the third rounds up
            continue
        layers += [nn.Conv2d(width, item, 3, padding=1), nn.ReLU(inplace=True)]
        width = item
    layers += [nn.Conv2d(512, 1024, 3, padding=6, dilation=6), nn.ReLU(inplace=True)]
    return [*layers, nn.Conv2d(1024, 1024, 1), nn.ReLU(inplace=True)]
