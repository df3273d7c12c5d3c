"""Captions, measures and their scores for made-up clips, by the stages' own code; used by reports_fixture.py."""

import random
from pathlib import Path

from eadnet.captions.engines.descriptor import DescriptorEngine
from eadnet.captions.measures.descriptors import FULL_STRENGTH, Descriptors
from eadnet.captions.measures.table import descriptor_rows, write_descriptors
from eadnet.captions.measures.true_units import write_true_units
from eadnet.captions.measures.voice import Voice
from eadnet.captions.rows import caption_rows
from eadnet.tables import CAPTIONS, CLIPS, read_rows, write_table
from metrics.captions.scoring import score_captions
from metrics.functional.statistics import Resampling
from metrics.summary.aggregate import summarise

CAPTIONERS = {"main": True, "blind": False}
"""Captioners, and whether each is told the label."""


def write(folder: Path) -> None:
    """Write descriptors, true units, captions of two captioners and their summary beside ``clips.parquet``."""
    rows = read_rows(folder / "clips.parquet", CLIPS)
    generator = random.Random(0)
    measures = {row["clip_id"]: _descriptors(generator) for row in rows if row["status"] == "ok"}
    write_descriptors(descriptor_rows(rows, measures), folder / "descriptors" / "mead" / "M000.parquet")
    write_true_units([_drawn(row, measures[row["clip_id"]]) for row in rows if row["status"] == "ok"], _true(folder))
    scores = []
    for name, labelled in CAPTIONERS.items():
        table = folder / "captions" / name / "mead" / "M000.parquet"
        write_table(caption_rows(rows, measures, DescriptorEngine(0), labelled), table, CAPTIONS)
        scores.append(folder / "captions" / f"{name}.parquet")
        score_captions([table], folder / "clips.parquet", _true(folder), name, 0, scores[-1])
    summarise(
        scores, Resampling(200, 0.95), folder / "captions" / "scores.parquet", folder / "captions" / "summary.parquet"
    )


def options(folder: Path) -> list[str]:
    """The command-line options of the report that name what `write` wrote."""
    words = ["--caption-summary", str(folder / "captions" / "summary.parquet"), "--true-units", str(_true(folder))]
    words += ["--descriptors", str(folder / "descriptors" / "mead" / "M000.parquet")]
    for name in CAPTIONERS:
        words += ["--captioned", str(folder / "captions" / name / "mead" / "M000.parquet")]
    return words


def _true(folder: Path) -> Path:
    return folder / "true_units.parquet"


def _descriptors(generator: random.Random) -> Descriptors:
    units = {unit: max(0.0, generator.gauss(0.3, 0.5)) for unit in FULL_STRENGTH}
    return Descriptors(units, True, 0.05, 0.0, (0.0, 0.0), 15.0, "static", Voice(0.0, 0.0, 0.0))


def _drawn(row: dict, found: Descriptors) -> dict:
    """A truth that the measures follow halfway."""
    strong = [unit for unit, strength in found.units.items() if strength > 0.5]
    return {
        "clip_id": row["clip_id"], "emotion": row["emotion"], "level": row["level"],
        "units": strong, "strengths": [min(found.units[unit], 1.0) for unit in strong],
    }  # fmt: skip
