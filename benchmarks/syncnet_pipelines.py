"""What the whole of syncnet-python and our ``@ref-v1`` say of the same videos: tracks, windows, offsets and scores.

    python -m benchmarks.syncnet_pipelines [--clips ../shared/clips] [--only NAME ...] [--yunet FILE] [--weights FOLDER]

The package runs in its own environment (``make syncnet``, or --python) on the files themselves. FOLDER has
``syncnet-v2/syncnet_v2.model`` and ``sfd-face/sfd_face.pth``. Without it SyncNet has random weights, the same on both
sides, and YuNet finds the faces for both: scores then mean nothing, but first frames, numbers of frames and windows are
those of the pipelines, and offsets differ where the pipelines show SyncNet other pictures. Tracks are those of over 50
detections, as the package's. Prints a table; writes nothing but temporary files.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks import one_detector
from benchmarks.lip_sync import HELD, sound_of
from eadnet.media.reading import iterate_video
from metrics.families.syncnet import shifted
from metrics.families.syncnet_python import interpreter, run_package
from metrics.measuring.extractors.syncnet import Extractor
from metrics.networks import syncnet_package
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from metrics.tables import FPS
from tests.support.lip_sync_cases import random_s3fd, random_syncnet

CLIPS = ("grid_lwbsza", "mead_M003_happy", "hdtf_RD_Radio10_clip0")
FILES = {"syncnet": "syncnet-v2/syncnet_v2.model", "s3fd": "sfd-face/sfd_face.pth"}
COLUMNS = ("first", "frames", "windows", "offset", "lse_c", "lse_d")


class Folder(ScoringSettings):
    """Settings whose weights lie in one folder (`judges`)."""

    def weights(self, asset: str) -> Path:
        """That asset's folder."""
        if not (self.judges / asset).is_dir():
            raise WeightsAbsent(asset)
        return self.judges / asset


def ours(video: Path, settings: Folder, yunet: str | None) -> list[dict]:
    """The tracks of the extractor of family ``syncnet``, each as @ref-v1 scores it."""
    extractor, frames = Extractor(settings), list(iterate_video(video, FPS))
    if yunet:
        extractor.s3fd = one_detector.YuNet(yunet)
    extractor.begin(len(frames), None)
    for first in range(0, len(frames), HELD):
        held = frames[first : first + HELD]
        extractor.see(np.stack(held), np.full((len(held), 478, 2), np.nan, np.float32))
    found = extractor.finish(lambda: iter(frames), sound_of(video)[: len(frames) * 640])
    ends, tracks = np.cumsum(found["syncnet_tracks"][:, 2]), []
    for (first, length, windows, *_), end in zip(found["syncnet_tracks"], ends, strict=True):
        seen, heard = (found[f"syncnet_track_{name}"][end - windows : end] for name in ("seen", "heard"))
        values = shifted(seen, heard)
        tracks.append(dict(zip(COLUMNS, (first, length, windows, values.offset, values.confidence, values.distance),
                               strict=True)))  # fmt: skip
    return tracks


def theirs(videos: list[Path], settings: Folder, yunet: str | None) -> dict[str, dict]:
    """The package's answers, with S3FD or with YuNet."""
    weights = {name: settings.judges / file for name, file in FILES.items()}
    if not yunet:
        return run_package(interpreter(settings), weights, {video.stem: str(video) for video in videos})
    with tempfile.TemporaryDirectory() as folder:
        job, answers = Path(folder) / "job.json", Path(folder) / "answers"
        asked = {"weights": {name: str(path) for name, path in weights.items()}}
        job.write_text(json.dumps(asked | {"videos": {video.stem: str(video) for video in videos}}))
        script = [one_detector.__file__, syncnet_package.__file__, str(job), str(answers), yunet]
        done = subprocess.run([interpreter(settings), "-P", *script], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"error: the package ended with status {done.returncode}: {done.stderr[-300:]}; make syncnet")
        return {answer["name"]: answer for answer in map(json.loads, answers.read_text().splitlines())}


def show(name: str, side: str, tracks: list[dict]) -> None:
    """A line a track."""
    for track in tracks or [{}]:
        print(f"{name:28} {side:16}" + " ".join(f"{_short(track.get(column)):>9}" for column in COLUMNS), flush=True)


def _short(value: float | None) -> str:
    return "no track" if value is None else f"{value:.4g}"


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"), help="folder of videos")
    parser.add_argument("--only", nargs="+", default=CLIPS, help="beginnings of the videos' names")
    parser.add_argument("--weights", type=Path, help="folder with syncnet-v2 and sfd-face; random weights if left out")
    parser.add_argument("--yunet", type=Path, default=Path("../shared/assets/face_detection_yunet_2023mar.onnx"))
    parser.add_argument("--python", help="Python that has syncnet-python; that of `make syncnet` if left out")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    videos = sorted(path for path in chosen.clips.resolve().iterdir() if path.stem.startswith(tuple(chosen.only)))
    videos = [path for path in videos if path.suffix in (".mp4", ".mpg")]
    if not videos:
        sys.exit(f"error: {chosen.clips}: no video that begins with {', '.join(chosen.only)}")
    with tempfile.TemporaryDirectory() as folder:
        settings = Folder(chosen.weights or Path(folder), "full", 64, 1, syncnet_python=chosen.python)
        for file, network in ((FILES["syncnet"], random_syncnet), (FILES["s3fd"], random_s3fd)):
            if not chosen.weights:
                (Path(folder) / file).parent.mkdir()
                torch.save(network().state_dict(), Path(folder) / file)
        yunet = None if chosen.weights else str(chosen.yunet.resolve())
        print(f"{'clip':28} {'pipeline':16}" + " ".join(f"{column:>9}" for column in COLUMNS))
        answers = theirs(videos, settings, yunet)
        for video in videos:
            show(video.stem, "syncnet-python", answers[video.stem].get("tracks", []))
            show(video.stem, "ours, @ref-v1", ours(video, settings, yunet))


if __name__ == "__main__":
    main()
