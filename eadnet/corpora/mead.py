"""MEAD as it is distributed: per actor ``video.tar`` and ``audio.tar``, or the same tree unpacked.

Reads ``{root}/{actor}/``: every ``.tar`` (some actors have several) and all loose files. Accepted at the end of a path:
``{view}/{emotion}/level_{n}/{NNN}.mp4``, the flattened ``{view}/{emotion}_level_{n}/{NNN}.mp4``, and sound as
``{emotion}/level_{n}/{NNN}.m4a``. Archives are read member by member in memory and never extracted: a
member that is a link or a device, or that points out of the archive, is refused with a row. Light: opens no video.
"""

import hashlib
import io
import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from eadnet.config import EMOTIONS
from eadnet.corpora.settings import MEAD
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


def other_folders(root: str | Path) -> tuple[str, ...]:
    """Folders beside the actors' that bear no actor's name; hidden ones do not count."""
    folders = sorted(path.name for path in Path(root).iterdir() if path.is_dir() and not path.name.startswith("."))
    return tuple(name for name in folders if not ACTOR.fullmatch(name))


class MEADReader:
    """One shard: everything in an actor's folder."""

    def __init__(self, settings: MEAD, root: str | Path, shard: str) -> None:
        """Find the actor's folder; raises CorpusError where it is absent or `shard` is no actor."""
        if not ACTOR.fullmatch(shard):
            raise CorpusError(f"mead has no shard {shard!r}; shards are actors such as M003 or W009")
        self.settings, self.root, self.shard = settings, Path(root), shard
        self.folder = self.root / shard
        if not self.folder.is_dir():
            raise CorpusError(f"{self.folder}: no such folder; put the actor's video.tar and audio.tar there")
        self._places: dict[str, dict[str, tuple[int, int]]] = {}  # archive -> member -> offset and size
        self._sounds: dict[str, str] = {}

    def sources(self) -> list[dict]:
        """One row per archive member and loose file; one for an archive cut short, or for no file at all."""
        rows: list[dict] = []
        for path in sorted(path for path in self.folder.rglob("*") if path.is_file() or path.is_symlink()):
            rows += self._archive_rows(path) if path.suffix == ".tar" else [self._loose_row(path)]
        if not rows:
            reason = "the actor's folder holds no file; put video.tar and audio.tar there"
            rows = [source_row("mead", self.shard, self.shard, uri_of(self.shard), "missing", reason)]
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
        sound = self._sounds.get(
            f"{self.shard}_{Utterance(None, utterance.emotion, utterance.level, utterance.number).name}"
        )
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
        path = self.root / path_of(f"{archive}.tar")
        if archive not in self._places:
            self._places[archive] = _member_places(path)
        if path_of(member) not in self._places[archive]:
            raise OSError(f"{path} has changed since it was acquired; delete its table under corpora/ and run again")
        offset, size = self._places[archive][path_of(member)]
        with open(path, "rb") as stream:
            stream.seek(offset)
            return io.BytesIO(stream.read(size))

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


def _member_places(path: Path) -> dict[str, tuple[int, int]]:
    """Offset and size of every plain file of an archive, up to where it can be read; the first of a name counts."""
    places: dict[str, tuple[int, int]] = {}
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                if member.isfile():
                    places.setdefault(member.name, (member.offset_data, member.size))
    except tarfile.TarError:
        pass  # `sources` has a row that says so; what stands before the damage is whole
    return places


def _marked(rows: list[dict]) -> list[dict]:
    """Mark the second and later rows of one utterance as duplicates, and keep every `source_id` unique."""
    seen: Counter[str] = Counter()
    for row in rows:
        name = row["source_id"]
        seen[name] += 1
        if seen[name] > 1:
            row["source_id"] = f"{name}@{seen[name]}"
            if row["status"] in ("ok", "companion"):
                row |= {"status": "duplicate", "reason": f"{name} is there already; remove one of them"}
    return rows
