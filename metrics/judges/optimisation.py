"""How a judge learns: AdamW in bfloat16 on the batches that its task draws."""

import math
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from eadnet.config.networks import Schedule

SEED_DOMAIN = 0x6A756467  # keeps judges' random numbers apart from those of training, whatever the seed


class Task(Protocol):
    """What a judge learns. Built from train clips, held-out clips and a generator of random numbers."""

    network: nn.Module

    def loss(self, batch_size: int) -> Tensor:
        """Loss of one batch drawn at random."""

    def evaluate(self) -> dict[str, Any]:
        """Accuracies on the held-out clips, and `n_test`."""


def optimise(task: Task, settings: Schedule, log: Callable[[str], None]) -> Iterator[float]:
    """AdamW with warm-up and cosine decay to zero, in bfloat16 autocast; yields the loss of every step."""
    parameters = list(task.network.parameters())
    optimiser = torch.optim.AdamW(parameters, lr=0.0, weight_decay=settings.weight_decay, fused=True)
    # emulated bfloat16 would be slower than float32; ATEN_CPU_CAPABILITY can forbid what the CPU has
    native_bfloat16 = torch.backends.cpu.get_cpu_capability().startswith("AVX512") and (
        torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    )
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
