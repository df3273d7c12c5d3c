"""What families `paths`, `eyes` and `memory` make of damage in time and to the picture, on drawn clips.

    python -m benchmarks.path_damages [--corpus FOLDER] [--clips 4] [--frames 75]

The ordinary calibration (``metrics.calibration``), of the damages that these families are for and of drawn clips that
move without cause: those of ``benchmarks.drawn_paths``, which leaves them in FOLDER with `--keep`, or which are drawn
here. Lags of 100 frames and more need longer clips (``benchmarks.memory_controls``). Prints, for every metric and
damage, the undamaged mean, the one at the greatest strength and the verdict; writes them to
docs/benchmarks/path_damages.csv.
"""

import argparse
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.drawn_paths import PREPROCESS, draw
from metrics.calibration.calibrate import calibrate
from metrics.calibration.responses import NO_VALUE, summarise
from metrics.scoring.settings import ScoringSettings

OUTPUT = Path(__file__).resolve().parent.parent / "docs/benchmarks/path_damages.csv"
FAMILIES = ("paths", "eyes", "memory")
DAMAGES = (
    "dropped_frames", "shuffled_frames", "frozen_video", "averaged_frames", "blur", "noise", "brightness_flicker",
    "shake",
)  # fmt: skip
ACTORS = ["W009", "M003"]
CELLS = 12
COLUMNS = ["metric", "damage", "undamaged", "damaged", "change", "verdict", "seen_amount"]


def respond(corpus: Path, count: int, frames: int, scratch: Path) -> pd.DataFrame:
    """The verdicts on all metrics of the families, a row a metric and damage."""
    settings = ScoringSettings(None, "face", PREPROCESS.resolution, CELLS)
    table = calibrate(
        corpus / "clips.parquet", FAMILIES, settings, scratch / "calibration.parquet", DAMAGES, count, frames, "all"
    )
    found = summarise(table)
    return found[found.verdict != NO_VALUE][COLUMNS]


def main() -> None:
    """Draw where needed, damage, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, help="folder that benchmarks.drawn_paths kept")
    parser.add_argument("--clips", type=int, default=4, help="clips that are damaged")
    parser.add_argument("--frames", type=int, default=75, help="longest clip, in frames")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        corpus = chosen.corpus or Path(scratch)
        if chosen.corpus is None:
            draw(ACTORS, 4.0, corpus)
        found = respond(corpus, chosen.clips, chosen.frames, Path(scratch))
    print(found.to_string(index=False, float_format="{:.3f}".format))
    found.to_csv(OUTPUT, index=False, float_format="%.4g", lineterminator="\n")


if __name__ == "__main__":
    main()
