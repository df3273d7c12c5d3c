"""One writer a folder: a job owns the folder that it writes, and a second one waits for it, or ends with one line.

After ``kill -9`` of Snakemake its jobs go on, and the same command starts them again; on a cluster two submissions can
meet in one folder. With ::

    with owned(folder) as owner:
        ...
        owner.check()  # before what must not be written twice

a second process sees the living owner, says who it is and which command ends it, waits, and then fails; the lock of a
dead owner is taken over (`eadnet.jobs.lock_files` says when it counts as dead). Processes that it starts, such as
those of ``torchrun``, inherit the ownership by the variable `INHERITED`.

An owner that is stopped for longer than `WATCHED` (SIGSTOP, a sleeping laptop, a hanging file system) loses its folder
to the next one and notices at its next `check`. It stays possible that it is stopped between a check and the write
behind it: then that one write still happens. Files of this project are written beside and renamed, so even then each is
whole, and of one of both.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from eadnet.jobs import lock_files
from eadnet.jobs.lock_files import Holder, Watch

WAIT = 600.0
"""Seconds to wait for a living owner. Most jobs end in ten minutes (a shard, a batch, the videos of a run); for a
training of days it is of no use to wait, and a job that waits under SLURM holds what it was given."""
INHERITED = "EADNET_OWNED"
"""Variable of the environment: JSON of the tokens of all locks that this process and its parents hold, by path."""


class OwnershipError(RuntimeError):
    """The folder is another job's; the message names it and the command that ends it."""


class Owner:
    """A folder that this process, or the process that started it, may write.

    Attributes:
        folder: what is owned.
        meanwhile: whether this process waited for an owner with the same work, whose results may be there now.
    """

    def __init__(self, folder: Path, lock: Path, token: str | None, meanwhile: bool = False) -> None:
        """`token` is that of the lock; None where a rank that was started by hand relies on the first one's."""
        self.folder, self.meanwhile, self._lock, self._token = folder, meanwhile, lock, token

    def still(self) -> bool:
        """Whether the folder is still owned: one read of the lock."""
        return self._token is None or lock_files.holds(self._lock, self._token)

    def check(self) -> None:
        """Stop a process that has lost its folder.

        Raises:
            OwnershipError: another job has taken the folder over, or the lock was removed.
        """
        if not self.still():
            other = Holder.parse(lock_files.read(self._lock) or b"")
            now = f"{other} owns it now" if other else f"its lock {self._lock.name} is gone"
            raise OwnershipError(f"{self.folder}: no longer this job's ({now}); nothing more was written, run it again")


def check_owned(folder: str | Path) -> None:
    """As `Owner.check`, where this process or its parent owns the folder or one above it; nothing where no one does.

    Raises:
        OwnershipError: as of `Owner.check`.
    """
    locks, folder = _inherited(), Path(os.path.realpath(folder))
    for place in (folder, *folder.parents):
        if token := locks.get(str(lock := _lock_of(place, ""))):
            Owner(place, lock, token).check()


@contextmanager
def owned(folder: str | Path, part: str = "", work: str = "", wait: float | None = None) -> Iterator[Owner]:
    """Own a folder, or one part of it, in the block.

    The lock is ``{folder}/.{part}.lock`` (``.owner.lock`` without a part); it is removed at the end, also by SIGINT and
    SIGTERM. A process that inherits the ownership, and a rank of a training started by hand but the first, locks
    nothing.

    Args:
        folder: made if absent.
        part: what is owned of a folder that several jobs share, such as a shard's name.
        work: digest of what is done, to recognise an owner that does the same.
        wait: seconds to wait for a living owner; None is `WAIT`. An owner on another machine is watched until its heart
            has beaten, or has not for `WATCHED` seconds.

    Raises:
        OwnershipError: a living owner did not end, or the folder cannot be written to.
    """
    folder = Path(folder)
    lock = _lock_of(folder, part)
    token = _inherited().get(str(lock))
    if token or int(os.environ.get("RANK", "0")):
        yield Owner(folder, lock, token)
        return
    holder = Holder.here(work)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        meanwhile = _acquire(folder, lock, holder, WAIT if wait is None else wait)
    except OSError as error:
        raise OwnershipError(
            f"{folder}: cannot be locked ({error.strerror}); name a folder that can be written"
        ) from None
    with _released_at_the_end(lock, holder.token):
        yield Owner(folder, lock, holder.token, meanwhile)


