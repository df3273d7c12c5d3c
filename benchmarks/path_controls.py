"""What family `paths` says of paths whose fault is known: true ones in another order, filtered, or mixed.

    python -m benchmarks.path_controls [--corpus FOLDER]

Of every clip of ``benchmarks.drawn_paths`` (kept in FOLDER with `--keep`, or drawn here) each measured path stands for
the truth. Beside it are the path of another clip of the person, the same path with its frames in random order (every
frame right, none knows the one before: what independent noise makes), half of it and half of that order, and the path
and these after a filter [1 2 1] / 4 over time. Prints the mean over clips and the four paths of every measure; writes
docs/benchmarks/path_controls.csv.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.drawn_paths import draw, measured_paths, show
from metrics.functional.path_shapes import autocorrelation, excursions, spread, structure_distance
from metrics.functional.trajectories import roughness
from metrics.specs.paths import REACHES
from metrics.tables import FPS

OUTPUT = Path(__file__).resolve().parent.parent / "docs/benchmarks/path_controls.csv"
ACTORS = ["W009", "M003"]
Control = Callable[[int, str], np.ndarray]
"""The (T, d) path that stands for a generated one, by the clip's place and the path's name."""


def filtered(path: np.ndarray, times: int) -> np.ndarray:
    """A (T, d) path after so many filters [1 2 1] / 4 over time, its ends held."""
    for _ in range(times):
        padded = np.pad(path, ((1, 1), (0, 0)), mode="edge")
        path = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return path


def controls(clips: list[dict[str, np.ndarray]], people: list[str]) -> dict[str, Control]:
    """Every control by its name in the table."""

    def other(place: int, name: str) -> np.ndarray:
        same = [index for index, person in enumerate(people) if person == people[place]]
        return clips[same[(same.index(place) + 1) % len(same)]][name]

    def shuffled(place: int, name: str) -> np.ndarray:
        return np.random.default_rng(place).permutation(clips[place][name])

    def half(place: int, name: str) -> np.ndarray:
        return (clips[place][name] + shuffled(place, name)) / 2

    def smooth(control: Control, times: int) -> Control:
        return lambda place, name: filtered(control(place, name), times)

    kinds: dict[str, Control] = {"another clip of the person": other, "frames in random order": shuffled}
    kinds |= {f"... filtered {times} x": smooth(shuffled, times) for times in (1, 2, 4)}
    kinds |= {"half true, half random order": half, "half ..., filtered 1 x": smooth(half, 1)}
    return kinds | {
        f"true, filtered {times} x": smooth(lambda place, name: clips[place][name], times) for times in (1, 2)
    }


def measures(made: np.ndarray, truth: np.ndarray, reach: float) -> dict[str, float]:
    """The measures of a path beside its truth, as the family gives them."""
    count = min(len(made), len(truth))
    made, truth = made[:count], truth[:count]
    jumps = [FPS * found / frames for found, frames in (excursions(path, reach) for path in (made, truth))]
    found = {
        "roughness": roughness(made)[0] / roughness(truth)[0], "excursions": jumps[0] - jumps[1],
        "amplitude": spread(made) / spread(truth), "struct": structure_distance(made, truth),
    }  # fmt: skip
    for lag in (1, 4):
        found[f"autocorrelation_{lag}"] = autocorrelation(made, lag)[0] - autocorrelation(truth, lag)[0]
    return found


def main() -> None:
    """Measure every control, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, help="folder that benchmarks.drawn_paths kept")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.corpus or Path(scratch)
        if chosen.corpus is None:
            draw(ACTORS, 4.0, folder)
        clips, people = measured_paths(folder)
    rates = [
        FPS * np.mean([excursions(clip[name], reach)[0] / (len(clip[name]) - 2) for clip in clips])
        for name, reach in REACHES.items()
    ]
    named = zip(REACHES, rates, strict=True)
    print("outliers a second of the true paths:", *(f"{name} {rate:.2f}" for name, rate in named))
    rows = []
    for label, control in controls(clips, people).items():
        found = [
            measures(control(place, name), clip[name], REACHES[name])
            for place, clip in enumerate(clips) for name in REACHES
        ]  # fmt: skip
        rows.append({"path": label} | {key: f"{np.mean([one[key] for one in found]):.3f}" for key in found[0]})
    show(rows, OUTPUT)


if __name__ == "__main__":
    main()
