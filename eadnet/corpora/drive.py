"""One archive of a Google Drive folder, or of any address, by gdown: listed once, resumed, checked.

The listing of a folder is kept in ``listing-{folder}.json``: a list of objects with ``id`` and ``path``. Where Google
refuses to list the folder, write that file by hand, or name the archives in ``corpora.mead.download.files``.
"""

import errno
import glob
import hashlib
import json
import os
import re
import shutil
import tarfile
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import gdown
import requests

from eadnet.assets import LOOPBACK
from eadnet.corpora.settings import Archive, ArchiveDownload
from eadnet.provenance import atomic_path, sha256_file

REPORT_EVERY = 10.0  # seconds between two lines on a long download
TIMEOUT = 60.0  # seconds without an answer after which a connection is given up
BY_HAND = "or lay the file down by hand"


class ArchiveError(Exception):
    """An archive that did not come; `status` is the word for the table."""

    def __init__(self, status: str, reason: str) -> None:
        """Keep the status and the reason, one line with the mend."""
        super().__init__(reason)
        self.status = status


def list_archives(actor: str, settings: ArchiveDownload, root: Path) -> list[Archive]:
    """The archives of an actor: those that the configuration names, else those of the folder.

    Raises:
        ArchiveError: the folder cannot be listed.
    """
    if actor in settings.files:
        return list(settings.files[actor])
    if settings.folder is None:
        return []
    entries = [(entry["id"], PurePosixPath(entry["path"])) for entry in _listing(settings, root)]
    mine = [(key, path) for key, path in entries if actor in path.parts[:-1] and path.suffix.lower() == ".tar"]
    names = [path.name for _, path in mine]
    return [_archive(key, path, names.count(path.name) > 1) for key, path in mine]


def fetch_archive(
    archive: Archive, target: Path, settings: ArchiveDownload, report: Callable[[str], None] = print
) -> str:
    """Fetch an archive, or check the one that is there; a partial one is resumed.

    Args:
        archive: what, and what it must be.
        target: where it goes.
        settings: attempts and cookies.
        report: called with a line now and then.

    Returns:
        Its SHA-256.

    Raises:
        ArchiveError: it did not come, or is another file than was named; the wrong one is deleted.
    """
    if archive.url:
        _check_address(archive.url)
    digest = sha256_file(target) if target.is_file() else _transfer(archive, target, settings, report)
    size = target.stat().st_size
    wrong = None
    if archive.bytes and size != archive.bytes:
        wrong = ArchiveError("wrong_size", f"{size} bytes, expected {archive.bytes}; deleted, run again to fetch it")
    elif archive.sha256 and digest != archive.sha256:
        reason = f"sha256 is {digest}, expected {archive.sha256}; deleted, run again to fetch it"
        wrong = ArchiveError("wrong_checksum", reason)
    if wrong:
        target.unlink()
        raise wrong
    return digest


