"""The sound that drives a generated video: at 16 kHz for the network, and at the video's rate for people.

Features are those of ``eadnet.features.audio``, computed here for one wave and kept in half precision as there. The
spectrogram is made ten seconds at a time, so that a long wave needs little more memory than itself. The sound for
people is not kept: it is read again, block by block, while the video is written.

Shape legend: n samples, S feature steps, W steps of a window, C channels.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from eadnet.data.clips import SAMPLES_PER_FRAME
from eadnet.features.audio import window_steps
from eadnet.media.decoding import MediaError
from eadnet.media.sound import BESIDE, Mix, mono_blocks, read_mono
from eadnet.media.spectrogram import HOP, SAMPLE_RATE, log_mel

MUXED_RATE = 48_000
SILENCE = 1e-3  # -60 dBFS, as preprocess.silence_db
PIECE = 800
"""Spectrogram columns that are computed together: ten seconds."""
CONTEXT = 4
"""Columns on either side that the edge of a piece may have touched: a column sees 400 samples each way."""


@dataclass(frozen=True)
class Sound:
    """One sound.

    Attributes:
        wave: (n,) float32 mono in [-1, 1] at 16 kHz, padded with silence to whole video frames.
        rate: samples per second of `blocks` and `muxed`.
        notes: what was done to it, in clauses.
        source: file that it was read from and how; None of a wave.
        length: samples of `wave` without the padding.
    """

    wave: np.ndarray
    rate: int
    length: int
    notes: tuple[str, ...] = ()
    source: tuple[str | Path, Mix] | None = field(default=None, repr=False)

    @classmethod
    def open(cls, sound: str | Path | np.ndarray) -> "Sound":
        """The sound of a file (of sound or video, any format), or a mono wave (n,) at 16 kHz.

        Raises:
            MediaError: unreadable, or without a sample.
        """
        if isinstance(sound, np.ndarray):
            if sound.ndim != 1 or not len(sound):
                raise MediaError(f"audio: expected a mono wave (n,) at {SAMPLE_RATE} Hz, got shape {sound.shape}")
            return cls(_padded(sound.astype(np.float32)), SAMPLE_RATE, len(sound))
        try:
            wave, mix = read_mono(sound, SAMPLE_RATE, 0.0, None)
        except MediaError as error:
            reason = str(error).removesuffix(f", or {BESIDE}")  # nothing is looked for beside this file
            reason = "holds no sound; give a file that does" if reason.endswith(BESIDE) else reason
            raise MediaError(f"{sound}: {reason}", error.status) from None
        length, notes = len(wave), (mix.note,) if mix.note else ()
        if max(wave.max(), -wave.min()) < SILENCE:  # no copy: it may be an hour long
            notes += ("it is silent, so that nothing moves the lips",)
        return cls(_padded(wave), MUXED_RATE, length, notes, (sound, mix))

    @property
    def frames(self) -> int:
        """T, the video frames that last as long."""
        return len(self.wave) // SAMPLES_PER_FRAME

    def blocks(self) -> Iterator[np.ndarray]:
        """The sound for people, (n,) float32 mono blocks in [-1, 1] at `rate`; decoded while they are taken.

        Raises:
            MediaError: the file has gone, or has changed.
        """
        if self.source is None:
            yield self.wave[: self.length]
            return
        path, mix = self.source
        try:
            yield from mono_blocks(path, self.rate, mix)
        except MediaError as error:
            raise MediaError(f"{path}: {error}", error.status) from None

    @property
    def muxed(self) -> np.ndarray:
        """(n',) float32 mono: all blocks, read when they are asked for; 0.7 GB for each hour of a file."""
        return np.concatenate(list(self.blocks()))


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
    """The wave with silence up to a whole frame; it is ours, and grows in place, since it may be an hour long."""
    wave.resize(len(wave) + -len(wave) % SAMPLES_PER_FRAME, refcheck=False)
    return wave
