"""The files below a folder, with size and time, and what stands there that is no plain file.

Links to folders are not followed (or only those right inside the folder, on demand), pipes are not opened, and a
folder that may not be read is an entry like any other: nothing hangs, nothing is lost. Reads listings, never contents.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

REST = "rest"
"""The shard without media of a corpus on disk: rows of what is expected and absent, and of files of no shard."""


class CorpusError(ValueError):
    """A corpus that cannot be read, split or drawn as it stands; the message names the path or key, and the fix."""


@dataclass(frozen=True, slots=True)
class Found:
    """An entry below a folder.

    `name` is its path inside the folder, `size` in bytes, `modified` in nanoseconds; `fault` is the status and the
    reason of an entry that is no readable file, else None.
    """

    name: str
    size: int = 0
    modified: int = 0
    fault: tuple[str, str] | None = None

    @property
    def suffix(self) -> str:
        """In small letters, with its dot."""
        return os.path.splitext(self.name)[1].lower()

    @property
    def stem(self) -> str:
        """The file's name without folders and suffix."""
        return os.path.splitext(os.path.basename(self.name))[0]


HIDDEN = (
    "skipped",
    "a hidden file or folder, which is not read; give it a name without the dot in front, or remove it",
)


def list_files(root: str | Path, follow: bool = False, hidden: bool = False) -> list[Found]:
    """Everything below a folder but folders, sorted by name.

    Args:
        root: the folder.
        follow: whether links right inside it to folders elsewhere are followed.
        hidden: whether hidden files and folders are entries with a fault; else they are left out. They are never read.
    """
    found, waiting = [], [""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(os.path.join(root, folder)) as entries:
                every = list(entries)
        except OSError as error:
            reason = f"the folder cannot be listed ({error.strerror}); check its rights"
            found.append(Found(folder or ".", fault=("unreadable", reason)))
            continue
        for entry in every:
            name = os.path.join(folder, entry.name)
            if entry.name.startswith("."):
                found += [Found(name, fault=HIDDEN)] if hidden else []
            elif entry.is_dir(follow_symlinks=False) or (follow and not folder and _leads_out(entry, root)):
                waiting.append(name)
            else:
                found.append(_found(name, entry))
    return sorted(found, key=lambda entry: entry.name)


def _found(name: str, entry: os.DirEntry) -> Found:
    try:
        status = entry.stat()
    except OSError as error:
        return Found(name, fault=("unreadable", f"a link that leads to no file ({error.strerror}); fix or remove it"))
    if stat.S_ISREG(status.st_mode):
        return Found(name, status.st_size, status.st_mtime_ns)
    if stat.S_ISDIR(status.st_mode):
        return Found(name, fault=("skipped", "a link to a folder, which is not followed; copy the folder here"))
    return Found(name, fault=("refused", "a pipe, a socket or a device; remove it"))


def _leads_out(entry: os.DirEntry, root: str | Path) -> bool:
    """Whether an entry is a link to a folder that neither lies below the root nor holds it: no loop, nothing twice."""
    if not entry.is_symlink() or not os.path.isdir(entry.path):
        return False
    target, here = Path(os.path.realpath(entry.path)), Path(os.path.realpath(root))
    return not target.is_relative_to(here) and not here.is_relative_to(target)
