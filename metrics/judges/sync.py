"""The sync judge: do these five frames of the mouth and this fifth of a second of sound belong together?

After SyncNet (Chung & Zisserman 2016): a window of 5 frames and the sound around it are embedded side by side, and
the distance measures how well they fit. It differs from the SyncNet that supervises training in window, input,
architecture, loss and seed: InfoNCE over all shifts inside one clip, so that neither voice nor emotion, which are
constant in a clip, can stand in for the lips.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from eadnet.data.clips import Clip
from eadnet.media.spectrogram import BANDS, frame_column
from metrics.functional.sync import SILENCE, distances, order_accuracy, sync_values
from metrics.judges import UnusableCorpus
from metrics.judges.pictures import by_parts, cut, grain, recolour, to_tensor

VERSION = 1
WINDOW = 5
BOX = (0.5, 1.0, 0.125, 0.875)
SIZE = (32, 48)
CONTEXT = 4  # spectrogram columns before and after the window's 16
COLUMNS = 16 + 2 * CONTEXT
LENGTH = 4.0  # of an embedding; -|v - a|^2 / 2 is then a cosine over temperature 1/16
STRETCH = 28  # frames of a training sample: 24 windows, each the negative of the others


class Network(nn.Module):
    """Embeds windows of frames and of sound into one space of `embedding` dimensions."""

    def __init__(self, width: int = 32, embedding: int = 96) -> None:
        super().__init__()
        self.config = {"width": width, "embedding": embedding}
        self.frame = nn.Sequential(
            nn.PixelUnshuffle(2),
            *_conv(12, width, 1), *_conv(width, width * 3 // 2, 2), *_conv(width * 3 // 2, width * 2, 2),
            nn.Flatten(), nn.Linear(width * 2 * 4 * 6, embedding),
        )  # fmt: skip
        self.motion = nn.Sequential(
            nn.Conv1d(embedding, 128, 3), nn.SiLU(), nn.Conv1d(128, 128, 3), nn.SiLU(), nn.Conv1d(128, embedding, 1)
        )
        self.sound = nn.Sequential(
            nn.Conv1d(BANDS, 128, 3), nn.SiLU(), nn.Conv1d(128, 128, 4, 2), nn.SiLU(),
            nn.Conv1d(128, 128, 4, 2), nn.SiLU(), nn.Flatten(), nn.Linear(128 * 4, embedding),
        )  # fmt: skip

    def embed_frames(self, frames_b3thw: Tensor) -> Tensor:
        """(B, T, 3, 32, 48) in [-1, 1] to (B, T - 4, embedding), one a window of 5 frames."""
        batch, length = frames_b3thw.shape[:2]
        return self.over_time(self.frame(frames_b3thw.flatten(0, 1)).view(batch, length, -1))

    def over_time(self, features: Tensor) -> Tensor:
        """(B, T, embedding) features of single frames to (B, T - 4, embedding), one a window."""
        return LENGTH * functional.normalize(self.motion(features.transpose(1, 2)).transpose(1, 2).float(), dim=2)

    def embed_sound(self, windows: Tensor) -> Tensor:
        """(B, W, 80, 24) log-mel windows to (B, W, embedding)."""
        batch, count = windows.shape[:2]
        return LENGTH * functional.normalize(self.sound(windows.flatten(0, 1)).float(), dim=1).view(batch, count, -1)


def prepare_frames(crops: np.ndarray) -> np.ndarray:
    """(T, H, W, 3) aligned crops to the judge's (T, 32, 48, 3) view of the lower face."""
    return cut(crops, BOX, SIZE)


def prepare_sound(mel: np.ndarray, windows: int) -> np.ndarray:
    """(80, M) log-mel to (windows, 80, 24): window i stands around frames i to i + 4; the ends are padded."""
    padded = np.pad(mel, ((0, 0), (CONTEXT, COLUMNS)), mode="edge")
    starts = frame_column(np.arange(windows))
    return np.stack([padded[:, start : start + COLUMNS] for start in starts])


@torch.inference_mode()
def see(network: Network, crops: np.ndarray) -> np.ndarray:
    """(T - 4, embedding) float32, one a window of 5 of (T, H, W, 3) uint8 aligned crops, T >= 5."""
    features = by_parts(lambda frames: network.frame(to_tensor(prepare_frames(frames))), crops)
    return network.over_time(features[None])[0].numpy()


