"""Progress of a stage on standard error: overwritten on a terminal, a line every few seconds in a log."""

import sys

from tqdm import tqdm

STATE = "{desc} {n_fmt}/{total_fmt} ({rate_fmt}, {remaining} left){postfix}"
PAUSE = 10.0
"""Seconds between two lines of a log, at least."""


class _Lines:
    """Standard error for a log file, in which nothing can be overwritten: each new state is a line."""

    def __init__(self) -> None:
        self.last = ""

    def write(self, text: str) -> None:
        state = text.strip()  # tqdm starts with a carriage return and pads with spaces
        if state not in ("", self.last):
            sys.stderr.write(f"{state}\n")
            self.last = state

    def flush(self) -> None:
        sys.stderr.flush()


def progress_bar(what: str, total: int, unit: str, shown: bool = True) -> tqdm:
    """Progress that is counted with `update`; `close` shows the last state.

    Args:
        what: what is counted, first word of the line.
        total: how many there are.
        unit: one of them, such as `step`.
        shown: False prints nothing.
    """
    terminal = sys.stderr.isatty()
    where, pause = (sys.stderr, 0.5) if terminal else (_Lines(), PAUSE)
    # position: beside a bar that an interruption left open, tqdm would move the cursor
    style = {"bar_format": STATE, "ascii": True, "mininterval": pause, "miniters": 1, "position": 0}
    return tqdm(desc=what, total=total, unit=unit, file=where, disable=not shown, **style)
