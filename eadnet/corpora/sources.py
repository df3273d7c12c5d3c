"""What corpora have in common: the rows that account for their inputs, and the clips that they offer.

A `Reader` knows one shard of one corpus. `sources` accounts for every input by exactly one row (see
``eadnet.tables.SOURCES``); `clips` turns the usable rows into `ClipSource`s; `opened` gives their media to
``eadnet.preprocessing``. Readers never extract archives and never hand a file name to a shell.
"""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import quote_from_bytes, unquote_to_bytes

import pandas as pd

from eadnet.corpora.files import Found
from eadnet.media.suffixes import AUDIO_SUFFIXES
from eadnet.tables import DOWNLOADS, read_rows

MAX_SLUG = 80
_LARGEST = 2**63 - 1  # bytes that a column holds; an archive may state more
USED = ("ok", "companion")  # statuses of what becomes a clip or gives it its sound

Media = Path | BinaryIO


@dataclass(frozen=True)
class CropBox:
    """An annotated rectangle, in pixels of a picture `frame_height` high (0: of the video as it is)."""

    x: float
    y: float
    width: float
    height: float
    frame_height: float = 0


@dataclass(frozen=True)
class ClipSource:
    """A piece of video that a corpus offers, before it is decoded.

    Preprocessing cuts it at its shots and into pieces of at most `max_seconds`; several pieces append their numbers to
    `clip_id`. `start` and `seconds` bound it; `crop` is an annotated window; `wants_crop`: one is missing and
    is to be found by detection.
    """

    clip_id: str
    source_id: str
    uri: str
    speaker: str
    split: str
    emotion: str | None = None
    level: int | None = None
    view: str | None = None
    sentence: str | None = None
    start: float = 0.0
    seconds: float | None = None
    max_seconds: float | None = None
    crop: CropBox | None = None
    wants_crop: bool = False


@dataclass(frozen=True)
class OpenedMedia:
    """A clip's media: the video, and the file to take its sound from if the video has none (or None)."""

    video: Media
    sound: Media | None


class Reader(Protocol):
    """One shard of a corpus."""

    def sources(self) -> list[dict]:
        """Rows that account for every input of the shard, as ``eadnet.tables.SOURCES``."""
        ...

    def clips(self, sources: pd.DataFrame) -> list[ClipSource]:
        """Clips of the usable rows, in a fixed order."""
        ...

    def opened(self, clip: ClipSource) -> AbstractContextManager[OpenedMedia]:
        """The clip's media, open as long as the context lasts.

        Raises:
            OSError: the file has gone since it was acquired.
        """
        ...


def source_row(
    corpus: str,
    shard: str,
    source_id: str,
    uri: str,
    status: str = "ok",
    reason: str | None = None,
    sha256: str | None = None,
    size: int | None = None,
) -> dict:
    """One row of the SOURCES table."""
    return {
        "corpus": corpus,
        "shard": shard,
        "source_id": source_id,
        "uri": uri,
        "sha256": sha256,
        "bytes": None if size is None else min(size, _LARGEST),
        "status": status,
        "reason": reason,
    }


