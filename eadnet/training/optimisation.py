"""What a stage's phases learn, and how fast: AdamW, warm-up and cosine."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from eadnet.config.networks import Optimiser


@dataclass(frozen=True)
class Phase:
    """A stretch of a stage's steps.

    Attributes:
        settings: its optimiser settings.
        parameters: what learns; None is everything that is not frozen.
    """

    settings: Optimiser
    parameters: list[nn.Parameter] | None = None


def learning_rate(settings: Optimiser, step: int) -> float:
    """Learning rate of a step (from 0): linear warm-up times a cosine from the peak to `final_rate` of it."""
    warm = min(1.0, (step + 1) / settings.warmup)
    cosine = 0.5 + 0.5 * math.cos(math.pi * step / settings.steps)
    return settings.learning_rate * warm * (settings.final_rate + (1 - settings.final_rate) * cosine)


def make_optimiser(
    module: nn.Module, phases: list[Phase], faster: list[nn.Parameter], faster_rate: float
) -> torch.optim.AdamW:
    """AdamW over everything that learns in some phase; the phase sets its rates before every step.

    Parameters without a gradient are left alone.
    """
    everything = [parameter for parameter in module.parameters() if parameter.requires_grad]
    some = {id(p) for phase in phases for p in (everything if phase.parameters is None else phase.parameters)}
    quick = {id(parameter) for parameter in faster}
    slow = [parameter for parameter in everything if id(parameter) in some and id(parameter) not in quick]
    groups = [{"params": slow, "pace": 1.0}] if slow else []
    if faster:
        groups.append({"params": faster, "pace": faster_rate})
    return torch.optim.AdamW(groups, fused=True)
