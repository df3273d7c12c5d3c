"""Made-up answers for the report's tests: two questions about the runs of ``reports_fixture``, with their scores."""

from pathlib import Path

import numpy as np
import pandas as pd

from eadnet.config.configuration import Config, load
from eadnet.tables import read_table, write_table
from metrics.functional.statistics import Resampling
from metrics.spec import REGISTRY, family_version
from metrics.summary.evidence import answer
from metrics.tables import EVIDENCE, SCORES

CLAIM = "It adds <b>detail</b> & sync."
SECTION = {
    "title": "What each <module> does",
    "questions": {
        "strips": {"module": "STDA", "claim": CLAIM, "run": "full", "rival": "no_stda",
                   "measures": ["psnr@region", "flicker_ratio@region", "fvd@corpus-v1"]},
        "words": {"module": "Text", "claim": "It makes emotions right.", "run": "full", "rival": "label_text",
                  "measures": ["psnr@region", "flicker_ratio@region"], "corpus": "mead"},
    },
    "measures": ["mouth_correlation@mediapipe"],
    "page": {"sources": ["no_stda", "full"], "frames": 8},
}  # fmt: skip
LEVELS = {"ground_truth": 50.0, "reconstruction": 40.0, "full": 28.0, "no_stda": 26.0, "label_text": 28.0}
PEOPLE, CLIPS, SEEDS = 12, 2, 2


def config() -> Config:
    """The configuration of the questions; drawn corpora, as by default."""
    runs = {"no_stda": {"stda": "none"}, "label_text": {"text": "label"}}
    return load({"runs": {"full": {}} | runs, "evidence": SECTION, "seeds": list(range(SEEDS))})


def write(folder: Path) -> None:
    """Write ``evidence_scores.parquet`` and ``evidence.parquet``: `full` beats `no_stda` and equals `label_text`."""
    write_table(scores(), folder / "evidence_scores.parquet", SCORES)
    section = config().evidence
    answer(folder / "evidence_scores.parquet", section, Resampling(400, 0.95), folder / "evidence.parquet")


def options(folder: Path) -> list[str]:
    """Options of what `write` wrote, in place of the other scores."""
    return ["--evidence", str(folder / "evidence.parquet"), "--questions", config().evidence.model_dump_json()]


def scores() -> pd.DataFrame:
    """Scores of twelve people by PSNR, flicker and, where the registry knows them, changes of expression."""
    changes = [key for key in REGISTRY if key.startswith("expression_change_")]
    rows = []
    for key in ("psnr@region", "flicker_ratio@region", *changes):
        random = np.random.default_rng(5)
        for run, level in LEVELS.items():
            rows += [
                dict.fromkeys(SCORES.names)
                | {"run": run, "seed": seed, "corpus": "mead", "draw": "all", "split": "test", "metric": key,
                   "clip_id": f"p{person}c{clip}", "speaker": f"p{person}", "seen_speaker": person % 2 == 0,
                   "family": REGISTRY[key].family, "metric_version": family_version(REGISTRY[key].family),
                   "level": "clip", "status": "ok", "commit": "0123456789ab",
                   "value": (level if key == "psnr@region" else 40 / level) + random.normal(0, 0.05) + 0.1 * person}
                for seed in range(SEEDS) for person in range(PEOPLE) for clip in range(CLIPS)
            ]  # fmt: skip
    return pd.DataFrame(rows, columns=SCORES.names)


def read(folder: Path) -> pd.DataFrame:
    """The answers."""
    return read_table(folder / "evidence.parquet", EVIDENCE)
