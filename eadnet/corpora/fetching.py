"""What fetching a video and fetching an archive share: the fault that becomes a row, and which addresses are asked."""

from urllib.parse import urlsplit

from eadnet.assets import LOOPBACK

REPORT_EVERY = 10.0  # seconds between two lines on a long download


class FetchError(Exception):
    """A file that did not come; `status` is the word for the table."""

    def __init__(self, status: str, reason: str) -> None:
        """Keep the status and the reason, one line with the mend."""
        super().__init__(reason)
        self.status = status


def check_address(url: str, where: str) -> None:
    """Raise FetchError unless an address is https, or of this very machine; `where` says what to mend."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise FetchError("failed", f"{url}: not an https address; mend {where}")
