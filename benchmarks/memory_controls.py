"""What family `memory` says of expressions whose fault is known, on drawn clips of 12 s.

    python -m benchmarks.memory_controls [--actor W009] [--seconds 12]

Of one drawn actor every emotional clip stands for the truth. Beside it are the landmarks of other clips of the same
actor, which say other sentences: of one other emotion throughout (a wrong expression that holds), of the neutral clip
(a model that has collapsed), and of an emotion drawn anew every second or every 16 frames (a memory that ends with
the window). Prints the mean over clips of every measure; writes docs/benchmarks/memory_controls.csv.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.drawn_paths import draw, show, usable_clips
from eadnet.data.clips import Clip
from metrics.families.expression import coefficients, steadied, upright
from metrics.families.memory import change
from metrics.functional.face_chips import has_face
from metrics.specs.memory import BEYOND, LAGS

OUTPUT = Path(__file__).resolve().parent.parent / "docs/benchmarks/memory_controls.csv"
NEUTRAL = "neutral"
Control = Callable[[int, np.random.Generator], np.ndarray]
"""The landmarks that stand for a generated clip, by the true clip's place."""


def controls(clips: list[np.ndarray], neutral: np.ndarray) -> dict[str, Control]:
    """Every control by its name; all clips have one length."""

    def windows(place: int, generator: np.random.Generator, length: int) -> np.ndarray:
        count = -(-len(clips[place]) // length)
        chosen = generator.integers(len(clips), size=count).repeat(length)[: len(clips[place])]
        return np.stack([clips[which][frame] for frame, which in enumerate(chosen)])

    return {
        "another emotion throughout": lambda place, generator: clips[(place + 1) % len(clips)],
        "neutral throughout": lambda place, generator: neutral,
        "an emotion drawn every second": lambda place, generator: windows(place, generator, 25),
        "an emotion drawn every 16 frames": lambda place, generator: windows(place, generator, 16),
    }


def measures(made: np.ndarray, truth: np.ndarray, neutral_face: np.ndarray) -> dict[str, float]:
    """The measures of a clip beside its truth, as the family gives them."""
    both = has_face(made) & has_face(truth)
    face = upright(truth[both]).mean(0)
    shown = [coefficients(steadied(points, face), face) for points in (made, truth)]
    found = {
        f"expression_change_{lag}": change(shown[0], both, lag)[0] / change(shown[1], both, lag)[0]
        for lag in LAGS if len(both) >= lag + BEYOND
    }  # fmt: skip
    sizes = [
        np.abs(coefficients(steadied(points[both], neutral_face), neutral_face).mean(0)).mean()
        for points in (made, truth)
    ]  # fmt: skip
    return found | {"expression_strength": sizes[0] / sizes[1]}


def main() -> None:
    """Draw, measure every control, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--actor", default="W009", help="shard of the drawn MEAD")
    parser.add_argument("--seconds", type=float, default=12.0, help="length of a clip")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        draw([chosen.actor], chosen.seconds, Path(scratch))
        rows = usable_clips(Path(scratch))
        acted = [Clip(row).landmarks for row in rows if row["emotion"] != NEUTRAL]
        plain = [Clip(row).landmarks for row in rows if row["emotion"] == NEUTRAL]
    neutral_face = upright(plain[0][has_face(plain[0])]).mean(0)
    table = []
    for label, control in controls(acted, plain[1]).items():
        found = [
            measures(control(place, np.random.default_rng(place)), truth, neutral_face)
            for place, truth in enumerate(acted)
        ]  # fmt: skip
        table.append({"expression": label} | {key: f"{np.mean([one[key] for one in found]):.2f}" for key in found[0]})
    show(table, OUTPUT)


if __name__ == "__main__":
    main()
