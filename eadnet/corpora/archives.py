"""Tar archives read where they lie: an index of members, and single members by their offset (zip: ``zips``).

Nothing is ever extracted. Members that are no plain file, that point out of the archive or that are too large carry a
fault; what stands before a damage is kept, and the damage is reported. Opens archives for reading, writes nothing.
"""

import hashlib
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

BLOCK = 512
CHUNK = 1 << 20
CUT = ("unreadable", "the archive ends in the middle of it; copy or download the archive again")
_MARKS = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"PK\x03\x04", b"Rar!", b"7z\xbc\xaf")
_COMPRESSED = (".gz", ".tgz", ".bz2", ".xz", ".zst", ".zip", ".rar", ".7z")


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive, and where it stands; `fault` is the status and reason of one that is not used.

    `offset` is that of its bytes in a tar archive, of its header in a zip archive; `size` is that of the file unpacked.
    """

    name: str
    offset: int
    size: int
    fault: tuple[str, str] | None


@dataclass(frozen=True)
class MemberIndex:
    """The members of an archive in their order, folders left out, and why they may not be all (else None)."""

    members: tuple[Member, ...]
    damage: str | None

    def find(self, name: str) -> Member | None:
        """The first member of that name which can be used."""
        return next((m for m in self.members if m.name == name and m.size and m.fault is None), None)


def is_archive(path: str | Path) -> bool:
    """Whether a file's name is that of an archive, compressed or not."""
    return os.fspath(path).lower().endswith((".tar", *_COMPRESSED))


def read_index(path: str | Path, max_size: int) -> MemberIndex:
    """Walk through the headers of an archive, once.

    Args:
        path: the archive.
        max_size: bytes beyond which a member is refused.
    """
    members: list[Member] = []
    try:
        with open(path, "rb") as stream:
            damage = _walk(stream, max_size, members)
    except (
        tarfile.TarError,
        OSError,
        ValueError,
        RecursionError,
        OverflowError,
    ) as error:  # headers that are nonsense raise any
        damage = str(error)
    return MemberIndex(tuple(members), damage)


def digest(stream: BinaryIO, member: Member) -> str:
    """Hex SHA-256 of a member of an open archive, in constant memory."""
    found, left = hashlib.sha256(), member.size
    stream.seek(member.offset)
    while left and (chunk := stream.read(min(CHUNK, left))):
        found.update(chunk)
        left -= len(chunk)
    return found.hexdigest()


def content(path: str | Path, member: Member) -> bytes:
    """A member's bytes.

    Raises:
        OSError: the archive has become shorter.
    """
    with open(path, "rb") as stream:
        stream.seek(member.offset)
        data = stream.read(member.size)
    if len(data) < member.size:
        raise OSError(f"{path} has become shorter since it was acquired; copy or download it again")
    return data


def _walk(stream: BinaryIO, max_size: int, members: list[Member]) -> str | None:
    """Append the members, as far as they can be read; why they may not be all."""
    end = os.fstat(stream.fileno()).st_size
    if stream.read(8).startswith(_MARKS):
        return "it is compressed, and members of such an archive cannot be read singly: unpack it, or repack it as .tar"
    stream.seek(0)
    with tarfile.open(fileobj=stream, mode="r:") as archive:
        while (entry := archive.next()) is not None:
            if entry.size < 0:  # would lead the walk backwards, in a circle
                return f"a member of negative size at byte {entry.offset}"
            if not entry.isdir():
                members.append(Member(entry.name, entry.offset_data, entry.size, _fault(entry, max_size, end)))
        return _ending(stream, archive.offset)


def refusal(name: str, plain: bool, size: int, max_size: int, key: str) -> tuple[str, str] | None:
    """Why a member of any archive is not read, by its header; None where it may be.

    Args:
        name: its path.
        plain: whether it is a plain file.
        size: its bytes, unpacked.
        max_size: bytes beyond which a member is refused.
        key: of the configuration, which raises that limit.
    """
    path = PurePosixPath(name)
    if not name:
        return "refused", "its name is empty; pack the archive again"
    if path.is_absolute() or ".." in path.parts:
        return "refused", "a path that leads out of the archive; remove it"
    if not plain:
        return "refused", "a link, a device, a pipe or a sparse file; only plain files are read, replace it"
    if size > max_size:
        return "refused", f"{_megabytes(size)} MB, {_megabytes(max_size)} allowed ({key}); raise the limit or remove it"
    return None


def _megabytes(size: int) -> int | str:
    """In whole megabytes; a header may state a size that no float holds."""
    return round(size / 1e6) if size < 10**15 else "more than a thousand million"


def _fault(entry: tarfile.TarInfo, max_size: int, end: int) -> tuple[str, str] | None:
    plain = entry.isreg() and not entry.issparse()
    if refused := refusal(entry.name, plain, entry.size, max_size, "corpora.mead.max_member_mb"):
        return refused
    if entry.offset_data + entry.size > end:
        return CUT
    return None


def _ending(stream: BinaryIO, offset: int) -> str | None:
    """What is wrong with how an archive ends: tarfile takes a damaged header, or none, for the end without a word."""
    stream.seek(offset)
    mark = stream.read(BLOCK)
    if len(mark) < BLOCK:
        return "it ends without an end mark: cut short"
    if mark.strip(b"\0"):
        return f"damaged at byte {offset}"
    while chunk := stream.read(CHUNK):
        if chunk.strip(b"\0"):
            return "more follows its end mark: archives that were joined; split them"
    return None
