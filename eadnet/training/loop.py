"""The training loop that every stage shares: AdamW, warm-up and cosine, EMA, data parallelism, log, exact resume.

A stage reads downward::

    loop = Loop(module, settings, folder, seed=0)
    for step, generator in loop:
        losses = {"simple": (1.0, simple_loss(...))}
        loop.update(losses)
    loop.finish(config)

A step is made of *shares* (data-parallel processes x accumulated batches). All randomness of a share comes from its own
generator, seeded from (seed, share, step): however many processes take the shares, and however often the stage was
interrupted, the same samples are drawn; on CPU a resumed stage ends with the same bits.

Nothing in a step waits for the device. Its values are read later (``eadnet.training.pending``); until then the device
itself guards the weights: it leaves out a step whose loss or gradient is not finite, and no weights are stored before
all values have been read.
"""

import json
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from eadnet.checkpoint import EXPORTS, TrainingState, digest, inputs_digest, save_model
from eadnet.config.networks import Autoencoder, Optimiser, SyncNet, VideoMAE
from eadnet.device import CPU, Device
from eadnet.jobs.ownership import check_owned
from eadnet.provenance import atomic_path, commit
from eadnet.training.average import RunningAverage
from eadnet.training.distributed import average_gradients, average_values
from eadnet.training.log import TrainingLog
from eadnet.training.losses import Losses
from eadnet.training.optimisation import Phase, learning_rate, make_optimiser
from eadnet.training.pending import Pending
from eadnet.training.step_values import StepValues, TakenShare, TrainingError
from eadnet.training.transfer import Arriving, Transfer

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class LoopOptions:
    """What some stages need beside optimiser settings.

    Attributes:
        identity: everything else that the result depends on; a checkpoint of another identity is ignored.
        faster: parameters that learn `faster_rate` times as fast.
        ema: decay of the averaged weights that are saved in the end; 0 saves the last weights.
        shares: data-parallel shares of a step, before accumulation.
        checkpoint_every: steps between resumable states.
        device: device, precision, rank and world.
        prefetch: batches drawn ahead by a thread.
        behind: steps that the reading of values stays behind; None: one on a GPU, none on a CPU.
        tensorboard: whether to write the log for TensorBoard, too.
    """

    identity: dict[str, Any] = field(default_factory=dict)
    faster: list[nn.Parameter] = field(default_factory=list)
    faster_rate: float = 1.0
    ema: float = 0.0
    shares: int = 1
    checkpoint_every: int = 100
    device: Device = CPU
    prefetch: int = 0
    behind: int | None = None
    tensorboard: bool = False


