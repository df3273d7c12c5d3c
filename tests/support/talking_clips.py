"""Tiny talking clips on disk: a dark mouth that opens with the loudness of its sound, as a table of clips."""

from pathlib import Path

import numpy as np

from eadnet.data.clips import SAMPLES_PER_FRAME, save_shard
from eadnet.faces.landmarks import INNER_LIPS, LEFT_EYE, LEFT_LIDS, RIGHT_EYE, RIGHT_LIDS
from eadnet.tables import CLIPS, write_table


def write_talking_clips(
    folder: Path, train: int, test: int, frames: int = 48, side: int = 32, validation: int = 0
) -> str:
    """Write crops, audio, landmarks and ``clips.parquet`` of so many clips of each split; returns the table's path."""
    generator = np.random.default_rng(0)
    crops, audio, landmarks, rows = {}, {}, {}, []
    splits = ["train"] * train + ["test"] * test + ["val"] * validation
    for number, split in enumerate(splits):
        name = f"clip_{number:02d}"
        opening = _opening(frames, generator)
        crops[name] = _faces(opening, side, generator)
        loudness = np.interp(np.arange(frames * SAMPLES_PER_FRAME) / SAMPLES_PER_FRAME, np.arange(frames), opening)
        audio[name] = (8000 * loudness * generator.standard_normal(len(loudness))).clip(-32768, 32767).astype(np.int16)
        landmarks[name], landmarks[f"{name}/seen"] = _landmarks(opening, side), np.ones(frames, bool)
        row = {"clip_id": name, "split": split, "n_frames": frames, "reference": name, "status": "ok"}
        who = {"speaker": f"person_{number}", "seen_speaker": number % 2 == 0, "source": f"{name}.mp4"}
        rows.append(dict.fromkeys(CLIPS.names) | row | who)
    shards = {"video": ("crops", crops), "audio": ("audio", audio), "landmarks": ("landmarks", landmarks)}
    files = {column: save_shard(folder, *shard) for column, shard in shards.items()}
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


def _landmarks(opening: np.ndarray, side: int) -> np.ndarray:
    """(frames, 478, 2) float32: open eyes, and lips as far apart as the mouth is open; all other points at 0."""
    points = np.zeros((len(opening), 478, 2), np.float32)
    for corners, lids, centre in ((RIGHT_EYE, RIGHT_LIDS, 0.3), (LEFT_EYE, LEFT_LIDS, 0.7)):
        points[:, corners] = [[(centre - 0.1) * side, 0.35 * side], [(centre + 0.1) * side, 0.35 * side]]
        points[:, lids] = [[centre * side, 0.32 * side], [centre * side, 0.38 * side]]
    points[:, INNER_LIPS] = [0.5 * side, 0.75 * side]
    points[:, INNER_LIPS[1], 1] += 0.2 * side * opening
    return points
