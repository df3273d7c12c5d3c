"""What the whole protocol costs: seconds a clip and a metric family, everything against its slowest part, and memory.

    python -m benchmarks.suite [--clips ../shared/clips] [--judges results/judges] [--assets '{"mirror": ...}']
        [--families image,landmarks,...] [--count 5]

Real clips are scored against copies of themselves encoded anew. "Alone" is what a family would cost by itself:
decoding, finding faces, cutting them out, what it takes from whole frames, and its score. "Together" decodes and
measures once for all. CPU seconds of one thread. Memory is the peak of a process that measures and scores the first 10
and the whole 60 seconds of one video. Writes docs/benchmarks/suite.csv.
"""

import argparse
import csv
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from eadnet.config.machine import Assets
from eadnet.config.section import parse
from eadnet.corpora.folder import list_videos
from eadnet.media.reading import iterate_video, read_audio
from eadnet.media.writing import write_video
from eadnet.tables import CLIPS, read_rows
from metrics.cli import names
from metrics.external.folders import measure_truth, open_extractors, video_row
from metrics.external.references import Alignment, write_references
from metrics.interface import finest_cells
from metrics.measuring.measure import measure_rows
from metrics.scoring.pairs import load_pairs
from metrics.scoring.score import score_pairs
from metrics.scoring.settings import ScoringSettings
from metrics.spec import extractors_of

OUTPUT = Path(__file__).resolve().parent.parent / "docs/benchmarks/suite.csv"
DEFAULT = "image,lip_sync,landmarks,mouth,gaze,frechet,emotion,expression,temporal"
RESOLUTION = 256
SECONDS = 4.0
SPANS = (10.0, 60.0)


