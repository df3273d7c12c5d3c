"""Silence for libraries whose C++ side prints to standard error and cannot be told otherwise."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


@contextmanager
def opened_graph(solution: Callable[..., Any], **options: Any) -> Iterator[Callable[[np.ndarray], Any]]:
    """A MediaPipe solution as a function of (H, W, 3) uint8 RGB pictures; silent, while the caller may still print."""
    with muted():
        graph = solution(**options)

    def process(picture: np.ndarray) -> Any:
        with muted():
            return graph.process(np.ascontiguousarray(picture))

    try:
        yield process
    finally:
        with muted():
            graph.close()


@contextmanager
def muted() -> Iterator[None]:
    """Drop what is written to file descriptor 2 inside the block."""
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
