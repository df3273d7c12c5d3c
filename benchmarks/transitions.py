"""How well the shot finder sees fades and dissolves, and what it takes for one: ours, and PySceneDetect's detectors.

    python -m benchmarks.transitions [--clips ../shared/clips] [--also FOLDER]

Transitions are made between the clips of a folder (``transition_material``), 5, 12, 25 and 50 frames long, and so is
footage that only looks like one. "Found" counts videos in which a frame of the transition, or its end, is marked;
"covered" is the mean share of the transition's frames that no shot holds; "false" counts videos without a transition
in which something is marked. Videos of `--also` (searched in all its folders) are taken as they are. Prints a table;
milliseconds are CPU time for one frame of 144 rows, on one thread.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from scenedetect import FrameTimecode, detectors

from benchmarks.transition_material import Footage, lookalikes, read_small, transitions
from eadnet.media.shots import find_shots

FRAMES = 200  # of a clip, at most
SUFFIXES = (".mp4", ".mpg")
PEERS: dict[str, Callable] = {
    "adaptive": detectors.AdaptiveDetector,
    "content": detectors.ContentDetector,
    "threshold": detectors.ThresholdDetector,
    "histogram": detectors.HistogramDetector,
    "hash": detectors.HashDetector,
}


def ours(frames: np.ndarray) -> np.ndarray:
    """(T,) bool: frames that no shot holds, and those that begin one."""
    marked = np.ones(len(frames), bool)
    for shot in find_shots(frames, 3.0):
        marked[shot.first + (shot.first > 0) : shot.end] = False
    return marked


def peer(detector: object, frames: np.ndarray) -> np.ndarray:
    """(T,) bool: frames at which one of PySceneDetect's detectors begins a scene."""
    marked = np.zeros(len(frames), bool)
    for number, frame in enumerate(frames):
        for cut in detector.process_frame(FrameTimecode(number, fps=25.0), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)):
            marked[cut.frame_num] = True
    for cut in detector.post_process(FrameTimecode(len(frames), fps=25.0)):
        marked[min(cut.frame_num, len(frames) - 1)] = True
    return marked


def judged(footage: Footage, marked: np.ndarray) -> tuple[bool, float]:
    """Whether anything is marked (where it should be, if it should), and the share of the transition that is."""
    if not footage.transitions:
        return bool(marked.any()), 0.0
    first, last = footage.transitions[0]
    return bool(marked[first : last + 3].any()), float(marked[first : last + 1].mean())


def measured(footage: Iterable[Footage], methods: dict[str, Callable]) -> tuple[dict, dict[str, float]]:
    """What each method says, by (true transition, kind, method), and its milliseconds for one frame."""
    results, spent, count = defaultdict(list), dict.fromkeys(methods, 0.0), 0
    for each in footage:
        count += len(each.frames)
        for name, method in methods.items():
            begun = time.process_time()
            marked = method(each.frames)
            spent[name] += time.process_time() - begun
            results[bool(each.transitions), each.kind, name].append(judged(each, marked))
    return results, {name: seconds / count * 1000 for name, seconds in spent.items()}


def line(kind: str, true: bool, cells: list[list[tuple[bool, float]]]) -> str:
    """One row of the table."""
    shown = [
        f"{sum(f for f, _ in cell)}" + (f" ({np.mean([c for _, c in cell]):.2f})" if true else "") for cell in cells
    ]
    return f"| {'' if true else 'no: '}{kind} | {len(cells[0])} | " + " | ".join(shown) + " |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"))
    parser.add_argument("--also", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    paths = [path for path in sorted(options.clips.iterdir()) if path.suffix in SUFFIXES]
    clips = {path.stem: read_small(path, FRAMES) for path in paths}
    more = sorted(options.also.rglob("*.mp4")) if options.also else []
    others = (Footage("as they are, --also", path.stem, read_small(path, FRAMES)) for path in more)
    methods = {"ours": ours} | {name: lambda frames, make=make: peer(make(), frames) for name, make in PEERS.items()}
    results, cost = measured(chain(transitions(clips), lookalikes(clips), others), methods)
    print("| footage | n | " + " | ".join(methods) + " |\n| --- |" + " ---: |" * (len(methods) + 1))
    for true, kind in dict.fromkeys((true, kind) for true, kind, _ in results):
        print(line(kind, true, [results[true, kind, name] for name in methods]))
    print("| ms for a frame | | " + " | ".join(f"{cost[name]:.2f}" for name in methods) + " |")


if __name__ == "__main__":
    main()