def _listing(settings: ArchiveDownload, root: Path) -> list[dict]:
    path = root / f"listing-{settings.folder}.json"
    try:
        return [{"id": entry["id"], "path": entry["path"]} for entry in json.loads(path.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        pass
    except (ValueError, TypeError, KeyError):
        raise ArchiveError("failed", f"{path}: no list of objects with id and path; delete it and run again") from None
    try:
        found = gdown.download_folder(
            id=settings.folder, skip_download=True, quiet=True, timeout=TIMEOUT, retries=settings.retries,
            **_cookies(settings, root),
        )  # fmt: skip
    except (gdown.DownloadError, requests.RequestException) as error:
        raise ArchiveError("failed", f"the folder cannot be listed ({_line(error)}); run again, {BY_HAND}") from None
    entries = [{"id": entry.id, "path": entry.path} for entry in found]
    if not entries:
        raise ArchiveError("failed", f"the folder {settings.folder} shows no file; check its id, {BY_HAND}")
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(entries, indent=1), encoding="utf-8")
    return entries


def _archive(key: str, path: PurePosixPath, ambiguous: bool) -> Archive:
    """An archive of the listing; the server's names are names only if they are plain."""
    name = "_".join(path.parts[-2:]) if ambiguous else path.name
    return Archive(name=re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip("._-") or f"{hash_of(key)}.tar", id=key)


def hash_of(text: str) -> str:
    """The first letters of a text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise ArchiveError("failed", f"{url}: not an https address; mend corpora.mead.download.files")


def _transfer(archive: Archive, target: Path, settings: ArchiveDownload, report: Callable[[str], None]) -> str:
    partial = target.parent / ".partial"
    partial.mkdir(parents=True, exist_ok=True)
    for attempt in range(settings.retries + 1):
        try:
            digest = _attempt(archive, partial / target.name, settings, report)
            break
        except requests.HTTPError as error:
            code = error.response.status_code
            if code == 416:  # what is here is not part of what is there
                _clear(partial, target.name)
            elif code < 500 or attempt == settings.retries:
                status = "unavailable" if code in (401, 403, 404, 410) else "failed"
                raise ArchiveError(status, f"the server answers {code}; run again, {BY_HAND}") from None
        except gdown.FileURLRetrievalError as error:
            raise _refused(error) from None
        except (gdown.DownloadError, requests.RequestException) as error:
            if attempt == settings.retries or "byte range" not in str(error):
                raise ArchiveError("failed", f"{_line(error)}; run again to go on with it") from None
            _clear(partial, target.name)
        time.sleep(settings.pause * 2**attempt)
    else:
        raise ArchiveError("failed", f"the server does not give the rest of the file; run again, {BY_HAND}")
    if not tarfile.is_tarfile(partial / target.name):
        _clear(partial, target.name)
        raise ArchiveError("failed", f"what came is no tar archive, but perhaps a page; check the address, {BY_HAND}")
    (partial / target.name).replace(target)
    return digest


def _attempt(archive: Archive, path: Path, settings: ArchiveDownload, report: Callable[[str], None]) -> str:
    digest = hashlib.sha256()
    try:
        gdown.download(
            url=archive.url, id=archive.id, output=str(path), quiet=True, resume=True, retries=settings.retries,
            timeout=TIMEOUT, hasher=digest, progress=_reporter(path, report), **_cookies(settings, path.parent),
        )  # fmt: skip
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise ArchiveError("failed", f"no space left on the disk of {path.parent}; make room and run again") from None
    return digest.hexdigest()


def _clear(partial: Path, name: str) -> None:
    """Drop what came so far of a file: gdown's parts have the file's name at their start."""
    for path in partial.glob(f"{glob.escape(name)}*"):
        path.unlink()


def _cookies(settings: ArchiveDownload, folder: Path) -> dict[str, object]:
    """Gdown's options for cookies: a copy of the user's file, which it would write anew from several processes."""
    if settings.cookies is None:
        return {"use_cookies": False}
    copy = folder / f".cookies-{os.getpid()}.txt"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(settings.cookies, copy)
    copy.chmod(0o600)
    return {"use_cookies": True, "cookies_file": str(copy)}


def _refused(error: Exception) -> ArchiveError:
    """Google's page in place of the file: its quota, or no right to see it."""
    said = _line(error)
    if re.search(r"quota|too many users|many accesses", said, re.IGNORECASE):
        reason = "Drive's quota for this file is used up; wait a day, give corpora.mead.download.cookies,"
        return ArchiveError("quota", f"{reason} {BY_HAND}")
    return ArchiveError("unavailable", f"{said[:160]}; check the id, {BY_HAND}")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _reporter(target: Path, report: Callable[[str], None]) -> Callable[[int, int | None], None]:
    started = last = time.monotonic()
    first = None

    def progress(done: int, total: int | None) -> None:
        nonlocal last, first
        first = done if first is None else first
        now = time.monotonic()
        if now - last > REPORT_EVERY:
            last, speed = now, max((done - first) / (now - started), 1.0)
            rest = f" of {total / 1e6:.0f} MB, {(total - done) / speed:.0f} s left" if total else " MB"
            report(f"{target.parent.name}/{target.name}: {done / 1e6:.0f}{rest}, {speed / 2**20:.1f} MiB/s")

    return progress
