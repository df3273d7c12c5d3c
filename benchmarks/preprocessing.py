"""Preprocessing, stage by stage, against decoding alone and against the steps of LatentSync and syncnet-python.

    python -m benchmarks.preprocessing [--clips ../shared/clips] [--only grid] [--syncnet-python FOLDER]

All run in one process on one core, one clip after the other and for each clip in turn, so that a drifting machine
drifts for all. Seconds are CPU seconds of the process; "x real time" is seconds of video a second of one core. Ours
is what a worker of ``preprocess_shard`` does, at 256 pixels; its stages are measured inside that very run, without
each other. Decoding alone is PyAV's decoder on one thread, nothing else. The peers are described in
``preprocessing_peers``.

syncnet-python is needed for this benchmark only, and is left out where FOLDER is not given. Without its dependencies,
which contradict ours:

    python -m pip install --no-deps --target FOLDER syncnet-python==0.2.3

Two further questions are answered: whether LatentSync's steps find the same faces (boxes of the mesh, frame by
frame), and how much memory a worker needs for a 1080p clip of 60 s that is made here, in pieces of 10 s and in one
piece.

Reads a folder of videos; works under the system's temporary folder. Writes docs/benchmarks/preprocessing.csv.
"""

import argparse
import csv
import os
import resource
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd

from benchmarks import preprocessing_peers as peers
from benchmarks.stopwatch import Stopwatch
from eadnet.config.corpora import FolderCorpus
from eadnet.config.preprocessing import Preprocess
from eadnet.corpora.folder import FolderReader
from eadnet.corpora.sources import ClipSource
from eadnet.faces import alignment
from eadnet.faces.detectors.mediapipe import MediaPipeDetector
from eadnet.media import shots
from eadnet.media.reading import probe, read_audio, read_video
from eadnet.media.writing import write_video
from eadnet.preprocessing import clip, framing, gates, measurements, pieces, workers
from eadnet.preprocessing.framing import Framed
from eadnet.preprocessing.parts import Parts
from eadnet.preprocessing.shard import preprocess_shard

OUTPUT = Path(__file__).resolve().parent.parent / "docs/benchmarks/preprocessing.csv"
RESOLUTION = 256
LONG_SECONDS, SEED_CLIP = 60, "mead_M003*.mp4"
STAGES = (
    (workers, "probe", "decode"),
    (pieces, "held_frames", "decode"),
    (shots.ShotFinder, "push", "shots"),
    (pieces, "windowed", "window and RGB"),
    (MediaPipeDetector, "detect", "detector"),
    (framing, "detect_landmarks", "mesh"),
    (alignment, "align", "alignment"),
    (alignment, "warp", "warp"),
    (clip, "read_audio", "audio"),
    (measurements, "face_size", "measures and gates"),
    (measurements, "blur", "measures and gates"),
    (measurements, "loudness", "measures and gates"),
    (gates, "judge", "measures and gates"),
    (clip, "write_video", "source video (test split)"),
    (clip, "sha256_array", "write"),
    (Parts, "store_arrays", "write"),
    (Parts, "store_rows", "write"),
    (Parts, "join", "write"),
)
FINDING = ("decode", "detector", "mesh")
REST = "rest"


@dataclass
class Agreement:
    """How well two pipelines agree on the face of each frame."""

    ours: int = 0
    theirs: int = 0
    both: int = 0
    overlaps: list[float] = field(default_factory=list)

    def add(self, first: np.ndarray, second: np.ndarray) -> None:
        """Count frames with (T, 4) boxes; NaN where there is none."""
        length = min(len(first), len(second))
        first, second = first[:length], second[:length]
        seen = [np.isfinite(boxes[:, 0]) for boxes in (first, second)]
        self.ours += int(seen[0].sum())
        self.theirs += int(seen[1].sum())
        self.both += int((seen[0] & seen[1]).sum())
        self.overlaps += [float(overlap) for overlap in overlaps(first, second) if np.isfinite(overlap)]


