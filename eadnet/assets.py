"""Published weights: a table of pinned files, and `fetch`, which returns a folder of them once every file is checked.

``assets.tsv`` names every file with its address at a fixed revision, its SHA-256, size and licence. A file is taken
from the first place that has it: the folder of weights, the mirror (linked to, not copied), the network (an address may
name a member of a zip archive, ``....zip#member``). It is used only if its digest is the pinned one, or the one that
the configuration accepts in its place. What was checked is recorded in ``{folder}/{asset}/.checked.json``
(``eadnet.digests``), so that gigabytes are read once. A process that links or downloads owns the folder of the asset
(`eadnet.jobs.ownership`); another one waits, and finds the files there.
"""

import csv
import glob
import os
import re
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from eadnet.digests import file_digest, record_digest
from eadnet.jobs.ownership import OwnershipError, owned
from eadnet.progress import progress_bar
from eadnet.provenance import LFS_FAULT, atomic_path, is_lfs_pointer, sha256_file

TABLE = resources.files("eadnet") / "assets.tsv"
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
MAX_MEMBER = 1 << 32  # bytes that one member of a zip archive may take
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PAUSES = (2.0, 10.0)  # seconds before the second and the third attempt
PATIENCE = 86400.0  # seconds to wait while another process downloads the same asset
_FAILED: dict[tuple[str, Path, str], str] = {}
"""Why a download failed in this process, by address, place and digest: many ask for the same weights, and each would
wait for the network."""


class AssetError(ValueError):
    """Published weights that are absent, damaged or not pinned; one line that names the file and the fix."""


class AssetSettings(Protocol):
    """What `fetch` reads of the ``assets`` section; a validated section and a plain view both have it."""

    folder: str
    mirror: str | None
    sha256: Any
    offline: bool


@dataclass(frozen=True)
class AssetFile:
    """One file of a published asset; `sha256` is empty and `bytes` 0 where they are not published."""

    asset: str
    file: str
    url: str
    revision: str
    sha256: str
    bytes: int
    licence: str
    source: str

    @property
    def key(self) -> str:
        """The name under which the configuration accepts another digest, ``<asset>/<file>``."""
        return f"{self.asset}/{self.file}"


def read_table(path: Traversable = TABLE) -> dict[str, list[AssetFile]]:
    """The files of every asset.

    Raises:
        AssetError: a name that could leave its folder, an address that is not https, or a digest that is none.
    """
    assets: dict[str, list[AssetFile]] = {}
    with path.open(encoding="utf-8") as stream:
        for number, row in enumerate(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE), start=2):
            file = AssetFile(**{**row, "bytes": int(row["bytes"] or 0)})
            _check_row(file, f"{path}, line {number}")
            assets.setdefault(file.asset, []).append(file)
    return assets


def fetch(name: str, settings: AssetSettings, table: Traversable = TABLE) -> Path:
    """The folder that holds all files of a published asset, every one of them checked.

    Args:
        name: An asset of the table.
        settings: The ``assets`` section.
        table: The table of assets.

    Returns:
        ``{settings.folder}/{name}``; files that the mirror has are links to it.

    Raises:
        AssetError: the asset is unknown, or a file is absent, damaged, not pinned, or cannot be downloaded, or another
            process that fetches it does not end. A process tries each download once; put by hand, the file is found
            all the same.
    """
    assets = read_table(table)
    if name not in assets:
        raise _unknown(name, assets)
    folder, files = Path(settings.folder) / name, assets[name]
    for file in absent_files([name], settings, table):
        _refuse_in_vain(file, folder / file.file, settings)
    if all(_find(folder / file.file, _mirrored(file, settings)) == folder / file.file for file in files):
        _bring(files, folder, settings)
        return folder
    try:
        with owned(folder, wait=PATIENCE):
            _bring(files, folder, settings)
    except OwnershipError as error:
        raise AssetError(str(error)) from None
    return folder


def _bring(files: Collection[AssetFile], folder: Path, settings: AssetSettings) -> None:
    """Check the files of an asset; link to those of the mirror, and download those that are nowhere."""
    for file in files:
        place, mirrored = folder / file.file, _mirrored(file, settings)
        found = _find(place, mirrored)
        if found is None:
            _download(file, place, settings)
            continue
        _check(file, found, _digest(file, found, settings, folder), settings)
        if found != place:
            _link(place, found)


