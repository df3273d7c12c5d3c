"""One way to show how far a stage is: a bar that stays readable in a log file. Light."""

import sys

from tqdm import tqdm


def progress_bar(what: str, total: int | None, unit: str) -> tqdm:
    """A bar on standard error; in a log file it is renewed every ten seconds only.

    Args:
        what: is done, or with what.
        total: how many `unit` there are; None where unknown. "B", bytes, are shown as MB and GB.
        unit: that is counted.
    """
    pause = 0.5 if sys.stderr.isatty() else 10.0
    unit, scaled = ("B", True) if unit == "B" else (f" {unit}", False)
    return tqdm(total=total, desc=what, unit=unit, unit_scale=scaled, mininterval=pause, file=sys.stderr)


def show_bytes(bar: tqdm, done: int, total: int | None) -> None:
    """Set a bar to the bytes that are there, of `total` where that is known."""
    bar.total = total or None
    bar.update(done - bar.n)