def prepare(videos: list[Path], folder: Path, seconds: float) -> tuple[Path, list[dict]]:
    """Clips of the videos' beginnings, and videos that imitate them: the same pictures, encoded once more."""
    references = {}
    for path in videos:
        frames = list(iterate_video(path, 25, seconds=seconds))
        beside = path.with_suffix(".wav")
        sound = read_audio(beside if beside.exists() else path, 16000, seconds=len(frames) / 25)
        even = [frame[: len(frame) // 2 * 2, : frame.shape[1] // 2 * 2] for frame in frames]
        for kind, quality in (("reference", 12), ("generated", 23)):
            write_video(folder / kind / f"{path.stem}.mp4", even, audio=sound, crf=quality)
        references[path.stem] = folder / "reference" / f"{path.stem}.mp4"
    clips = write_references(references, {}, Alignment(RESOLUTION), folder / "clips", print)
    rows = [row for row in read_rows(clips, CLIPS) if row["status"] == "ok"]
    return clips, [video_row(row, "again", str(folder / "generated" / f"{row['clip_id']}.mp4")) for row in rows]


class Suite:
    """Measures and scores some videos by some families, and returns the CPU seconds of each part."""

    def __init__(self, clips: Path, videos: list[dict], settings: ScoringSettings, folder: Path) -> None:
        """What is scored, how, and where to work."""
        self.clips, self.videos, self.settings, self.folder = clips, videos, settings, folder

    def run(self, families: tuple[str, ...]) -> dict[str, float]:
        """Seconds of ``measure`` and of every family."""
        seconds = {}
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            measured = Path(name) / "measured"
            opened = open_extractors(families, self.settings, print)
            seconds["measure"] = timed(
                lambda: measure_rows(self.videos, self.clips, RESOLUTION, measured, quiet, opened)
            )
            truth = None
            if extractors_of(families, of_truth=True):
                truth = Path(name) / "truth"
                wanted = {row["clip_id"] for row in self.videos}
                seconds["measure"] += timed(
                    lambda: measure_truth(self.clips, self.settings, families, wanted, truth, quiet)
                )
            pairs = load_pairs(measured, self.clips, truth)
            for family in families:
                seconds[family] = timed(lambda family=family: score_pairs(family, pairs, self.settings))
        return seconds


def timed(work: Callable[[], Any]) -> float:
    """CPU seconds of this process."""
    started = time.process_time()
    work()
    return time.process_time() - started


def quiet(line: str) -> None:
    """Log nothing."""


def cost_rows(suite: Suite, families: tuple[str, ...]) -> list[tuple[str, str, float, str]]:
    """Seconds a clip of every family, alone and together, and the ratio that matters."""
    count = len(suite.videos)
    suite.run(families[:1])  # imports and caches of the disk
    alone = {family: sum(suite.run((family,)).values()) for family in families}
    together = suite.run(families)
    rows = [("measuring once", "together", together["measure"] / count, "s a clip")]
    for family in families:
        rows += [(family, "alone", alone[family] / count, "s a clip")]
        rows += [(family, "its score alone", together[family] / count, "s a clip")]
    slowest = max(alone, key=alone.get)
    total = sum(together.values())
    rows += [("all families", "together", total / count, "s a clip")]
    rows += [("all families", "alone, added up", sum(alone.values()) / count, "s a clip")]
    return [*rows, (f"all families / {slowest}", "together over slowest alone", total / alone[slowest], "ratio")]


def memory_rows(video: Path, options: argparse.Namespace) -> list[tuple[str, str, float, str]]:
    """Peak memory of measuring and scoring the beginning of a long video, by length."""
    peaks = []
    for seconds in SPANS:
        with tempfile.TemporaryDirectory() as folder:
            prepare([video], Path(folder), seconds)
            words = [sys.executable, "-m", "benchmarks.suite", "--families", options.families, "--assets",
                     options.assets, "--peak", folder]  # fmt: skip
            words += ["--judges", str(options.judges)] if options.judges else []
            done = subprocess.run(words, capture_output=True, text=True, check=True)
            peaks.append([float(word) for word in done.stdout.split()[-2:]])
    rows = []
    for kind, short, long in zip(("own memory", "with mapped files"), *peaks, strict=True):
        rows += [
            (f"{seconds:.0f} s of video", kind, peak, "MB") for seconds, peak in zip(SPANS, (short, long), strict=True)
        ]
        rows.append(("60 s over 10 s", kind, long / short, "ratio"))
    return rows


def peak(folder: Path, settings: ScoringSettings, families: tuple[str, ...]) -> tuple[float, float]:
    """Peak memory, in megabytes, of this process while it measures and scores what stands in a folder.

    Returns:
        Its own memory, and that with the pages of files that are mapped: those are the system's to take back.
    """
    clips = folder / "clips/clips.parquet"
    rows = [row for row in read_rows(clips, CLIPS) if row["status"] == "ok"]
    videos = [video_row(row, "again", str(folder / "generated" / f"{row['clip_id']}.mp4")) for row in rows]
    own, done = [memory("RssAnon")], threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            own.append(memory("RssAnon"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    Suite(clips, videos, settings, folder).run(families)
    done.set()
    watcher.join()
    return max(own), memory("VmHWM")  # getrusage would give the parent's peak as well


def memory(field: str) -> float:
    """Megabytes that the system counts for this process."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return float(re.search(rf"{field}:\s+(\d+) kB", status)[1]) / 1024


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"), help="folder of videos")
    parser.add_argument("--judges", type=Path, help="folder of trained judges")
    parser.add_argument("--assets", default="{}", help="JSON of the section `assets`")
    parser.add_argument("--families", default=DEFAULT, help="metric families, by comma")
    parser.add_argument("--count", type=int, default=5, help="clips")
    parser.add_argument("--peak", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import torch

    torch.set_num_threads(1)
    settings = ScoringSettings(
        options.judges, "face", RESOLUTION, finest_cells(RESOLUTION), parse(Assets, options.assets, "assets")
    )
    families = names(options.families)
    if options.peak:
        print(*peak(options.peak, settings, families))
        return
    paths = sorted((options.clips / name for name in list_videos(options.clips)), key=lambda path: path.name)
    chosen = [paths[index] for index in np.linspace(0, len(paths) - 1, options.count).round().astype(int)]
    longest = max(paths, key=lambda path: path.stat().st_size if "60s" in path.name else 0)
    with tempfile.TemporaryDirectory() as folder:
        clips, videos = prepare(chosen, Path(folder), SECONDS)
        rows = cost_rows(Suite(clips, videos, settings, Path(folder)), families)
    rows += memory_rows(longest, options)
    with open(OUTPUT, "w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(("what", "quantity", "value", "unit"))
        table.writerows((what, quantity, f"{value:.4g}", unit) for what, quantity, value, unit in rows)
    print(OUTPUT.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
