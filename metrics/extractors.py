"""Measure generated videos once, for all families: aligned crops and landmarks.

Run as ``python -m metrics measure``. Reads a VIDEOS table and the clips; writes ``crops.safetensors``,
``landmarks.safetensors`` (both keyed by clip_id) and ``measurements.parquet``. Real and generated videos take this
same path. A video that cannot be measured is a row with its reason.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eadnet.clips import Clip, save_shard
from eadnet.config import ConfigError
from eadnet.detectors.mesh import detect_landmarks
from eadnet.faces import warp
from eadnet.media import MediaError, probe, read_video
from eadnet.tables import CLIPS, VIDEOS, read_table, write_table
from metrics.tables import MEASUREMENTS

FPS = 25
MIN_SHARE = 0.5  # of the true frames that a video must have
ASPECT_TOLERANCE = 0.02


class WrongVideo(ValueError):
    """A video that does not answer to its clip; `status` is the word for the table."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Measured:
    """Crops (T, R, R, 3) uint8, landmarks (T, 478, 2) float32 in pixels of the true source, and the table's row."""

    crops: np.ndarray | None
    landmarks: np.ndarray | None
    row: dict


def measure_videos(
    videos: str | Path, clips: str | Path, resolution: int, output: str | Path, log: Callable[[str], None] = print
) -> int:
    """Measure every video of a table.

    Args:
        videos: table of generated videos (``eadnet.tables.VIDEOS``).
        clips: table of the preprocessed clips.
        resolution: side of the crops in pixels.
        output: folder to write.
        log: where progress lines go.

    Returns:
        Number of videos that could be measured.

    Raises:
        ConfigError: a video's clip is not in the clips table, or the table names a clip twice.
    """
    table = read_table(videos, VIDEOS)
    known = {row["clip_id"]: row for row in read_table(clips, CLIPS).to_dict("records")}
    strange = [clip_id for clip_id in table["clip_id"] if clip_id not in known]
    twice = table["clip_id"][table["clip_id"].duplicated()].tolist()
    if strange or twice:
        fault = f"{strange[0]} is not in {clips}" if strange else f"{twice[0]} is listed twice"
        raise ConfigError(f"{videos}: {fault}; make the videos again")
    measured = []
    for index, row in enumerate(table.to_dict("records")):
        measured.append(measure(row, Clip(known[row["clip_id"]]), resolution))
        done = measured[-1].row
        log(f"{index + 1}/{len(table)} {done['clip_id']} {done['status']} {done['reason'] or ''}".rstrip())
    whole = [item for item in measured if item.crops is not None]
    save_shard(output, "crops", {item.row["clip_id"]: item.crops for item in whole})
    save_shard(output, "landmarks", {item.row["clip_id"]: item.landmarks for item in whole})
    write_table([item.row for item in measured], Path(output) / "measurements.parquet", MEASUREMENTS)
    return len(whole)


def measure(video: dict, clip: Clip, resolution: int) -> Measured:
    """Measure one video against its clip.

    The picture is brought to 25 fps and to the size of the true source (same aspect only), cut to the shorter of the
    two, and cropped by the true clip's own transforms, so that crops of both lie pixel on pixel.

    Args:
        video: row of VIDEOS.
        clip: the clip that it imitates.
        resolution: side of the crops in pixels; must be that of the clip's own crops.
    """
    start = time.perf_counter()
    row = dict.fromkeys(MEASUREMENTS.names)
    row |= {"clip_id": clip.clip_id, "video": video["video"], "truth_frames": int(clip.row["n_frames"])}
    crops = landmarks = None
    try:
        if video["status"] != "ok":
            raise WrongVideo(video["status"], video["reason"] or "the video was not made")
        frames, notes = _read(video["video"], clip, row)
        transforms = clip.transforms[: len(frames)]
        crops = warp(frames, transforms, resolution)
        landmarks = detect_landmarks(frames)
        found = np.isfinite(landmarks[:, 0, 0])
        row |= {"n_frames": len(frames), "detected": float(found.mean()), "status": "ok"}
        row["reason"] = "; ".join(notes) or None
    except (MediaError, WrongVideo) as fault:
        row |= {"status": fault.status, "reason": str(fault)}
    row["seconds"] = round(time.perf_counter() - start, 3)
    return Measured(crops, landmarks, row)


def _read(path: str, clip: Clip, row: dict) -> tuple[np.ndarray, list[str]]:
    """Frames at 25 fps, cut to the truth's length and scaled to its source, with notes on what differed."""
    info = probe(path)
    frames = read_video(path, FPS)
    row |= {"width": info.width, "height": info.height, "fps": info.fps, "video_frames": len(frames)}
    notes = []
    if abs(info.fps - FPS) > 0.01:
        notes.append(f"{info.fps:.2f} fps brought to {FPS}")
    truth_frames = int(clip.row["n_frames"])
    if len(frames) < MIN_SHARE * truth_frames:
        raise WrongVideo("wrong_length", f"{path}: {len(frames)} frames at {FPS} fps, the clip has {truth_frames}")
    if len(frames) != truth_frames:
        notes.append(f"{len(frames)} frames, the clip has {truth_frames}; the shorter counts")
    frames = frames[:truth_frames]
    size = _true_size(clip)
    if frames.shape[1:3] != size:
        frames = _scaled(frames, size, path)
        notes.append(f"{info.width}x{info.height} scaled to {size[1]}x{size[0]}")
    return frames, notes


def _true_size(clip: Clip) -> tuple[int, int]:
    """Height and width of the clip's source video, in whose pixels its transforms are."""
    if clip.row["source"]:
        info = probe(clip.row["source"])
        return info.height, info.width
    return int(clip.row["height"]), int(clip.row["width"])


def _scaled(frames: np.ndarray, size: tuple[int, int], path: str) -> np.ndarray:
    import cv2

    height, width = frames.shape[1:3]
    if abs(width / height / (size[1] / size[0]) - 1) > ASPECT_TOLERANCE:
        reason = f"{path}: {width}x{height} has another aspect than the source's {size[1]}x{size[0]}; render that size"
        raise WrongVideo("wrong_size", reason)
    method = cv2.INTER_AREA if height > size[0] else cv2.INTER_CUBIC
    return np.stack([cv2.resize(frame, size[::-1], interpolation=method) for frame in frames])