def accepted_digests(names: Collection[str], settings: AssetSettings, table: Traversable = TABLE) -> dict[str, str]:
    """The SHA-256 that each file of some assets must have, by ``<asset>/<file>``; "" where none is pinned or accepted.

    Args:
        names: Assets of the table; one may be named twice.
        settings: The ``assets`` section.
        table: The table of assets.

    Raises:
        AssetError: an asset is unknown.
    """
    assets = read_table(table)
    if unknown := [name for name in names if name not in assets]:
        raise _unknown(unknown[0], assets)
    return {file.key: _accepted(file, settings) for name in names for file in assets[name]}


def describe(settings: AssetSettings | None = None, table: Traversable = TABLE) -> list[dict[str, Any]]:
    """One row per asset: ``asset``, ``files``, ``bytes``, ``licence``, ``pinned``, ``here`` with settings."""
    rows = []
    for name, files in read_table(table).items():
        row = {"asset": name, "files": len(files), "bytes": sum(file.bytes for file in files)}
        row |= {"licence": files[0].licence, "pinned": all(file.sha256 for file in files)}
        if settings is not None:
            places = [(Path(settings.folder) / file.key, _mirrored(file, settings)) for file in files]
            row["here"] = all(_find(*both) is not None for both in places)
        rows.append(row)
    return rows


def absent_files(names: Collection[str], settings: AssetSettings, table: Traversable = TABLE) -> list[AssetFile]:
    """The files of some assets that neither the folder nor the mirror has; nothing is fetched or checked.

    Raises:
        AssetError: an asset is unknown.
    """
    assets = read_table(table)
    if unknown := [name for name in names if name not in assets]:
        raise _unknown(unknown[0], assets)
    files = [file for name in dict.fromkeys(names) for file in assets[name]]
    return [file for file in files if _find(Path(settings.folder) / file.key, _mirrored(file, settings)) is None]


def _digest(file: AssetFile, path: Path, settings: AssetSettings, folder: Path) -> str:
    """SHA-256 of a file that is here, from the record in `folder` if unchanged; a wrong size is refused unread."""
    size = path.stat().st_size
    if is_lfs_pointer(path):
        raise AssetError(f"{path}: {LFS_FAULT}")
    if _accepted(file, settings) == file.sha256 and file.bytes and size != file.bytes:
        raise AssetError(f"{path}: {size} bytes, expected {file.bytes}; delete it, or complete it")
    return file_digest(path, folder)


def _unknown(name: str, assets: dict[str, list[AssetFile]]) -> AssetError:
    return AssetError(f"no published asset '{name}'; there are {', '.join(assets)}")


def _check_row(file: AssetFile, where: str) -> None:
    for name in (file.asset, file.file):
        if not PLAIN_NAME.fullmatch(name):
            raise AssetError(f"{where}: '{name}' is no plain name (letters, digits, '.', '_', '-')")
    address = urlsplit(file.url)
    if address.scheme != "https" and address.hostname not in LOOPBACK:
        raise AssetError(f"{where}: {file.url} must be https")
    if file.sha256 and not re.fullmatch("[0-9a-f]{64}", file.sha256):
        raise AssetError(f"{where}: '{file.sha256}' is no SHA-256 (64 hexadecimal digits)")


def _accepted(file: AssetFile, settings: AssetSettings) -> str:
    return settings.sha256.get(file.key, file.sha256).lower()


def _mirrored(file: AssetFile, settings: AssetSettings) -> Path | None:
    return Path(settings.mirror).resolve() / file.key if settings.mirror else None


def _find(place: Path, mirrored: Path | None) -> Path | None:
    """The first place that has the file; a link may be to an earlier mirror, so the present one comes before it."""
    is_old = place.is_symlink() and str(place.readlink()) != str(mirrored)
    places = (mirrored, place) if is_old else (place, mirrored)
    return next((path for path in places if path and path.is_file()), None)


def _link(place: Path, target: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f".{place.name}.{os.getpid()}")
    temporary.symlink_to(target)
    temporary.replace(place)


