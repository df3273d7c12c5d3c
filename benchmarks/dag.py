"""The workflow at full scale, planned and not run: jobs, seconds and memory of Snakemake's dry run.

    python -m benchmarks.dag

All of HDTF (its 436 intervals) and MEAD part 0 (48 actors) with config/paper.yaml, three ways: to be downloaded; MEAD
as the archives that are distributed; MEAD unpacked, in 48 actors x 7 views x 670 files. The files are empty: planning
reads names, sizes and times. Each case is a process of its own that sees no earlier results; its seconds are wall
time from start to end, its memory the largest resident set. The aim is fewer than 3,000 jobs, 30 s and 1 GB.

Makes its folders under the system's temporary folder and removes them. Writes docs/benchmarks/dag.csv.
"""

import argparse
import csv
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import yaml

from eadnet.config.corpora import View
from eadnet.corpora.splits import MEAD_PART_0
from eadnet.tables import EMOTIONS

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "docs/benchmarks/dag.csv"
TARGETS = ("data", "all")
FILES_A_VIEW = 670
LIMITS = {"jobs": 3000, "seconds": 30.0, "megabytes": 1000.0}
TOTAL = re.compile(r"^total +(\d+)$", re.MULTILINE)


def archives(folder: Path) -> None:
    """MEAD as it is distributed: two archives an actor."""
    for actor in MEAD_PART_0:
        (folder / actor).mkdir(parents=True)
        for name in ("video.tar", "audio.tar"):
            (folder / actor / name).touch()


def unpacked(folder: Path) -> None:
    """MEAD as a tree: `FILES_A_VIEW` videos a view, spread over the emotions and levels that there are."""
    sets = [(emotion, level) for emotion in EMOTIONS for level in (1, 2, 3) if emotion != "neutral" or level == 1]
    for actor in MEAD_PART_0:
        for view in get_args(View):
            for number in range(FILES_A_VIEW):
                emotion, level = sets[number % len(sets)]
                path = (
                    folder / actor / "video" / view / emotion / f"level_{level}" / f"{number // len(sets) + 1:03d}.mp4"
                )
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()


CASES: dict[str, Callable[[Path], None] | None] = {"download": None, "local archives": archives, "unpacked": unpacked}


def configuration(folder: Path, local: bool) -> Path:
    """config/paper.yaml with all seven views, its results in `folder`, and MEAD read from there where `local`."""
    content = yaml.safe_load((ROOT / "config/paper.yaml").read_text(encoding="utf-8"))
    content["pathvars"] = {"results": str(folder / "results"), "resources": str(folder / "resources")}
    origin = {"origin": "local", "path": str(folder / "mead")} if local else {"origin": "download"}
    content["corpora"]["hdtf"] |= {"origin": "download"}
    content["corpora"]["mead"] |= origin | {"views": list(get_args(View))}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def planned(config: Path, target: str) -> dict:
    """Plan a target in a fresh process: jobs, seconds, megabytes.

    Raises:
        RuntimeError: Snakemake fails; the message ends with its output.
    """
    command = [sys.executable, "-m", "snakemake", target, "--dry-run", "--cores", "all", "--quiet", "rules"]
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--configfile", str(config)], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)  # the only call that gives one child's memory
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        printed = output.read()
    totals = TOTAL.findall(printed)
    if process.returncode or not totals:
        raise RuntimeError(f"snakemake --dry-run {target} failed:\n{printed[-2000:]}")
    return {"jobs": int(totals[-1]), "seconds": round(seconds, 1), "megabytes": round(usage.ru_maxrss / 1024)}


def measure(cases: list[str]) -> list[dict]:
    """A row for each case and target; prints each when it is known."""
    rows = []
    for case in cases:
        with tempfile.TemporaryDirectory(prefix="eadnet-dag-") as name:
            folder, make = Path(name), CASES[case]
            if make:
                make(folder / "mead")
            config = configuration(folder, local=make is not None)
            for target in TARGETS:
                row = {"corpora": case, "target": target, **planned(config, target)}
                row["within_aim"] = all(row[name] < limit for name, limit in LIMITS.items())
                print("  ".join(f"{value:>14}" for value in row.values()), flush=True)
                rows.append(row)
    return rows


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", action="append", choices=list(CASES), help="this case only; nothing is written")
    chosen = parser.parse_args().case
    print("  ".join(f"{name:>14}" for name in ("corpora", "target", *LIMITS, "within aim")))
    rows = measure(chosen or list(CASES))
    if chosen is None:
        with OUTPUT.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
