"""Lock files on shared file systems: who holds one, whether that process still lives, and how one changes hands.

A lock is a small JSON file with its holder's host, process and SLURM job. It appears by ``link``, which is atomic on
NFS and Lustre too, is rewritten by its holder's heartbeat, and is replaced by ``rename``. Nothing depends on clocks of
other hosts: a reader looks whether the content changes while it watches. What replaces or removes a lock holds a second
lock of the same kind beside it, for milliseconds, so that of several takers one wins.

No library is used: flufl.lock compares times of different hosts, filelock's SoftFileLease cannot be taken over on NFS
(it needs ``RENAME_EXCHANGE``) and its SoftReadWriteLock refuses a folder that two accounts share.
"""

import json
import os
import secrets
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

BEAT = 10.0
"""Seconds between two heartbeats of a holder."""
WATCHED = 60.0
"""Seconds for which a lock must be seen unchanged before its holder counts as dead: six heartbeats, and twice the
30 s for which NFS clients commonly keep attributes."""
LOOK = 1.0
"""Seconds between two looks at a lock that another process holds."""
NO_LINKS = (1, 38, 95)  # EPERM, ENOSYS, EOPNOTSUPP: a file system without hard links, such as FAT or some FUSE


@dataclass(frozen=True)
class Holder:
    """Who holds a lock.

    Attributes:
        token: unique name of this holding.
        host: name of the machine, for people.
        pid, start: process and its start, in clock ticks since the machine's start (``/proc/{pid}/stat``).
        machine: the machine's present start and the namespace of process numbers: where both are equal, `pid` can be
            looked up. Empty where the system does not say.
        job: SLURM's job; empty outside SLURM.
        work: digest of what is done; equal for two processes that would write the same.
        began: for people, on the holder's clock.
    """

    token: str
    host: str
    pid: int
    start: int
    machine: str
    job: str
    work: str
    began: str

    @classmethod
    def here(cls, work: str = "") -> "Holder":
        """This process."""
        began = datetime.now(UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        pid, job = os.getpid(), os.environ.get("SLURM_JOB_ID", "")
        start = _started(pid) or 0
        return cls(secrets.token_hex(8), socket.gethostname(), pid, start, _machine(), job, work, began)

    @classmethod
    def parse(cls, content: bytes) -> "Holder | None":
        """The holder in a lock's content; None where that is damaged."""
        try:
            fields = json.loads(content)
            fields.pop("beat")
            holder = cls(**fields)
        except (ValueError, TypeError, AttributeError, KeyError):
            return None
        return holder if isinstance(holder.pid, int) and isinstance(holder.token, str) else None

    def content(self, beat: int) -> bytes:
        """What its lock holds at a heartbeat; always of the same length, so that it can be written over."""
        return (json.dumps({**asdict(self), "beat": f"{beat:012d}"}) + "\n").encode()

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine, where its process can be looked up."""
        return bool(self.machine) and self.machine == _machine()

    @property
    def is_gone(self) -> bool:
        """Whether it is certain at once that its process has ended."""
        return self.is_here and not _is_running(self.pid, self.start)

    def __str__(self) -> str:
        who = f"SLURM job {self.job}" if self.job else f"process {self.pid}"
        return f"{who} on {self.host}, since {self.began}"

    @property
    def ending(self) -> str:
        """The command that ends it."""
        where = "" if self.is_here else f" (on {self.host})"
        return f"scancel {self.job}" if self.job else f"kill {self.pid}{where}"


class Watch:
    """How long a lock has been seen unchanged, on this process's clock.

    Time counts only while it is looked at: a watcher that was itself stopped, together with the holder perhaps, does
    not take that for the holder's silence. `changed` is whether the holder has shown that it lives.
    """

    def __init__(self) -> None:
        self.content, self.looked, self.unchanged, self.changed = b"", time.monotonic(), 0.0, False

    def is_dead(self, content: bytes) -> bool:
        """Whether the holder in this content is dead: its process is gone, or it has been silent for `WATCHED`."""
        now = time.monotonic()
        self.unchanged += min(now - self.looked, 2 * LOOK)
        if content != self.content:
            self.changed = bool(self.content)
            self.content, self.unchanged = content, 0.0
        self.looked = now
        holder = Holder.parse(content)
        return (holder is not None and holder.is_gone) or self.unchanged >= WATCHED


def read(lock: Path) -> bytes | None:
    """Content of a lock; None where there is none."""
    try:
        return lock.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == 116:  # ESTALE: removed by another NFS client
            return None
        raise


def claim(lock: Path, holder: Holder) -> bool:
    """Make the lock, if there is none.

    Raises:
        OSError: the folder is absent or cannot be written to, or the disk is full.
    """
    own = _written(lock, holder)
    try:
        with suppress(FileExistsError):
            os.link(own, lock)
        # not the answer of `link`: over NFS it can be lost, and the repeated request then fails
        return os.stat(own).st_nlink == 2
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        return _created(lock, holder)
    finally:
        own.unlink(missing_ok=True)


def replace(lock: Path, judged: bytes, holder: Holder) -> bool:
    """Take over the lock if its content is still the judged one; False where it is not, or others are at it."""
    with _Turn(lock, holder) as mine:
        if not mine or read(lock) != judged:
            return False
        _written(lock, holder).replace(lock)
        return True


def remove(lock: Path, token: str) -> None:
    """Remove the lock if it is that of `token`; where others are at it for long, it is left to be taken over."""
    for _ in range(20):
        if not holds(lock, token):
            return
        with _Turn(lock, Holder.here()) as mine:
            if mine:
                if holds(lock, token):
                    lock.unlink(missing_ok=True)
                return
        time.sleep(0.05)


def holds(lock: Path, token: str) -> bool:
    """Whether the lock is that of `token`."""
    holder = Holder.parse(read(lock) or b"")
    return holder is not None and holder.token == token


class _Turn:
    """The right to replace or remove a lock, for milliseconds: True in the block where this process has it."""

    def __init__(self, lock: Path, holder: Holder) -> None:
        self.lock, self.holder = lock.with_name(f"{lock.name}.turn"), holder

    def __enter__(self) -> bool:
        self.mine = claim(self.lock, self.holder) or (_is_left_over(self.lock) and claim(self.lock, self.holder))
        return self.mine

    def __exit__(self, *_: object) -> None:
        if self.mine and holds(self.lock, self.holder.token):
            self.lock.unlink(missing_ok=True)


_WATCHES: dict[Path, Watch] = {}  # of turns that were not free


def _is_left_over(turn: Path) -> bool:
    """Clear the turn of a process that died in it; whether it is free now."""
    content = read(turn)
    if content is None:
        return True
    if not _WATCHES.setdefault(turn, Watch()).is_dead(content):
        return False
    aside = turn.with_name(f"{turn.name}.{secrets.token_hex(8)}")
    with suppress(FileNotFoundError):
        turn.rename(aside)
        if read(aside) != content:  # another process cleared it and has its turn: give it back
            with suppress(FileExistsError):
                os.link(aside, turn)
        aside.unlink()
    return True


def _written(lock: Path, holder: Holder) -> Path:
    """A file of a unique name beside the lock, with the holder's content, on the disk."""
    path = lock.with_name(f"{lock.name}.{secrets.token_hex(8)}")
    _created(path, holder)
    return path


def _created(path: Path, holder: Holder) -> bool:
    """Whether the file was made; False where there is one."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return False
    try:
        os.write(handle, holder.content(0))
        os.fsync(handle)
    except OSError:  # a full disk
        path.unlink()
        raise
    finally:
        os.close(handle)
    return True


@cache
def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return ""


def _is_running(pid: int, start: int) -> bool:
    started = _started(pid)
    if started is not None:
        return started == start
    try:
        os.kill(pid, 0)  # /proc may hide the processes of other accounts
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return False  # only its exit status is left


def _started(pid: int) -> int | None:
    """Start of a process in clock ticks; None where it is not seen, or only its exit status is left."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])
