"""A command that is run again at once after a death, such as a fault inside a decoder; an error of its own is final.

The process that was started only waits: its child does the work. Imports nothing heavy, since it is forked.
"""

import os
import sys
import time
from threading import Thread


def survive_one_death() -> None:
    """Go on in a child process, and once more in another if a signal kills it; the parent ends as the last one did.

    Raises:
        SystemExit: in the parent, which gives back what it owns on its way out.
    """
    sys.stdout.flush()
    for _ in range(2):
        parent, child = os.getpid(), os.fork()
        if not child:
            Thread(target=_leave_with, args=(parent,), daemon=True).start()
            return
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status >= 0:
            break
        print(f"the process was killed by signal {-status}", file=sys.stderr, flush=True)
    sys.exit(status if status >= 0 else 128 - status)


def _leave_with(parent: int) -> None:
    """A killed parent cannot stop its child, which would write beside that of the next attempt."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)
