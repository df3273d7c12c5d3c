"""One archive of RAVDESS from Zenodo's record 1188976, or from an address of your own: resumed, checked.

No digest of these archives is pinned, since none was found that could be verified. A new one is checked by its size and
by the CRC-32 of every member, and its SHA-256 goes into the table of downloads.
"""

import errno
import re
import time
from dataclasses import dataclass
from pathlib import Path

import requests

from eadnet.config.corpora import RAVDESS, RecordArchive
from eadnet.corpora.download.fetching import FetchError, check_address, check_file
from eadnet.corpora.ravdess_layout import ACTORS, archive_name
from eadnet.corpora.zips import first_damage, read_zip_index
from eadnet.progress import progress_bar, show_bytes

BYTES = dict(zip(ACTORS, (
    552_968_353, 570_673_024, 567_824_665, 546_560_009, 562_966_425, 568_517_859, 565_652_404, 562_573_079,
    523_489_249, 565_580_163, 518_634_370, 557_928_718, 501_877_549, 552_484_059, 525_205_576, 562_416_513,
    551_688_845, 565_655_520, 581_121_687, 561_349_264, 590_292_896, 560_907_466, 545_177_865, 595_799_165,
), strict=True))  # fmt: skip
"""Size of every actor's ``Video_Speech_Actor_NN.zip``, as a published reader of the corpus expects them."""

BUSY = 429  # Zenodo allows so many requests a minute
CHUNK = 1 << 16  # bytes; what of one has come is lost when the connection breaks
BY_HAND = "or lay the file down by hand"


@dataclass(frozen=True)
class _Transfer:
    """A file on its way: from where, into which partial file, and how patiently."""

    url: str
    partial: Path
    timeout: float


def wanted_archive(actor: str, settings: RAVDESS) -> RecordArchive:
    """An actor's archive: the one that the configuration names, else that of the record."""
    named = settings.download.files.get(actor)
    url = f"{settings.download.base.rstrip('/')}/{archive_name(actor)}?download=1"
    return named or RecordArchive(url=url, bytes=BYTES[actor])


def fetch_record_archive(actor: str, settings: RAVDESS, target: Path) -> str:
    """Fetch an actor's archive, or check the one that is there; a partial one is resumed.

    Args:
        actor: whose.
        settings: of the corpus.
        target: where it goes.

    Returns:
        Its SHA-256.

    Raises:
        FetchError: it did not come, or is another file than was wanted; the wrong one is deleted.
        OSError: the disk cannot be written to.
    """
    wanted = wanted_archive(actor, settings)
    check_address(wanted.url, "corpora.ravdess.download")
    if not target.is_file():
        _fetch(wanted, settings, target)
    return check_file(target, wanted.bytes, wanted.sha256)


def _fetch(wanted: RecordArchive, settings: RAVDESS, target: Path) -> None:
    """Fetch into ``.partial``; the archive gets its name only when all its members are whole."""
    partial = target.parent / ".partial" / target.name
    partial.parent.mkdir(parents=True, exist_ok=True)
    transfer, patience = _Transfer(wanted.url, partial, settings.download.timeout), settings.download
    for attempt in range(patience.retries + 1):
        fault = _attempt(transfer)
        if fault is None:
            break
        if attempt < patience.retries:
            time.sleep(patience.pause * 2**attempt)
    else:
        raise FetchError("failed", f"{fault}; run again to go on with it, {BY_HAND}")
    if damage := _damage(partial, settings):
        partial.unlink()
        raise FetchError("failed", f"what came is no whole zip archive ({damage}); run again, {BY_HAND}")
    partial.replace(target)


def _damage(path: Path, settings: RAVDESS) -> str | None:
    index = read_zip_index(path, settings.max_member_mb * 10**6, "corpora.ravdess.max_member_mb")
    return index.damage or first_damage(path, index)


def _attempt(transfer: _Transfer) -> str | None:
    """Go on with a file once; None when it is whole, else what went wrong this time.

    Raises:
        FetchError: asking again is of no use.
    """
    start = transfer.partial.stat().st_size if transfer.partial.is_file() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        with requests.get(transfer.url, headers=headers, stream=True, timeout=transfer.timeout) as answer:
            if answer.status_code == 416:  # what is here is all of it, or no part of it
                if answer.headers.get("Content-Range") == f"bytes */{start}":
                    return None
                transfer.partial.unlink()
                return "what was here is no part of what is there"
            if answer.status_code >= 400:
                return _refused(answer.status_code)
            return _write(transfer, answer, start if answer.status_code == 206 else 0)
    except requests.RequestException as error:
        return " ".join(str(error).split())[:160]
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise FetchError("failed", f"no space left for {transfer.partial}; make room and run again") from None


def _refused(code: int) -> str:
    if code == BUSY or code >= 500:
        return f"the server answers {code}"
    status = "unavailable" if code in (401, 403, 404, 410) else "failed"
    raise FetchError(status, f"the server answers {code}; check corpora.ravdess.download, {BY_HAND}")


def _write(transfer: _Transfer, answer: requests.Response, start: int) -> str | None:
    """Append an answer to what is here from byte `start` on; None when the file has the length that it should have."""
    if start and not (answer.headers.get("Content-Range") or "").startswith(f"bytes {start}-"):
        transfer.partial.unlink()
        return "the server sends another part than was requested"
    total = _total(answer, start)
    with open(transfer.partial, "ab") as stream, progress_bar(transfer.partial.name, total or None, "B") as bar:
        stream.truncate(start)
        for chunk in answer.iter_content(CHUNK):
            stream.write(chunk)
            show_bytes(bar, stream.tell(), total)
        done = stream.tell()
    return f"{done} of {total} bytes came" if total and done != total else None


def _total(answer: requests.Response, start: int) -> int:
    """The whole file's size; 0 where the server does not state it."""
    stated = re.search(r"/(\d+)$", answer.headers.get("Content-Range") or "")
    length = int(answer.headers.get("Content-Length") or 0)
    return int(stated[1]) if stated else length and start + length
