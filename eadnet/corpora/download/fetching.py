"""What fetching a video and fetching an archive share: the fault that becomes a row, and which addresses are asked."""

from pathlib import Path
from urllib.parse import urlsplit

from eadnet.assets import LOOPBACK
from eadnet.provenance import sha256_file


class FetchError(Exception):
    """A file that did not come; `status` is the word for the table."""

    def __init__(self, status: str, reason: str) -> None:
        """Keep the status and the reason, one line with the fix."""
        super().__init__(reason)
        self.status = status


def check_address(url: str, where: str) -> None:
    """Raise FetchError unless an address is https, or of this very machine; `where` names what to fix."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise FetchError("failed", f"{url}: not an https address; fix {where}")


def check_file(path: Path, size: int, sha256: str) -> str:
    """The SHA-256 of a fetched file, which is what was wanted.

    Args:
        path: of the file; another one than was wanted is deleted.
        size: in bytes; 0 where unknown.
        sha256: empty where unknown.

    Raises:
        FetchError: size or digest are others.
    """
    digest, wrong = sha256_file(path), None
    if size and path.stat().st_size != size:
        found = f"{path.stat().st_size} bytes, expected {size}"
        wrong = FetchError("wrong_size", f"{found}; deleted, run again to fetch it")
    elif sha256 and digest != sha256:
        wrong = FetchError("wrong_checksum", f"sha256 is {digest}, expected {sha256}; deleted, run again to fetch it")
    if wrong:
        path.unlink()
        raise wrong
    return digest
