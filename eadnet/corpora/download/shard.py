"""What is fetched of a shard, and what came of it: one row for every video or archive, whatever happens.

``python -m eadnet download`` writes ``{root}/videos`` (HDTF), ``{root}/{actor}`` (MEAD) or an archive into ``{root}``
(RAVDESS), and the table ``{root}/downloads/{shard}.parquet`` (``eadnet.tables.DOWNLOADS``). What is there and in order
is not fetched again.
"""

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from eadnet.config.corpora import HDTF, MEAD, RAVDESS
from eadnet.corpora.annotations import AnnotatedVideo
from eadnet.corpora.download.drive import fetch_archive, list_archives
from eadnet.corpora.download.fetching import FetchError
from eadnet.corpora.download.youtube import Wanted, fetch_video, video_id
from eadnet.corpora.download.zenodo import fetch_record_archive, wanted_archive
from eadnet.corpora.hdtf import HDTFReader
from eadnet.corpora.ravdess_layout import archive_name
from eadnet.media.decoding import MediaError
from eadnet.media.reading import probe
from eadnet.media.suffixes import VIDEO_SUFFIXES
from eadnet.provenance import sha256_file
from eadnet.tables import DOWNLOADS

Report = Callable[[str], None]


def download_shard(settings: HDTF | MEAD | RAVDESS, root: Path, shard: str, report: Report = print) -> list[dict]:
    """Fetch what a shard needs.

    Args:
        settings: the corpus's section.
        root: the corpus's folder.
        shard: an actor, or the number of a group of identities.
        report: called with a line for each file.

    Returns:
        Rows of ``eadnet.tables.DOWNLOADS``.

    Raises:
        OSError: the disk is full or cannot be written to.
    """
    ways = {HDTF: _videos, MEAD: _archives, RAVDESS: _record_archive}
    rows = []
    for row in ways[type(settings)](settings, root, shard, report):
        rows.append(row)
        report(f"{row['name']}: {row['status']}{', ' + row['reason'] if row['reason'] else ''}")
    counts = Counter(row["status"] for row in rows)
    report(f"{len(rows)} files: " + (", ".join(f"{count} {word}" for word, count in sorted(counts.items())) or "none"))
    return rows


# ------------------------------------------------------------------------------------------------------ HDTF
def _videos(settings: HDTF, root: Path, shard: str, report: Report) -> Iterator[dict]:
    fetched: dict[str, Path] = {}
    for key, video in HDTFReader(settings, root, shard).annotated.items():
        if not video.intervals or not video.plain:
            continue  # nothing to cut: the sources table has the reason
        row = _row("hdtf", shard, key, video.url or "") | {"stated_height": video.height or None}
        try:
            path = _video(video, root / "videos" / key, fetched, settings, report)
        except FetchError as error:
            yield row | {"status": error.status, "reason": str(error)}
            continue
        fetched[video_id(video.url)] = path
        yield row | _described(path, root, video.height)


def _video(video: AnnotatedVideo, target: Path, fetched: dict[str, Path], settings: HDTF, report: Report) -> Path:
    """The video's file: the one that is there, a link to the same video under another name, or a new one."""
    if not video.url:
        raise FetchError("missing", "no address in video_url; lay it down by hand")
    present = _present(target, report)
    if present:
        return present
    twin = fetched.get(video_id(video.url))
    if twin is not None:
        path = target.with_name(target.name + twin.suffix)
        _twin(twin, path)
        return path
    time.sleep(settings.download.pause)
    return fetch_video(Wanted(video.url, video.height, target), settings.download)


def _twin(first: Path, second: Path) -> None:
    """The same file under another name; a copy where the file system has no links."""
    try:
        os.link(first, second)
    except OSError:
        shutil.copyfile(first, second)


def _present(target: Path, report: Report) -> Path | None:
    """A whole file of an earlier run; one that is cut short is fetched again."""
    for path in sorted(target.parent.glob(f"{target.name}.*")):
        if path.suffix.lower() in VIDEO_SUFFIXES:
            try:
                if not probe(path).truncated:
                    return path
                reason = "it is cut short"
            except MediaError as error:
                reason = str(error)
            report(f"{path}: set aside as .broken and fetched again, {reason}")
            path.replace(path.with_name(f".{path.name}.broken"))
    return None


def _described(path: Path, root: Path, stated: int) -> dict:
    """What a file is, and whether it is what was wanted."""
    known = {"path": str(path.relative_to(root)), "bytes": path.stat().st_size, "sha256": sha256_file(path)}
    try:
        info = probe(path)
    except MediaError as error:
        path.unlink()
        return {"status": "failed", "reason": f"{error}; deleted, run again to fetch it"}
    known |= {"width": info.width, "height": info.height, "seconds": info.seconds, "fps": info.fps}
    known |= {"has_audio": info.has_audio}
    if not info.has_audio:
        reason = "the video has no sound; look for another copy, or leave it out"
        return known | {"status": "no_audio", "reason": reason}
    if stated and info.height != stated:
        reason = f"{info.height} pixels high, annotated at {stated}; the crop is scaled"
        return known | {"status": "wrong_height", "reason": reason}
    return known


# ------------------------------------------------------------------------------------------------------ MEAD
def _archives(settings: MEAD, root: Path, actor: str, report: Report) -> Iterator[dict]:
    try:
        archives = list_archives(actor, settings.download, root)
    except FetchError as error:
        yield _row("mead", actor, actor, "") | {"status": error.status, "reason": str(error)}
        return
    if not archives:
        reason = f"nothing is listed for {actor}; name its archives in corpora.mead.download.files, or leave it out"
        yield _row("mead", actor, actor, "") | {"status": "missing", "reason": reason}
    for place, archive in enumerate(archives):
        row = _row("mead", actor, archive.name, archive.url or f"https://drive.google.com/uc?id={archive.id}")
        target = root / actor / archive.name
        if place and not target.exists():
            time.sleep(settings.download.pause)
        try:
            digest = fetch_archive(archive, target, settings.download)
        except FetchError as error:
            yield row | {"status": error.status, "reason": str(error)}
            continue
        yield row | {"path": f"{actor}/{archive.name}", "bytes": target.stat().st_size, "sha256": digest}


# --------------------------------------------------------------------------------------------------- RAVDESS
def _record_archive(settings: RAVDESS, root: Path, actor: str, report: Report) -> Iterator[dict]:
    """The archive of an actor's speech; songs and sound alone are of no use here."""
    name = archive_name(actor)
    row = _row("ravdess", actor, name, wanted_archive(actor, settings).url)
    if not (root / name).exists():
        time.sleep(settings.download.pause)
    try:
        digest = fetch_record_archive(actor, settings, root / name)
    except FetchError as error:
        yield row | {"status": error.status, "reason": str(error)}
        return
    yield row | {"path": name, "bytes": (root / name).stat().st_size, "sha256": digest}


def _row(corpus: str, shard: str, name: str, url: str) -> dict:
    named = {"corpus": corpus, "shard": shard, "name": name, "url": url, "status": "ok"}
    return dict.fromkeys(DOWNLOADS.names) | named