class Loop:
    """Iterates over (step, generator) of every share that this process takes, from the stored step on.

    Args:
        module: what is trained.
        settings: optimiser settings, or the phases of the stage.
        folder: where the stage writes.
        seed: the stage's seed.
        options: fields of `LoopOptions`, by name.
    """

    def __init__(
        self, module: nn.Module, settings: Optimiser | list[Phase], folder: str | Path, seed: int, **options: Any
    ) -> None:
        self.module, self.folder, self.seed, self.options = module, Path(folder), seed, LoopOptions(**options)
        self.phases = settings if isinstance(settings, list) else [Phase(settings)]
        self.device, self.steps = self.options.device, sum(phase.settings.steps for phase in self.phases)
        self.optimiser = make_optimiser(module, self.phases, self.options.faster, self.options.faster_rate)
        # bfloat16 has the range of float32; in float16 small gradients would be zero if they were not scaled
        self.scaler = torch.amp.GradScaler(enabled=self.device.precision == torch.float16)
        ema = self.options.ema
        self.average = RunningAverage(module, ema) if ema else None
        described = [phase.settings.model_dump(mode="json") for phase in self.phases]
        self.state = TrainingState(
            folder, digest({"phases": described, "shares": self.options.shares, "seed": seed, **self.options.identity})
        )
        self.log = TrainingLog(self.folder, self.steps, self.device.rank == 0, self.options.tensorboard)
        self.pending = Pending(self.device.torch_device, self.options.behind)
        self.first, self.step, self.turn = 0, 0, 0
        self.sums: dict[str, Tensor] = {}
        self.taken: list[TakenShare] = []
        self._resume()

    # ------------------------------------------------------------------------------------------- iteration
    def __iter__(self) -> Iterator[tuple[int, torch.Generator]]:
        for step, share in self._plan():
            self._store_if_due()
            self._enter_phase(step)
            yield step, step_generator(self.seed, share, step)
        self.pending.flush()

    def batches(self, draw: Callable[[int, torch.Generator], Batch]) -> Iterator[tuple[int, Batch]]:
        """Iterate over (step, batch on the device), drawing and copying up to `prefetch` batches ahead in a thread.

        Args:
            draw: (number of samples, generator) to a batch; called in the order of the plan.
        """
        plan, waiting, transfer = self._plan(), deque(), Transfer(self.device.torch_device)

        def make(step: int, share: int) -> Arriving[Batch]:
            count = self.phase_at(step).settings.batch_size
            return transfer.start(draw(count, step_generator(self.seed, share, step)))

        with ThreadPoolExecutor(1) as thread:
            for step, share in plan:
                waiting.append((step, thread.submit(make, step, share)))
                if len(waiting) > self.options.prefetch:
                    yield self._awaited(*waiting.popleft())
            while waiting:
                yield self._awaited(*waiting.popleft())
        self.pending.flush()

    def phase_at(self, step: int) -> Phase:
        """The phase that a step belongs to."""
        return self.phases[self._place(step)[0]]

    def due(self, every: int) -> bool:
        """Whether `every` further steps have just been finished (and not the last one)."""
        return bool(every) and self.turn == 0 and 0 < self.step < self.steps and self.step % every == 0

    # ---------------------------------------------------------------------------------------------- update
    def update(self, losses: Losses, named: Callable[[], str] | None = None) -> None:
        """Add the gradients of one share; after the last one, take an optimiser step.

        Args:
            losses: named (weight, value) pairs, summed.
            named: names the clips of the batch, for the message where the loss is not finite.

        Raises:
            TrainingError: the sum or its gradient is not finite, in this step or in one whose values are read now.
        """
        total = sum(weight * value for weight, value in losses.values() if weight)
        values = {"total": total.detach()} | {name: value.detach() for name, (_, value) in losses.items()}
        if self.turn == 0:
            self.optimiser.zero_grad(set_to_none=True)
        self.taken.append(TakenShare(values, named))
        turns = self._turns(self.phase_at(self.step).settings)
        self.scaler.scale(total / turns).backward()
        self.sums = {name: self.sums.get(name, 0) + value.float() / turns for name, value in values.items()}
        self.turn = (self.turn + 1) % turns
        if self.turn == 0:
            self._take_step()

    def note(self, values: dict[str, float]) -> None:
        """Log values of the last step that are not its losses (validation)."""
        self.pending.flush()  # the step's own come first
        self.log.add(self.step - 1, values)

    def averaged(self) -> nn.Module:
        """The weights that will be saved: averaged where EMA is on, else the last."""
        return self.average.module if self.average else self.module

    def export(self, config: dict[str, Any]) -> None:
        """Write the weights that would be saved now, as a model of their own: ``exports/step_{n}``."""
        self.pending.flush()
        if self.device.rank == 0:
            self._save(self.folder / EXPORTS / f"step_{self.step:06d}", config)

    def finish(self, config: dict[str, Any], report: dict[str, Any] | None = None) -> None:
        """Write model, config, loss table and (if given) the stage's own report; remove the resumable state."""
        self.pending.flush()
        if self.device.rank:
            return
        check_owned(self.folder)
        if report is not None:
            print(json.dumps(report), flush=True)
            with atomic_path(self.folder / "report.json") as temporary:
                temporary.write_text(json.dumps(report, indent=2) + "\n")
        self.log.finish()
        self._save(self.folder, config)
        self.state.discard()

    def _save(self, folder: Path, config: dict[str, Any]) -> None:
        save_model(folder, self.averaged(), {**config, "steps": self.step, "commit": commit()})

    def _take_step(self) -> None:
        settings, clock = self.phase_at(self.step).settings, time.perf_counter
        started = clock()
        average_gradients(self.module, self.device)
        self.scaler.unscale_(self.optimiser)
        norm = nn.utils.clip_grad_norm_(self.module.parameters(), settings.clip_norm)
        values = average_values(self.sums | {"gradient_norm": norm}, self.device)
        self._follow_schedule()
        if not self.scaler.is_enabled():  # a scaler does the same by itself, for gradients
            # the fused optimiser leaves out a step where this is 1, as it does for a scaler: nothing is read back
            self.optimiser.found_inf = 1 - (values["total"] + values["gradient_norm"]).isfinite().float()
        self.scaler.step(self.optimiser)
        self.scaler.update()
        if self.average:
            self.average.follow(self.module, self.step)
        samples = settings.batch_size * settings.accumulate * self.options.shares
        timing, step = self.log.lap(samples, clock() - started), self.step
        left = StepValues(self.folder, step, values, self.taken, scaled=self.scaler.is_enabled())
        left.send(self.pending, lambda numbers: self.log.record(step, numbers, timing))
        self.sums, self.taken, self.step = {}, [], self.step + 1

    # ------------------------------------------------------------------------------------------------ plan
    def _plan(self) -> Iterator[tuple[int, int]]:
        """(step, share) of all that this process still has to do."""
        for step in range(self.step, self.steps):
            settings = self.phase_at(step).settings
            for turn in range(self._turns(settings)):
                # the processes take the shares in turn: together the same ones, however many processes there are
                yield step, turn * self.device.world + self.device.rank

    def _turns(self, settings: Optimiser) -> int:
        """Shares of a step that this process takes, one after the other."""
        shares = self.options.shares * settings.accumulate
        if shares % self.device.world:
            raise TrainingError(
                f"{self.device.world} processes cannot divide the {shares} shares of a step (settings.processes x "
                f"accumulate); start as many as divide {shares}"
            )
        return shares // self.device.world

    def _place(self, step: int) -> tuple[int, int]:
        """Number of the phase that a step belongs to, and the step's number within it."""
        for number, phase in enumerate(self.phases):
            if step < phase.settings.steps or number == len(self.phases) - 1:
                return number, step
            step -= phase.settings.steps
        raise AssertionError("a stage has a phase")

    def _enter_phase(self, step: int) -> None:
        """Let the parameters of the step's phase learn, and those of other phases not."""
        chosen = self.phase_at(step).parameters
        if chosen is None or self.turn:  # within a step, gradients of earlier shares are waiting
            return
        learning = {id(parameter) for parameter in chosen}
        for parameter in self.module.parameters():
            parameter.requires_grad_(id(parameter) in learning)

    def _awaited(self, step: int, future: Any) -> tuple[int, Any]:
        # all of this when a batch is taken, not when it is drawn, which a thread does up to `prefetch` steps ahead
        self._store_if_due()
        started = time.perf_counter()
        arriving = future.result()
        self.log.waited(time.perf_counter() - started)
        self._enter_phase(step)
        return step, arriving.here()

    def _follow_schedule(self) -> None:
        number, step = self._place(self.step)
        settings = self.phases[number].settings
        for group in self.optimiser.param_groups:
            group["lr"] = group["pace"] * learning_rate(settings, step)
            group["betas"], group["weight_decay"] = (0.9, settings.beta2), settings.weight_decay

    # ---------------------------------------------------------------------------------------------- resume
    def _store_if_due(self) -> None:
        """Store the state before a step rather than after one, so that it holds all that was logged of the last."""
        if self.device.rank or self.turn or self.step == self.first or self.step % self.options.checkpoint_every:
            return
        self.pending.flush()
        self.state.save(
            {
                "step": self.step,
                "module": self.module.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "scaler": self.scaler.state_dict(),
                "average": self.average.state_dict() if self.average else None,
                "log": self.log.rows,
            }
        )

    def _resume(self) -> None:
        stored = self.state.load()
        if stored is None:
            if self.device.rank == 0:
                shutil.rmtree(self.folder / EXPORTS, ignore_errors=True)  # of other settings
            return self.log.start_over()
        # random numbers are no part of the state: every step's generator follows from its number (`step_generator`)
        self.module.load_state_dict(stored["module"])
        self.optimiser.load_state_dict(stored["optimiser"])
        for parameter, moments in self.optimiser.state.items():
            # laid out as the parameter is now: `compute.channels_last` may differ
            for name in ("exp_avg", "exp_avg_sq"):
                moments[name] = torch.empty_like(parameter).copy_(moments[name])
        if stored["scaler"]:  # empty where the interrupted stage ran in another precision
            self.scaler.load_state_dict(stored["scaler"])
        if self.average:
            self.average.load_state_dict(stored["average"])
        self.step = self.first = stored["step"]
        self.log.continue_from(self.step, stored["log"])
        print(f"resuming at step {self.step}", file=sys.stderr)


def network_loop(
    module: nn.Module,
    settings: Autoencoder | SyncNet | VideoMAE,
    clips: str,
    output: str,
    seed: int,
    device: Device,
    **identity: Any,
) -> Loop:
    """The loop of a network that learns from clips alone.

    Args:
        module: the network.
        settings: its section of the configuration, with an `optimiser`.
        clips: table of all clips; their contents belong to the identity of a checkpoint.
        output: folder to write.
        seed: the stage's seed.
        device: device and precision.
        identity: what else the result depends on.
    """
    identity |= {"model": settings.model_dump(mode="json"), "inputs": inputs_digest([clips])}
    return Loop(module, settings.optimiser, output, seed, identity=identity, device=device)


def step_generator(seed: int, share: int, step: int) -> torch.Generator:
    """A generator that depends on nothing but its arguments.

    Different arguments have different seeds while share and step are below 1,000,003.
    """
    return torch.Generator().manual_seed((seed * 1_000_003 + share) * 1_000_003 + step)
