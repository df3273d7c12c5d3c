"""Family ``syncnet_python``: lip sync by the package syncnet-python itself, which runs in an environment of its own.

The package needs an older PySceneDetect than this project, so a second Python runs it on the videos' own files, all of
a run at once (``metrics.networks.syncnet_package``). Values are those that the package returns of a video: the greatest
confidence and the least distance of its tracks, the offset of the first. Writes nothing.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from eadnet.published.syncnet_v2 import FILE as SYNCNET_FILE
from metrics.families.search_edge import edged
from metrics.functional.sync import MAX_SHIFT, SILENCE
from metrics.networks import syncnet_package
from metrics.networks.s3fd import FILE as S3FD_FILE
from metrics.scoring.pairs import Pair, empty, per_clip
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.spec import family_specs
from metrics.tables import Unscorable

SYNCNET, S3FD = "syncnet-v2", "sfd-face"
FIX = "make syncnet, or name a Python that has it with --syncnet-python"
Answer = dict[str, Any]


class PackageAbsent(ValueError):
    """No Python here can run the package; the message names the fix."""


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """The package's values of every video; rows name the fix where no Python has the package.

    Raises:
        metrics.scoring.settings.WeightsAbsent: the weights of SyncNet or of S3FD are not here.
    """
    specs = family_specs("syncnet_python")
    weights = {"syncnet": settings.weights(SYNCNET) / SYNCNET_FILE, "s3fd": settings.weights(S3FD) / S3FD_FILE}
    try:
        answers = run_package(interpreter(settings), weights, dict(_heard(pairs)))
    except PackageAbsent as fault:
        yield from empty(specs, pairs, "package_absent", str(fault))
        return
    yield from per_clip(pairs, [spec.key for spec in specs], lambda pair: _values(pair, answers))


def interpreter(settings: ScoringSettings) -> str:
    """The Python that runs the package: the given one, that of `make syncnet` beside this code, or this one."""
    made = Path(__file__).resolve().parents[2] / ".venv-syncnet/bin/python"
    return settings.syncnet_python or str(made if made.exists() else sys.executable)


def run_package(python: str, weights: dict[str, Path], videos: dict[str, str]) -> dict[str, Answer]:
    """Run the package on some videos in another process.

    Args:
        python: interpreter that has the package.
        weights: files of ``syncnet`` and ``s3fd``.
        videos: paths by name.

    Returns:
        What ``metrics.networks.syncnet_package`` says of each, by name; a video that ended the process has a fault.

    Raises:
        PackageAbsent: the interpreter does not exist or has no such package.
    """
    if not videos:
        return {}
    with tempfile.TemporaryDirectory(prefix="syncnet-") as folder:
        job, answers, log = (Path(folder) / name for name in ("job.json", "answers.jsonl", "log"))
        paths = {name: str(Path(video).resolve()) for name, video in videos.items()}
        files = {name: str(path.resolve()) for name, path in weights.items()}
        job.write_text(json.dumps({"weights": files, "videos": paths}))
        command = [python, "-P", syncnet_package.__file__, str(job), str(answers)]
        with log.open("w") as output:  # the package and ffmpeg print a page a video
            try:
                status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output).returncode
            except OSError as fault:
                raise PackageAbsent(f"{python}: {fault.strerror}; {FIX}") from None
        last = " ".join(log.read_text(errors="replace").split())[-300:]
        if status == syncnet_package.ABSENT:
            raise PackageAbsent(f"{python} cannot import syncnet-python ({last}); {FIX}")
        found = [json.loads(line) for line in answers.read_text().splitlines()] if answers.exists() else []
    return _with_faults(videos, found, f"the package ended with status {status} ({last})")


def _with_faults(videos: dict[str, str], found: list[Answer], fault: str) -> dict[str, Answer]:
    answers = {answer["name"]: answer for answer in found}
    return {name: answers.get(name, {"fault": fault}) for name in videos}


def _heard(pairs: list[Pair]) -> Iterator[tuple[str, str]]:
    """Names and files of the videos that have sound, whether or not they fit their clip."""
    for pair in pairs:
        try:
            _check_sound(pair)
        except Unscorable:
            continue  # its row says so
        yield pair.clip_id, pair.video


def _check_sound(pair: Pair) -> None:
    if np.abs(pair.own_audio).max(initial=0) <= SILENCE:
        raise Unscorable("silent", "the video's sound is silence; nothing can be in step with it")


def _values(pair: Pair, answers: dict[str, Answer]) -> Iterator[Value]:
    _check_sound(pair)
    answer = answers[pair.clip_id]
    if "fault" in answer:
        raise Unscorable("failed", f"syncnet-python: {answer['fault']}")
    tracks, frames = answer["tracks"], answer["frames"]
    if not tracks:
        least = "a face of over 100 pixels that S3FD sees in over 50 frames of one shot"
        raise Unscorable("no_track", f"syncnet-python finds no track in {frames} frames; it needs {least}")
    windows = sum(track["windows"] for track in tracks)
    numbers = {
        "lse_c": max(track["lse_c"] for track in tracks),
        "lse_d": min(track["lse_d"] for track in tracks),
        "sync_offset": tracks[0]["offset"],
    }
    notes = "; ".join(_described(track) for track in tracks)
    for name, number in numbers.items():
        key, wanted = f"{name}@syncnet-python", _wanted(answer)
        searched = tracks[:1] if name == "sync_offset" else tracks
        edge = MAX_SHIFT if any(abs(track["offset"]) >= MAX_SHIFT for track in searched) else None
        yield edged(Value(key, pair.clip_id, number, windows, n_wanted=wanted, notes=notes), edge)


def _wanted(answer: Answer) -> int:
    """Windows that the video has: more than were compared where no track lies, or where its sound has ended."""
    tracks, frames = answer["tracks"], answer["frames"]
    windows = sum(track["windows"] for track in tracks)
    of_tracks = sum(track["frames"] - syncnet_package.WINDOW for track in tracks)
    seen = np.zeros(frames, bool)
    for track in tracks:
        seen[track["first"] : track["first"] + track["frames"]] = True
    # The package's step to JPEG repeats the first picture, and its scene detection leaves the last one out.
    whole = seen.sum() > frames - syncnet_package.WINDOW
    if whole and of_tracks - windows <= len(tracks):  # sound may end within a frame of the pictures
        return windows
    return max(of_tracks, windows, frames - syncnet_package.WINDOW)


def _described(track: Answer) -> str:
    last = track["first"] + track["frames"] - 1
    scores = f"LSE-C {track['lse_c']:.3f}, LSE-D {track['lse_d']:.3f}, offset {track['offset']:+d}"
    return f"track of frames {track['first']} to {last}: {scores}"
