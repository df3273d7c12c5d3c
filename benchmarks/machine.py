"""What a piece of work costs on this machine: its time, alone or in turn with others, and its peak of memory.

Time is CPU time of the process with all its threads, so that a busy machine counts for little; on a GPU it is the
clock's, between two waits for the device.
"""

import ctypes
import os
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

Work = Callable[[], object]


def keep_freed_memory() -> None:
    """Let glibc, where it is the C library, neither map large blocks by themselves nor give memory back.

    Else large maps pay more for fresh pages than for arithmetic.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(-4, 0)  # M_MMAP_MAX
        set_option(-1, 2**31 - 1)  # M_TRIM_THRESHOLD


def timed(work: Work, device: str) -> float:
    """Seconds that some work takes."""
    clock = time.process_time
    if device == "cuda":
        clock = time.perf_counter
        torch.cuda.synchronize()
    started = clock()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return clock() - started


def in_turn(works: dict[str, Work], rounds: int, device: str) -> list[dict[str, float]]:
    """Seconds of each work in each round; every second round goes backwards, and a first one warms up."""
    rows = []
    for turn in range(rounds + 1):
        names = list(works) if turn % 2 else list(works)[::-1]
        seconds = {name: timed(works[name], device) for name in names}
        rows.append({name: seconds[name] for name in works})
    return rows[1:]


def ratios(rows: list[dict[str, float]], name: str, base: str) -> tuple[float, float, float]:
    """Median, lower and upper quartile of a work's time over that of `base` in the same round."""
    quotients = [row[name] / row[base] for row in rows]
    lower, _, upper = statistics.quantiles(quotients, n=4, method="inclusive")
    return statistics.median(quotients), lower, upper


def standing(device: str) -> int:
    """Bytes in use now."""
    if device == "cuda":
        return torch.cuda.memory_allocated()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def peak(device: str) -> int:
    """Most bytes that were in use in this process."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
