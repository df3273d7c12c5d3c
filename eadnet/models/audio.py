"""The audio encoder: a window of log-mel columns around each video frame becomes a few tokens.

The window is 23 columns (287 ms) centred on the frame; wider windows overfit a corpus of few sentences and narrower
ones lose articulation (docs/log.md). Stands where Whisper's features stand at paper scale, with the same interface:
(frames, tokens, channels).
"""

import torch
from torch import Tensor, nn

from eadnet.spectrogram import BANDS, COLUMNS_PER_FRAME

REACH = 11
TOKENS = 10
PADDING = 16


def pad_spectrogram(mel: Tensor) -> Tensor:
    """Repeat the edge columns of an (80, M) spectrogram so that every frame's window lies inside."""
    left, right = mel[:, :1].expand(-1, PADDING), mel[:, -1:].expand(-1, 2 * PADDING)
    return torch.cat([left, mel, right], 1)


def window_columns(frames: Tensor) -> Tensor:
    """(..., 23) column indices into a padded spectrogram for video frame numbers of any shape."""
    centre = ((frames.float() + 0.5) * COLUMNS_PER_FRAME).long() + PADDING
    return centre[..., None] + torch.arange(-REACH, REACH + 1)


class AudioEncoder(nn.Module):
    """Two strided convolutions over time: (F, 80, 23) mel windows in [-4, 4] to (F, 10, width) tokens."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv1d(BANDS, width, 3), nn.GELU(), nn.Conv1d(width, width, 3, stride=2), nn.GELU()
        )
        self.position = nn.Parameter(0.02 * torch.randn(TOKENS, width))
        self.norm = nn.LayerNorm(width)

    def forward(self, windows_F80M: Tensor) -> Tensor:
        """Returns (F, 10, width)."""
        return self.norm(self.convolutions(windows_F80M / 2).transpose(1, 2)) + self.position
