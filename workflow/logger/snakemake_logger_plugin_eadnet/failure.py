"""The block of lines for a failed job: its name, its error message, the end of its log, and the command to rerun it."""

import os
import re
import shlex
import signal
from collections.abc import Sequence
from pathlib import Path

from snakemake_logger_plugin_eadnet.jobs import Job

TAIL = 15  # lines of a log
WIDTH = 400  # characters of a line; commands with settings in JSON run to thousands
WINDOW = 65536  # bytes read from a log's end
# Options that change what a job does.
KEPT = ("--configfile", "--configfiles", "--config", "-C", "--directory", "-d", "--snakefile", "-s")
EXIT = re.compile(r"returned non-zero exit status (\d+)|died with <Signals\.(\w+)")
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def block(job: Job, fault: str, seconds: float, arguments: Sequence[str]) -> list[str]:
    """Lines about a failed job.

    Args:
        job: the job.
        fault: Snakemake's own message about it; "" if there was none.
        seconds: how long it ran.
        arguments: the command line that runs Snakemake, without the program.
    """
    tails = [(path, log_tail(Path(path))) for path in job.logs]
    said = [line for _, lines in tails for line in lines if line.startswith("error: ")][-1:]
    lines = [f"FAILED {job.name}, after {round(seconds)} s", *indented(said or reason(fault))]
    for path, tail in tails:
        if not tail:
            lines.append(f"  {path} is empty")
        elif tail == said:
            lines.append(f"  log: {path}")
        else:
            lines += [f"  last lines of {path}:", *indented(tail, "    | ")]
    if not tails:
        lines.append("  this rule keeps no log")
    if job.outputs:
        lines.append(f"  this job alone, with all that it prints: {alone(job, arguments)}")
    return lines


def reason(fault: str) -> list[str]:
    """Lines with the cause of a failure from Snakemake's message: a signal, an exit status, or the message itself."""
    found = EXIT.search(fault)
    if found is None:
        return [line for line in clean(fault).splitlines() if line.strip()][:4]
    name = found[2] or _signal_name(int(found[1]))
    if name == "SIGKILL":
        return ["killed (SIGKILL): most often the memory ran out; use fewer --cores, or a machine with more memory"]
    return [f"killed by {name}"] if name else [f"it ended with exit status {found[1]}"]


def log_tail(path: Path, lines: int = TAIL) -> list[str]:
    """The last lines of a log that are not empty, safe to print; none if it cannot be read."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - WINDOW, 0))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    kept = [line for line in clean(text).splitlines() if line.strip()]
    return [line if len(line) <= WIDTH else f"{line[:WIDTH]} ..." for line in kept[-lines:]]


def clean(text: str) -> str:
    """Text without control characters; of an overwritten line (progress bars) only the last state."""
    lines = (line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))
    return "\n".join(ESCAPES.sub("", line) for line in lines).expandtabs(4)


def alone(job: Job, arguments: Sequence[str]) -> str:
    """The command that makes a job's first output again, with everything printed."""
    words = ["snakemake", "--cores", "all", *_kept(arguments), "--", job.outputs[0]]
    return f"VERBOSE=1 {shlex.join(words)}"


def indented(lines: Sequence[str], by: str = "  ") -> list[str]:
    """Lines with a prefix, to show that they belong to the line above."""
    return [f"{by}{line}" for line in lines]


def _kept(arguments: Sequence[str]) -> list[str]:
    """The options of a command line that change what jobs do, with their values."""
    kept, keeping = [], False
    for word in arguments:
        if word.startswith("-"):
            keeping = word.split("=", 1)[0] in KEPT
        if keeping:
            kept.append(word)
    return kept


def _signal_name(status: int) -> str | None:
    """Name of the signal that killed a command: a shell's exit status is then 128 plus its number; None for others."""
    try:
        return signal.Signals(status - 128).name if status > 128 else None
    except ValueError:
        return None
