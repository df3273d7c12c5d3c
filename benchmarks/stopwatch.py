"""Seconds of work by stage: CPU time of the process with all its threads, so that a busy machine counts for little."""

import inspect
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any
from unittest.mock import patch


class Stopwatch:
    """Adds up `seconds` by stage; a stage inside another is not counted for the outer one."""

    def __init__(self) -> None:
        """Start with nothing measured."""
        self.seconds: Counter[str] = Counter()
        self._open: list[str] = []
        self._since = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the block for `name`."""
        self._charge()
        self._open.append(name)
        try:
            yield
        finally:
            self._charge()
            self._open.pop()

    @contextmanager
    def watching(self, stages: Iterable[tuple[Any, str, str]]) -> Iterator[None]:
        """Count every call of these functions inside the block: (module or class, name of the function, stage)."""
        with ExitStack() as stack:
            for owner, name, stage in stages:
                stack.enter_context(patch.object(owner, name, self._timed(getattr(owner, name), stage)))
            yield

    def _charge(self) -> None:
        now = time.process_time()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now

    def _timed(self, function: Callable, stage: str) -> Callable:
        @wraps(function)
        def call(*arguments: Any, **options: Any) -> Any:
            with self.stage(stage):
                return function(*arguments, **options)

        @wraps(function)
        def generate(*arguments: Any, **options: Any) -> Iterator[Any]:
            values = function(*arguments, **options)
            while True:
                with self.stage(stage):
                    try:
                        value = next(values)
                    except StopIteration:
                        return
                yield value

        return generate if inspect.isgeneratorfunction(function) else call
