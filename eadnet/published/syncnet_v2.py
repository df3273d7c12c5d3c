"""SyncNet v2, the field's judge of lip sync: network, features and the search for the offset.

Chung and Zisserman 2016; architecture, inputs and arithmetic as joonson/syncnet_python@6efbb1c (SyncNetModel.py,
SyncNetInstance.py). The visual tower reads a film crop by crop (`Film`), so that memory does not grow with it. Reads
the published ``syncnet_v2.model`` with ``weights_only``; writes nothing.
"""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from python_speech_features import mfcc
from torch import Tensor, nn
from torch.nn import functional

from eadnet.assets import AssetError

FILE = "syncnet_v2.model"
SHIFT = 15  # frames tried on either side
WINDOW = 5  # frames seen at once
COLUMNS, STRIDE = 20, 4  # MFCC columns of a window, and columns per frame
SAMPLES = 640  # of sound a frame
SIZE = 224
FEATURES = 1024
BATCH = 20


class SyncNetV2(nn.Module):
    """Two towers into one space; parameter names are the published ones."""

    def __init__(self) -> None:
        """Untrained weights."""
        super().__init__()
        self.netcnnaud = nn.Sequential(
            *_step2d(1, 64, 3, padding=1), nn.MaxPool2d(1, 1),
            *_step2d(64, 192, 3, padding=1), nn.MaxPool2d(3, (1, 2)),
            *_step2d(192, 384, 3, padding=1),
            *_step2d(384, 256, 3, padding=1),
            *_step2d(256, 256, 3, padding=1), nn.MaxPool2d(3, 2),
            *_step2d(256, 512, (5, 4)),
        )  # fmt: skip
        self.netfcaud = _head()
        self.netfclip = _head()
        self.netcnnlip = nn.Sequential(
            *_step3d(3, 96, (WINDOW, 7, 7), stride=(1, 2, 2)), nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_step3d(96, 256, (1, 5, 5), stride=(1, 2, 2), padding=(0, 1, 1)),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            *_step3d(256, 256, (1, 3, 3), padding=(0, 1, 1)),
            *_step3d(256, 256, (1, 3, 3), padding=(0, 1, 1)),
            *_step3d(256, 256, (1, 3, 3), padding=(0, 1, 1)), nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_step3d(256, 512, (1, 6, 6)),
        )  # fmt: skip

    def hear(self, sound: Tensor) -> Tensor:
        """(N, 1, 13, 20) MFCCs to (N, 1024)."""
        return self.netfcaud(self.netcnnaud(sound).flatten(1))

    def see(self, pictures: Tensor) -> Tensor:
        """(N, 3, 5, 224, 224) BGR, 0 to 255, to (N, 1024)."""
        return self.netfclip(self.netcnnlip(pictures).flatten(1))


def load_syncnet_v2(path: str | Path) -> SyncNetV2:
    """The network with the published weights.

    Raises:
        AssetError: the file does not hold them.
    """
    network = SyncNetV2()
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # torch raises many kinds for a damaged or foreign file
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise AssetError(f"{path}: does not hold SyncNet v2 ({reason}); fetch it again") from None
    return network.eval()


class Eyes:
    """The visual tower, made ready for films: normalisation folded into the weights, windows as channels.

    Only the first convolution sees several frames at once, and sees all five, so that a film of T frames is a batch of
    T - 4 pictures of 15 channels. The features are those of `SyncNetV2.see` but for rounding (1e-5).
    """

    def __init__(self, network: SyncNetV2) -> None:
        """Fold the weights; later changes of the network are not seen."""
        layers = network.netcnnlip
        convolutions = [number for number, layer in enumerate(layers) if isinstance(layer, nn.Conv3d)]
        folded = [_folded(layers[number], layers[number + 1]) for number in convolutions]
        first, bias = folded[0]  # (96, 3, 5, 7, 7), of BGR; to channels of frames of RGB
        first = first.flip(1).transpose(1, 2).flatten(1, 2)
        rest = [(weight[:, :, 0], bias) for weight, bias in folded[1:]]
        self.layers = [(_by_pixel(weight), bias.contiguous()) for weight, bias in ((first, bias), *rest)]
        self.head = network.netfclip

    @torch.inference_mode()
    def see(self, crops: np.ndarray) -> Tensor:
        """(T, 224, 224, 3) uint8 RGB crops to (T - 4, 1024) features."""
        film = torch.from_numpy(np.ascontiguousarray(crops))
        windows = film.unfold(0, WINDOW, 1).permute(0, 1, 2, 4, 3).flatten(3)  # (N, 224, 224, 15), frame by frame
        x = windows.float().permute(0, 3, 1, 2)  # channels last in memory
        # A maximum may be taken before the ReLU as well as after it, and there are fewer pixels then.
        x = functional.relu_(functional.max_pool2d(functional.conv2d(x, *self.layers[0], stride=2), 3, 2))
        x = functional.conv2d(x, *self.layers[1], stride=2, padding=1)
        x = functional.relu_(functional.max_pool2d(x, 3, 2, 1))
        x = functional.relu_(functional.conv2d(x, *self.layers[2], padding=1))
        x = functional.relu_(functional.conv2d(x, *self.layers[3], padding=1))
        x = functional.relu_(functional.max_pool2d(functional.conv2d(x, *self.layers[4], padding=1), 3, 2))
        return self.head(functional.relu_(functional.conv2d(x, *self.layers[5])).flatten(1))


