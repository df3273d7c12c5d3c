"""Zip archives read where they lie, under the rules of ``archives``: nothing is extracted, nothing is trusted.

The index is taken from the directory at the archive's end, by Python's ``zipfile``. A member that is encrypted, that is
no plain file, that leads out of the archive, that unpacks to more than is allowed or to a suspicious multiple of its
size carries a fault. Reading stops at the size that the directory states, and checks the member's CRC-32. Opens
archives for reading, writes nothing.
"""

import hashlib
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import Path
from typing import BinaryIO

from eadnet.corpora.archives import CHUNK, CUT, Member, MemberIndex, refusal

ENCRYPTED = 0x1  # bit of a member's flags
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
MOST_SHRINKING = 100  # times: sound and video shrink by less than a half, a bomb's zeros by a thousand
SMALL = 1 << 20  # bytes; below, nothing is a bomb
# What `zipfile` raises of a damaged or odd archive: no zip or a wrong CRC-32 (BadZipFile), data that do not unpack
# (zlib.error, LZMAError), an early end (EOFError), an unknown method (NotImplementedError), a missing password
# (RuntimeError), and an address or a date that cannot be (ValueError).
_DAMAGE = (zipfile.BadZipFile, zlib.error, LZMAError, EOFError, NotImplementedError, RuntimeError, ValueError)


def read_zip_index(path: str | Path, max_size: int, key: str) -> MemberIndex:
    """Read the directory of an archive.

    Args:
        path: the archive.
        max_size: bytes, unpacked, beyond which a member is refused.
        key: of the configuration, which raises that limit; for messages.

    Returns:
        The members in the directory's order; none where the directory cannot be read, and why.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            end = os.path.getsize(path)
            files = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
            found = (Member(e.filename, e.header_offset, e.file_size, _fault(e, max_size, key, end)) for e in files)
            return MemberIndex(tuple(found), None)
    except (*_DAMAGE, OSError) as error:
        return MemberIndex((), _said(error))


def zip_content(path: str | Path, member: Member) -> bytes:
    """A member's bytes.

    Raises:
        OSError: the archive has changed, or the member is damaged.
    """
    with _opened(path, member) as stream:
        return stream.read(member.size)


def zip_digest(path: str | Path, member: Member) -> str:
    """Hex SHA-256 of a member, in constant memory; errors as `zip_content`."""
    found = hashlib.sha256()
    with _opened(path, member) as stream:
        while chunk := stream.read(CHUNK):
            found.update(chunk)
    return found.hexdigest()


def first_damage(path: str | Path, index: MemberIndex) -> str | None:
    """Read all members that may be read, against their CRC-32: what is wrong with the first damaged one, or None."""
    for member in index.members:
        if member.fault is None:
            try:
                zip_digest(path, member)
            except OSError as error:
                return f"{member.name}: {error}"
    return None


@contextmanager
def _opened(path: str | Path, member: Member) -> Iterator[BinaryIO]:
    try:
        with zipfile.ZipFile(path) as archive:
            known = {(entry.filename, entry.header_offset): entry for entry in archive.infolist()}
            with archive.open(known[member.name, member.offset]) as stream:
                yield stream
    except KeyError:
        raise OSError(f"{path} has changed since it was acquired; copy or download it again") from None
    except _DAMAGE as error:
        raise OSError(f"damaged in the archive ({_said(error)}); copy or download the archive again") from None


def _fault(entry: zipfile.ZipInfo, max_size: int, key: str, end: int) -> tuple[str, str] | None:
    mode = stat.S_IFMT(entry.external_attr >> 16)  # 0 where the archive was made without Unix modes
    if refused := refusal(entry.filename, mode in (0, stat.S_IFREG), entry.file_size, max_size, key):
        return refused
    if entry.flag_bits & ENCRYPTED:
        return "refused", "encrypted; put it there without a password"
    if entry.compress_type not in METHODS:
        return "refused", f"packed by method {entry.compress_type}, which is not read here; pack it by deflate"
    if entry.file_size > max(SMALL, MOST_SHRINKING * entry.compress_size):
        return "refused", f"unpacks to more than {MOST_SHRINKING} times its size, as no recording does; remove it"
    if entry.header_offset + entry.compress_size > end:
        return CUT
    return None


def _said(error: Exception) -> str:
    """A fault in words; zipfile's message on a missing directory means that the end of the file is missing."""
    if isinstance(error, zipfile.BadZipFile) and "not a zip file" in str(error):
        return "no directory at its end: cut short, or no zip archive"
    return " ".join((getattr(error, "strerror", None) or str(error) or type(error).__name__).split())