def _lock_of(folder: Path, part: str) -> Path:
    return Path(os.path.realpath(folder)) / f".{part or 'owner'}.lock"


def _inherited() -> dict[str, str]:
    return json.loads(os.environ.get(INHERITED, "{}"))


# ------------------------------------------------------------------------------------------------- begin
def _acquire(folder: Path, lock: Path, holder: Holder, wait: float) -> bool:
    """Make the lock, or wait for it; whether the last other owner did the same work.

    Raises:
        OwnershipError: a living owner did not end.
    """
    watch, end, before, named = Watch(), time.monotonic() + wait, None, set()
    while not lock_files.claim(lock, holder):
        content = lock_files.read(lock)
        if content is None:
            continue
        before = Holder.parse(content) or before
        if watch.is_dead(content):
            if lock_files.replace(lock, content, holder):
                print(f"{folder}: taken over from {before or 'a damaged lock'}, which has ended", file=sys.stderr)
                return False
        elif before is not None:
            who = f"{folder}: another job writes it ({before})"
            if time.monotonic() >= end and (before.is_here or watch.changed):
                raise OwnershipError(f"{who}; wait for it or end it: {before.ending}")
            if before.token not in named:
                print(
                    f"{who}; waiting for up to {wait:.0f} s, end it with: {before.ending}", file=sys.stderr, flush=True
                )
                named.add(before.token)
        elif "" not in named:
            print(f"{lock}: damaged; watched for {lock_files.WATCHED:.0f} s, should its owner live", file=sys.stderr)
            named.add("")
        time.sleep(lock_files.LOOK)
    return before is not None and before.work == holder.work != ""


# ------------------------------------------------------------------------------------------------ hold, end
@contextmanager
def _released_at_the_end(lock: Path, token: str) -> Iterator[None]:
    """Keep the lock fresh during the block, hand it on to child processes, and remove it at the end."""
    process, stop = os.getpid(), threading.Event()
    thread = threading.Thread(target=_beat, args=(lock, token, stop), name=f"heartbeat {lock}", daemon=True)
    thread.start()
    before = os.environ.get(INHERITED)
    os.environ[INHERITED] = json.dumps(_inherited() | {str(lock): token})
    try:
        with _given_back_on_sigterm(lock, token):
            yield
    finally:
        if os.getpid() == process:  # else a forked child leaves its copy of the block
            stop.set()
            thread.join()
            os.environ.pop(INHERITED) if before is None else os.environ.update({INHERITED: before})
            with suppress(OSError):  # then it is taken over; the work itself is done
                lock_files.remove(lock, token)


def _beat(lock: Path, token: str, stop: threading.Event) -> None:
    """Change the lock's content until `stop`; ends where the lock is another's."""
    with suppress(OSError), open(lock, "r+b", buffering=0) as stream:
        holder = Holder.parse(stream.read())
        beat = 0
        while holder is not None and holder.token == token and not stop.wait(lock_files.BEAT):
            beat += 1
            with suppress(OSError):  # such as a server that is away for a while: the next beat may succeed
                # into the open file: had another process replaced the lock, its own would not be touched
                os.pwrite(stream.fileno(), holder.content(beat), 0)
                os.fsync(stream.fileno())
            if not lock_files.holds(lock, token):
                return


@contextmanager
def _given_back_on_sigterm(lock: Path, token: str) -> Iterator[None]:
    """Remove the lock before SIGTERM ends this process as it would anyway; handlers of others stay."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    process = os.getpid()

    def leave(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        if os.getpid() == process:  # a forked child has the handler, but not the lock
            with suppress(OSError):
                lock_files.remove(lock, token)
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
