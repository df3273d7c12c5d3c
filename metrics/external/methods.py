"""Other people's methods under the same protocol: their videos of the test clips, from a folder or made by a command.

How a command is run: ``metrics.external.runs``; ready ones: ``config/methods``. Writes a VIDEOS table with a row for
every test clip that is scored; a clip without a video is a row with the reason.
"""

import hashlib
import time
from pathlib import Path

from eadnet.config.methods import Method
from eadnet.data.selection import read_test_clips
from eadnet.media.faults import MediaError, naming
from eadnet.provenance import commit
from eadnet.tables import CLIPS, VIDEOS, read_rows, write_table
from metrics.external.folders import Log, list_names, video_row
from metrics.external.matching import Matches, match_names
from metrics.external.runs import MethodFailed, Runner
from metrics.external.strays import stray_lines


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
        ConfigError: the folder, the method's clone or a program is absent.
    """
    known = {row["clip_id"]: row for row in read_rows(clips, CLIPS)}
    chosen = [known[clip_id] for clip_id in read_test_clips(test_clips)]
    found = _found(method, chosen, log) if method.videos else _made(name, method, chosen, known, output, log)
    rows = [row | {"run": name, "seed": seed, "videos_commit": commit()} for row in found]
    write_table(rows, output / "videos.parquet", VIDEOS)
    return sum(row["status"] == "ok" for row in rows)


def _found(method: Method, chosen: list[dict], log: Log) -> list[dict]:
    """Rows of the videos in a folder, matched by name."""
    folder = Path(method.videos)
    matches = match_names(list_names(folder), [f"{row['clip_id']}.mp4" for row in chosen])
    for line in (*matches.lines(), *stray_lines(folder)):
        log(line)
    return [_matched(row, folder, matches) for row in chosen]


def _matched(row: dict, folder: Path, matches: Matches) -> dict:
    if row["clip_id"] in matches.pairs:
        return video_row(row, "", str(folder / matches.pairs[row["clip_id"]][0]))
    status, reason = matches.absence(row["clip_id"])
    return video_row(row, "", None, status, f"{folder}: {reason}")


def _made(name: str, method: Method, chosen: list[dict], known: dict[str, dict], output: Path, log: Log) -> list[dict]:
    """Rows of the videos that the commands make; those made before a kill are kept."""
    runner = Runner(name, method)
    runner.check()
    if drift := runner.drifted():
        log(drift)
    asked = method.model_dump_json(exclude={"timeout", "repository"})
    folder = output / f"made-{hashlib.sha256(asked.encode()).hexdigest()[:12]}"
    rows = []
    for index, row in enumerate(chosen):
        started, fault = time.monotonic(), None
        video = folder / f"{row['clip_id']}.mp4"
        try:
            if not video.exists():
                with naming(row["clip_id"]):
                    runner.make(row, known, video)
        except (MethodFailed, MediaError) as error:
            fault = f"{row['clip_id']}: {error}"
        status = ("failed", fault) if fault else ("ok", None)
        rows.append(video_row(row, "", None if fault else str(video), *status))
        rows[-1]["seconds"] = time.monotonic() - started
        log(f"{index + 1}/{len(chosen)} {row['clip_id']} {status[0]} {fault or ''}".rstrip())
    return rows
