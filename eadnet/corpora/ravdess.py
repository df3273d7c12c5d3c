"""RAVDESS as it is distributed: a zip archive per actor, or the same tree unpacked (``ravdess_layout``). Test only.

Reads what stands right inside ``{root}`` and is the actor's or all actors'. A clip is a recording of speech with
picture and sound (modality 01). The same recording without sound (02) is skipped where that is there; where it is not,
it is a clip with the sound of modality 03. Songs are skipped. Archives are read member by member (``zips``). Of a real
corpus, what one would expect and is not there has a row too. Light: opens no video.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import pandas as pd

from eadnet.config.corpora import RAVDESS
from eadnet.corpora.archives import Member
from eadnet.corpora.files import CorpusError, Found, list_files
from eadnet.corpora.ravdess_layout import (
    ACTORS,
    BOTH,
    EMOTION_CODES,
    LEVELS,
    PICTURE,
    SHARED,
    SONG,
    SOUND,
    RecordedTake,
    archive_name,
    list_actors,
    owner,
    parse_name,
    shared_owner,
)
from eadnet.corpora.shelf import Shelf
from eadnet.corpora.sources import (
    ClipSource,
    OpenedMedia,
    failed_downloads,
    found_row,
    path_of,
    source_row,
    uri_of,
    usable,
    with_duplicates,
)
from eadnet.corpora.splits import ravdess_split
from eadnet.corpora.zips import read_zip_index, zip_content, zip_digest

LIMIT = "corpora.ravdess.max_member_mb"
MEGABYTE = 10**6
SETS = tuple(("neutral", 1) if emotion == "neutral" else (emotion, level)
             for emotion, level in product(EMOTION_CODES.values(), LEVELS.values())
             if emotion != "neutral" or level == 2)  # fmt: skip
"""Emotion and level of every set of takes: neutral has one, the others two."""


@dataclass(frozen=True)
class Entry:
    """A file of the shard: on disk, or (`member`) in the archive of that name; what its name states, or the fault."""

    found: Found
    member: Member | None
    take: RecordedTake | None
    fault: tuple[str, str] | None

    @property
    def uri(self) -> str:
        """Where it stands, for tables."""
        uri = uri_of(self.found.name)
        return f"{uri}#{uri_of(self.member.name)}" if self.member else uri


def files_of(shard: str, files: Iterable[Found], first: bool) -> list[Found]:
    """Of all files below the corpus's folder those behind a shard, archives of all actors included.

    Args:
        shard: an actor.
        files: of the folder.
        first: whether it is the first shard, which also has files of all actors' folders that are no actor's.
    """
    kept = []
    for found in files:
        top, _, rest = found.name.partition("/")
        whose = owner(top)
        if whose == SHARED and rest:
            whose = shared_owner(rest) or (SHARED if first else None)
        if whose in (shard, SHARED):
            kept.append(found)
    return kept


class RAVDESSReader:
    """One shard: everything of an actor."""

    def __init__(self, settings: RAVDESS, root: str | Path, shard: str) -> None:
        """Name the corpus's folder, which may be absent; raises CorpusError where `shard` is no actor."""
        if shard not in ACTORS:
            raise CorpusError(f"ravdess has no shard {shard!r}; shards are the actors A01 to A24")
        self.settings, self.root, self.shard = settings, Path(root), shard
        index = partial(read_zip_index, max_size=settings.max_member_mb * MEGABYTE, key=LIMIT)
        self.shelf = Shelf(self.root, index, zip_content)
        self._sounds: dict[str, str] = {}

    def sources(self) -> list[dict]:
        """One row per archive member, loose file, damaged archive, failed download, and absent set of takes.

        Pictures without sound come last: whether they are of use depends on the others.
        """
        files = files_of(self.shard, list_files(self.root, follow=True), self._is_first()) if self.root.is_dir() else []
        rows = [row for found in files for row in self._damage_rows(found)]
        entries = [entry for found in files for entry in self._entries(found)]
        silent = [entry for entry in entries if entry.take and entry.take.modality == PICTURE]
        rows += [self._row(entry) for entry in entries if entry not in silent]
        heard = {row["source_id"] for row in rows if row["status"] == "ok"}
        rows += [self._silent_row(entry, heard) for entry in silent]
        clips = {_take_of(row["uri"]).label for row in rows if row["status"] == "ok"}
        rows = [_without_clip(row, clips) for row in rows]
        rows += [*failed_downloads("ravdess", self.shard, self.root), *self._absent_rows(entries)]
        return with_duplicates(rows)

    def clips(self, sources: pd.DataFrame) -> list[ClipSource]:
        """One clip per usable recording; archives are indexed here, before worker processes get their copy of this."""
        companions = sources[sources["status"] == "companion"]
        self._sounds = dict(zip(companions["source_id"], companions["uri"], strict=True))
        self.shelf.index_used(sources)
        return [self._clip(row) for row in usable(sources)]

    @contextmanager
    def opened(self, clip: ClipSource) -> Iterator[OpenedMedia]:
        """The recording, and its sound of modality 03 where that is there: it is used if the video has none."""
        sound = self._sounds.get(f"{self.shard}_{SOUND}_{_take_of(clip.uri).label}")
        yield OpenedMedia(self.shelf.media(clip.uri), None if sound is None else self.shelf.media(sound))

    def _clip(self, row: dict) -> ClipSource:
        take = _take_of(row["uri"])
        return ClipSource(
            clip_id=f"ravdess_{self.shard}_{take.label}",
            source_id=row["source_id"],
            uri=row["uri"],
            speaker=self.shard,
            split=ravdess_split(self.shard, self.settings),
            emotion=take.emotion,
            level=take.level,
            view="front",
            sentence=take.statement,
        )

    def _is_first(self) -> bool:
        return list_actors(self.settings, self.root)[0] == self.shard

    def _entries(self, found: Found) -> Iterator[Entry]:
        """A loose file, or those members of an archive that are this shard's."""
        if not _is_archive(found):
            yield Entry(found, None, *self._said(found.name))
            return
        shared, first = owner(found.name) == SHARED, self._is_first()
        for member in self.shelf.index(self.root / found.name).members:
            whose = shared_owner(member.name) if shared else self.shard
            if whose == self.shard or (whose is None and first):
                yield Entry(found, member, *self._said(member.name))

    def _said(self, path: str) -> tuple[RecordedTake | None, tuple[str, str] | None]:
        """What a file's name states, and the status and reason of one that cannot be this actor's."""
        try:
            take = parse_name(path)
        except CorpusError as fault:
            return None, ("misnamed", str(fault))
        if take is None:
            return None, ("skipped", "not a name such as 01-01-06-02-02-01-12.mp4; remove or rename it")
        if take.actor != self.shard:
            reason = f"its name says actor {take.actor[1:]}, where it stands says {self.shard[1:]}; move or rename it"
            return None, ("misnamed", reason)
        return take, None

    def _row(self, entry: Entry) -> dict:
        take = entry.take
        if take is None or take.channel == SONG:
            song = ("skipped", "a song; only speech is read")
            return self._unused(entry, f"{self.shard}_{entry.uri}", *(entry.fault or song))
        companion = ("companion", "sound of the recording of the same name") if take.modality == SOUND else ("ok", None)
        return self._used(entry, f"{self.shard}_{take.name}", *companion)

    def _silent_row(self, entry: Entry, heard: set[str]) -> dict:
        """A picture without sound: of use only where the same recording with sound is not."""
        take = entry.take
        if take.channel == SONG:
            return self._row(entry)
        name = f"{self.shard}_{take.name}"
        if f"{self.shard}_{take.label}" in heard:
            return self._unused(entry, name, "skipped", "the same recording is there with its sound (modality 01)")
        return self._used(entry, name, "ok", None)

    def _unused(self, entry: Entry, source_id: str, status: str, reason: str) -> dict:
        """The row of a file that is not opened; a fault of the file comes before one of its name."""
        status, reason = (entry.member or entry.found).fault or (status, reason)
        size = (entry.member or entry.found).size
        return source_row("ravdess", self.shard, source_id, entry.uri, status, reason, size=size)

    def _used(self, entry: Entry, source_id: str, status: str, reason: str | None) -> dict:
        """The row of a file that is read: hashed, a member against its CRC-32."""
        member = entry.member
        if member is None:
            row = found_row("ravdess", self.shard, source_id, self.root, entry.found)
            return row | {"status": status, "reason": reason} if row["status"] == "ok" else row
        if member.fault:
            return self._unused(entry, source_id, *member.fault)
        if not member.size:
            return self._unused(entry, source_id, "empty", "zero bytes; download the archive again")
        try:
            sha256 = zip_digest(self.root / entry.found.name, member)
        except OSError as error:
            return self._unused(entry, source_id, "unreadable", str(error))
        return source_row("ravdess", self.shard, source_id, entry.uri, status, reason, sha256, member.size)

    def _damage_rows(self, found: Found) -> Iterator[dict]:
        """An archive that cannot be read; one of all actors has a row in the first shard alone."""
        if not _is_archive(found) or (owner(found.name) == SHARED and not self._is_first()):
            return
        if damage := self.shelf.index(self.root / found.name).damage:
            name, uri = f"{self.shard}_{uri_of(found.name)}", uri_of(found.name)
            reason = f"not readable as a zip archive ({damage}); copy or download it again"
            yield source_row("ravdess", self.shard, name, uri, "unreadable", reason, size=found.size)

    def _absent_rows(self, entries: list[Entry]) -> Iterator[dict]:
        """One row per emotion and level of which no picture is there, or a single one where there is none at all."""
        if self.settings.origin == "synthetic":
            return
        takes = [entry.take for entry in entries if entry.take and entry.take.channel != SONG]
        there = {(take.emotion, take.level) for take in takes if take.modality in (BOTH, PICTURE)}
        place = archive_name(self.shard)
        if not there:
            sound = " but its sound" if takes else ""
            reason = f"of actor {self.shard[1:]} nothing{sound} is there; get {place} (docs/data.md), or leave it out"
            yield source_row("ravdess", self.shard, f"{self.shard}_{PICTURE}", place, "missing", reason)
            return
        for emotion, level in SETS:
            if (emotion, level) not in there:
                reason = f"no picture of {emotion} level {level}; look for another copy of {place}"
                name = f"{self.shard}_{emotion}_{level}"
                yield source_row("ravdess", self.shard, name, place, "missing", reason)


def _is_archive(found: Found) -> bool:
    """Whether a file right inside the corpus's folder is one of its archives."""
    return not found.fault and "/" not in found.name and found.suffix == ".zip"


def _without_clip(row: dict, clips: set[str]) -> dict:
    """The row, set aside if it is a sound of no recording among the labels of the usable ones."""
    if row["status"] != "companion" or _take_of(row["uri"]).label in clips:
        return row
    return row | {"status": "lone_sound", "reason": "sound of a recording of which no picture is used"}


def _take_of(uri: str) -> RecordedTake:
    return parse_name(path_of(uri))
