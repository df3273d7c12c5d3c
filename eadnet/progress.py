"""Progress of a stage on standard error: overwritten on a terminal, a line every ten seconds in a log file. Light."""

import sys

from tqdm import tqdm

STATE = "{desc} {n_fmt}/{total_fmt} ({rate_fmt}, {remaining} left){postfix}"
UNKNOWN = "{desc} {n_fmt} ({rate_fmt}, {elapsed} so far){postfix}"
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


def progress_bar(what: str, total: int | None, unit: str, shown: bool = True) -> tqdm:
    """Progress that is counted with `update`; `close` shows the last state.

    Args:
        what: what is counted, first word of the line.
        total: how many there are; None where unknown.
        unit: what is counted, such as `clips`; "B", bytes, are shown as MB and GB.
        shown: False prints nothing.
    """
    where, pause = (sys.stderr, 0.5) if sys.stderr.isatty() else (_Lines(), PAUSE)
    # position: beside a bar that an interruption left open, tqdm would move the cursor
    style = {
        "bar_format": STATE if total else UNKNOWN,
        "ascii": True,
        "mininterval": pause,
        "miniters": 1,
        "position": 0,
    }
    named = {"unit": "B", "unit_scale": True} if unit == "B" else {"unit": unit}
    return tqdm(desc=what, total=total, file=where, disable=not shown, **named, **style)


def show_bytes(bar: tqdm, done: int, total: int | None) -> None:
    """Set a bar to the bytes that are there, of `total` where that is known."""
    bar.total = total or None
    bar.update(done - bar.n)
