"""A process that owns a folder for a while: ``python -m tests.support.folder_owner '{"folder": ...}'``."""

import json
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

from eadnet.jobs import lock_files
from eadnet.jobs.ownership import OwnershipError, owned

QUICK = {"BEAT": 0.1, "WATCHED": 1.0, "LOOK": 0.02}
"""Times of `eadnet.jobs.lock_files` for tests, in seconds."""


def main(settings: SimpleNamespace) -> None:
    """Own the folder `rounds` times, with a line in a log beside it at every beginning and end.

    With `dies` the process ends in the last round without giving the folder back.
    """
    log = Path(settings.folder).with_suffix(".log")
    vars(lock_files).update(QUICK)
    if settings.machine:  # as on another machine, whose processes cannot be looked up
        lock_files._machine = lambda: settings.machine
    for number in range(settings.rounds):
        with owned(settings.folder, wait=settings.wait, work=settings.work) as owner:
            note(log, "begin")
            time.sleep(settings.hold)
            owner.check()
            if settings.dies and number == settings.rounds - 1:
                note(log, "died")
                os._exit(9)
            note(log, "end")


def note(log: Path, what: str) -> None:
    """Append a line in one write."""
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{what} {os.getpid()}\n".encode())
    os.close(handle)


if __name__ == "__main__":
    defaults = {"rounds": 1, "wait": 0.0, "hold": 0.0, "dies": False, "work": "", "machine": ""}
    chosen = SimpleNamespace(**(defaults | json.loads(sys.argv[1])))
    try:
        main(chosen)
    except OwnershipError as error:
        sys.exit(f"error: {error}")
