"""Other people's methods under the same protocol: their videos of the test clips, from a folder or made by a command.

A command is a list of words, never a shell line; each word may hold ``{video}`` (the true video, 25 fps), ``{audio}``
(its sound, 16 kHz wav), ``{image}`` (the reference picture, png), ``{clip_id}`` and ``{output}`` (the mp4 to write).
Writes a VIDEOS table with a row for every test clip that is scored; a clip without a video is a row that says so.
"""

import hashlib
import json
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from eadnet.clips import Clip
from eadnet.config import Method
from eadnet.media import iterate_video, write_audio
from eadnet.provenance import atomic_path
from eadnet.selection import read_test_clips
from eadnet.tables import CLIPS, VIDEOS, read_rows, write_table
from metrics.matching import Matches, match_names
from metrics.standalone import list_names, video_row

Log = Callable[[str], None]
TIMEOUT = 3600  # seconds that a command may take for one clip
TAIL = 300  # characters of a failed command's last words that are kept


def collect_method(
    name: str, method: Method, clips: str | Path, test_clips: str | Path, seed: int, output: Path, log: Log
) -> int:
    """Write the VIDEOS table of a method.

    Args:
        name: of the method, for the rows.
        method: its section of the configuration.
        clips: table of the preprocessed clips.
        test_clips: table of the test clips that are scored.
        seed: for the rows.
        output: folder of ``videos.parquet``, and of what a command makes.
        log: where progress lines go.

    Returns:
        Number of clips that have a video.

    Raises:
        ConfigError: the folder is absent.
    """
    known = {row["clip_id"]: row for row in read_rows(clips, CLIPS)}
    chosen = [known[clip_id] for clip_id in read_test_clips(test_clips)]
    found = _found(method, chosen, log) if method.videos else _made(method, chosen, output, log)
    rows = [row | {"run": name, "seed": seed} for row in found]
    write_table(rows, output / "videos.parquet", VIDEOS)
    return sum(row["status"] == "ok" for row in rows)


def write_inputs(clips: str | Path, test_clips: str | Path, output: Path, log: Log) -> int:
    """Write what a method may be given for every test clip: ``{clip_id}.wav``, ``.png`` and the true video's path.

    Returns:
        Number of test clips; ``inputs.json`` lists them.
    """
    known = {row["clip_id"]: row for row in read_rows(clips, CLIPS)}
    chosen = [known[clip_id] for clip_id in read_test_clips(test_clips)]
    listed = [_inputs(row, known, output) | {"clip_id": row["clip_id"]} for row in chosen]
    with atomic_path(output / "inputs.json") as temporary:
        temporary.write_text(json.dumps(listed, indent=2) + "\n")
    log(f"{len(listed)} clips; name your videos <clip_id>.mp4")
    return len(listed)


def _found(method: Method, chosen: list[dict], log: Log) -> list[dict]:
    """Rows of the videos in a folder, matched by name."""
    folder = Path(method.videos)
    matches = match_names(list_names(folder), [f"{row['clip_id']}.mp4" for row in chosen])
    for line in matches.lines():
        log(line)
    return [_matched(row, folder, matches) for row in chosen]


def _matched(row: dict, folder: Path, matches: Matches) -> dict:
    if row["clip_id"] in matches.pairs:
        return video_row(row, "", str(folder / matches.pairs[row["clip_id"]][0]))
    reason = f"{folder}: no video is named {row['clip_id']}; make it, or rename it"
    return video_row(row, "", None, "missing", reason)


def _made(method: Method, chosen: list[dict], output: Path, log: Log) -> list[dict]:
    """Rows of the videos that the command makes; those made before a kill are kept."""
    known = {row["clip_id"]: row for row in chosen}
    folder = output / f"made-{hashlib.sha256(method.command.encode()).hexdigest()[:12]}"
    rows = []
    for index, row in enumerate(chosen):
        started = time.monotonic()
        video = folder / f"{row['clip_id']}.mp4"
        fault = None if video.exists() else _run(method.command, row, known, video, output / "inputs")
        status = ("failed", fault) if fault else ("ok", None)
        rows.append(video_row(row, "", None if fault else str(video), *status))
        rows[-1]["seconds"] = time.monotonic() - started
        log(f"{index + 1}/{len(chosen)} {row['clip_id']} {status[0]} {fault or ''}".rstrip())
    return rows


def _run(command: str, row: dict, known: dict[str, dict], video: Path, inputs: Path) -> str | None:
    """Have one video made; the fault in one line, or None."""
    video.parent.mkdir(parents=True, exist_ok=True)
    part = video.with_suffix(".part.mp4")  # only a whole video gets its name
    part.unlink(missing_ok=True)
    places = _inputs(row, known, inputs) | {"clip_id": row["clip_id"], "output": str(part)}
    words = [_filled(word, places) for word in shlex.split(command)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{row['clip_id']}: {error}"
    if done.returncode or not part.exists():
        said = " ".join((done.stderr or done.stdout).split())[-TAIL:]
        return f"{row['clip_id']}: exit status {done.returncode}, {'a' if part.exists() else 'no'} video: {said}"
    part.replace(video)
    return None


def _filled(word: str, places: dict[str, str]) -> str:
    for name, value in places.items():
        word = word.replace(f"{{{name}}}", value)
    return word


def _inputs(row: dict, known: dict[str, dict], folder: Path) -> dict[str, str]:
    """Write a clip's sound and its speaker's reference picture; returns where they and the true video lie."""
    import cv2

    folder.mkdir(parents=True, exist_ok=True)
    sound, picture = folder / f"{row['clip_id']}.wav", folder / f"{row['clip_id']}.png"
    write_audio(sound, Clip(row).audio, 16000)
    shown = known.get(row["reference"], row)
    with atomic_path(picture) as temporary:
        cv2.imwrite(str(temporary), _first_frame(shown if shown["source"] else row)[..., ::-1])
    return {"video": str(row["source"]), "audio": str(sound), "image": str(picture)}


def _first_frame(row: dict) -> np.ndarray:
    return next(iterate_video(row["source"]))
