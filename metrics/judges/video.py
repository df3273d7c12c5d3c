"""The video judge: features in which frames, and 16-frame windows, are compared as distributions.

Learnt without labels from real clips damaged on purpose. The frame feature must rebuild the clean picture and estimate
how much blur, noise and blocking was added; the window feature, which sees the differences of neighbouring frames
beside the frame features, must rebuild the mean picture and where it moves, and estimate how much the frames were
shuffled, frozen and made to flicker. Both are then whitened by their spread on real train clips, so that a Frechet
distance has no unit and every direction counts alike.
"""

import math
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from eadnet.data.clips import Clip
from metrics.functional.distances import frechet_distance, moments
from metrics.judges import UnusableCorpus
from metrics.judges.pictures import by_parts, cut, grain, recolour, to_tensor

VERSION = 1
BOX = (0.0, 1.0, 0.0, 1.0)
SIZE = (64, 64)
WINDOW = 16
STRIDE = 4
DAMAGES = 3  # per frame: blur, noise, blocks; per window: shuffled, frozen, flickering
SMALL = 16  # side of the rebuilt picture
SEEN = 4  # frames of a training window whose frame feature is computed
WHITENING_CLIPS = 96  # train clips, evenly spread, whose features set the whitening
CHANGE_GAIN = 8.0  # neighbouring frames differ little; brings their difference to the scale of a picture


