"""What a step leaves on the device, and the check of it when it can be read: no training goes on without numbers."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from torch import Tensor

from eadnet.training.pending import Pending


class TrainingError(RuntimeError):
    """Training cannot go on; the message names the step and the losses."""


@dataclass(frozen=True)
class TakenShare:
    """A share of the step that is being made: its losses on the device, and what names its clips."""

    values: dict[str, Tensor]
    named: Callable[[], str] | None


@dataclass(frozen=True)
class StepValues:
    """The values of a step.

    Attributes:
        folder: of the stage, for messages.
        step: its number.
        averaged: losses with their sum `total`, and `gradient_norm`, averaged over all processes and their shares.
        taken: the shares of this process.
        scaled: whether gradients are scaled: such a step may fail, and is taken again with a smaller scale.
    """

    folder: Path
    step: int
    averaged: dict[str, Tensor]
    taken: list[TakenShare]
    scaled: bool = False

    def send(self, pending: Pending, record: Callable[[dict[str, float]], None]) -> None:
        """Send them to where they are checked, and then recorded.

        Raises:
            TrainingError: the loss or the gradient of this step, or of one that is read now, is not finite.
        """
        names = [list(self.averaged), *(list(share.values) for share in self.taken)]
        named = [share.named for share in self.taken]  # not the values: they would fill the device's memory
        folder, step, scaled = self.folder, self.step, self.scaled

        def read(numbers: list[float]) -> None:
            left = iter(numbers)
            averaged, *own = (dict(zip(each, islice(left, len(each)), strict=True)) for each in names)
            _check(f"at step {step}", folder, averaged, list(zip(own, named, strict=True)), scaled)
            record(averaged)

        own = [value.float().reshape(()) for share in self.taken for value in share.values.values()]
        pending.send([*self.averaged.values(), *own], read)


Own = list[tuple[dict[str, float], Callable[[], str] | None]]


def _check(when: str, folder: Path, averaged: dict[str, float], own: Own, scaled: bool) -> None:
    """Refuse a step whose loss or gradient is not finite, by the names of its clips."""
    for values, named in own:
        if not math.isfinite(values["total"]):
            raise TrainingError(f"{folder}: loss is not finite {when}{_shown(values, [named])}")
    if not math.isfinite(averaged["total"]):
        raise TrainingError(f"{folder}: loss is not finite {when} in another process, which names its clips")
    if not math.isfinite(averaged["gradient_norm"]) and not scaled:
        losses = {name: value for name, value in averaged.items() if name != "gradient_norm"}
        raise TrainingError(f"{folder}: gradient is not finite {when}{_shown(losses, [named for _, named in own])}")


def _shown(values: dict[str, float], named: list[Callable[[], str] | None]) -> str:
    clips = ", ".join(name() for name in named if name)
    losses = ", ".join(f"{name}={value:.4g}" for name, value in values.items())
    return f"{f' on {clips}' if clips else ''} ({losses}); lower learning_rate"
