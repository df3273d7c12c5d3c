"""Measure generated videos once, for all families: aligned crops, landmarks, and what extractors take from frames.

Run as ``python -m metrics measure``. Reads a VIDEOS table and the clips; writes ``crops.safetensors``,
``landmarks.safetensors``, ``extracted.safetensors`` (keyed by clip_id) and ``measurements.parquet``. Real and generated
videos take this same path, a few frames at a time, so that memory does not grow with their length. A video that cannot
be measured is a row with its reason.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from eadnet.config.section import ConfigError
from eadnet.data.clips import SAMPLES_PER_FRAME, Clip
from eadnet.faces.alignment import warp_frame
from eadnet.faces.mesh import opened_mesh
from eadnet.media.decoding import MediaError
from eadnet.media.reading import iterate_video, probe
from eadnet.media.spectrogram import SAMPLE_RATE
from eadnet.provenance import sha256_file
from eadnet.tables import CLIPS, VIDEOS, read_table, write_table
from metrics.measuring.extractors import Extractor
from metrics.measuring.own_sound import ALIKE, LATE, compare_sound
from metrics.measuring.spool import Spool, opened_spool
from metrics.tables import CROPS, EXTRACTED, FPS, LANDMARKS, MADE_UNDER, MEASUREMENTS

MIN_SHARE = 0.5  # of the true frames that a video must have
ASPECT_TOLERANCE = 0.02
CHUNK = 32  # frames that are held at once


def measure_videos(
    videos: str | Path,
    clips: str | Path,
    resolution: int,
    output: str | Path,
    log: Callable[[str], None] = print,
    extractors: Mapping[str, Extractor] | None = None,
) -> int:
    """Measure every video of a table.

    Args:
        videos: table of generated videos (``eadnet.tables.VIDEOS``).
        clips: table of the preprocessed clips.
        resolution: side of the crops in pixels; must be that of the clips' own crops.
        output: folder to write.
        log: where progress lines go.
        extractors: what is taken from whole frames besides.

    Returns:
        Number of videos that could be measured.

    Raises:
        ConfigError: a video's clip is not in the clips table, or the table names a clip twice.
    """
    return measure_rows(_checked_rows(videos, clips), clips, resolution, output, log, extractors)


def measure_rows(
    videos: list[dict],
    clips: str | Path,
    resolution: int,
    output: str | Path,
    log: Callable[[str], None] = print,
    extractors: Mapping[str, Extractor] | None = None,
) -> int:
    """As `measure_videos`, for rows of VIDEOS whose clips are known to be in the table."""
    known = {row["clip_id"]: row for row in read_table(clips, CLIPS).to_dict("records")}
    output, rows = Path(output), []
    with opened_spool(output) as crops, opened_spool(output) as landmarks, opened_spool(output) as extracted:
        meter = Meter(resolution, crops, landmarks, extracted, extractors or {})
        for index, video in enumerate(videos):
            rows.append(meter.measure(video, Clip(known[video["clip_id"]])))
            done = rows[-1]
            log(f"{index + 1}/{len(videos)} {done['clip_id']} {done['status']} {done['reason'] or ''}".rstrip())
        for spool, name in ((crops, CROPS), (landmarks, LANDMARKS), (extracted, EXTRACTED)):
            spool.write(output / name)
    write_table(rows, output / "measurements.parquet", MEASUREMENTS)
    return sum(row["status"] == "ok" for row in rows)


class Meter:
    """Measures one video after another into spools of crops, landmarks and extracted arrays."""

    def __init__(
        self, resolution: int, crops: Spool, landmarks: Spool, extracted: Spool, extractors: Mapping[str, Extractor]
    ) -> None:
        """Where the arrays go, and the extractors that take more from the frames."""
        self.resolution, self.extractors = resolution, extractors
        self.crops, self.landmarks, self.extracted = crops, landmarks, extracted

    def measure(self, video: dict, clip: Clip) -> dict:
        """Measure one video against its clip; its row of MEASUREMENTS.

        The picture is brought to 25 fps and to the size of the true source (same aspect only), cut to the shorter of
        the two, and cropped by the true clip's own transforms, so that crops of both lie pixel on pixel.

        Args:
            video: row of VIDEOS.
            clip: the clip that it imitates.
        """
        start = time.perf_counter()
        row = dict.fromkeys(MEASUREMENTS.names)
        row |= {"clip_id": clip.clip_id, "video": video["video"], "truth_frames": int(clip.row["n_frames"])}
        row |= {name: video[name] for name in MADE_UNDER}
        try:
            if video["status"] != "ok":
                raise MediaError(video["reason"] or "the video was not made", video["status"])
            notes = self._look(video, clip, row)
            row |= {"status": "ok", "reason": "; ".join(notes) or None}
        except MediaError as fault:
            for spool in (self.crops, self.landmarks):
                spool.drop(clip.clip_id)
            row |= {"status": fault.status, "reason": str(fault)}
        row["seconds"] = round(time.perf_counter() - start, 3)
        return row

    def _look(self, video: dict, clip: Clip, row: dict) -> list[str]:
        """Fill spools and row; returns notes on what differed."""
        path, truth_frames = video["video"], row["truth_frames"]
        info = probe(path)
        row |= {"width": info.width, "height": info.height, "fps": info.fps, "video_sha256": sha256_file(path)}
        size, wave = true_size(clip), (clip.audio * 32768).astype(np.int16)
        notes = [f"{info.fps:.2f} fps brought to {FPS}"] if abs(info.fps - FPS) > 0.01 else []
        if video["driving_audio"] == clip.clip_id:
            notes += _check_sound(path, wave)
        for extractor in self.extractors.values():
            extractor.begin(truth_frames, clip)
        total, found = self._see(path, clip, size)
        row["video_frames"] = total
        if total < MIN_SHARE * truth_frames:
            raise MediaError(f"{path}: {total} frames at {FPS} fps, the clip has {truth_frames}", "wrong_length")
        count = min(total, truth_frames)
        if total != truth_frames:
            notes.append(f"{total} frames, the clip has {truth_frames}; the shorter counts")
        if (info.height, info.width) != size:
            notes.append(f"{info.width}x{info.height} scaled to {size[1]}x{size[0]}")
        self._finish(path, clip, count, wave[: count * SAMPLES_PER_FRAME])
        row |= {"n_frames": count, "detected": found / count}
        return notes

    def _see(self, path: str, clip: Clip, size: tuple[int, int]) -> tuple[int, int]:
        """One pass over the frames; returns how many the video has, and in how many of the compared a face was seen."""
        total, faces, held = 0, 0, []
        with opened_mesh() as landmarks_of:
            for frame in iterate_video(path, FPS):
                if total < clip.row["n_frames"]:
                    held.append(scaled(frame, size, path))
                total += 1
                if len(held) == CHUNK:
                    faces += self._digest(clip, held, landmarks_of)
                    held = []
            faces += self._digest(clip, held, landmarks_of) if held else 0
        if not total:
            raise MediaError("no video frame; make the video again", "truncated")
        return total, faces

    def _digest(self, clip: Clip, frames: list[np.ndarray], landmarks_of: Callable) -> int:
        """Crops, landmarks and extractors of a few frames; returns in how many a face was seen."""
        first = self.landmarks.length(clip.clip_id)
        transforms = clip.transforms[first : first + len(frames)]
        points = np.stack([landmarks_of(frame) for frame in frames])
        crops = [warp_frame(frame, matrix, self.resolution) for frame, matrix in zip(frames, transforms, strict=True)]
        self.crops.append(clip.clip_id, np.stack(crops))
        self.landmarks.append(clip.clip_id, points)
        if self.extractors:
            pictures = np.stack(frames)
            for extractor in self.extractors.values():
                extractor.see(pictures, points)
        return int(np.isfinite(points[:, 0, 0]).sum())

    def _finish(self, path: str, clip: Clip, count: int, wave: np.ndarray) -> None:
        size = true_size(clip)

        def again() -> Iterator[np.ndarray]:
            for index, frame in enumerate(iterate_video(path, FPS)):
                if index == count:
                    return
                yield scaled(frame, size, path)

        for extractor in self.extractors.values():
            for name, array in extractor.finish(again, wave).items():
                self.extracted.append(f"{clip.clip_id}/{name}", array)


def true_size(clip: Clip) -> tuple[int, int]:
    """Height and width of the clip's source video, in whose pixels its transforms are."""
    if clip.row["source"]:
        info = probe(clip.row["source"])
        return info.height, info.width
    return int(clip.row["height"]), int(clip.row["width"])


