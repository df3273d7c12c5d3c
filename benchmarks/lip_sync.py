"""Lip sync by SyncNet v2 against syncnet-python's pipeline on the same clips, and the numbers from the same crops.

    python -m benchmarks.lip_sync --syncnet-python FOLDER [--clips ../shared/clips] [--only NAME ...]

All run in one process on one core, for each clip in turn. Seconds are CPU seconds of the process. "Ours, ref-v1" is
decoding, S3FD in every frame, cuts, tracks, a second decoding, crops and SyncNet: what the published score needs.
"Ours, valid-v1" takes the face mesh instead of S3FD. "Ours, all variants" is the extractor that leaves what every
variant needs, detectors of Verse-Bench excepted. syncnet-python's steps are those of ``preprocessing_peers`` up to the
crops, then its own scoring: a JPEG a crop, and ``SyncNetInstance.evaluate`` of the package.

S3FD and SyncNet have random weights, the same on both sides. S3FD then finds nothing, which is its fastest; the faces
to follow are given to both, from the mesh. syncnet-python is needed for this benchmark only:

    python -m pip install --no-deps --target FOLDER syncnet-python==0.2.3

Reads a folder of videos; works under the system's temporary folder. Writes docs/benchmarks/lip_sync.csv.
"""

import argparse
import contextlib
import csv
import io
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import cv2
import numpy as np
import torch
from scipy.io import wavfile

from benchmarks import preprocessing_peers as peers
from benchmarks.preprocessing import one_core
from benchmarks.stopwatch import Stopwatch
from eadnet.faces.mesh import opened_mesh
from eadnet.media.decoding import MediaError
from eadnet.media.reading import iterate_video, read_audio
from eadnet.published import syncnet_v2
from eadnet.published.syncnet_crops import cut_square, face_squares
from eadnet.published.syncnet_v2 import SAMPLES, WINDOW, Eyes, Film, SyncNetV2, features, hear
from metrics.families.syncnet import ShiftedValues, shifted
from metrics.functional.sync import sync_values
from metrics.measuring.extractors.face_tracks import Cuts, follow, smooth_squares, track_square
from metrics.measuring.extractors.syncnet import MIN_TRACK, Extractor
from metrics.networks.s3fd import S3FD, S3FDNetwork

OUTPUT = Path(__file__).resolve().parent.parent / "docs/benchmarks/lip_sync.csv"
CLIPS = ("grid_brbk7n", "hdtf_RD_Radio10_clip0", "mead_M003_happy", "mimictalk_May_5s")
HELD = 32  # frames that are searched at once, as when videos are measured
PEER, REFERENCE, VALID, ALL = "syncnet-python's steps", "ours, ref-v1", "ours, valid-v1", "ours, all variants"


@dataclass
class Networks:
    """The same random weights in our networks and in the package's."""

    syncnet: SyncNetV2
    eyes: Eyes
    s3fd: S3FD
    their_syncnet: Any
    their_s3fd: Any


class Given:
    """Our detector, which works as ever, but whose boxes are given."""

    def __init__(self, detector: S3FD, boxes: np.ndarray) -> None:
        self.detector, self.boxes, self.asked = detector, boxes, 0

    def detect_all(self, frames: np.ndarray | list[np.ndarray]) -> list[np.ndarray]:
        """The given boxes of the next frames."""
        self.detector.detect_all(frames)
        rows = self.boxes[self.asked : self.asked + len(frames)]
        self.asked += len(frames)
        return [row[None] if np.isfinite(row).all() else np.empty((0, 4)) for row in rows]


# ------------------------------------------------------------------------------------------------------- pipelines
def reference(video: Path, wave: np.ndarray, boxes: np.ndarray, networks: Networks, watch: Stopwatch) -> None:
    """What ref-v1 needs of one video."""
    detector, cuts, found = Given(networks.s3fd, boxes), Cuts(), []
    for held in _held(video, watch):
        with watch.stage("detector"):
            found += detector.detect_all(held)
        with watch.stage("scene detection"):
            for frame in held:
                cuts.push(frame)
    tracks = follow(found, cuts.found, MIN_TRACK)
    films = [(track, smooth_squares(track.boxes), Film(networks.eyes)) for track in tracks]
    number = 0
    for held in _held(video, watch):
        for frame in held:
            for track, squares, film in films:
                if track.first <= number < track.first + len(track.boxes):
                    with watch.stage("crops"):
                        crop = track_square(frame, squares[number - track.first])
                    with watch.stage("SyncNet"):
                        film.push(crop)
            number += 1
    with watch.stage("SyncNet"):
        for track, _, film in films:
            seen = film.features()[:-1]
            sound = wave[track.first * SAMPLES : (track.first + len(track.boxes)) * SAMPLES]
            shifted(seen.numpy(), hear(networks.syncnet, sound, len(seen)).numpy())


