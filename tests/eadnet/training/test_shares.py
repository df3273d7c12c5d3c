"""Gradient accumulation and data parallelism: the samples of a step follow from its shares alone."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from eadnet.config.networks import Optimiser
from eadnet.device import Device
from eadnet.training.loop import Loop
from tests.support.forked import gloo_group

SETTINGS = Optimiser(steps=6, batch_size=3, learning_rate=0.02, warmup=2, accumulate=2)
SHARES = 4
"""Data-parallel shares of a step: with two accumulated batches, eight in all."""


def _train(folder: Path, rank: int, world: int) -> None:
    """Train a small network, and write down what was drawn, step by step and rank by rank."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv1d(2, 8, 3), nn.GELU(), nn.Flatten(), nn.Linear(48, 1))
    loop = Loop(network, SETTINGS, folder, seed=3, shares=SHARES, ema=0.9, device=Device(rank=rank, world=world))
    drawn: dict[str, list] = {}

    def draw(count: int, generator: torch.Generator) -> torch.Tensor:
        return torch.randn(count, 2, 8, generator=generator)

    for step, batch in loop.batches(draw):
        drawn.setdefault(str(step), []).append(batch)
        loop.update({"fit": (1.0, (network(batch)[:, 0] - batch.sum((1, 2))).square().mean())})
    torch.save(drawn, folder / f"drawn_{rank}.pt")
    loop.finish({})


def _samples(folder: Path, world: int) -> list[torch.Tensor]:
    """All samples of each step, in the order of their values."""
    drawn = [torch.load(folder / f"drawn_{rank}.pt") for rank in range(world)]
    steps = [torch.cat([batch for rank in drawn for batch in rank[str(step)]]).flatten(1) for step in range(6)]
    return [step[step[:, 0].argsort()] for step in steps]


@pytest.mark.parametrize("world", [2, 4, 8])
def test_eight_shares_are_the_same_on_any_number_of_processes(tmp_path, world):
    torch.set_num_threads(1)
    alone, together = tmp_path / "alone", tmp_path / "together"
    for folder in (alone, together):
        folder.mkdir()
    _train(alone, 0, 1)
    gloo_group(world, lambda rank: _train(together, rank, world), tmp_path / "store")
    ours, theirs = _samples(alone, 1), _samples(together, world)
    assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))  # samples: bit for bit
    assert len(ours[0].unique(dim=0)) == 24 and not torch.equal(ours[0], ours[1])
    weights, others = load_file(alone / "model.safetensors"), load_file(together / "model.safetensors")
    for name, value in weights.items():  # sums of gradients are rounded in another order
        torch.testing.assert_close(others[name], value, rtol=1e-4, atol=1e-6, msg=name)
