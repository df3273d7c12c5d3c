"""What can be wrong with one input, and what ends a whole job.

A fault of a file is a `MediaError`; a loop over inputs makes it that input's row and goes on. What cannot be written is
an `OutputError`, and it ends the job, as does any mistake of our own code; `naming` puts the input's name on both.
Light: no library for pictures, sound or video is loaded.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eadnet.provenance import LFS_FAULT, LFS_POINTER

FULL = (errno.ENOSPC, errno.EDQUOT)
_WRITING = {
    *FULL,
    errno.EIO,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EFBIG,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EEXIST,
}
_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}


class MediaError(ValueError):
    """A file whose sound or picture cannot be used; `status` is the word for the tables.

    One of ``unreadable``, ``truncated``, ``no_video``, ``no_audio``.
    """

    def __init__(self, reason: str, status: str = "unreadable") -> None:
        """Keep the reason, one line, and the status."""
        super().__init__(reason)
        self.status = status

    def __reduce__(self) -> tuple:
        """Keep the status when the error passes from one process to another."""
        return type(self), (str(self), self.status)


class OutputError(OSError):
    """A file of ours that cannot be written; made by `output_error`."""

    def __str__(self) -> str:
        """The line alone, without the number of the error."""
        return str(self.strerror)


def output_error(path: str | Path, error: Exception) -> OutputError:
    """The error of a file that could not be written: which, why, and the fix; `errno` is that of `error`."""
    number = getattr(error, "errno", None) or errno.EIO
    fix = "make room and run again" if number in FULL else "check the disk and the folder's rights"
    return OutputError(number, f"{path}: cannot be written ({os.strerror(number).lower()}); {fix}")


def is_of_writing(error: BaseException) -> bool:
    """Whether an error is one of disks, folders and their rights, and not of what was to be written."""
    return getattr(error, "errno", None) in _WRITING


def is_full(error: BaseException) -> bool:
    """Whether an error says that a disk, or a quota of it, is full."""
    return isinstance(error, OSError) and error.errno in FULL


def ends_job(error: BaseException) -> bool:
    """Whether an error is of what is written, so that all other inputs would fail as well."""
    return isinstance(error, OutputError) or is_full(error)


def check_file(path: str | Path) -> None:
    """Refuse, before a decoder opens it, what cannot hold media: it never waits for a pipe or a device.

    Raises:
        MediaError: no regular file, empty, not allowed to be read, or a Git LFS pointer; one line with the fix.
    """
    try:
        kind = stat.S_IFMT(os.stat(path).st_mode)
        if kind != stat.S_IFREG:
            raise MediaError(f"{_KINDS.get(kind, 'a device')}, not a file; give a file")
        with open(path, "rb") as stream:
            head = stream.read(len(LFS_POINTER))
    except MediaError:
        raise
    except FileNotFoundError:
        raise MediaError("file not found") from None
    except (OSError, ValueError) as error:  # a zero byte in a name is a ValueError
        reason = getattr(error, "strerror", None) or str(error)
        raise MediaError(f"{reason}; check the path and the file's rights") from None
    check_head(head)


def check_head(head: bytes) -> None:
    """Refuse by its first 23 bytes what is no media: nothing at all, or a Git LFS pointer.

    Raises:
        MediaError: one line with the fix.
    """
    if not head:
        raise MediaError("zero bytes; copy the file again")
    if head.startswith(LFS_POINTER):
        raise MediaError(LFS_FAULT)


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Put the name of the input at work on an error that is about to end the job.

    Faults of the input itself pass unchanged: the loop makes a row of them.
    """
    try:
        yield
    except MediaError:
        raise
    except Exception as error:
        error.add_note(f"while working on {name}")
        raise


@contextmanager
def faults_of_one_file() -> Iterator[None]:
    """Turn what the block raises into a MediaError; a full disk and an interruption pass as they are.

    Damaged files raise more than FFmpeg's own errors: PyAV gives ValueError, IndexError, UnicodeDecodeError or
    AttributeError for headers that it did not expect, and MemoryError for sizes that no machine has.
    """
    try:
        yield
    except (MediaError, NameError, ImportError, AssertionError):  # known already, or a fault of our own code
        raise
    except MemoryError:
        raise MediaError("needs more memory than there is; scale the video down or convert it again") from None
    except Exception as error:
        if is_full(error):
            raise
        cause = getattr(error, "strerror", None)  # of the system and of FFmpeg
        raise _unreadable(cause or f"{type(error).__name__}: {error}") from (None if cause else error)


def _unreadable(cause: str) -> MediaError:
    cause = " ".join(cause.split())
    return MediaError(f"not readable as media ({cause}); copy or convert the file again")
