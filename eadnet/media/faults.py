"""Faults of media files: whatever one file raises becomes one line with a word for the tables."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import av

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
"""Faults of the machine, not of the file: they end a job instead of becoming the file's row."""


class MediaError(ValueError):
    """A file whose sound or picture cannot be used; `status` is the word for the tables.

    One of ``unreadable``, ``truncated``, ``no_video``, ``no_audio``.
    """

    def __init__(self, reason: str, status: str = "unreadable") -> None:
        """Keep the reason, one line, and the status."""
        super().__init__(reason)
        self.status = status


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
    except FileNotFoundError:
        raise MediaError("file not found") from None
    except MemoryError:
        raise MediaError("needs more memory than there is; scale the video down or convert it again") from None
    except OSError as error:
        if error.errno in FULL_DISK:
            raise
        raise _unreadable(error.strerror or str(error)) from None
    except av.error.FFmpegError as error:
        raise _unreadable(error.strerror) from None
    except Exception as error:
        raise _unreadable(f"{type(error).__name__}: {error}") from error


def _unreadable(cause: str) -> MediaError:
    cause = " ".join(cause.split())
    return MediaError(f"not readable as media ({cause}); copy or convert the file again")
