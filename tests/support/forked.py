"""Processes that are forks of this one: torch is imported once, and what they run needs no file of its own."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import torch


def gloo_group(world: int, work: Callable[[int], None], store: Path) -> None:
    """Run ``work(rank)`` in as many processes as form a data-parallel group; all of them must end well."""

    def join(rank: int) -> None:
        torch.set_num_threads(1)
        torch.distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world)
        work(rank)
        torch.distributed.destroy_process_group()

    processes = [forked(join, rank) for rank in range(world)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * world


def forked(work: Callable, *arguments: object) -> multiprocessing.Process:
    """A started process that runs a function."""
    process = multiprocessing.get_context("fork").Process(target=work, args=arguments)
    process.start()
    return process
