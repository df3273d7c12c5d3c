"""Audio encoders: the window of features around each video frame becomes a few tokens.

Both kinds have one interface: (F, S, C) windows of ``eadnet.features.audio`` to (F, `tokens`, `width`) tokens.

* ``mel``: 23 log-mel columns (287 ms) centred on the frame, through a small convolutional network that is trained with
  the rest. Wider windows overfit a corpus of few sentences and narrower ones lose articulation (docs/log.md).
* ``whisper``: 10 steps (200 ms) of five Whisper states each, which need no further encoder.

Shape legend: F frames, S steps of the window, C channels.
"""

import torch
from torch import Tensor, nn

from eadnet.media.spectrogram import BANDS

STATES = 5
"""Whisper tiny: the embedding and four blocks."""


class MelEncoder(nn.Module):
    """Two strided convolutions over time: (F, 23, 80) mel windows in [-4, 4] to (F, 10, width) tokens."""

    tokens = 10

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.convolutions = nn.Sequential(
            nn.Conv1d(BANDS, width, 3), nn.GELU(), nn.Conv1d(width, width, 3, stride=2), nn.GELU()
        )
        self.position = nn.Parameter(0.02 * torch.randn(self.tokens, width))
        self.norm = nn.LayerNorm(width)

    def forward(self, windows_FSC: Tensor) -> Tensor:
        """Returns (F, 10, width)."""
        # Conv1d takes (F, C, S); / 2 brings log-mel values from [-4, 4] to [-2, 2]. S: 23 -> 21 -> 10 tokens
        hidden = self.convolutions(windows_FSC.transpose(1, 2) / 2)
        return self.norm(hidden.transpose(1, 2)) + self.position


class WhisperTokens(nn.Module):
    """The states of Whisper as they are: (F, 10, 5 * width) windows to (F, 50, width) tokens, without parameters.

    Step by step, and within a step from the embedding to the last layer (LatentSync, 2412.09262,
    ``whisper/audio2feature.py:get_sliced_feature``). Whisper tiny has width 384.
    """

    tokens = 50

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, windows_FSC: Tensor) -> Tensor:
        """Returns (F, 50, width); raises ValueError where the states have another width."""
        width = windows_FSC.shape[2] // STATES
        if width != self.width:
            raise ValueError(
                f"Whisper's states have {width} channels, not {self.width}; set network.audio_width to {width}"
            )
        # (F, 10, 5 * width) -> (F, 10, 5, width) -> (F, 50, width): the layers vary fastest, as LatentSync orders them
        return windows_FSC.unflatten(2, (-1, self.width)).flatten(1, 2)


ENCODERS = {"mel": MelEncoder, "whisper": WhisperTokens}


def make_audio_encoder(kind: str, width: int) -> MelEncoder | WhisperTokens:
    """The encoder of a kind of features, "mel" or "whisper", whose tokens have `width` channels."""
    return ENCODERS[kind](width)


def hide_beyond(windows_SC: Tensor, kind: str, visible: int) -> Tensor:
    """Windows (..., S, C) with only the middle `visible` mel columns kept; the others are zero.

    Three columns are the frame's own 40 ms. `visible` is odd. Windows of Whisper's states are returned unchanged,
    because each state already depends on the sound around it.
    """
    if kind != "mel" or visible >= windows_SC.shape[-2]:
        return windows_SC
    steps = windows_SC.shape[-2]
    offsets = torch.arange(steps, device=windows_SC.device) - steps // 2
    return windows_SC * (offsets.abs() <= visible // 2)[:, None]
