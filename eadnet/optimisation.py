"""The training loop that every stage shares: AdamW, warm-up and cosine, EMA, log, exact resume.

A stage reads downward::

    loop = Loop(module, settings, folder, seed=0)
    for step, generator in loop:
        losses = {"simple": (1.0, simple_loss(...))}
        loop.update(losses)
    loop.finish(config)

All randomness of a step comes from its generator, seeded from (seed, rank, step): a resumed stage draws what an
uninterrupted one would have drawn, and on CPU ends with the same bits.
"""

import json
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from eadnet.checkpoint import TrainingState, digest, save_model
from eadnet.config import Optimiser
from eadnet.provenance import atomic_path, commit


class TrainingError(RuntimeError):
    """Training cannot go on; the message names the step and the losses."""


class Loop:
    """Iterates over (step, generator), from the stored step on.

    Args:
        module: what is trained (rank 0 of a data-parallel group passes the bare module).
        settings: optimiser settings.
        folder: where the stage writes.
        seed: the stage's seed.
        identity: everything else that the result depends on; a checkpoint of another identity is ignored.
        faster: parameters that learn `faster_rate` times as fast.
        ema: decay of the averaged weights that are saved in the end; None saves the last weights.
        rank, world: position in a data-parallel group; only rank 0 writes.
        checkpoint_every: steps between resumable states.
    """

    def __init__(
        self,
        module: nn.Module,
        settings: Optimiser,
        folder: str | Path,
        seed: int,
        identity: dict[str, Any] | None = None,
        faster: list[nn.Parameter] | None = None,
        faster_rate: float = 1.0,
        ema: float | None = None,
        rank: int = 0,
        world: int = 1,
        checkpoint_every: int = 100,
    ) -> None:
        self.module, self.settings, self.folder = module, settings, Path(folder)
        self.seed, self.rank, self.world, self.checkpoint_every = seed, rank, world, checkpoint_every
        self.optimiser = torch.optim.AdamW(
            _groups(module, settings, faster or [], faster_rate),
            lr=settings.learning_rate,
            betas=(0.9, 0.98),
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self.average = AveragedModel(module, multi_avg_fn=_warming_average(ema)) if ema else None
        self.state = TrainingState(
            folder, digest({"optimiser": settings.model_dump(), "seed": seed, **(identity or {})})
        )
        self.step, self.log = 0, []
        self._resume()

    def __iter__(self) -> Iterator[tuple[int, torch.Generator]]:
        self.started, self.first = time.monotonic(), self.step
        while self.step < self.settings.steps:
            yield self.step, step_generator(self.seed, self.rank, self.step)

    def update(self, losses: dict[str, tuple[float, Tensor]]) -> None:
        """One optimiser step on the weighted sum of named losses.

        Raises:
            TrainingError: the sum is not finite.
        """
        total = sum(weight * value for weight, value in losses.values() if weight)
        if not torch.isfinite(total):
            values = ", ".join(f"{name}={value.item():.4g}" for name, (_, value) in losses.items())
            raise TrainingError(
                f"{self.folder}: loss is not finite at step {self.step} ({values}); lower learning_rate"
            )
        self._set_learning_rates()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        if self.world > 1:
            self._average_gradients()
        nn.utils.clip_grad_norm_(self.module.parameters(), self.settings.clip_norm)
        self.optimiser.step()
        if self.average:
            self.average.update_parameters(self.module)
        self._record(total, losses)
        self.step += 1
        if self.rank == 0 and self.step % self.checkpoint_every == 0 and self.step < self.settings.steps:
            self._save()

    def averaged(self) -> nn.Module:
        """The weights that will be saved: averaged where EMA is on, else the last."""
        return self.average.module if self.average else self.module

    def finish(self, config: dict[str, Any], report: dict[str, Any] | None = None) -> None:
        """Write model, config, loss table and (if given) the stage's own report; remove the resumable state."""
        if report is not None:
            print(json.dumps(report), flush=True)
            with atomic_path(self.folder / "report.json") as temporary:
                temporary.write_text(json.dumps(report, indent=2) + "\n")
        with atomic_path(self.folder / "train.parquet") as temporary:
            pd.DataFrame(self.log, columns=["step", "loss", "value"]).to_parquet(temporary, index=False)
        save_model(self.folder, self.averaged(), {**config, "steps": self.settings.steps, "commit": commit()})
        self.state.discard()

    def _average_gradients(self) -> None:
        """Average the gradients over the processes in one message."""
        gradients = [parameter.grad for parameter in self.module.parameters() if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        torch.distributed.all_reduce(flat)
        flat /= self.world
        for gradient, averaged in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(averaged.view_as(gradient))

    def _set_learning_rates(self) -> None:
        warm = min(1.0, (self.step + 1) / self.settings.warmup)
        factor = warm * (0.5 + 0.5 * math.cos(math.pi * self.step / self.settings.steps))
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * factor

    def _record(self, total: Tensor, losses: dict[str, tuple[float, Tensor]]) -> None:
        values = {"total": total.item(), **{name: value.item() for name, (_, value) in losses.items()}}
        self.log += [(self.step, name, value) for name, value in values.items()]
        if self.rank == 0 and (self.step % 25 == 24 or self.step + 1 == self.settings.steps):
            pace = (time.monotonic() - self.started) / (self.step + 1 - self.first)
            left = pace * (self.settings.steps - self.step - 1)
            shown = " ".join(f"{name} {value:.4f}" for name, value in values.items())
            print(
                f"step {self.step + 1}/{self.settings.steps} {shown} ({pace:.3f} s/step, {left:.0f} s left)", flush=True
            )

    def _save(self) -> None:
        average = self.average.state_dict() if self.average else None
        self.state.save(
            {
                "step": self.step,
                "module": self.module.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "average": average,
                "log": self.log,
            }
        )

    def _resume(self) -> None:
        stored = self.state.load()
        if stored is None:
            return
        self.module.load_state_dict(stored["module"])
        self.optimiser.load_state_dict(stored["optimiser"])
        if self.average:
            self.average.load_state_dict(stored["average"])
        self.step, self.log = stored["step"], [tuple(row) for row in stored["log"]]
        print(f"resuming at step {self.step}", file=sys.stderr)


def step_generator(seed: int, rank: int, step: int) -> torch.Generator:
    """A generator that depends on nothing but its arguments."""
    return torch.Generator().manual_seed((seed * 1_000_003 + rank) * 1_000_003 + step)


def _groups(module: nn.Module, settings: Optimiser, faster: list[nn.Parameter], rate: float) -> list[dict[str, Any]]:
    chosen = {id(parameter) for parameter in faster}
    slow = [p for p in module.parameters() if p.requires_grad and id(p) not in chosen]
    groups = [{"params": slow, "peak": settings.learning_rate}]
    return groups + [{"params": faster, "peak": settings.learning_rate * rate}] if faster else groups


def _warming_average(decay: float) -> Any:
    """Average that trusts recent weights at first: decay_n = min(decay, (1 + n) / (10 + n))."""

    def average(averaged: list[Tensor], current: list[Tensor], count: int | Tensor) -> None:
        share = min(decay, (1 + int(count)) / (10 + int(count)))
        torch._foreach_lerp_(averaged, current, 1 - share)

    return average