class Film:
    """Crops that arrive one by one, and what the visual tower makes of their windows; holds 24 crops at most."""

    def __init__(self, eyes: Eyes) -> None:
        """Nothing seen yet."""
        self.eyes, self.held, self.seen = eyes, [], []

    def push(self, crop: np.ndarray) -> None:
        """The next (224, 224, 3) uint8 RGB crop."""
        self.held.append(crop)
        if len(self.held) == BATCH + WINDOW - 1:
            self._see()

    def features(self) -> Tensor:
        """(T - 4, 1024) features of all windows so far; empty for fewer than 5 crops."""
        if len(self.held) >= WINDOW:
            self._see()
        return torch.cat(self.seen) if self.seen else torch.empty(0, FEATURES)

    def _see(self) -> None:
        self.seen.append(self.eyes.see(np.stack(self.held)))
        self.held = self.held[1 - WINDOW :]


@torch.inference_mode()
def hear(network: SyncNetV2, wave: np.ndarray, count: int) -> Tensor:
    """Features of the sound at the first `count` windows, (count, 1024).

    Args:
        network: SyncNet v2.
        wave: int16 at 16 kHz, unscaled as the reference feeds it; (count + 5) * 640 samples or more.
        count: windows, one a frame.
    """
    if count <= 0:
        return torch.empty(0, FEATURES)
    columns = torch.from_numpy(mfcc(wave, 16000).T.astype(np.float32))
    heard = []
    for low in range(0, count, BATCH):
        starts = range(low, min(low + BATCH, count))
        sounds = [columns[None, :, STRIDE * start : STRIDE * start + COLUMNS] for start in starts]
        heard.append(network.hear(torch.stack(sounds)))
    return torch.cat(heard)


def features(
    network: SyncNetV2, crops: Iterable[np.ndarray], wave: np.ndarray, eyes: Eyes | None = None
) -> tuple[Tensor, Tensor]:
    """Features of pictures and of sound in each of W windows, (W, 1024) each.

    Args:
        network: SyncNet v2.
        crops: T (224, 224, 3) uint8 RGB face crops at 25 per second, read one by one.
        wave: int16 at 16 kHz, in step with the crops.
        eyes: the network's visual tower, where it was made ready before.

    Returns:
        Pictures and sound; W = min(T, whole frames of sound) - 5, and empty where that is not positive: the reference
        leaves the last window out.
    """
    film = Film(eyes or Eyes(network))
    for crop in islice(crops, len(wave) // SAMPLES):
        film.push(crop)
    seen = film.features()[:-1]
    return seen, hear(network, wave, len(seen))


def search_offset(seen: Tensor, heard: Tensor, chosen: Tensor | None = None) -> tuple[int, float, float]:
    """Where sound and pictures fit best.

    Args:
        seen: (W, C) features of the pictures.
        heard: (W, C) features of the sound.
        chosen: (W,) bool, the windows to compare; all where not given.

    Returns:
        Frames by which the sound comes late (the reference's "AV offset" with the other sign), the confidence (median
        minus minimum of the 2 * SHIFT + 1 mean distances: LSE-C) and the least mean distance (LSE-D).
    """
    padded = nn.functional.pad(heard, (0, 0, SHIFT, SHIFT))  # beyond its ends the reference pads the sound with zeros
    distances = [nn.functional.pairwise_distance(seen, padded[k : k + len(seen)]) for k in range(2 * SHIFT + 1)]
    means = torch.stack([(each if chosen is None else each[chosen]).mean() for each in distances])
    best = int(means.argmin())
    return best - SHIFT, float(means.median() - means[best]), float(means[best])


def _folded(convolution: nn.Conv3d, normalisation: nn.BatchNorm3d) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution that is followed by a normalisation with fixed statistics."""
    scale = normalisation.weight / torch.sqrt(normalisation.running_var + normalisation.eps)
    bias = (convolution.bias - normalisation.running_mean) * scale + normalisation.bias
    return (convolution.weight * scale[:, None, None, None, None]).detach(), bias.detach()


def _by_pixel(weight: Tensor) -> Tensor:
    return weight.contiguous(memory_format=torch.channels_last)


def _step2d(inputs: int, outputs: int, kernel: int | tuple[int, int], padding: int = 0) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.BatchNorm2d(outputs), nn.ReLU()]


def _step3d(inputs: int, outputs: int, kernel: tuple[int, int, int], **options: tuple[int, int, int]) -> list:
    return [nn.Conv3d(inputs, outputs, kernel, **options), nn.BatchNorm3d(outputs), nn.ReLU()]


def _head() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, FEATURES))
