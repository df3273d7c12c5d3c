"""The sound that drives a generated video: at 16 kHz for the network, and at the video's rate for people.

Features are those of ``eadnet.features.audio``, computed here for one wave and kept in half precision as there. The
spectrogram is made ten seconds at a time, so that a long wave needs little more memory than itself.

Shape legend: n samples, S feature steps, W steps of a window, C channels.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from eadnet.data.clips import SAMPLES_PER_FRAME
from eadnet.features.audio import window_steps
from eadnet.media.decoding import MediaError
from eadnet.media.reading import read_audio
from eadnet.media.spectrogram import HOP, SAMPLE_RATE, log_mel

MUXED_RATE = 48_000
PIECE = 800
"""Spectrogram columns that are computed together: ten seconds."""
CONTEXT = 4
"""Columns on either side that the edge of a piece may have touched: a column sees 400 samples each way."""


@dataclass(frozen=True)
class Sound:
    """One sound.

    Attributes:
        wave: (n,) float32 mono in [-1, 1] at 16 kHz, padded with silence to whole video frames.
        muxed: (n',) float32 mono, the same for people.
        rate: samples per second of `muxed`.
        notes: what was done to it, in clauses.
    """

    wave: np.ndarray
    muxed: np.ndarray
    rate: int
    notes: tuple[str, ...] = ()

    @classmethod
    def open(cls, sound: str | Path | np.ndarray) -> "Sound":
        """The sound of a file (of sound or video, any format), or a mono wave (n,) at 16 kHz.

        Raises:
            MediaError: unreadable, or without a sample.
        """
        if isinstance(sound, np.ndarray):
            if sound.ndim != 1 or not len(sound):
                raise MediaError(f"audio: expected a mono wave (n,) at {SAMPLE_RATE} Hz, got shape {sound.shape}")
            wave = sound.astype(np.float32)
            return cls(_padded(wave), wave, SAMPLE_RATE)
        try:
            return cls(_padded(read_audio(sound, SAMPLE_RATE)), read_audio(sound, MUXED_RATE), MUXED_RATE)
        except MediaError as error:
            reason = "holds no sound; give a file that does" if error.status == "no_audio" else error
            raise MediaError(f"{sound}: {reason}") from None

    @property
    def frames(self) -> int:
        """T, the video frames that last as long."""
        return len(self.wave) // SAMPLES_PER_FRAME


class SoundFeatures:
    """The audio features of a sound, as the network takes them.

    Args:
        sound: the sound.
        kind: of features, `mel` or `whisper`.
        whisper: OpenAI's file of Whisper tiny, for that kind.
        device: where Whisper runs.
    """

    def __init__(
        self, sound: Sound, kind: str, whisper: Path | None = None, device: str | torch.device = "cpu"
    ) -> None:
        self.kind = kind
        if kind == "mel":
            self.features = _mel_steps(sound.wave)
        else:
            from eadnet.features.whisper import WhisperStates  # brings transformers, which takes seconds to import

            self.features = WhisperStates(whisper, device)(sound.wave).flatten(1).half()

    def windows(self, first: int, last: int) -> Tensor:
        """(last - first, W, C) float32 windows around video frames first ... last - 1."""
        steps = window_steps(self.kind, torch.arange(first, last))
        return self.features[steps.clamp(0, len(self.features) - 1)].float()


def _mel_steps(wave: np.ndarray) -> Tensor:
    """(S, 80) float16 log-mel columns, the same as of the whole wave at once."""
    columns, parts = 1 + len(wave) // HOP, []
    for first in range(0, columns, PIECE):
        begin, last = max(first - CONTEXT, 0), min(first + PIECE, columns)
        piece = log_mel(wave[begin * HOP : (last + CONTEXT) * HOP])
        parts.append(torch.from_numpy(piece[:, first - begin : last - begin].T).half())
    return torch.cat(parts)


def _padded(wave: np.ndarray) -> np.ndarray:
    return np.pad(wave, (0, -len(wave) % SAMPLES_PER_FRAME))
