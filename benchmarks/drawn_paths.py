"""How well measured paths follow what was drawn: gaze, lids, nods and mouth of family `paths`, on drawn clips.

    python -m benchmarks.drawn_paths [--actors W009 M003] [--seconds 4] [--keep FOLDER]

Draws MEAD clips of some actors with blinks, glances, brow beats and nods that no sound determines, preprocesses them at
96 pixels with a smoothing of 6 frames as an experiment does, and compares every path of the landmarks with the curve
that was drawn: their correlation over all clips (each less its own mean) and of the median clip, and the share of the
measured path's roughness that was drawn (paths brought to one scale by least squares; the rest is the tracker's own
trembling). With `--keep` the corpus stays in FOLDER, for ``benchmarks.path_controls`` and
``benchmarks.path_damages``.

Prints a table and writes docs/benchmarks/drawn_paths.csv.
"""

import argparse
import csv
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from eadnet.config.corpora import MEAD, Movement, SyntheticMEAD
from eadnet.config.preprocessing import Preprocess
from eadnet.corpora.collection import collect
from eadnet.corpora.mead import MEADReader
from eadnet.data.clips import Clip
from eadnet.data.tensor_files import TensorFile
from eadnet.faces.alignment import apply
from eadnet.faces.landmarks import eye_opening, interocular, mouth_opening
from eadnet.preprocessing.shard import preprocess_shard
from eadnet.synthetic.render import render_mead
from eadnet.tables import CLIPS, SOURCES, read_table, write_table
from metrics.families.paths import nod
from metrics.functional.path_shapes import spread
from metrics.functional.trajectories import gaze, path_correlation, roughness

OUTPUT = Path(__file__).resolve().parent.parent / "docs/benchmarks/drawn_paths.csv"
MOTION = Movement(spontaneous_blinks=20.0, gaze_shifts=60.0, brow_beats=True, nods=0.06)
PREPROCESS = Preprocess(resolution=96, smoothing=6.0)
DRAWN = {"gaze": "gaze", "lid": "blink", "nod": "nod", "mouth": "opening"}
"""The drawn curve of each path; a blink closes what `lid` measures."""
Paths = dict[str, tuple[np.ndarray, np.ndarray]]
"""Measured and drawn, (T,) or (T, d), by path."""


def draw(actors: list[str], seconds: float, folder: Path) -> None:
    """Draw and preprocess the actors' clips: ``clips.parquet`` in the folder, and what was drawn of each actor."""
    drawn = SyntheticMEAD(train_actors=1, seconds=seconds, sentences="many", motion=MOTION)
    settings, tables = MEAD(synthetic=drawn), []
    for actor in actors:
        (folder / "raw" / actor).mkdir(parents=True, exist_ok=True)
        render_mead(drawn, 0, actor, folder / "raw" / actor, folder / f"truth_{actor}.safetensors")
        reader = MEADReader(settings, folder / "raw", actor)
        write_table(reader.sources(), folder / f"sources_{actor}.parquet", SOURCES)
        sources = read_table(folder / f"sources_{actor}.parquet", SOURCES)
        shard = folder / "clips" / actor
        preprocess_shard(reader, sources, PREPROCESS, shard, report=lambda line: None)
        tables.append(read_table(shard / "clips.parquet", CLIPS))
    write_table(collect(pd.concat(tables, ignore_index=True)), folder / "clips.parquet", CLIPS)


def paths_of(clip: Clip, truth: Path) -> Paths:
    """Every path of a clip as measured and as drawn, in the frames with a face."""
    landmarks, transforms = clip.landmarks, clip.transforms
    unit = float(np.nanmean(interocular(apply(transforms, landmarks))))
    measured = {
        "gaze": gaze(landmarks), "lid": eye_opening(landmarks), "nod": nod(landmarks, transforms, unit),
        "mouth": mouth_opening(landmarks),
    }  # fmt: skip
    curves = TensorFile(truth, "numpy")
    drawn = {name: curves.tensor(f"{clip.clip_id}/{curve}") for name, curve in DRAWN.items()}
    count = min(len(landmarks), *map(len, drawn.values()))
    seen = np.isfinite(landmarks[:count, 0, 0])
    return {name: (path[:count][seen], drawn[name][:count][seen]) for name, path in measured.items()}


def agreement(name: str, clips: list[Paths]) -> dict[str, object]:
    """A row of the table: correlation over all clips and of the median clip, and the drawn share of the roughness."""
    pairs = [tuple(path.reshape(len(path), -1) - path.mean(0) for path in clip[name]) for clip in clips]
    measured, drawn = (np.concatenate(side) for side in zip(*pairs, strict=True))
    single = [path_correlation(*pair) for pair in pairs if all(spread(path) > 0 for path in pair)]
    scale = (measured * drawn).sum() / (drawn**2).sum()
    shares = [roughness(scale * own)[0] / roughness(path)[0] for path, own in pairs]
    found = {
        "r over all clips": path_correlation(measured, drawn), "r of the median clip": float(np.median(single)),
        "drawn share of roughness": float(np.mean(shares)),
    }  # fmt: skip
    return {"path": name, "drawn curve": DRAWN[name], "clips": len(clips)} | {
        key: f"{value:.3f}" for key, value in found.items()
    }


def usable_clips(folder: Path) -> list[dict]:
    """Rows of the usable clips of a corpus that `draw` left."""
    return [row for row in read_table(folder / "clips.parquet", CLIPS).to_dict("records") if row["status"] == "ok"]


def measured_paths(folder: Path) -> tuple[list[dict[str, np.ndarray]], list[str]]:
    """The (T, d) measured paths of every usable clip, and its speaker."""
    rows = usable_clips(folder)
    found = [paths_of(Clip(row), truth_of(folder, row)) for row in rows]
    paths = [{name: own.reshape(len(own), -1) for name, (own, _) in clip.items()} for clip in found]
    return paths, [row["speaker"] for row in rows]


def truth_of(folder: Path, row: dict) -> Path:
    """The file with what was drawn of a clip's person."""
    return folder / f"truth_{row['speaker']}.safetensors"


def show(rows: list[dict[str, object]], output: Path) -> None:
    """Print the rows of a table, and write them as CSV."""
    print(*([*rows[0]], *([*row.values()] for row in rows)), sep="\n")
    with open(output, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Draw, preprocess, compare, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--actors", nargs="+", default=["W009", "M003"], help="shards of the drawn MEAD")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a clip")
    parser.add_argument("--keep", type=Path, help="folder in which the corpus stays")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.keep or Path(scratch)
        draw(chosen.actors, chosen.seconds, folder)
        clips = [paths_of(Clip(row), truth_of(folder, row)) for row in usable_clips(folder)]
    rows = [agreement(name, clips) for name in DRAWN]
    show(rows, OUTPUT)


if __name__ == "__main__":
    main()