def file_row(corpus: str, shard: str, source_id: str, uri: str, path: Path) -> dict:
    """The row of a file: hashed; status `unreadable` or `empty` where it cannot be used."""
    try:
        with open(path, "rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            size = stream.tell()
    except OSError as error:
        return source_row(
            corpus, shard, source_id, uri, "unreadable", f"{error.strerror}; check the file and its rights"
        )
    if not size:
        return source_row(corpus, shard, source_id, uri, "empty", "zero bytes; copy the file again", digest, 0)
    return source_row(corpus, shard, source_id, uri, sha256=digest, size=size)


def found_row(corpus: str, shard: str, source_id: str, root: Path, found: Found) -> dict:
    """The row of an entry that `list_files` found below `root`: `file_row`, or its fault, and then it is not opened."""
    if found.fault:
        return source_row(corpus, shard, source_id, uri_of(found.name), *found.fault)
    return file_row(corpus, shard, source_id, uri_of(found.name), root / found.name)


def with_duplicates(rows: list[dict]) -> list[dict]:
    """Make every `source_id` unique: the first usable row of a name keeps it, other usable ones are duplicates."""
    owner: dict[str, int] = {}
    for place, row in enumerate(rows):
        if row["source_id"] not in owner or (
            row["status"] in USED and rows[owner[row["source_id"]]]["status"] not in USED
        ):
            owner[row["source_id"]] = place
    seen: Counter[str] = Counter()
    for place, row in enumerate(rows):
        name = row["source_id"]
        if owner[name] != place:
            seen[name] += 1
            row["source_id"] = f"{name}@{seen[name] + 1}"
            if row["status"] in USED:
                row |= {"status": "duplicate", "reason": f"{name} is there already; remove one of them"}
    return rows


def read_downloads(root: Path, shard: str) -> list[dict]:
    """What came of the shard's downloads (rows of ``eadnet.tables.DOWNLOADS``); none where none was downloaded."""
    path = root / "downloads" / f"{shard}.parquet"
    return read_rows(path, DOWNLOADS) if path.is_file() else []


def failed_downloads(corpus: str, shard: str, root: Path) -> Iterator[dict]:
    """A row for each file that was to be fetched for a shard and did not come as it should."""
    for row in read_downloads(root, shard):
        if row["status"] != "ok":
            name = f"{shard}_download_{uri_of(row['name'])}"
            yield source_row(corpus, shard, name, row["url"] or "", row["status"], row["reason"])


def sound_beside(path: Path) -> Path | None:
    """The sound file of the same stem in the same folder, the first by `sound_rank`; suffixes in any letters."""
    with os.scandir(path.parent) as entries:
        names = [entry.name for entry in entries if os.path.splitext(entry.name)[0] == path.stem and entry.is_file()]
    sounds = [name for name in names if os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES]
    return path.with_name(min(sounds, key=sound_rank)) if sounds else None


def sound_rank(name: str) -> tuple[int, str]:
    """Which of several sounds of one stem is used: the first by the order of suffixes, then by name."""
    return AUDIO_SUFFIXES.index(os.path.splitext(name)[1].lower()), name


def place_sounds(sounds: Iterable[Found], videos: Iterable[str]) -> Iterator[tuple[Found, str, str]]:
    """Each sound file with its status and reason: the sound of a video, one too many, or without a video.

    Args:
        sounds: sound files below a corpus's folder.
        videos: names of the videos below it.
    """
    stems = {os.path.splitext(name)[0] for name in videos}
    taken: set[str] = set()
    for found in sorted(sounds, key=lambda found: sound_rank(found.name)):
        stem = os.path.splitext(found.name)[0]
        if stem not in stems:
            yield (
                found,
                "lone_sound",
                "sound without a video of the same name beside it; put the video there or remove it",
            )
        elif stem in taken:
            yield found, "duplicate", "another sound of the same name goes before it; remove one of them"
        else:
            yield found, "companion", "sound beside a video; used where the video has none"
        if not found.fault:
            taken.add(stem)


def uri_of(path: str | Path) -> str:
    """A relative path as percent-encoded text: any file name, whatever its bytes, survives a table."""
    return quote_from_bytes(os.fsencode(path), safe="/ ()+,=@~'!")


def path_of(uri: str) -> str:
    """The path behind `uri_of`."""
    return os.fsdecode(unquote_to_bytes(uri))


def slugs(names: Iterable[str]) -> dict[str, str]:
    """Short names of letters, digits, `_` and `-` for any names, all different.

    Names that would fall together, or that lose everything, carry the start of their digest.
    """
    plain = {name: re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_")[:MAX_SLUG] for name in names}
    times = Counter(slug.lower() for slug in plain.values())

    def alone(slug: str) -> bool:
        """Whether no other source has the name, and it is not that of a piece of another (`a_0` beside `a`)."""
        whole = re.sub(r"_\d+$", "", slug.lower())
        return times[slug.lower()] == 1 and (whole == slug.lower() or whole not in times)

    return {name: slug if slug and alone(slug) else f"{slug or 'clip'}-{_digest(name)}" for name, slug in plain.items()}


def usable(sources: pd.DataFrame) -> Iterator[dict]:
    """The rows with status `ok`, as mappings."""
    yield from sources[sources["status"] == "ok"].to_dict("records")


def _digest(name: str) -> str:
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:8]
