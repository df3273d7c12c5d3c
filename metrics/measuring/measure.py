"""Measure generated videos once, for all families: crops, landmarks, and what extractors take from whole frames.

Run as ``python -m metrics measure``. Reads a VIDEOS table and the clips; writes ``crops.safetensors``,
``landmarks.safetensors``, ``extracted.safetensors`` (keyed by clip_id) and ``measurements.parquet``. Each video is seen
in two views: aligned with its true clip, and by itself (``metrics.tables.MEASUREMENTS``); its face is searched once.
Real and generated videos take this same path, a few frames at a time: only landmarks grow with their length. A video
that cannot be measured is a row with its reason.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from eadnet.config.section import ConfigError
from eadnet.data.clips import SAMPLES_PER_FRAME, Clip
from eadnet.faces.detectors import opened_detector
from eadnet.faces.detectors.interface import Detector
from eadnet.faces.video import VideoFace
from eadnet.media.decoding import MediaError
from eadnet.media.faults import naming
from eadnet.media.reading import iterate_video
from eadnet.media.spectrogram import SAMPLE_RATE
from eadnet.provenance import sha256_file
from eadnet.tables import CLIPS, VIDEOS, read_table, write_table
from metrics.measuring.extractors import Extractor, rate_of, view_of
from metrics.measuring.footage import Footage, inspect, scaled
from metrics.measuring.footage_notes import faceless
from metrics.measuring.own_crops import cut, own_transforms
from metrics.measuring.passes import Aligned, Pass, chunked
from metrics.measuring.spool import Spool, opened_spool
from metrics.tables import (
    CROPS,
    EXTRACTED,
    FPS,
    LANDMARKS,
    MADE_UNDER,
    MEASUREMENTS,
    OTHER_SIZE,
    OWN,
    OWN_25,
    OWN_TRANSFORM,
)

MIN_SHARE = 0.5  # of the true frames that a video must have


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
        Number of videos that could be read; those in their true clip's frames are fewer.

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
    with ExitStack() as stack:
        crops, landmarks, extracted = (stack.enter_context(opened_spool(output)) for _ in range(3))
        detector = stack.enter_context(opened_detector("mediapipe"))
        meter = Meter(resolution, crops, landmarks, extracted, extractors or {}, detector)
        for index, video in enumerate(videos):
            rows.append(meter.measure(video, Clip(known[video["clip_id"]])))
            done = rows[-1]
            said = done["reason"] or done["notes"] or ""
            log(f"{index + 1}/{len(videos)} {done['clip_id']} {done['status']} {said}".rstrip())
        for spool, name in ((crops, CROPS), (landmarks, LANDMARKS), (extracted, EXTRACTED)):
            spool.write(output / name)
    write_table(rows, output / "measurements.parquet", MEASUREMENTS)
    return sum(row["own_status"] == "ok" for row in rows)


@dataclass(frozen=True)
class Meter:
    """Measures one video after another into spools of crops, landmarks and extracted arrays."""

    resolution: int
    crops: Spool
    landmarks: Spool
    extracted: Spool
    extractors: Mapping[str, Extractor]
    detector: Detector

    def measure(self, video: dict, clip: Clip) -> dict:
        """Measure one video against its clip; its row of MEASUREMENTS.

        The aligned picture is brought to 25 fps and to the size of the true source (same aspect only), cut to the
        shorter of the two, and cropped by the true clip's own transforms, so that crops of both lie pixel on pixel.

        Args:
            video: row of VIDEOS.
            clip: the clip that it imitates.
        """
        start = time.perf_counter()
        row = dict.fromkeys(MEASUREMENTS.names)
        row |= {"clip_id": clip.clip_id, "video": video["video"], "truth_frames": int(clip.row["n_frames"])}
        row |= {name: video[name] for name in MADE_UNDER}
        try:
            with naming(f"{clip.clip_id} ({video['video']})"):
                row |= self._look(inspect(video, clip))
        except MediaError as fault:
            self._drop(clip.clip_id)
            reason = _named(fault, video["video"])
            row |= {"status": fault.status, "reason": reason, "own_status": fault.status, "own_reason": reason}
        row["seconds"] = round(time.perf_counter() - start, 3)
        return row

    def _look(self, footage: Footage) -> dict:
        """Fill the spools; returns what the row holds of a video that can be read."""
        passes = self._passes(footage)
        for one in passes:
            one.run(self.detector)
        native, paced = passes[0], passes[-1]
        refusal = _wrong_length(footage, paced.frames) or footage.refusal
        self._finish(footage, passes, refusal is None)
        if refusal:
            self._drop_aligned(footage)
            self._cut_own(footage, paced.face)
        info = footage.info
        row = {"width": info.width, "height": info.height, "fps": info.fps, "video_sha256": sha256_file(footage.path)}
        row |= {"video_frames": paced.frames, "own_status": "ok", "own_frames": native.frames}
        row |= {"own_detected": native.faces / native.frames, "has_sound": footage.has_sound}
        row |= {"own_notes": "; ".join([*footage.own_notes, *faceless(native.face.seen)]) or None}
        truth = int(footage.clip.row["n_frames"])
        count = min(paced.frames, truth)
        notes = [*footage.notes, *faceless(paced.face.seen[:count])]
        if paced.frames != truth:
            notes.append(f"{paced.frames} frames, the clip has {truth}; the shorter counts")
        row |= {"notes": "; ".join(notes) or None}
        if refusal:
            row |= {"n_frames": count if refusal.status == OTHER_SIZE else None}
            return row | {"status": refusal.status, "reason": str(refusal)}
        return row | {"status": "ok", "n_frames": count, "detected": paced.aligned.faces / count}

    def _passes(self, footage: Footage) -> list[Pass]:
        """At the video's own rate and at 25 fps; one where these are the same. The last has the aligned view."""
        clip_id, clip = footage.clip.clip_id, footage.clip
        aligned = None if footage.refusal else Aligned(self.crops, self.resolution, self._of(view="aligned"))
        key = clip_id if footage.same_size else f"{clip_id}/{OWN_25}"
        one = footage.rate == FPS
        own = self._of(view="own") if one else self._of(view="own", rate=FPS)
        passes = [Pass(footage, Fraction(FPS), key, self.landmarks, own, aligned)]
        if not one:
            own = self._of(view="own", rate=None)
            passes.insert(0, Pass(footage, footage.rate, f"{clip_id}/{OWN}", self.landmarks, own))
        for extractor in aligned.extractors if aligned else ():
            extractor.begin(int(clip.row["n_frames"]), clip)
        for extractor in (extractor for some in passes for extractor in some.extractors):
            extractor.begin(footage.most_frames, clip)
        return passes

    def _of(self, view: str, **rate: int | None) -> list[Extractor]:
        """Extractors of a view, or those of a rate among them."""
        found = [extractor for extractor in self.extractors.values() if view_of(extractor) == view]
        return [extractor for extractor in found if not rate or rate_of(extractor) == rate["rate"]]

    def _finish(self, footage: Footage, passes: list[Pass], keep_aligned: bool) -> None:
        """End what the extractors have begun, and keep their arrays."""
        for one in passes:
            wave = footage.sound(round(one.frames * SAMPLE_RATE / one.rate))
            for extractor in one.extractors:
                self._keep(footage.clip.clip_id, extractor.finish(one.again, wave))
        view = passes[-1].aligned
        if view is None:
            return
        wave = (footage.clip.audio[: view.frames * SAMPLES_PER_FRAME] * 32768).astype(np.int16)

        def again() -> Iterator[np.ndarray]:
            frames = islice(iterate_video(footage.path, FPS), view.frames)
            return (scaled(frame, footage.size) for frame in frames)

        for extractor in view.extractors:
            arrays = extractor.finish(again, wave)
            self._keep(footage.clip.clip_id, arrays if keep_aligned else {})

    def _keep(self, clip_id: str, arrays: dict[str, np.ndarray]) -> None:
        for name, array in arrays.items():
            self.extracted.append(f"{clip_id}/{name}", array)

    def _cut_own(self, footage: Footage, face: VideoFace) -> None:
        """Crops by the video's own mesh, in a second pass; none where no frame has a face."""
        if not face.seen.any():
            return
        clip = footage.clip
        transforms = own_transforms(face, self.resolution, clip.transforms)
        for crops in chunked(cut(iterate_video(footage.path, FPS), transforms, self.resolution)):
            self.crops.append(f"{clip.clip_id}/{OWN}", np.stack(crops))
        self.landmarks.append(f"{clip.clip_id}/{OWN_TRANSFORM}", transforms)

    def _drop_aligned(self, footage: Footage) -> None:
        self.crops.drop(footage.clip.clip_id)
        if not footage.same_size:
            self.landmarks.drop(footage.clip.clip_id)

    def _drop(self, clip_id: str) -> None:
        for key in (clip_id, *(f"{clip_id}/{name}" for name in (OWN, OWN_25, OWN_TRANSFORM))):
            self.crops.drop(key), self.landmarks.drop(key)


def _named(fault: MediaError, path: str | None) -> str:
    """The fault with the name of the file, unless it has it or there is no file."""
    return str(fault) if path is None or path in str(fault) else f"{path}: {fault}"


def _wrong_length(footage: Footage, frames: int) -> MediaError | None:
    truth = int(footage.clip.row["n_frames"])
    if frames >= MIN_SHARE * truth:
        return None
    reason = f"{footage.path}: {frames} frames at {FPS} fps, the clip has {truth}; make the whole clip"
    return MediaError(reason, "wrong_length")


def _checked_rows(videos: str | Path, clips: str | Path) -> list[dict]:
    table = read_table(videos, VIDEOS)
    known = set(read_table(clips, CLIPS)["clip_id"])
    strange = [clip_id for clip_id in table["clip_id"] if clip_id not in known]
    twice = table["clip_id"][table["clip_id"].duplicated()].tolist()
    if strange or twice:
        fault = f"{strange[0]} is not in {clips}" if strange else f"{twice[0]} is listed twice"
        raise ConfigError(f"{videos}: {fault}; make the videos again")
    return table.to_dict("records")