def valid(video: Path, wave: np.ndarray, networks: Networks, watch: Stopwatch) -> None:
    """What valid-v1 needs of one video."""
    landmarks = []
    with opened_mesh() as landmarks_of:
        for held in _held(video, watch):
            with watch.stage("face mesh"):
                landmarks += [landmarks_of(frame) for frame in held]
    squares, film, number = face_squares(np.stack(landmarks)), Film(networks.eyes), 0
    for held in _held(video, watch):
        for frame in held:
            with watch.stage("crops"):
                crop = cut_square(frame, squares[number])
            with watch.stage("SyncNet"):
                film.push(crop)
            number += 1
    with watch.stage("SyncNet"):
        seen = film.features()[:-1]
        sync_values(seen.numpy(), hear(networks.syncnet, wave, len(seen)).numpy())


def every_variant(video: Path, wave: np.ndarray, found: tuple, networks: Networks, watch: Stopwatch) -> None:
    """The extractor of the family on one video; the mesh is `found`, as others have paid for it."""
    landmarks, boxes = found
    extractor = Extractor.__new__(Extractor)  # its weights are not the published ones
    extractor.network, extractor.eyes, extractor.scrfd = networks.syncnet, networks.eyes, None
    extractor.s3fd = Given(networks.s3fd, boxes)
    extractor.begin(len(landmarks), None)
    first = 0
    for held in _held(video, watch):
        with watch.stage("first pass"):
            extractor.see(np.stack(held), landmarks[first : first + len(held)])
        first += len(held)
    with watch.stage("second pass"):
        extractor.finish(lambda: iterate_video(video), wave)


def their_scores(folder: Path, networks: Networks, watch: Stopwatch) -> tuple[int, float, float] | None:
    """Offset, confidence and distance as the package finds them in the crops of `preprocessing_peers`."""
    crops, stills = folder / "crops.avi", folder / "crops"
    if not crops.exists():
        return None
    with watch.stage("a JPEG a crop"):
        stills.mkdir()
        with av.open(str(crops)) as source:
            source.streams.video[0].thread_type = "NONE"
            for number, frame in enumerate(source.decode(video=0)):
                cv2.imwrite(str(stills / f"{number:06d}.jpg"), frame.to_ndarray(format="bgr24"))
        (stills / "audio.wav").write_bytes((folder / "speech.wav").read_bytes())
    options = SimpleNamespace(tmp_dir=str(stills), batch_size=syncnet_v2.BATCH, vshift=syncnet_v2.SHIFT)
    with watch.stage("SyncNet"), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        offset, confidence, distance = networks.their_syncnet.evaluate(opt=options)
    return int(offset), float(confidence), float(distance)


def our_scores(folder: Path, networks: Networks) -> ShiftedValues:
    """Ours from the same JPEGs and the same sound."""
    crops = (cv2.imread(str(path))[..., ::-1] for path in sorted((folder / "crops").glob("*.jpg")))
    _, wave = wavfile.read(folder / "crops/audio.wav")
    seen, heard = features(networks.syncnet, crops, wave, networks.eyes)
    return shifted(seen.numpy(), heard.numpy())


def _held(video: Path, watch: Stopwatch) -> Iterator[list[np.ndarray]]:
    """Frames of a video, some at a time."""
    frames, held = iterate_video(video), []
    while True:
        with watch.stage("decode"):
            frame = next(frames, None)
        if frame is not None:
            held.append(frame)
        if held and (frame is None or len(held) == HELD):
            yield held
            held = []
        if frame is None:
            return


# -------------------------------------------------------------------------------------------------------- networks
def open_networks(folder: Path, video: Path, wave: np.ndarray) -> Networks:
    """Random weights on both sides; SyncNet's normalisation is measured on a clip, so that its features spread."""
    their_s3fd = peers.open_s3fd(folder)  # makes the package's modules importable as well
    from SyncNetInstance import SyncNetInstance
    from SyncNetModel import S

    torch.manual_seed(0)
    ours = S3FDNetwork()
    ours.load_state_dict(their_s3fd.net.state_dict())
    network = SyncNetV2()
    _normalise(network, video, wave)
    theirs = S()
    theirs.load_state_dict(network.state_dict())
    return Networks(network, Eyes(network), S3FD(ours), SyncNetInstance(net=theirs.eval(), device="cpu"), their_s3fd)


@torch.no_grad()
def _normalise(network: SyncNetV2, video: Path, wave: np.ndarray) -> None:
    frames = [cv2.resize(frame, (224, 224))[..., ::-1] for frame in islice(iterate_video(video), 20)]
    film = torch.from_numpy(np.stack(frames)).permute(3, 0, 1, 2).float()
    columns = torch.from_numpy(syncnet_v2.mfcc(wave, 16000).T.astype(np.float32))
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0
    network.train()
    network.see(torch.stack([film[:, start : start + WINDOW] for start in range(16)]))
    network.hear(torch.stack([columns[None, :, 4 * start : 4 * start + 20] for start in range(16)]))
    network.eval()


