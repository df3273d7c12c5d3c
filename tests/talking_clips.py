"""Tiny talking clips on disk: a dark mouth that opens with the loudness of its sound, as a table of clips."""

from pathlib import Path

import numpy as np

from eadnet.clips import SAMPLES_PER_FRAME, save_shard
from eadnet.tables import CLIPS, write_table


def write_talking_clips(folder: Path, train: int, test: int, frames: int = 48, side: int = 32) -> str:
    """Write crops, audio and ``clips.parquet`` of `train` + `test` clips; returns the path of the table."""
    generator = np.random.default_rng(0)
    crops, audio, rows = {}, {}, []
    for number in range(train + test):
        name = f"clip_{number:02d}"
        opening = _opening(frames, generator)
        crops[name] = _faces(opening, side, generator)
        loudness = np.interp(np.arange(frames * SAMPLES_PER_FRAME) / SAMPLES_PER_FRAME, np.arange(frames), opening)
        audio[name] = (8000 * loudness * generator.standard_normal(len(loudness))).clip(-32768, 32767).astype(np.int16)
        split = "train" if number < train else "test"
        row = {"clip_id": name, "split": split, "n_frames": frames, "reference": name, "status": "ok"}
        rows.append(dict.fromkeys(CLIPS.names) | row)
    files = {"video": save_shard(folder, "crops", crops), "audio": save_shard(folder, "audio", audio)}
    write_table([row | files for row in rows], folder / "clips.parquet", CLIPS)
    return str(folder / "clips.parquet")


def _opening(frames: int, generator: np.random.Generator) -> np.ndarray:
    """(frames,) in [0.02, 1], changing within a few frames as speech does."""
    smooth = np.convolve(generator.standard_normal(frames + 4), np.ones(5) / 5, "valid")
    return (0.5 + smooth).clip(0.02, 1)


def _faces(opening: np.ndarray, side: int, generator: np.random.Generator) -> np.ndarray:
    """(frames, side, side, 3) uint8 plain skin with a mouth of that opening in the lower half."""
    skin = generator.uniform(120, 220, 3)
    faces = np.broadcast_to(skin, (len(opening), side, side, 3)).copy()
    faces += generator.normal(0, 3, (1, side, side, 1))
    rows = np.arange(side)[None, :, None]
    mouth = np.abs(rows - 0.75 * side) < 0.2 * side * opening[:, None, None]
    columns = np.abs(np.arange(side) - side / 2) < side / 4
    faces[np.broadcast_to(mouth & columns, faces.shape[:3])] = 30
    return faces.clip(0, 255).astype(np.uint8)