def _check(file: AssetFile, path: Path | str, digest: str, settings: AssetSettings) -> None:
    expected = _accepted(file, settings)
    if not expected:
        fix = f'if it is trusted, accept it with  assets: {{sha256: {{"{file.key}": "{digest}"}}}}'
        raise AssetError(f"{path}: has sha256 {digest}, and none is pinned for {file.key}; {fix}")
    if digest != expected:
        raise AssetError(f"{path}: sha256 is {digest}, expected {expected}; delete it, or get it again from {file.url}")


def _download(file: AssetFile, place: Path, settings: AssetSettings) -> None:
    """Download to a temporary file, which gets its name only if it is whole and the accepted one."""
    _refuse_in_vain(file, place, settings)
    for left in glob.glob(f".{glob.escape(place.stem)}.????????{glob.escape(place.suffix)}", root_dir=place.parent):
        (place.parent / left).unlink(missing_ok=True)  # of a process that was killed: only one downloads at a time
    attempt = (file.url, place, _accepted(file, settings))
    print(f"{file.key}: downloading {file.url} (licence: {file.licence})", file=sys.stderr)
    try:
        with atomic_path(place) as temporary:
            _attempt(lambda: _transfer(file, temporary, settings), file, place)
            digest = sha256_file(temporary)
            _check(file, file.url, digest, settings)
    except AssetError as error:
        _FAILED[attempt] = str(error)
        raise
    record_digest(place, digest)


def _refuse_in_vain(file: AssetFile, place: Path, settings: AssetSettings) -> None:
    """Refuse the download of an absent file that is not allowed, or has failed in this process.

    Raises:
        AssetError: as said.
    """
    if settings.offline:
        place = _mirrored(file, settings) or place
        fix = f"fetch it with  snakemake --cores all downloads , set assets.offline to false, or put it at {place}"
        raise AssetError(f"{file.key}: absent; {fix}; it is {file.url} (licence: {file.licence})")
    if reason := _FAILED.get((file.url, place, _accepted(file, settings))):
        raise AssetError(reason)


def _transfer(file: AssetFile, target: Path, settings: AssetSettings) -> None:
    from pooch import HTTPDownloader  # only a machine that downloads needs it

    address, _, member = file.url.partition("#")
    with progress_bar(file.key, file.bytes or 1, "B") as bar:  # the downloader knows better how many they are
        HTTPDownloader(progressbar=bar, chunk_size=1 << 20, timeout=60)(address, str(target), None)
    if member:
        _unzip(target, member)
    size = target.stat().st_size
    if _accepted(file, settings) == file.sha256 and file.bytes and size != file.bytes:
        raise OSError(f"{size} bytes came, expected {file.bytes}")


def _unzip(archive: Path, member: str) -> None:
    """Put one plain member of a zip archive in the archive's place; nothing else of it is ever written."""
    try:
        with zipfile.ZipFile(archive) as opened, tempfile.TemporaryFile(dir=archive.parent) as content:
            if opened.getinfo(member).file_size > MAX_MEMBER:
                raise OSError(f"{member} would take {opened.getinfo(member).file_size} bytes")
            with opened.open(member) as stream:
                shutil.copyfileobj(stream, content)
            content.seek(0)
            with open(archive, "wb") as target:
                shutil.copyfileobj(content, target)
    except (KeyError, zipfile.BadZipFile) as error:
        raise OSError(f"no zip archive that holds {member} ({error})") from None


def _attempt(transfer: Callable[[], None], file: AssetFile, place: Path) -> None:
    """Transfer, thrice at most; a refusal of the server (4xx) is final."""
    for pause in (*PAUSES, None):
        try:
            return transfer()
        except (ImportError, OSError) as error:  # requests' errors are OSErrors
            status = getattr(getattr(error, "response", None), "status_code", 0)
            if pause is None or isinstance(error, ImportError) or 400 <= status < 500:
                fix = f"put {file.url} at {place} by hand, or run again"
                raise AssetError(f"{file.key}: {_reason(error, file)}; {fix}") from None
            print(f"{file.key}: {_reason(error, file)}; trying again in {pause:g} s", file=sys.stderr)
            time.sleep(pause)


def _reason(error: Exception, file: AssetFile) -> str:
    """What went wrong, in one line; errors of a connection that was never made name the machine alone."""
    unanswered = getattr(error, "request", None) is not None and getattr(error, "response", None) is None
    if unanswered:
        return f"no answer from {urlsplit(file.url).hostname} ({type(error).__name__})"
    return " ".join(str(error).split())
