"""A tiny drawn corpus for the metric tests: a mouth that opens with the loudness of a tone, eyes, a coloured face."""

from pathlib import Path

import cv2
import numpy as np

from eadnet.data.clips import SAMPLES_PER_FRAME, save_shard
from eadnet.data.selection import write_test_clips
from eadnet.faces.video import VideoFace
from eadnet.media.reading import iterate_video
from eadnet.media.shots import Shot
from eadnet.tables import CLIPS, VIDEOS, write_table

RESOLUTION = 96
FRAMES = 55


def draw(opening: np.ndarray, skin: tuple[int, int, int], brow: float) -> np.ndarray:
    """(T, 96, 96, 3) uint8 face whose mouth follows `opening` in [0, 1]; `brow` in [-1, 1] tilts the brows."""
    frames = np.full((len(opening), RESOLUTION, RESOLUTION, 3), (90, 110, 120), np.uint8)
    for frame, gap in zip(frames, opening, strict=True):
        cv2.ellipse(frame, (48, 50), (34, 42), 0, 0, 360, skin, -1, cv2.LINE_AA)
        for side in (-1, 1):
            x = 48 + 16 * side
            cv2.circle(frame, (x, 30), 4, (40, 30, 30), -1, cv2.LINE_AA)
            rise = round(5 * brow)
            cv2.line(frame, (x - 7 * side, 20 - rise), (x + 7 * side, 20 + rise), (30, 20, 20), 2, cv2.LINE_AA)
        cv2.ellipse(frame, (48, 66), (11, 1 + round(8 * gap)), 0, 0, 360, (120, 20, 30), -1, cv2.LINE_AA)
    return frames


def landmarks_of(opening: np.ndarray, lids: np.ndarray) -> np.ndarray:
    """(T, 478, 2) points of which only eyes and lips mean something; `lids` in [0, 1] is the eye opening."""
    rng = np.random.default_rng(0)
    points = np.repeat(rng.uniform(20, 70, (1, 478, 2)), len(opening), axis=0)
    for point, place in {33: (28, 30), 133: (38, 30), 362: (58, 30), 263: (68, 30), 13: (48, 64), 14: (48, 64)}.items():
        points[:, point] = place
    points[:, 14, 1] += 10 * opening
    for upper, lower, x in ((159, 145, 33), (386, 374, 63)):
        points[:, upper], points[:, lower] = (x, 28), (x, 28)
        points[:, lower, 1] += 4 * lids
    return points.astype(np.float32)


def smooth_noise(rng: np.random.Generator, count: int) -> np.ndarray:
    """(count,) values in [0, 1] that change as fast as a mouth does."""
    raw = np.convolve(rng.standard_normal(count + 4), np.ones(5) / 5, "valid")
    return (raw - raw.min()) / np.ptp(raw)


def tone(opening: np.ndarray, pitch: float) -> np.ndarray:
    """(T * 640,) int16 wave whose loudness follows `opening`."""
    loudness = np.interp(
        np.arange(len(opening) * SAMPLES_PER_FRAME) / SAMPLES_PER_FRAME, np.arange(len(opening)), opening
    )
    wave = loudness * np.sin(2 * np.pi * pitch * np.arange(len(loudness)) / 16000)
    return np.round(12000 * wave).astype(np.int16)


def write_corpus(folder: Path, people: int = 4, clips: int = 3, labelled: bool = True) -> Path:
    """Write clips of `people` people, the last one for test; returns the path of the clips table."""
    rng = np.random.default_rng(7)
    crops, audio, landmarks, rows = {}, {}, {}, []
    for index in range(people * clips):
        person, angry = index // clips, index % 2 == 0
        clip_id, opening = f"test_P{person}_{index}", smooth_noise(rng, FRAMES)
        lids = np.ones(FRAMES)
        lids[20:24] = 0.1
        crops[clip_id] = draw(opening, (200 - 15 * person, 160, 130 + 10 * person), 1.0 if angry else -1.0)
        audio[clip_id] = tone(opening, 200 + 60 * person)
        landmarks[clip_id] = landmarks_of(opening, lids)
        landmarks[f"{clip_id}/transform"] = np.tile(np.eye(2, 3, dtype=np.float32), (FRAMES, 1, 1))
        landmarks[f"{clip_id}/seen"] = np.ones(FRAMES, bool)
        rows.append(
            dict.fromkeys(CLIPS.names)
            | {"clip_id": clip_id, "corpus": "folder", "shard": "000", "speaker": f"P{person}", "level": 1,
               "emotion": ("angry" if angry else "happy") if labelled else None, "split": "train", "fps": 25.0,
               "seen_speaker": True, "reference": clip_id, "video": f"{folder}/crops.safetensors",
               "audio": f"{folder}/audio.safetensors", "landmarks": f"{folder}/landmarks.safetensors",
               "n_frames": FRAMES, "width": RESOLUTION, "height": RESOLUTION, "detected": 1.0, "status": "ok"}
            | ({"split": "test", "seen_speaker": False} if person == people - 1 else {})
        )  # fmt: skip
    for name, arrays in (("crops", crops), ("audio", audio), ("landmarks", landmarks)):
        save_shard(folder, name, arrays)
    write_table(rows, folder / "clips.parquet", CLIPS)
    return folder / "clips.parquet"


def video_row(clip_id: str, video: Path | str, **changes: object) -> dict:
    """Row of a VIDEOS table."""
    row = {"run": "full", "seed": 0, "corpus": "folder", "clip_id": clip_id, "video": str(video), "reference": clip_id,
           "driving_audio": clip_id, "text": "", "n_frames": FRAMES, "seconds": 1.0, "status": "ok",
           "reason": None, "model_commit": "trained", "videos_commit": "made"}  # fmt: skip
    assert set(row) == set(VIDEOS.names)
    return row | changes


def write_chosen(clips: Path, count: int = 24) -> Path:
    """Choose the test clips of a table; returns the path of theirs, beside it."""
    write_test_clips(clips, count, False, 0, clips.parent / "test_clips.parquet")
    return clips.parent / "test_clips.parquet"


def unsearched(path: str | Path, detector: object, fps: float) -> VideoFace:
    """In place of ``eadnet.faces.video.find_faces``, where faces do not matter: none is found."""
    count = sum(1 for _ in iterate_video(path, fps))
    return VideoFace(np.full((count, 478, 2), np.nan, np.float32), [Shot(0, count)])
