"""What the package syncnet-python says of some videos: every face track with its LSE-C, LSE-D and offset.

Run as ``python -P syncnet_package.py JOB ANSWERS``, by path, by a Python that has the package (envs/syncnet). JOB
is JSON: ``weights`` (paths of ``s3fd`` and ``syncnet``) and ``videos`` (paths by name). ANSWERS gets one line of JSON
a video: ``name``, ``frames`` (at 25 fps) and ``tracks``, each with ``first``, ``frames``, ``windows``, ``lse_c``,
``lse_d`` and ``offset``; or ``name`` and ``fault``. Imports nothing of this project.
"""

import json
import os
import sys
import tempfile
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WINDOW, SAMPLES = 5, 640  # frames that SyncNet sees at once; samples of sound a frame
ABSENT = 3  # exit status where the package cannot be imported


def main(job: str, answers: str) -> None:
    """Answer a job, a line at a time, so that what was done is kept if a later video ends the process."""
    asked = json.loads(Path(job).read_text())
    with _program_ffmpeg(), open(answers, "w", encoding="utf-8") as lines:
        pipeline = _open_pipeline(asked["weights"])
        for name, video in asked["videos"].items():
            lines.write(json.dumps({"name": name} | answer(pipeline, video)) + "\n")
            lines.flush()


def answer(pipeline: Any, video: str) -> dict[str, Any]:
    """The package's tracks of one video, or the fault that it raised."""
    with tempfile.TemporaryDirectory(prefix="syncnet-") as folder:
        pipeline.spans = []
        try:
            offsets, confidences, distances, *_ = pipeline.inference(video, cache_dir=folder)
        except Exception as fault:  # the package raises kinds of its own, of ffmpeg and of torch
            return {"fault": " ".join(f"{type(fault).__name__}: {fault}".split())[-300:]}
        found = zip(pipeline.spans, confidences, distances, offsets, strict=True)
        tracks = [
            {"first": first, "frames": frames, "windows": _windows(Path(folder) / f"cropped/crop_{number:05d}")}
            | {"lse_c": confidence, "lse_d": distance, "offset": offset}
            for number, ((first, frames), confidence, distance, offset) in enumerate(found)
        ]
        return {"frames": len(list((Path(folder) / "frames").glob("*.jpg"))), "tracks": tracks}


def _open_pipeline(weights: dict[str, str]) -> Any:
    """The package's pipeline, which also remembers where its tracks lie: it returns only their scores."""
    try:
        import torch
        from syncnet_python import SyncNetPipeline
    except ImportError as fault:
        print(" ".join(str(fault).split()), file=sys.stderr)
        sys.exit(ABSENT)

    class Pipeline(SyncNetPipeline):
        def _crop(self, track: dict, *others: Any) -> str:
            self.spans.append((int(track["frame"][0]), len(track["frame"])))
            return super()._crop(track, *others)

    torch.set_num_threads(1)  # sums do not depend on how many cores there are
    files = {"s3fd_weights": weights["s3fd"], "syncnet_weights": weights["syncnet"]}
    return Pipeline(files, device="cuda" if torch.cuda.is_available() else "cpu")


def _windows(folder: Path) -> int:
    """Windows that SyncNet compared in a track's folder; the package, as the reference, leaves the last one out."""
    with wave.open(str(folder / "audio.wav")) as sound:
        heard = sound.getnframes() // SAMPLES
    return min(len(list(folder.glob("*.jpg"))), heard) - WINDOW


@contextmanager
def _program_ffmpeg() -> Iterator[None]:
    """Put imageio-ffmpeg's program, where that package is installed, first on the path under the name ffmpeg."""
    with tempfile.TemporaryDirectory(prefix="ffmpeg-") as folder:
        try:
            from imageio_ffmpeg import get_ffmpeg_exe
        except ImportError:  # the machine's own is taken
            pass
        else:
            (Path(folder) / "ffmpeg").symlink_to(get_ffmpeg_exe())
            os.environ["PATH"] = os.pathsep.join([folder, os.environ.get("PATH", "")])
        yield


if __name__ == "__main__":
    main(*sys.argv[1:])
