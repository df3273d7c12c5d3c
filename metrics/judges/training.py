"""Train one judge on real train clips and test it on real held-out clips.

Run as ``python -m metrics train-judge``. Reads the clips table and its arrays; writes a judge's folder (see
``metrics.judges``). Every judge brings a `Task`: what a batch is, its loss, and how the held-out clips are judged.
"""

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from eadnet.clips import Clip
from eadnet.config import Judge, Schedule
from eadnet.tables import CLIPS, read_table
from metrics import judges

MAX_CLIPS = 2000  # train clips held in memory at once; more are sampled evenly
SEED_DOMAIN = 0x6A756467  # keeps judges' random numbers apart from those of training, whatever the seed


class Task(Protocol):
    """What a judge learns. Built from train clips, held-out clips and a generator for sampling."""

    network: nn.Module

    def loss(self, batch_size: int) -> Tensor:
        """Loss of one batch drawn at random."""

    def evaluate(self) -> dict[str, Any]:
        """Accuracies on the held-out clips, and `n_test`."""


def train_judge(
    judge: str,
    settings: Judge,
    seed: int,
    clips: str | Path,
    output: str | Path,
    log: Callable[[str], None] = print,
    left_out_folds: int = 0,
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

    Returns:
        The report: `usable`, `reason`, `n_train`, `n_test`, `steps`, `seconds` and the judge's held-out accuracies.
    """
    start = time.perf_counter()
    torch.set_num_threads(1)
    seeds = np.random.SeedSequence([SEED_DOMAIN, seed, *judge.encode()]).generate_state(2)
    torch.manual_seed(int(seeds[0]))
    train, test = split_clips(read_table(clips, CLIPS), int(seeds[1]))
    common = {"judge": judge, "version": judges.module(judge).VERSION, "n_train": len(train), "n_test": len(test)}
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
    judge: str, settings: Judge, seed: int, train: list[Clip], folds: int, log: Callable[[str], None]
) -> dict[str, Any]:
    if not folds:
        return {}
    from metrics.judges.speakers import leave_speaker_out  # which trains by this module

    return {"leave_speaker_out": leave_speaker_out(judge, settings, seed, train, folds, log)}


def split_clips(table: pd.DataFrame, seed: int) -> tuple[list[Clip], list[Clip]]:
    """Usable train and test clips, at most `MAX_CLIPS` each, drawn evenly where there are more."""
    usable = table[table["status"] == "ok"]
    parts = (usable[usable["split"] == split] for split in ("train", "test"))
    sampled = (part.sample(min(len(part), MAX_CLIPS), random_state=seed).sort_index() for part in parts)
    train, test = ([Clip(row) for row in part.to_dict("records")] for part in sampled)
    return train, test


def optimise(task: Task, settings: Schedule, log: Callable[[str], None]) -> Iterator[float]:
    """AdamW with warm-up and cosine decay to zero, in bfloat16 autocast; yields the loss of every step."""
    parameters = list(task.network.parameters())
    optimiser = torch.optim.AdamW(parameters, lr=0.0, weight_decay=settings.weight_decay, fused=True)
    # emulated bfloat16 would be slower than float32
    native_bfloat16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    task.network.train()
    for step in range(settings.steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(settings, step)
        with torch.autocast("cpu", torch.bfloat16, enabled=native_bfloat16):
            loss = task.loss(settings.batch_size)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, settings.clip_norm)
        optimiser.step()
        if (step + 1) % 50 == 0 or step + 1 == settings.steps:
            log(f"step {step + 1}/{settings.steps} loss {loss.item():.4f}")
        yield loss.item()


def learning_rate(settings: Schedule, step: int) -> float:
    """Learning rate of a step: linear warm-up, then half a cosine to zero."""
    warmup = min(1.0, (step + 1) / settings.warmup)
    return settings.learning_rate * warmup * 0.5 * (1 + math.cos(math.pi * step / settings.steps))


def cut(crops: np.ndarray, box: tuple[float, float, float, float], size: tuple[int, int]) -> np.ndarray:
    """Cut a box out of aligned crops and shrink it, whatever the crops' resolution.

    Args:
        crops: (T, H, W, 3) uint8.
        box: top, bottom, left, right as shares of the crop.
        size: height and width of the result in pixels.

    Returns:
        (T, *size, 3) uint8.
    """
    height, width = crops.shape[1:3]
    top, bottom = round(box[0] * height), round(box[1] * height)
    left, right = round(box[2] * width), round(box[3] * width)
    shrinks = bottom - top > size[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.stack([cv2.resize(crop[top:bottom, left:right], size[::-1], interpolation=method) for crop in crops])


def to_tensor(frames: np.ndarray) -> Tensor:
    """(N, H, W, 3) uint8 to (N, 3, H, W) float32 in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 127.5 - 1


def recolour(images: Tensor, rng: np.random.Generator, groups: int = 1) -> Tensor:
    """Random contrast and colour shift of (N, 3, H, W) images in [-1, 1]; `groups` neighbours share one."""
    count = len(images) // groups
    gain = torch.from_numpy(rng.normal(1, 0.15, (count, 1, 1, 1)).astype(np.float32)).repeat_interleave(groups, 0)
    shift = torch.from_numpy(rng.normal(0, 0.15, (count, 3, 1, 1)).astype(np.float32)).repeat_interleave(groups, 0)
    return images * gain + shift


def grain(like: Tensor, rng: np.random.Generator) -> Tensor:
    """Standard normal noise of the shape of `like`; numpy draws it several times faster than torch does on a CPU."""
    return torch.from_numpy(rng.standard_normal(tuple(like.shape), dtype=np.float32))