class Network(nn.Module):
    """Frame and window features of `features` dimensions, and the heads that training needs."""

    def __init__(self, width: int = 32, features: int = 48) -> None:
        super().__init__()
        self.config = {"width": width, "features": features}
        self.frame = nn.Sequential(
            nn.PixelUnshuffle(2), *_block(12, width, 1), *_block(width, width * 3 // 2, 2),
            *_block(width * 3 // 2, 2 * width, 2), *_block(2 * width, 3 * width, 2),
            nn.Flatten(), nn.Linear(3 * width * 16, features),
        )  # fmt: skip
        self.changes = nn.Sequential(
            nn.AvgPool2d(2), *_block(WINDOW - 1, width, 2), *_block(width, 2 * width, 2),
            *_block(2 * width, 3 * width, 2), nn.Flatten(),
        )  # fmt: skip
        self.window = nn.Linear(3 * width * 16 + features, features)
        self.picture, self.frame_damage = nn.Linear(features, 3 * SMALL**2), nn.Linear(features, DAMAGES)
        self.motion, self.window_damage = nn.Linear(features, 4 * SMALL**2), nn.Linear(features, DAMAGES)
        for name in ("frame", "window"):
            self.register_buffer(f"{name}_mean", torch.zeros(features))
            self.register_buffer(f"{name}_whitening", torch.eye(features))

    def windows(self, grey: Tensor, frames: Tensor) -> Tensor:
        """Raw window features.

        Args:
            grey: (B, 16, 64, 64) mean of the colours, in [-1, 1].
            frames: (B, K, features) raw features of some or all of the window's frames.

        Returns:
            (B, features).
        """
        changes = self.changes(CHANGE_GAIN * grey.diff(dim=1))
        return self.window(torch.cat([changes, frames.mean(1)], dim=1))


@torch.inference_mode()
def features(network: Network, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whitened features of one clip.

    Args:
        network: the judge.
        crops: (T, H, W, 3) uint8 aligned crops.

    Returns:
        (T, features) float64 of the frames, and (W, features) of the windows of 16 frames every 4; W is 0 where the
        clip is shorter.
    """
    frames, windows = _raw(network, crops)
    return (
        ((frames - network.frame_mean) @ network.frame_whitening).double().numpy(),
        ((windows - network.window_mean) @ network.window_whitening).double().numpy(),
    )


class Task:
    """Rebuild clean windows from damaged ones, and estimate the damage."""

    def __init__(self, train: list[Clip], test: list[Clip], rng: np.random.Generator) -> None:
        long_enough = [clip for clip in train if len(clip.crops) >= WINDOW]
        if len(long_enough) < 2:
            raise UnusableCorpus(f"{len(long_enough)} train clips of {WINDOW} frames; the video judge needs 2")
        self.network, self.rng = Network(), rng
        self.test = [clip for clip in test if len(clip.crops) >= WINDOW]
        self.frames = [cut(clip.crops, BOX, SIZE) for clip in long_enough]

    def loss(self, batch_size: int) -> Tensor:
        """Errors of picture, motion and damage on `batch_size` damaged windows."""
        stacked = to_tensor(np.concatenate([self._window() for _ in range(batch_size)]))
        clean = recolour(stacked, self.rng, WINDOW).view(batch_size, WINDOW, 3, *SIZE)
        moved, over_time = self._damage_time(clean)
        damaged, in_frames = self._damage_frames(moved)
        seen = torch.from_numpy(np.sort(self.rng.choice(WINDOW, SEEN, replace=False)))
        frames = self.network.frame(damaged[:, seen].flatten(0, 1)).view(batch_size, SEEN, -1)
        windows = self.network.windows(damaged.mean(2), frames)
        still = _small(moved[:, seen].flatten(0, 1)).reshape(batch_size, SEEN, -1)
        blurry = _small(clean.flatten(0, 1)).reshape(batch_size, WINDOW, 3, SMALL, SMALL)
        activity = CHANGE_GAIN * blurry.diff(dim=1).abs().mean(dim=(1, 2))[:, None]
        rebuilt = torch.cat([blurry.mean(1), activity], dim=1).flatten(1)
        return (
            functional.l1_loss(self.network.picture(frames).float(), still)
            + functional.l1_loss(self.network.motion(windows).float(), rebuilt)
            + functional.mse_loss(self.network.frame_damage(frames).mean(1).float(), in_frames)
            + functional.mse_loss(self.network.window_damage(windows).float(), over_time)
        )

    def _window(self) -> np.ndarray:
        frames = self.frames[self.rng.integers(len(self.frames))]
        start = self.rng.integers(len(frames) - WINDOW + 1)
        return frames[start : start + WINDOW]

    def _damage_frames(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Blur, noise or block each clip by one amount in [0, 1]; a quarter stays clean."""
        amounts = torch.from_numpy(self._amounts(len(clips)))
        coarse = functional.avg_pool2d(clips.flatten(0, 1), 4)
        blur, noise, blocks = amounts.T.reshape(DAMAGES, -1, 1, 1, 1, 1)
        for mode, amount in (("bilinear", blur), ("nearest", blocks)):
            poor = functional.interpolate(coarse, scale_factor=4, mode=mode).view_as(clips)
            clips = clips + amount * (poor - clips)
        return clips + 0.2 * noise * grain(clips, self.rng), amounts

    def _damage_time(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Shuffle, freeze or flicker each clip by one amount in [0, 1]; a quarter stays whole."""
        amounts = self._amounts(len(clips))
        orders = torch.from_numpy(np.stack([self._order(shuffled, frozen) for shuffled, frozen, _ in amounts]))
        moved = clips[torch.arange(len(clips))[:, None], orders]
        light = 0.1 * torch.from_numpy(amounts[:, 2]).view(-1, 1, 1, 1, 1) * grain(clips[:, :, :1, :1, :1], self.rng)
        return moved + light, torch.from_numpy(amounts)

    def _order(self, shuffled: float, frozen: float) -> np.ndarray:
        """Which frame stands at each of the 16 places."""
        order = np.arange(WINDOW)
        moved = np.flatnonzero(self.rng.random(WINDOW) < shuffled)
        order[moved] = self.rng.permutation(order[moved])
        for index in np.flatnonzero(self.rng.random(WINDOW) < frozen):
            order[index] = order[max(index - 1, 0)]
        return order

    def _amounts(self, count: int) -> np.ndarray:
        """(count, 3) float32, at most one entry a row other than zero."""
        amounts = np.zeros((count, DAMAGES), dtype=np.float32)
        kinds = self.rng.integers(-1, DAMAGES, count)
        hit = kinds >= 0
        amounts[np.flatnonzero(hit), kinds[hit]] = self.rng.uniform(0.1, 1.0, hit.sum())
        return amounts

    def evaluate(self) -> dict[str, Any]:
        """Fit the whitening on the train clips; then distances of damaged held-out clips, to be read in order."""
        sample = self.frames[:: math.ceil(len(self.frames) / WHITENING_CLIPS)]
        frames, windows = zip(*(_raw(self.network, clip) for clip in sample), strict=True)
        for name, values in (("frame", frames), ("window", windows)):
            _fit_whitening(self.network, name, torch.cat(values))
        if not self.test:
            return {"n_test": 0, "fid_blurred": None, "fvd_shuffled": None}
        clean = [cut(clip.crops, BOX, SIZE) for clip in self.test]
        blurred = [_blurred(clip) for clip in clean]
        shuffled = [clip[self.rng.permutation(len(clip))] for clip in clean]
        return {
            "n_test": len(clean),
            "fid_blurred": self._distance(blurred, clean, 0),
            "fid_shuffled": self._distance(shuffled, clean, 0),
            "fvd_blurred": self._distance(blurred, clean, 1),
            "fvd_shuffled": self._distance(shuffled, clean, 1),
        }

    def _distance(self, generated: list[np.ndarray], truth: list[np.ndarray], kind: int) -> float:
        sets = ([features(self.network, clip)[kind] for clip in clips] for clips in (generated, truth))
        return frechet_distance(*(moments(np.concatenate(items)) for items in sets))


@torch.inference_mode()
def _raw(network: Network, crops: np.ndarray) -> tuple[Tensor, Tensor]:
    seen = by_parts(lambda part: _seen(network, part), crops)
    frames, grey = seen[:, : -SIZE[0] * SIZE[1]], seen[:, -SIZE[0] * SIZE[1] :].view(-1, *SIZE)
    starts = range(0, len(frames) - WINDOW + 1, STRIDE)
    if not starts:
        return frames, frames[:0]
    inside = torch.tensor([list(range(start, start + WINDOW)) for start in starts])
    return frames, by_parts(lambda windows: network.windows(grey[windows], frames[windows]), inside)


def _seen(network: Network, crops: np.ndarray) -> Tensor:
    """(n, features + 64 * 64) raw features of frames beside their grey pictures."""
    images = to_tensor(cut(crops, BOX, SIZE))
    return torch.cat([network.frame(images), images.mean(1).flatten(1)], dim=1)


def _fit_whitening(network: Network, name: str, values: Tensor) -> None:
    """Set mean and (symmetric) whitening of a feature; directions of almost no spread are not blown up."""
    mean = values.double().mean(0)
    spread, axes = torch.linalg.eigh(torch.cov((values.double() - mean).T))
    floor = 1e-2 * spread.mean()
    whitening = axes @ torch.diag(1 / torch.sqrt(spread + floor)) @ axes.T
    getattr(network, f"{name}_mean").copy_(mean.float())
    getattr(network, f"{name}_whitening").copy_(whitening.float())


def _small(images: Tensor) -> Tensor:
    return functional.avg_pool2d(images, SIZE[0] // SMALL)


def _blurred(frames: np.ndarray) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(frame, (0, 0), 1.0) for frame in frames])


def _block(inputs: int, outputs: int, stride: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, 3, stride, 1), nn.GroupNorm(8, outputs), nn.SiLU()