@torch.inference_mode()
def hear(network: Network, mel: np.ndarray, windows: int) -> np.ndarray:
    """(windows, embedding) float32 of a sound's (80, M) log-mel."""
    return network.embed_sound(torch.from_numpy(prepare_sound(mel, windows))[None])[0].numpy()


def embed(network: Network, crops: np.ndarray, mel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Embed one clip: its frames as `see` does, its sound as `hear` does."""
    seen = see(network, crops)
    return seen, hear(network, mel, len(seen))


class Task:
    """Find, for every window of frames, its sound among all windows of the same stretch, and the reverse."""

    def __init__(self, train: list[Clip], test: list[Clip], rng: np.random.Generator) -> None:
        audible = [clip for clip in train if _is_audible(clip)]
        if len(audible) < 2:
            raise UnusableCorpus(f"{len(audible)} train clips with sound and {STRETCH} frames; the sync judge needs 2")
        self.network, self.rng, self.test = Network(), rng, test
        self.frames = [prepare_frames(clip.crops) for clip in audible]
        self.sounds = [prepare_sound(clip.mel, len(clip.crops) - WINDOW + 1) for clip in audible]

    def loss(self, batch_size: int) -> Tensor:
        """Symmetric InfoNCE inside `batch_size` stretches."""
        frames, sounds = zip(*(self._stretch() for _ in range(batch_size)), strict=True)
        images = recolour(to_tensor(np.concatenate(frames)), self.rng, groups=STRETCH)
        images = images + 0.03 * grain(images, self.rng)
        seen = self.network.embed_frames(images.view(batch_size, STRETCH, 3, *SIZE))
        heard = self.network.embed_sound(torch.from_numpy(np.stack(sounds)))
        logits = -torch.cdist(seen.float(), heard.float()).square() / 2
        target = torch.arange(logits.shape[1]).expand(batch_size, -1)
        return (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.mT, target)) / 2

    def _stretch(self) -> tuple[np.ndarray, np.ndarray]:
        clip = self.rng.integers(len(self.frames))
        start = self.rng.integers(len(self.frames[clip]) - STRETCH + 1)
        frames = np.roll(self.frames[clip][start : start + STRETCH], self.rng.integers(-2, 3, 2), axis=(1, 2))
        sound = self.sounds[clip][start : start + STRETCH - WINDOW + 1] + self.rng.normal(0, 0.2)
        return frames, sound.astype(np.float32)

    def evaluate(self) -> dict[str, Any]:
        """Order accuracy, share of clips with |offset| <= 1, and LSE with true and with another clip's sound."""
        clips = [clip for clip in self.test if _is_audible(clip)]
        embedded = [embed(self.network, clip.crops, clip.mel) for clip in clips]
        if not embedded:
            return {"n_test": 0, "order_accuracy": None, "offset_accuracy": None}
        values = [sync_values(*pair) for pair in embedded]
        report = {
            "n_test": len(embedded),
            "order_accuracy": float(np.mean([order_accuracy(distances(*pair)) for pair in embedded])),
            "offset_accuracy": float(np.mean([abs(value.offset) <= 1 for value in values])),
            "lse_c": float(np.mean([value.confidence for value in values])),
            "lse_d": float(np.mean([value.distance for value in values])),
        }
        return report | self._mismatched(embedded)

    @staticmethod
    def _mismatched(embedded: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
        """LSE of every clip with the sound of the next one: what a judge answers to wrong sound."""
        values = []
        for index, (seen, _) in enumerate(embedded):
            heard = embedded[(index + 1) % len(embedded)][1]
            count = min(len(seen), len(heard))
            values.append(sync_values(seen[:count], heard[:count]))
        return {
            "lse_c_wrong_sound": float(np.mean([value.confidence for value in values])),
            "lse_d_wrong_sound": float(np.mean([value.distance for value in values])),
        }


def _conv(inputs: int, outputs: int, stride: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, 3, stride, 1), nn.SiLU()


def _is_audible(clip: Clip) -> bool:
    return len(clip.crops) >= STRETCH and bool(np.abs(clip.audio).max() > SILENCE)
