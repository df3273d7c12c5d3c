"""MEAD as it is distributed: per actor ``video.tar`` and ``audio.tar``, or the same tree unpacked.

Reads ``{root}/{actor}/``: every archive whose name holds "video" or "audio" (some actors have several), and loose files.
Accepted anywhere in a path: ``{view}/{emotion}/level_{n}/{NNN}.mp4``, the flattened ``{view}/{emotion}_level_{n}/{NNN}.mp4``
and sound as ``{emotion}/level_{n}/{NNN}.m4a``. Archives are read member by member in memory and never extracted: a
member that is a link or a device, or that points out of the archive, is refused with a row. Light: opens no video.
"""

import hashlib
import io
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from eadnet.config import EMOTIONS, MEAD
from eadnet.corpora.sources import (
    ClipSource,
    CorpusError,
    Media,
    OpenedMedia,
    file_row,
    path_of,
    source_row,
    uri_of,
    usable,
)
from eadnet.corpora.splits import mead_people, mead_split

ACTOR = re.compile(r"[MW]\d{3}")
VIEWS = ("front", "down", "top", "left_30", "left_60", "right_30", "right_60")
USED_VIEW = "front"
_LABEL = rf"(?P<emotion>{'|'.join(EMOTIONS)})[/_]level_(?P<level>[123])/(?P<number>\d{{3}})"
_VIDEO = re.compile(rf"(?:^|/)(?P<view>{'|'.join(VIEWS)})/{_LABEL}\.mp4$")
_AUDIO = re.compile(rf"(?:^|/){_LABEL}\.(?:m4a|wav|mp3|aac)$")
_MEMBER = ".tar#"


@dataclass(frozen=True)
class Utterance:
    """What a MEAD path says; `view` is None for sound."""

    view: str | None
    emotion: str
    level: int
    number: int

    @property
    def name(self) -> str:
        """``front_angry_2_007``; sound: ``audio_angry_2_007``."""
        return f"{self.view or 'audio'}_{self.emotion}_{self.level}_{self.number:03d}"


def parse_path(path: str) -> Utterance | None:
    """Read view, emotion, level and number from the end of a path; None where it follows no MEAD layout."""
    match = _VIDEO.search(path)
    view = match["view"] if match else None
    match = match or _AUDIO.search(path)
    return Utterance(view, match["emotion"], int(match["level"]), int(match["number"])) if match else None


def list_actors(settings: MEAD, root: str | Path | None) -> tuple[str, ...]:
    """Actors, one a shard; `root` is not needed for the drawn corpus.

    Raises:
        CorpusError: the folder holds no actor.
    """
    if settings.origin == "synthetic":
        return tuple(sorted(mead_people(settings)))
    actors = tuple(sorted(path.name for path in Path(root).iterdir() if path.is_dir() and ACTOR.fullmatch(path.name)))
    if not actors:
        raise CorpusError(f"{root}: no actor folder such as M003; give the folder that holds MEAD's actors")
    return actors


