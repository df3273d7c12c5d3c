"""Preprocessed clips on disk: one folder a shard, three safetensors files and a table.

``results/clips/{corpus}/{shard}/`` holds ``clips.parquet`` and, keyed by clip_id,
``crops.safetensors`` (T, H, W, 3) uint8 aligned RGB crops, ``audio.safetensors`` (T * 640,) int16 mono at 16 kHz,
``landmarks.safetensors`` (T, 478, 2) float32 MediaPipe points in source pixels, under ``<clip_id>/transform`` (T, 2, 3)
float32 similarity transforms from source pixels to crop pixels, and under ``<clip_id>/seen`` (T,) bool, the frames that
show the face: transforms are interpolated over the others, whose crops show whatever is there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from eadnet.data.tensor_files import TensorFile, TensorFileError
from eadnet.media.spectrogram import log_mel
from eadnet.provenance import atomic_path

SAMPLES_PER_FRAME = 640


class ClipError(ValueError):
    """A clip, or a choice of clips, that cannot be used; the message names it and the fix."""


@dataclass(frozen=True)
class Clip:
    """One preprocessed clip, read from disk when asked.

    `row` is a mapping with the columns of ``eadnet.tables.CLIPS``.
    """

    row: dict

    @property
    def clip_id(self) -> str:
        """Unique name of the clip."""
        return self.row["clip_id"]

    @cached_property
    def crops(self) -> np.ndarray:
        """(T, H, W, 3) uint8 aligned RGB crops."""
        return _read(self.row["video"], self.clip_id)

    def count_crops(self) -> int:
        """T, without reading the crops."""
        return _read(self.row["video"], self.clip_id, lambda file, key: file.spec(key)[0][0])

    def crop(self, frame: int) -> np.ndarray:
        """(H, W, 3) uint8: one of the crops, read alone and not kept."""
        return _read(self.row["video"], self.clip_id, lambda file, key: file.row(key, frame))

    @cached_property
    def audio(self) -> np.ndarray:
        """(T * 640,) float32 mono wave in [-1, 1] at 16 kHz."""
        return _read(self.row["audio"], self.clip_id).astype(np.float32) / 32768

    @cached_property
    def mel(self) -> np.ndarray:
        """(80, M) float32 log-mel spectrogram, 3.2 columns per video frame."""
        return log_mel(self.audio)

    def read_wave(self) -> np.ndarray:
        """As `audio`, read anew and not kept."""
        return Clip(self.row).audio

    def read_mel(self) -> np.ndarray:
        """As `mel`, made anew and not kept."""
        return log_mel(self.read_wave())

    @cached_property
    def landmarks(self) -> np.ndarray:
        """(T, 478, 2) float32 landmarks in source pixels; NaN where no face was found."""
        return _read(self.row["landmarks"], self.clip_id)

    @cached_property
    def transforms(self) -> np.ndarray:
        """(T, 2, 3) float32 similarity transforms from source pixels to crop pixels."""
        return _read(self.row["landmarks"], f"{self.clip_id}/transform")

    @cached_property
    def seen(self) -> np.ndarray:
        """(T,) bool: the frames that show the face; nothing is pasted into the others, and none is scored."""
        return _read(self.row["landmarks"], f"{self.clip_id}/seen").astype(bool)


def save_shard(folder: str | Path, name: str, arrays: dict[str, np.ndarray]) -> str:
    """Write ``{folder}/{name}.safetensors`` all or nothing; returns its path as text."""
    path = Path(folder) / f"{name}.safetensors"
    with atomic_path(path) as temporary:
        save_file({key: np.ascontiguousarray(value) for key, value in arrays.items()}, temporary)
    return str(path)


def _read(path: str, key: str, what: Callable[[TensorFile, str], Any] = TensorFile.tensor) -> Any:
    """The array `key`, or `what` is wanted of it."""
    try:
        return what(TensorFile(path, "numpy", "delete its folder and run again"), key)
    except TensorFileError as error:
        raise ClipError(f"{key}: {error}") from None