# ---------------------------------------------------------------------------------------------------------- report
def measure(videos: list[Path], package: Path) -> Iterator[tuple[str, str, float, str]]:
    """Rows of the table: pipeline, quantity, value, unit."""
    watches, seconds, gaps, same = {name: Stopwatch() for name in (PEER, REFERENCE, VALID, ALL)}, 0.0, [], 0
    ratios: list[tuple[str, str, float, str]] = []
    networks = open_networks(package, videos[0], sound_of(videos[0]))
    for video in videos:
        wave, landmarks = sound_of(video), mesh_of(video)
        boxes = np.concatenate([landmarks.min(axis=1), landmarks.max(axis=1)], axis=1)
        wave = wave[: len(boxes) * SAMPLES]
        seconds += len(boxes) / 25
        before = _totals(watches)
        reference(video, wave, boxes, networks, watches[REFERENCE])
        valid(video, wave, networks, watches[VALID])
        every_variant(video, wave, (landmarks, boxes), networks, watches[ALL])
        with tempfile.TemporaryDirectory() as name:
            beside = video.with_suffix(".wav")
            sound = beside if beside.exists() else None
            peers.syncnet_python(video, sound, Path(name), boxes, networks.their_s3fd, watches[PEER])
            theirs, ours = their_scores(Path(name), networks, watches[PEER]), our_scores(Path(name), networks)
        gaps.append((abs(theirs[1] - ours.confidence), abs(theirs[2] - ours.distance)))
        same += theirs[0] == ours.offset
        spent = {name: total - before[name] for name, total in _totals(watches).items()}
        ratios += [
            (f"{PEER} over {name}", video.stem, spent[PEER] / spent[name], "ratio") for name in (REFERENCE, VALID)
        ]
        print(f"{video.stem}: theirs {theirs}, ours {ours.offset, ours.confidence, ours.distance}", flush=True)
    yield "clips", "videos", len(videos), "count"
    yield "clips", "length", seconds, "s"
    yield from paces(watches, seconds)
    yield from ratios
    yield "same crops", "same offset", same, "count"
    yield "same crops", "largest difference of LSE-C", max(gap[0] for gap in gaps), ""
    yield "same crops", "largest difference of LSE-D", max(gap[1] for gap in gaps), ""


def paces(watches: dict[str, Stopwatch], seconds: float) -> Iterator[tuple[str, str, float, str]]:
    """Seconds and pace of every stage, totals, and the peer over each of ours."""
    totals = _totals(watches)
    for name, total in totals.items():
        for stage, spent in watches[name].seconds.most_common():
            yield name, stage, spent, "CPU s"
        yield name, "all stages", total, "CPU s"
        yield name, "all stages", seconds / total, "x real time per core"
    for name in (REFERENCE, VALID, ALL):
        yield f"{PEER} over {name}", "all stages", totals[PEER] / totals[name], "ratio"
    for stage in ("detector", "SyncNet"):
        ratio = watches[PEER].seconds[stage] / watches[REFERENCE].seconds[stage]
        yield f"{PEER} over {REFERENCE}", stage, ratio, "ratio"


def _totals(watches: dict[str, Stopwatch]) -> dict[str, float]:
    return {name: sum(watch.seconds.values()) for name, watch in watches.items()}


def sound_of(video: Path) -> np.ndarray:
    """int16 sound at 16 kHz, of the video or of the file beside it."""
    try:
        wave = read_audio(video)
    except MediaError:
        wave = read_audio(video.with_suffix(".wav"))
    return np.rint(np.clip(wave, -1, 1) * 32767).astype(np.int16)


def mesh_of(video: Path) -> np.ndarray:
    """(T, 478, 2) landmarks of every frame."""
    with opened_mesh() as landmarks_of:
        return np.stack([landmarks_of(frame) for frame in iterate_video(video)])


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"), help="folder of videos")
    parser.add_argument("--only", nargs="+", help="videos whose name begins so; nothing is written")
    parser.add_argument("--syncnet-python", type=Path, required=True, help="folder that it was installed to")
    chosen = parser.parse_args()
    one_core()
    starts = tuple(chosen.only or CLIPS)
    videos = sorted(path for path in chosen.clips.resolve().iterdir() if path.stem.startswith(starts))
    videos = [path for path in videos if path.suffix in (".mp4", ".mpg")]
    if not videos:
        sys.exit(f"{chosen.clips}: no video that begins with {', '.join(starts)}")
    rows = list(measure(videos, chosen.syncnet_python))
    for pipeline, quantity, value, unit in rows:
        print(f"{pipeline:44} {quantity:32} {value:10.4g} {unit}")
    if not chosen.only:
        with OUTPUT.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(("pipeline", "quantity", "value", "unit"))
            writer.writerows((*names, f"{value:.4g}", unit) for *names, value, unit in rows)


if __name__ == "__main__":
    main()