def scaled(frame: np.ndarray, size: tuple[int, int], path: str) -> np.ndarray:
    """The frame, (H, W, 3) uint8, in another size.

    Raises:
        MediaError: its aspect is another.
    """
    import cv2

    height, width = frame.shape[:2]
    if (height, width) == size:
        return frame
    if abs(width / height / (size[1] / size[0]) - 1) > ASPECT_TOLERANCE:
        reason = f"{path}: {width}x{height} has another aspect than the source's {size[1]}x{size[0]}; render that size"
        raise MediaError(reason, "wrong_size")
    method = cv2.INTER_AREA if height > size[0] else cv2.INTER_CUBIC
    return cv2.resize(frame, size[::-1], interpolation=method)


def _check_sound(path: str, wave: np.ndarray) -> list[str]:
    """Notes on a video's own sound; one that is another recording than the clip's is refused."""
    compared = compare_sound(path, wave)
    if compared is None:
        return []
    alike, late = compared
    if alike < ALIKE:
        reason = f"{path}: its sound is not the clip's (correlation {alike:.2f}); pair it with the video it imitates"
        raise MediaError(reason, "wrong_audio")
    return [f"its sound comes {1000 * late / SAMPLE_RATE:+.0f} ms late"] if abs(late) > LATE else []


def _checked_rows(videos: str | Path, clips: str | Path) -> list[dict]:
    table = read_table(videos, VIDEOS)
    known = set(read_table(clips, CLIPS)["clip_id"])
    strange = [clip_id for clip_id in table["clip_id"] if clip_id not in known]
    twice = table["clip_id"][table["clip_id"].duplicated()].tolist()
    if strange or twice:
        fault = f"{strange[0]} is not in {clips}" if strange else f"{twice[0]} is listed twice"
        raise ConfigError(f"{videos}: {fault}; make the videos again")
    return table.to_dict("records")
