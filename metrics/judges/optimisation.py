"""How a judge learns: AdamW on the batches that its task draws, in bfloat16 where the processor has it."""

import math
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from eadnet.config.machine import Compute
from eadnet.config.networks import Schedule
from eadnet.device import find_device

SEED_DOMAIN = 0x6A756467  # keeps judges' random numbers apart from those of training, whatever the seed


class Task(Protocol):
    """What a judge learns. Built from train clips, held-out clips and a generator of random numbers."""

    network: nn.Module

    def loss(self, batch_size: int) -> Tensor:
        """Loss of one batch drawn at random."""

    def evaluate(self) -> dict[str, Any]:
        """Accuracies on the held-out clips, and `n_test`."""


def optimise(task: Task, settings: Schedule, log: Callable[[str], None]) -> Iterator[float]:
    """AdamW with warm-up and cosine decay to zero; yields the loss of every step."""
    parameters = list(task.network.parameters())
    optimiser = torch.optim.AdamW(parameters, lr=0.0, weight_decay=settings.weight_decay, fused=True)
    # tasks draw their batches with numpy, so judges learn on the processor wherever they are trained
    device = find_device(Compute(device="cpu"))
    task.network.train()
    for step in range(settings.steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(settings, step)
        with device.autocast():
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
