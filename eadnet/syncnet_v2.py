"""SyncNet v2, the field's judge of lip sync: network, features and the search for the offset.

Chung and Zisserman 2016; architecture, inputs and arithmetic as joonson/syncnet_python@6efbb1c (SyncNetModel.py,
SyncNetInstance.py). Reads the published ``syncnet_v2.model`` with ``weights_only``; writes nothing.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from python_speech_features import mfcc
from torch import Tensor, nn

SHIFT = 15  # frames tried on either side
WINDOW = 5  # frames seen at once
COLUMNS, STRIDE = 20, 4  # MFCC columns heard at once, and columns per frame
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
        ValueError: the file does not hold them.
    """
    network = SyncNetV2()
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # torch raises many kinds for a damaged or foreign file
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f"{path}: does not hold SyncNet v2 ({reason}); fetch it again") from None
    return network.eval()


@torch.inference_mode()
def features(network: SyncNetV2, crops: Iterable[np.ndarray], wave: np.ndarray) -> tuple[Tensor, Tensor]:
    """What the network sees and hears at each of W windows, (W, 1024) each.

    Args:
        network: SyncNet v2.
        crops: T (224, 224, 3) uint8 RGB face crops at 25 per second.
        wave: int16 at 16 kHz, in step with the crops.

    Returns:
        Pictures and sound; W = min(T, whole frames of sound) - 5, and empty where that is not positive: the reference
        leaves the last window out.
    """
    pictures = np.stack([crop[..., ::-1] for crop in crops])
    count = min(len(pictures), len(wave) // 640) - WINDOW
    if count <= 0:
        return torch.empty(0, FEATURES), torch.empty(0, FEATURES)
    columns = torch.from_numpy(mfcc(wave, 16000).T.astype(np.float32))
    film = torch.from_numpy(pictures).permute(3, 0, 1, 2)
    seen, heard = [], []
    for low in range(0, count, BATCH):
        starts = range(low, min(low + BATCH, count))
        seen.append(network.see(torch.stack([film[:, start : start + WINDOW] for start in starts]).float()))
        sounds = [columns[None, :, STRIDE * start : STRIDE * start + COLUMNS] for start in starts]
        heard.append(network.hear(torch.stack(sounds)))
    return torch.cat(seen), torch.cat(heard)


def search_offset(seen: Tensor, heard: Tensor, shift: int = SHIFT) -> tuple[int, float, float]:
    """Where sound and pictures fit best.

    Args:
        seen: (W, C) features of the pictures.
        heard: (W, C) features of the sound.
        shift: frames tried on either side; beyond the ends the reference hears zeros.

    Returns:
        Frames by which the sound comes late (the reference's "AV offset" with the other sign), the confidence (median
        minus minimum of the 2 * shift + 1 mean distances: LSE-C) and the least mean distance (LSE-D).
    """
    padded = nn.functional.pad(heard, (0, 0, shift, shift))
    means = torch.stack(
        [nn.functional.pairwise_distance(seen, padded[k : k + len(seen)]).mean() for k in range(2 * shift + 1)]
    )
    best = int(means.argmin())
    return best - shift, float(means.median() - means[best]), float(means[best])


def _step2d(inputs: int, outputs: int, kernel: int | tuple[int, int], padding: int = 0) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.BatchNorm2d(outputs), nn.ReLU()]


def _step3d(inputs: int, outputs: int, kernel: tuple[int, int, int], **options: tuple[int, int, int]) -> list:
    return [nn.Conv3d(inputs, outputs, kernel, **options), nn.BatchNorm3d(outputs), nn.ReLU()]


def _head() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, FEATURES))
