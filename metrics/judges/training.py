"""Train one judge on real train clips and test it on real held-out clips.

Run as ``python -m metrics train-judge``. Reads the clips table and its arrays; writes a judge's folder (see
``metrics.judges``). Every judge brings a `Task`: what a batch is, its loss, and how the held-out clips are judged.
"""

import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from eadnet.config.corpora import TEST_ONLY
from eadnet.config.evaluation import JudgeSettings
from eadnet.data.clips import Clip
from eadnet.tables import CLIPS, read_table
from metrics import judges
from metrics.judges.optimisation import SEED_DOMAIN, optimise
from metrics.judges.speakers import leave_speaker_out

MAX_CLIPS = 2000  # train clips held in memory at once; of more a random choice is taken


def train_judge(
    judge: str,
    settings: JudgeSettings,
    seed: int,
    clips: str | Path,
    output: str | Path,
    log: Callable[[str], None] = print,
    left_out_folds: int = 0,
    drawn: Collection[str] = (),
) -> dict[str, Any]:
    """Train a judge and write its folder.

    Args:
        judge: ``sync``, ``emotion`` or ``video``.
        settings: optimiser of this judge.
        seed: seed of the whole run; judges draw from their own domain of it.
        clips: table of the preprocessed clips.
        output: folder to write.
        log: where progress lines go.
        left_out_folds: folds of `metrics.judges.speakers`, each as dear as the judge, which they leave as it is.
        drawn: names of the corpora whose faces are drawn, for the report.

    Returns:
        The report: `usable`, `reason`, `corpora`, `drawn`, `n_train`, `n_test`, `steps`, `seconds` and
        the judge's held-out accuracies.
    """
    start = time.perf_counter()
    torch.set_num_threads(1)
    seeds = np.random.SeedSequence([SEED_DOMAIN, seed, *judge.encode()]).generate_state(2)
    torch.manual_seed(int(seeds[0]))
    train, test = split_clips(read_table(clips, CLIPS), int(seeds[1]))
    common = {"judge": judge, "version": judges.module(judge).VERSION, "n_train": len(train), "n_test": len(test)}
    common |= {"corpora": sorted({clip.row["corpus"] for clip in train}), "drawn": sorted(drawn)}
    try:
        task = judges.module(judge).Task(train, test, np.random.default_rng(seeds[1]))
    except judges.UnusableCorpus as fault:
        return _skipped(judge, common | {"usable": False, "reason": str(fault), "steps": 0}, output, log)
    losses = list(optimise(task, settings.optimiser, log))
    task.network.eval()
    report = {**common, "usable": True, "reason": None, "steps": len(losses), "loss": float(np.mean(losses[-20:]))}
    report |= task.evaluate() | _left_out(judge, settings, seed, train, left_out_folds, log)
    report["seconds"] = round(time.perf_counter() - start, 1)
    judges.save(output, judge, task.network, report)
    return report


def _skipped(judge: str, report: dict[str, Any], output: str | Path, log: Callable[[str], None]) -> dict[str, Any]:
    judges.save(output, judge, None, report)
    log(f"{judge}: skipped: {report['reason']}")
    return report


def _left_out(
    judge: str, settings: JudgeSettings, seed: int, train: list[Clip], folds: int, log: Callable[[str], None]
) -> dict[str, Any]:
    if not folds:
        return {}
    return {"leave_speaker_out": leave_speaker_out(judge, settings, seed, train, folds, log)}


def split_clips(table: pd.DataFrame, seed: int) -> tuple[list[Clip], list[Clip]]:
    """Usable train and test clips, at most `MAX_CLIPS` each, drawn evenly where there are more.

    Corpora for testing only are left out: a judge's report is about the corpora that it learned from.
    """
    usable = table[(table["status"] == "ok") & ~table["corpus"].isin(TEST_ONLY)]
    parts = (usable[usable["split"] == split] for split in ("train", "test"))
    sampled = (part.sample(min(len(part), MAX_CLIPS), random_state=seed).sort_index() for part in parts)
    train, test = ([Clip(row) for row in part.to_dict("records")] for part in sampled)
    return train, test
