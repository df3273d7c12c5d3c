"""SyncNet, the supervisor of lip sync: the cosine of 16 frames and a window of sound, high if they belong together.

Interface of StableSyncNet (LatentSync, arXiv 2412.09262 section 3.3): 16 frames of the lower half of the aligned crop
and 52 log-mel columns; embeddings after ReLU and L2 normalisation, so that the cosine is in [0, 1]. All frames share
the visual trunk: frames stacked in channels, as in the published network (eadnet.published.stable_syncnet), learned far
more slowly at this size (docs/log.md).
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from eadnet.config.networks import SyncNet as Settings
from eadnet.media.spectrogram import BANDS
from eadnet.published.resizing import resized

if TYPE_CHECKING:
    from eadnet.published.stable_syncnet import StableSyncNet

FRAMES = 16
MEL_COLUMNS = 52
INPUT_SIZE = (24, 48)


class SyncNet(nn.Module):
    """Embeds lower-half video and audio windows in one space."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        width, embedding = settings.width, settings.embedding
        self.frame = nn.Sequential(
            *_strided(3, width, 4),
            *_strided(width, 2 * width, 8),
            *_strided(2 * width, 64, 8),
            nn.Flatten(),
            nn.Linear(64 * INPUT_SIZE[0] * INPUT_SIZE[1] // 64, 64),
        )
        self.video = nn.Sequential(
            nn.SiLU(),
            nn.Conv1d(64, 96, 3, padding=1),
            nn.SiLU(),
            nn.Conv1d(96, 96, 3, padding=1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(96 * FRAMES, embedding),
            nn.ReLU(),
        )
        self.audio = nn.Sequential(
            nn.Conv1d(BANDS, 128, 5, padding=2),
            nn.GroupNorm(8, 128),
            nn.SiLU(),
            nn.Conv1d(128, 128, 3, stride=2, padding=1),
            nn.GroupNorm(8, 128),
            nn.SiLU(),
            nn.Conv1d(128, 96, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(96 * MEL_COLUMNS // 4, embedding),
            nn.ReLU(),
        )

    @staticmethod
    def mouth_region(crops: Tensor) -> Tensor:
        """(B, T, 3, 24, 48) lower half of aligned crops (B, T, 3, S, S)."""
        return resized(crops[..., crops.shape[-2] // 2 :, :], INPUT_SIZE, "area")

    def embed_video(self, mouths: Tensor) -> Tensor:
        """(B, D) unit vectors of mouth regions (B, 16, 3, 24, 48) in [-1, 1], as `mouth_region` cuts them."""
        frames = self.frame(mouths.flatten(0, 1)).unflatten(0, (-1, FRAMES))
        return functional.normalize(self.video(frames.transpose(1, 2)).float(), dim=1, eps=1e-6)

    def embed_audio(self, mel: Tensor) -> Tensor:
        """(B, D) unit vectors of mel windows (B, 80, 52)."""
        return functional.normalize(self.audio(mel / 2).float(), dim=1, eps=1e-6)

    def forward(self, crops: Tensor, mel: Tensor) -> Tensor:
        """(B,) cosines in [0, 1] of aligned crops (B, 16, 3, S, S) and mel windows (B, 80, 52)."""
        return (self.embed_video(self.mouth_region(crops)) * self.embed_audio(mel)).sum(1)


def make_syncnet(settings: Settings, checkpointing: bool = False) -> "SyncNet | StableSyncNet":
    """The network of `settings.kind`; with `checkpointing` the large one takes less memory and more time."""
    if settings.kind == "framewise":
        return SyncNet(settings)
    from eadnet.published.stable_syncnet import StableSyncNet  # imports diffusers, which takes seconds

    return StableSyncNet(settings, checkpointing)


def mel_columns(first_frame: Tensor) -> Tensor:
    """(B, 52) columns of an unpadded spectrogram for windows that start at `first_frame` (B,)."""
    return (first_frame.float() * 3.2).long()[:, None] + torch.arange(MEL_COLUMNS, device=first_frame.device)


def _strided(width: int, output_width: int, groups: int) -> list[nn.Module]:
    return [nn.Conv2d(width, output_width, 3, stride=2, padding=1), nn.GroupNorm(groups, output_width), nn.SiLU()]