class Worker:
    """What a worker of ``preprocess_shard`` does, one source at a time, with the faces that it found."""

    def __init__(self, clips: Path, folder: Path) -> None:
        """Read the folder's list of videos; nothing is timed yet."""
        self.reader = FolderReader(FolderCorpus(path=str(clips), shard_size=10**6), clips, "000")
        self.sources = pd.DataFrame(self.reader.sources())
        settings = Preprocess(resolution=RESOLUTION)
        digests = dict(zip(self.sources.source_id, self.sources.sha256, strict=True))
        self.parts = Parts(folder, settings, 0, digests)
        self.job = workers.ShardJob(self.reader, settings, clip.Weights(), self.parts, folder / "source")
        self.found: list[Framed] = []

    def run(self, source: ClipSource, tools: clip.Tools, watch: Stopwatch) -> tuple[list[dict], np.ndarray]:
        """Rows of one source, and the mesh's (T, 4) boxes in source pixels."""
        self.found.clear()
        with watch.watching(STAGES), watch.stage(REST), noting(self.found):
            rows = workers.run_one(self.job, source, tools)
        boxes = [source_boxes(framed) for framed in self.found]
        return rows, np.concatenate(boxes) if boxes else np.empty((0, 4))

    def finish(self, rows: list[dict], watch: Stopwatch) -> None:
        """Join the parts to the shard's files."""
        with watch.watching(STAGES):
            self.parts.join(row["clip_id"] for row in rows if row["status"] == "ok")


def noting(found: list[Framed]) -> Any:
    """Keep what `frame_face` returns, inside the context."""
    from unittest.mock import patch

    original = clip.frame_face

    def frame_face(*arguments: Any) -> Framed:
        found.append(original(*arguments))
        return found[-1]

    return patch.object(clip, "frame_face", frame_face)


def source_boxes(framed: Framed) -> np.ndarray:
    """(T, 4) left, top, right, bottom of the mesh in source pixels; NaN without a face."""
    points, window = framed.landmarks, framed.window
    corner = np.array((window.x, window.y)) if window else np.zeros(2)
    low, high = points.min(axis=1), points.max(axis=1)
    return np.concatenate([low, high], axis=1) * framed.zoom + np.tile(corner, 2) * framed.piece.zoom


def overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of (T, 4) boxes, pair by pair; NaN where one is missing."""
    low, high = np.maximum(first[:, :2], second[:, :2]), np.minimum(first[:, 2:], second[:, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=1)
    areas = sum(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second))
    return shared / (areas - shared)


def decode_alone(video: Path) -> None:
    """Every frame of the video stream, on one thread, and nothing done with it."""
    with av.open(str(video)) as container:
        container.streams.video[0].thread_type = "NONE"
        for _ in container.decode(video=0):
            pass


# ------------------------------------------------------------------------------------------------------- memory
def memory(seed_clip: Path) -> Iterator[tuple[str, str, float, str]]:
    """Rows of the table: what a fresh process needs for the long clip, in short pieces and in one."""
    with tempfile.TemporaryDirectory() as folder:
        make_long(Path(folder) / "long.mp4", seed_clip)
        for words, max_seconds in (("pieces of 10 s", 10.0), ("one piece", LONG_SECONDS + 1.0)):
            with tempfile.TemporaryDirectory() as shard, get_context("spawn").Pool(1) as pool:
                peak = pool.apply(_preprocess_long, (Path(folder), shard, max_seconds))
            yield f"memory of a worker, {LONG_SECONDS} s of 1080p", words, peak, "MB"


def make_long(path: Path, seed_clip: Path) -> None:
    """A 1080p video of `LONG_SECONDS`: the clip forwards and backwards, again and again, with its sound."""
    frames, sound = read_video(seed_clip), read_audio(seed_clip)
    count = LONG_SECONDS * 25
    order = np.resize(np.concatenate([np.arange(len(frames)), np.arange(len(frames))[::-1]]), count)
    write_video(path, (frames[number] for number in order), 25, np.resize(sound, LONG_SECONDS * 16000))


def _preprocess_long(root: Path, shard: str, max_seconds: float) -> float:
    """Peak megabytes of this process."""
    reader = FolderReader(FolderCorpus(path=str(root), max_seconds=max_seconds), root, "000")
    rows = pd.DataFrame(reader.sources())
    table = preprocess_shard(reader, rows, Preprocess(resolution=RESOLUTION), shard, report=lambda line: None)
    if (table.status != "ok").any():
        raise RuntimeError(f"the long clip was refused: {table.reason.dropna().tolist()}")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# ------------------------------------------------------------------------------------------------------- report
def measure(clips: Path, only: str, syncnet: Path | None) -> Iterator[tuple[str, str, float, str]]:
    """Rows of the table: pipeline, quantity, value, unit."""
    watches = {name: Stopwatch() for name in ("ours", "decoding alone", "LatentSync's steps", "syncnet-python's steps")}
    agreement, seconds, rows = Agreement(), 0.0, []
    detector = peers.open_s3fd(syncnet) if syncnet else None
    with tempfile.TemporaryDirectory() as name:
        worker = Worker(clips, Path(name))
        offered = [source for source in worker.reader.clips(worker.sources) if only in source.uri]
        with clip.opened_tools(worker.job.settings, clip.Weights()) as tools:
            worker.run(offered[0], tools, Stopwatch())  # the first run loads libraries
            for source in offered:
                with worker.reader.opened(source) as media:
                    seconds += probe(media.video).seconds
                    made, ours = worker.run(source, tools, watches["ours"])
                    rows += made
                    with watches["decoding alone"].stage("decode"):
                        decode_alone(media.video)
                    with tempfile.TemporaryDirectory() as folder:
                        watch = watches["LatentSync's steps"]
                        theirs = peers.latentsync(media.video, media.sound, Path(folder), RESOLUTION, watch)
                    agreement.add(ours, theirs)
                    if detector:
                        with tempfile.TemporaryDirectory() as folder:
                            watch = watches["syncnet-python's steps"]
                            peers.syncnet_python(media.video, media.sound, Path(folder), theirs, detector, watch)
                print(f"{source.source_id}: {', '.join(row['status'] for row in made)}", flush=True)
        worker.finish(rows, watches["ours"])
    yield "clips", "videos", len(offered), "count"
    yield "clips", "length", seconds, "s"
    yield from paces(watches, seconds)
    yield "same faces", "frames with a face, ours", agreement.ours, "count"
    yield "same faces", "frames with a face, LatentSync's steps", agreement.theirs, "count"
    yield "same faces", "frames with a face in both", agreement.both, "count"
    yield "same faces", "mean overlap of the boxes", float(np.mean(agreement.overlaps)), "IoU"
    yield "same faces", "frames with an overlap over 0.5", float(np.mean(np.array(agreement.overlaps) > 0.5)), "share"


def paces(watches: dict[str, Stopwatch], seconds: float) -> Iterator[tuple[str, str, float, str]]:
    """Seconds and pace of every stage, totals, and the ratios to ours."""
    totals = {name: sum(watch.seconds.values()) for name, watch in watches.items() if watch.seconds}
    for name, total in totals.items():
        for stage, spent in watches[name].seconds.most_common():
            yield name, stage, spent, "CPU s"
        yield name, "all stages", total, "CPU s"
        yield name, "all stages", seconds / total, "x real time per core"
    for name, total in totals.items():
        if name != "ours":
            yield f"{name} over ours", "all stages", total / totals["ours"], "ratio"
    finding = sum(watches["ours"].seconds[stage] for stage in FINDING)
    yield "ours over its decoding, detector and mesh", "all stages", totals["ours"] / finding, "ratio"


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"), help="folder of videos")
    parser.add_argument("--only", default="", help="videos whose name holds this; nothing is written")
    parser.add_argument("--syncnet-python", type=Path, help="folder that syncnet-python was installed to")
    chosen = parser.parse_args()
    one_core()
    rows = list(measure(chosen.clips.resolve(), chosen.only, chosen.syncnet_python))
    if not chosen.only:
        rows += memory(next(chosen.clips.glob(SEED_CLIP)))
    for pipeline, quantity, value, unit in rows:
        print(f"{pipeline:44} {quantity:42} {value:10.4g} {unit}")
    if not chosen.only:
        with OUTPUT.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(("pipeline", "quantity", "value", "unit"))
            writer.writerows((*names, f"{value:.4g}", unit) for *names, value, unit in rows)


def one_core() -> None:
    """Stay on one core with one thread in each library."""
    import cv2
    import torch

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


if __name__ == "__main__":
    main()
