"""Digests of files that are hashed once: a record beside the files, by name, size, time of change and inode.

``{folder}/.checked.json`` holds the SHA-256 of files, by default of those in the folder. A training hashes its inputs,
gigabytes for a U-Net of the paper, and so does every further job that reads them; with the record they are read once.
Processes may write it side by side: each replaces the file as a whole, so that at worst one entry is lost and the file
behind it is hashed again.

A file that was changed less than `SETTLED` seconds ago is hashed but not recorded: a later change within the resolution
of the file system's clock would leave size and time as they were (git has the same rule for its index).
"""

import json
import sys
import time
from pathlib import Path

from eadnet.provenance import atomic_path, sha256_file

RECORD = ".checked.json"
SETTLED = 2.0  # seconds; FAT and some network file systems keep times to 2 s


def file_digest(path: str | Path, folder: str | Path | None = None) -> str:
    """Hex SHA-256 of a file's bytes, from the record where the file is as it was.

    Args:
        path: of the file.
        folder: of the record; the file's own if left out.

    Raises:
        OSError: the file cannot be read. A record that cannot be written is none.
    """
    path = Path(path)
    before = _state(path)
    entry = _read(_record(path, folder)).get(path.name)
    if isinstance(entry, list) and entry[:-1] == before:
        return entry[-1]
    digest = sha256_file(path)
    if _state(path) == before:
        record_digest(path, digest, folder)
    return digest


def record_digest(path: str | Path, digest: str, folder: str | Path | None = None) -> None:
    """Note the digest of a file that is as it was hashed; one that is too young is left out."""
    path, record = Path(path), _record(Path(path), folder)
    if time.time() - path.stat().st_mtime < SETTLED:
        return
    known = _read(record) | {path.name: [*_state(path), digest]}
    try:
        with atomic_path(record) as temporary:
            temporary.write_text(json.dumps(known, indent=2) + "\n")
    except OSError as error:  # a folder that others may only read
        print(f"{record}: not written ({error.strerror}); {path.name} will be hashed again", file=sys.stderr)


def _record(path: Path, folder: str | Path | None) -> Path:
    return Path(folder or path.parent) / RECORD


def _state(path: Path) -> list[int]:
    """What changes with a file: size, time of change in nanoseconds, inode."""
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ino]


def _read(record: Path) -> dict[str, list]:
    try:
        known = json.loads(record.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
