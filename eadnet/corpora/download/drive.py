"""One archive of a Google Drive folder, or of any address, by gdown: listed once, resumed, checked.

The listing of a folder is kept in ``listing-{folder}.json``: a list of objects with ``id`` and ``path``. Where Google
refuses to list the folder, write that file by hand, or name the archives in ``corpora.mead.download.files``.
"""

import errno
import glob
import hashlib
import json
import re
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath

import gdown
import requests

from eadnet.config.corpora import Archive, ArchiveDownload
from eadnet.corpora.download.fetching import FetchError, check_address, check_file
from eadnet.progress import progress_bar, show_bytes
from eadnet.provenance import atomic_path

TIMEOUT = 60.0  # seconds without an answer after which a connection is given up
BY_HAND = "or lay the file down by hand"


def list_archives(actor: str, settings: ArchiveDownload, root: Path) -> list[Archive]:
    """The archives of an actor: those that the configuration names, else those of the folder.

    Raises:
        FetchError: the folder cannot be listed.
    """
    if actor in settings.files:
        return list(settings.files[actor])
    if settings.folder is None:
        return []
    entries = [(entry["id"], PurePosixPath(entry["path"])) for entry in _listing(settings, root)]
    mine = [(key, path) for key, path in entries if actor in path.parts[:-1] and path.suffix.lower() == ".tar"]
    names = [path.name for _, path in mine]
    return [_archive(key, path, names.count(path.name) > 1) for key, path in mine]


def fetch_archive(archive: Archive, target: Path, settings: ArchiveDownload) -> str:
    """Fetch an archive, or check the one that is there; a partial one is resumed.

    Args:
        archive: what, and what it must be.
        target: where it goes.
        settings: attempts and cookies.

    Returns:
        Its SHA-256.

    Raises:
        FetchError: it did not come, or is another file than was named; the wrong one is deleted.
    """
    if archive.url:
        check_address(archive.url, "corpora.mead.download.files")
    if not target.is_file():
        _transfer(archive, target, settings)
    return check_file(target, archive.bytes, archive.sha256)


def _listing(settings: ArchiveDownload, root: Path) -> list[dict]:
    path = root / f"listing-{settings.folder}.json"
    try:
        return [{"id": entry["id"], "path": entry["path"]} for entry in json.loads(path.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        pass
    except (ValueError, TypeError, KeyError):
        raise FetchError("failed", f"{path}: no list of objects with id and path; delete it and run again") from None
    try:
        with _cookies(settings) as cookies:
            found = gdown.download_folder(
                id=settings.folder, skip_download=True, quiet=True, timeout=TIMEOUT, retries=settings.retries, **cookies
            )
    except (gdown.DownloadError, requests.RequestException) as error:
        raise FetchError("failed", f"the folder cannot be listed ({_line(error)}); run again, {BY_HAND}") from None
    entries = [{"id": entry.id, "path": entry.path} for entry in found]
    if not entries:
        raise FetchError("failed", f"the folder {settings.folder} shows no file; check its id, {BY_HAND}")
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(entries, indent=1), encoding="utf-8")
    return entries


def _archive(key: str, path: PurePosixPath, ambiguous: bool) -> Archive:
    """An archive of the listing; the server's names are names only if they are plain."""
    name = "_".join(path.parts[-2:]) if ambiguous else path.name
    return Archive(name=re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip("._-") or f"{_hash_of(key)}.tar", id=key)


def _hash_of(text: str) -> str:
    """The first letters of a text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _transfer(archive: Archive, target: Path, settings: ArchiveDownload) -> None:
    partial = target.parent / ".partial"
    partial.mkdir(parents=True, exist_ok=True)
    for attempt in range(settings.retries + 1):
        try:
            _attempt(archive, partial / target.name, settings)
            break
        except requests.HTTPError as error:
            code = error.response.status_code
            if code == 416:  # what is here is not part of what is there
                _clear(partial, target.name)
            elif code < 500 or attempt == settings.retries:
                status = "unavailable" if code in (401, 403, 404, 410) else "failed"
                raise FetchError(status, f"the server answers {code}; run again, {BY_HAND}") from None
        except gdown.FileURLRetrievalError as error:
            raise _refused(error) from None
        except (gdown.DownloadError, requests.RequestException) as error:
            if attempt == settings.retries or "byte range" not in str(error):
                raise FetchError("failed", f"{_line(error)}; run again to go on with it") from None
            _clear(partial, target.name)
        time.sleep(settings.pause * 2**attempt)
    else:
        raise FetchError("failed", f"the server does not give the rest of the file; run again, {BY_HAND}")
    if not tarfile.is_tarfile(partial / target.name):
        _clear(partial, target.name)
        raise FetchError("failed", f"what came is no tar archive, but perhaps a page; check the address, {BY_HAND}")
    (partial / target.name).replace(target)


def _attempt(archive: Archive, path: Path, settings: ArchiveDownload) -> None:
    try:
        with _cookies(settings) as cookies, progress_bar(path.name, None, "B") as bar:
            gdown.download(
                url=archive.url, id=archive.id, output=str(path), quiet=True, resume=True, retries=settings.retries,
                timeout=TIMEOUT, progress=partial(show_bytes, bar), **cookies,
            )  # fmt: skip
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise FetchError("failed", f"no space left on the disk of {path.parent}; make room and run again") from None


def _clear(partial: Path, name: str) -> None:
    """Drop what came so far of a file: gdown's parts have the file's name at their start."""
    for path in partial.glob(f"{glob.escape(name)}*"):
        path.unlink()


@contextmanager
def _cookies(settings: ArchiveDownload) -> Iterator[dict[str, object]]:
    """Gdown's options for cookies: a copy of the user's file, which it would write anew from several processes."""
    if settings.cookies is None:
        yield {"use_cookies": False}
        return
    with tempfile.TemporaryDirectory() as folder:  # readable by its owner only
        yield {"use_cookies": True, "cookies_file": shutil.copy(settings.cookies, folder)}


def _refused(error: Exception) -> FetchError:
    """Google's page in place of the file: its quota, or no right to see it."""
    said = _line(error)
    if re.search(r"quota|too many users|many accesses", said, re.IGNORECASE):
        reason = "Drive's quota for this file is used up; wait a day, give corpora.mead.download.cookies,"
        return FetchError("quota", f"{reason} {BY_HAND}")
    return FetchError("unavailable", f"{said[:160]}; check the id, {BY_HAND}")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
