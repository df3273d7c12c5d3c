"""Conversations for tests of language models, and a program that has them answered in another environment.

    <python> -m tests.support.caption_questions ENGINE FOLDER

Reads what `ask` writes into FOLDER and leaves the answers there.
"""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from eadnet.captions.engines.answers import Answer
from eadnet.captions.engines.conversations import Conversation
from eadnet.captions.measures.descriptors import FULL_STRENGTH, Descriptors
from eadnet.captions.measures.voice import Voice
from eadnet.captions.prompt import prompt_for
from eadnet.captions.requests import Request
from eadnet.config.captions import LanguageModel
from eadnet.config.machine import Captioning
from tests.support.paths import ROOT

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


def synthetic_frames(number: int, count: int = 4, side: int = 64) -> tuple[np.ndarray, ...]:
    """Stripes that move, of a width, direction and colour that go with the number."""
    down, across = np.mgrid[:side, :side][..., None]
    shades = [(down * (number % 5 + 1) + across * (number % 7 + 1) * [1, 2, 3] + 17 * number * k) for k in range(count)]
    return tuple((shade % 256).astype(np.uint8) for shade in shades)


def conversation(number: int, frames: tuple[np.ndarray, ...], variant: str = "frames") -> Conversation:
    """A conversation about a clip under the real rules, with measures that go with the number."""
    units = {unit: (number * k % 11) / 10 for k, unit in enumerate(FULL_STRENGTH)}
    measures = Descriptors(units, True, number / 100, 0.0, (0.0, 0.0), 15.0, "static", Voice(0, 0, 0))
    row = {"clip_id": f"clip_{number}", "emotion": None, "level": None}
    prompt = prompt_for(variant)
    return Conversation(row["clip_id"], prompt.text, prompt.question(Request(row, measures), len(frames)), frames)


def endless(like: Conversation) -> Conversation:
    """The same with a question that no model has room for."""
    return Conversation("endless", like.system, "word " * 30_000, like.images)


def ask(
    python: Path,
    folder: Path,
    engine: str,
    model: dict[str, Any],
    machine: dict[str, Any],
    rounds: Sequence[Sequence[Conversation]],
) -> list[list[Answer]]:
    """Have conversations answered by one engine of another environment, a round after the other."""
    folder.mkdir()
    frames = {}
    for turn, asked in enumerate(rounds):
        for place, chat in enumerate(asked):
            frames |= {f"{turn}/{place}/{k}": image for k, image in enumerate(chat.images)}
    np.savez(folder / "frames.npz", **frames)
    texts = [[(chat.clip_id, chat.system, chat.user, len(chat.images)) for chat in asked] for asked in rounds]
    job = json.dumps({"model": model, "machine": machine, "rounds": texts})
    (folder / "job.json").write_text(job, encoding="utf-8")
    command = [str(python), "-m", "tests.support.caption_questions", engine, str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    answered = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    return [[Answer(**answer) for answer in turn] for turn in answered]


def main() -> None:
    """Answer a job."""
    engine, folder = sys.argv[1], Path(sys.argv[2])
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    chosen = LanguageModel(**job["model"])
    module = importlib.import_module(f"eadnet.captions.engines.{engine}")
    backend = module.make_backend(chosen, Captioning(**job["machine"]), Path(chosen.folder), "tiny")
    with np.load(folder / "frames.npz") as frames:
        rounds = [
            [
                Conversation(name, system, user, tuple(frames[f"{turn}/{place}/{k}"] for k in range(count)))
                for place, (name, system, user, count) in enumerate(asked)
            ]
            for turn, asked in enumerate(job["rounds"])
        ]
    answers = [[asdict(answer) for answer in backend.answer(asked)] for asked in rounds]
    (folder / "answers.json").write_text(json.dumps(answers), encoding="utf-8")


if __name__ == "__main__":
    main()