class MEADReader:
    """One shard: everything in an actor's folder."""

    def __init__(self, settings: MEAD, root: str | Path, shard: str) -> None:
        self.settings, self.root, self.shard = settings, Path(root), shard
        self.folder = self.root / shard
        if not self.folder.is_dir():
            raise CorpusError(f"{self.folder}: no such folder; put the actor's video.tar and audio.tar there")
        self._archives: dict[str, tarfile.TarFile] = {}
        self._sounds: dict[str, str] = {}

    def sources(self) -> list[dict]:
        """One row per archive member and loose file; one for an archive that cannot be read to its end."""
        rows: list[dict] = []
        for path in sorted(path for path in self.folder.rglob("*") if path.is_file() or path.is_symlink()):
            rows += self._archive_rows(path) if path.suffix == ".tar" else [self._loose_row(path)]
        return _marked(rows)

    def clips(self, sources: pd.DataFrame) -> list[ClipSource]:
        """One clip per usable front-view video."""
        companions = sources[sources["status"] == "companion"]
        self._sounds = dict(zip(companions["source_id"], companions["uri"], strict=True))
        return [self._clip(row) for row in usable(sources)]

    @contextmanager
    def opened(self, clip: ClipSource) -> Iterator[OpenedMedia]:
        """The video, and the actor's separate recording of the utterance where there is one."""
        utterance = parse_path(path_of(clip.uri))
        sound = self._sounds.get(f"{self.shard}_{Utterance(None, utterance.emotion, utterance.level, utterance.number).name}")
        yield OpenedMedia(self._media(clip.uri), None if sound is None else self._media(sound))

    def _clip(self, row: dict) -> ClipSource:
        utterance = parse_path(path_of(row["uri"]))
        return ClipSource(
            clip_id=f"mead_{row['source_id']}",
            source_id=row["source_id"],
            uri=row["uri"],
            speaker=self.shard,
            split=mead_split(self.shard, utterance.emotion, utterance.number, self.settings),
            emotion=utterance.emotion,
            level=utterance.level,
            view=utterance.view,
            sentence=f"{utterance.number:03d}",
        )

    def _media(self, uri: str) -> Media:
        archive, mark, member = uri.partition(_MEMBER)
        if not mark:
            return self.root / path_of(uri)
        name = path_of(f"{archive}.tar")
        if name not in self._archives:
            self._archives[name] = tarfile.open(self.root / name, "r:")
        try:
            return io.BytesIO(self._archives[name].extractfile(path_of(member)).read())
        except (KeyError, tarfile.TarError) as error:
            raise OSError(f"{name} has changed since it was acquired ({error}); delete its sources table") from None

    def _loose_row(self, path: Path) -> dict:
        uri = uri_of(path.relative_to(self.root))
        return file_row("mead", self.shard, f"{self.shard}_{uri}", uri, path) | self._named(uri)

    def _archive_rows(self, path: Path) -> Iterator[dict]:
        uri = uri_of(path.relative_to(self.root))
        try:
            with tarfile.open(path, "r:") as archive:
                for member in archive:
                    if not member.isdir():
                        yield self._member_row(archive, member, f"{uri}#{uri_of(member.name)}")
        except (tarfile.TarError, OSError) as error:
            reason = f"not readable to its end as a tar archive ({error}); copy or download it again"
            yield source_row("mead", self.shard, f"{self.shard}_{uri}", uri, "unreadable", reason)

    def _member_row(self, archive: tarfile.TarFile, member: tarfile.TarInfo, uri: str) -> dict:
        row = source_row("mead", self.shard, f"{self.shard}_{uri}", uri, size=member.size) | self._named(uri)
        path = PurePosixPath(member.name)
        if not member.isfile() or path.is_absolute() or ".." in path.parts:
            return row | {"status": "refused", "reason": "a link, a device or a path out of the archive; remove it"}
        digest = hashlib.file_digest(archive.extractfile(member), "sha256").hexdigest()
        if member.size == 0:
            row |= {"status": "empty", "reason": "zero bytes; download the archive again"}
        return row | {"sha256": digest}

    def _named(self, uri: str) -> dict:
        """The `source_id` of a file that follows the layout; status and reason of one that is not used as a clip."""
        utterance = parse_path(path_of(uri))
        if utterance is None:
            return {"status": "skipped", "reason": "not {view}/{emotion}/level_{n}/{NNN}.mp4; remove or rename it"}
        name = {"source_id": f"{self.shard}_{utterance.name}"}
        if utterance.view is None:
            return name | {"status": "companion", "reason": "sound of the clip of the same name"}
        if utterance.view != USED_VIEW:
            return name | {"status": "skipped", "reason": f"view {utterance.view}: only {USED_VIEW} is used"}
        return name


def _marked(rows: list[dict]) -> list[dict]:
    """Mark the second and later rows of one utterance as duplicates."""
    seen: set[str] = set()
    for row in rows:
        if row["status"] in ("ok", "companion"):
            if row["source_id"] in seen:
                row |= {"status": "duplicate", "reason": f"{row['source_id']} is there already; remove one of them"}
                row["source_id"] += f"@{row['uri']}"
            seen.add(row["source_id"])
    return rows
