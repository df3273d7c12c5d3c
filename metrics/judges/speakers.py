"""Leave-speaker-out: how well would a judge do on train people, had it never seen them?

A judge that is only tested on people of its train clips may know the speaker instead of the emotion. Each fold trains a
fresh network without some of the people and tests it on them; the judge that scores is another, and does not change.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from eadnet.config.evaluation import JudgeSettings
from eadnet.data.clips import Clip
from metrics import judges
from metrics.judges.optimisation import SEED_DOMAIN, optimise


def leave_speaker_out(
    judge: str, settings: JudgeSettings, seed: int, clips: list[Clip], folds: int, log: Callable[[str], None]
) -> dict[str, Any]:
    """Accuracy on people left out of training, over folds of people.

    Args:
        judge: one whose held-out report has `accuracy`: ``emotion``.
        settings: optimiser of this judge.
        seed: seed of the whole run; every fold draws from its own domain of it.
        clips: train clips.
        folds: at most so many; no more than there are people.
        log: where progress lines go.

    Returns:
        `folds` (those that could be trained), `people`, `n` (clips tested) and `accuracy` (None where there are none).

    Raises:
        metrics.judges.JudgeError: this judge has no accuracy.
    """
    if judge != "emotion":
        raise judges.JudgeError(f"judge '{judge}' has no accuracy on people; only 'emotion' can leave speakers out")
    clips = [clip for clip in clips if clip.row["speaker"]]
    parts = speaker_folds(clips, folds, seed)
    results = []
    for index, people in enumerate(parts):
        try:
            results.append(_without(people, clips, judge, settings, [seed, *judge.encode(), 1 + index], log))
        except judges.UnusableCorpus as fault:
            log(f"{judge}: without {', '.join(people)}: skipped: {fault}")
    tested = sum(result["n_test"] for result in results)
    right = sum((result["accuracy"] or 0.0) * result["n_test"] for result in results)
    return {
        "folds": len(results), "people": sum(map(len, parts)), "n": tested,
        "accuracy": right / tested if tested else None,
    }  # fmt: skip


def speaker_folds(clips: list[Clip], folds: int, seed: int) -> list[list[str]]:
    """People of the clips in at most `folds` parts of nearly one size; one person alone leaves no one to train on."""
    people = sorted({clip.row["speaker"] for clip in clips})
    if len(people) < 2:
        return []
    shuffled = np.random.default_rng([SEED_DOMAIN, seed]).permutation(people)
    return [sorted(map(str, part)) for part in np.array_split(shuffled, min(folds, len(people)))]


def _without(
    people: list[str],
    clips: list[Clip],
    judge: str,
    settings: JudgeSettings,
    entropy: list[int],
    log: Callable[[str], None],
) -> dict[str, Any]:
    """Held-out report on some people of a judge that was trained on all others."""
    kept = [clip for clip in clips if clip.row["speaker"] not in people]
    held = [clip for clip in clips if clip.row["speaker"] in people]
    seeds = np.random.SeedSequence([SEED_DOMAIN, *entropy]).generate_state(2)
    torch.manual_seed(int(seeds[0]))
    task = judges.module(judge).Task(kept, held, np.random.default_rng(seeds[1]))
    for _ in optimise(task, settings.optimiser, log):
        pass
    task.network.eval()
    result = task.evaluate()
    log(f"{judge}: without {', '.join(people)}: accuracy {result['accuracy']}")
    return result
