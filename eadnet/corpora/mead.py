"""MEAD as it is distributed: per actor ``video.tar`` and ``audio.tar``, or the same tree unpacked.

Reads ``{root}/{actor}/``: every ``.tar`` (some actors have several) and all loose files. Accepted at the end of a path:
``{view}/{emotion}/level_{n}/{NNN}.mp4``, the flattened ``{view}/{emotion}_level_{n}/{NNN}.mp4``, and sound as
``{emotion}/level_{n}/{NNN}.m4a``. Archives are read member by member and never extracted (``archives``). Of a real
corpus, what one would expect and is not there has a row too. Light: opens no video.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from itertools import product
from pathlib import Path
from typing import BinaryIO, get_args

import pandas as pd

from eadnet.config.corpora import MEAD, View
from eadnet.corpora.archives import Member, content, digest, is_archive, read_index
from eadnet.corpora.files import CorpusError, Found, list_files
from eadnet.corpora.shelf import Shelf
from eadnet.corpora.sources import (
    USED,
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
from eadnet.corpora.splits import MEAD_PART_0, mead_people, mead_split
from eadnet.tables import EMOTIONS

ACTOR = re.compile(r"[MW]\d{3}")
VIEWS = get_args(View)
MEGABYTE = 10**6
_LABEL = rf"(?P<emotion>{'|'.join(EMOTIONS)})[/_]level_(?P<level>[123])/(?P<number>\d{{3}})"
_VIDEO = re.compile(rf"(?:^|/)(?P<view>{'|'.join(VIEWS)})/{_LABEL}\.mp4$")
_AUDIO = re.compile(rf"(?:^|/){_LABEL}\.(?:m4a|wav|mp3|aac)$")


@dataclass(frozen=True)
class Utterance:
    """What a MEAD path states; `view` is None for sound."""

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
    """Actors, one a shard: all that the folder holds (of the settings' if these name some), or those to download.

    `root` is only needed for a folder of your own.

    Raises:
        CorpusError: the folder holds no actor (that is wanted), or the drawn corpus cannot have the split.
    """
    if settings.origin == "synthetic":
        if settings.split == "emote":
            raise CorpusError("corpora.mead.split: 'emote' tests people whom we do not draw; use eat_sentences or eat")
        return tuple(sorted(mead_people(settings)))
    if settings.origin == "download":
        return settings.actors or MEAD_PART_0
    there = tuple(sorted(path.name for path in Path(root).iterdir() if path.is_dir() and ACTOR.fullmatch(path.name)))
    if not there:
        raise CorpusError(f"{root}: no actor folder such as M003; give the folder that holds MEAD's actors")
    wanted = tuple(name for name in settings.actors or there if name in there)
    if not wanted:
        raise CorpusError(f"corpora.mead.actors: none of them has a folder in {root}; it holds {' '.join(there)}")
    return wanted


def absent_actors(settings: MEAD, root: str | Path | None) -> tuple[str, ...]:
    """Actors of the settings who have no folder in a local corpus; others have none that are absent."""
    if settings.origin != "local":
        return ()
    return tuple(name for name in settings.actors if not Path(root, name).is_dir())


def other_folders(root: str | Path) -> tuple[str, ...]:
    """Folders beside the actors' that bear no actor's name; hidden ones do not count."""
    folders = sorted(path.name for path in Path(root).iterdir() if path.is_dir() and not path.name.startswith("."))
    return tuple(name for name in folders if not ACTOR.fullmatch(name))


class MEADReader:
    """One shard: everything in an actor's folder."""

    def __init__(self, settings: MEAD, root: str | Path, shard: str) -> None:
        """Name the actor's folder, which may be absent; raises CorpusError where `shard` is no actor."""
        if not ACTOR.fullmatch(shard):
            raise CorpusError(f"mead has no shard {shard!r}; shards are actors such as M003 or W009")
        self.settings, self.root, self.shard = settings, Path(root), shard
        self.shelf = Shelf(self.root, partial(read_index, max_size=settings.max_member_mb * MEGABYTE), content)
        self._sounds: dict[str, str] = {}

    def sources(self) -> list[dict]:
        """One row per archive member, loose file, damaged archive, failed download, and absent set of clips.

        A set is a wanted view with an emotion and a level; the drawn corpus has only some of them, and none is absent.
        """
        folder, rows = self.root / self.shard, []
        for found in list_files(folder, follow=True) if folder.is_dir() else []:
            archived = not found.fault and is_archive(found.name)
            rows += self._archive_rows(folder, found) if archived else [self._loose_row(folder, found)]
        rows += failed_downloads("mead", self.shard, self.root)
        if not rows:
            reason = "the actor's folder holds no file; put video.tar and audio.tar there"
            rows = [source_row("mead", self.shard, self.shard, uri_of(self.shard), "missing", reason)]
        return with_duplicates([*map(self._without_clip(rows), rows), *self._absent_rows(rows)])

    def clips(self, sources: pd.DataFrame) -> list[ClipSource]:
        """One entry per usable video; archives are indexed here, before worker processes get their copy of this."""
        companions = sources[sources["status"] == "companion"]
        self._sounds = dict(zip(companions["source_id"], companions["uri"], strict=True))
        self.shelf.index_used(sources)
        return [self._clip(row) for row in usable(sources)]

    @contextmanager
    def opened(self, clip: ClipSource) -> Iterator[OpenedMedia]:
        """The video, and the actor's separate recording of the utterance where there is one."""
        utterance = parse_path(path_of(clip.uri))
        sound = self._sounds.get(
            f"{self.shard}_{Utterance(None, utterance.emotion, utterance.level, utterance.number).name}"
        )
        yield OpenedMedia(self.shelf.media(clip.uri), None if sound is None else self.shelf.media(sound))

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
            max_seconds=self.settings.max_seconds,
        )

    def _loose_row(self, folder: Path, found: Found) -> dict:
        uri = uri_of(f"{self.shard}/{found.name}")
        source_id, status, reason = self._place(uri)
        name = {"source_id": source_id, "uri": uri}
        if not found.fault and status not in USED:
            return source_row("mead", self.shard, **name, status=status, reason=reason, size=found.size)
        row = found_row("mead", self.shard, source_id, folder, found) | name
        return row | {"status": status, "reason": reason} if row["status"] == "ok" else row

    def _archive_rows(self, folder: Path, found: Found) -> Iterator[dict]:
        path, uri = folder / found.name, uri_of(f"{self.shard}/{found.name}")
        index = self.shelf.index(path)
        if index.damage:
            reason = f"not readable to its end as a tar archive ({index.damage}); copy or download it again"
            yield source_row("mead", self.shard, f"{self.shard}_{uri}", uri, "unreadable", reason, size=found.size)
        if index.members:
            with open(path, "rb") as stream:
                for member in index.members:
                    yield self._member_row(stream, member, f"{uri}#{uri_of(member.name)}")

    def _member_row(self, stream: BinaryIO, member: Member, uri: str) -> dict:
        source_id, status, reason = self._place(uri)
        if member.fault:
            status, reason = member.fault
        elif status in USED and not member.size:
            status, reason = "empty", "zero bytes; download the archive again"
        sha256 = digest(stream, member) if status in USED else None
        return source_row("mead", self.shard, source_id, uri, status, reason, sha256, member.size)

    def _place(self, uri: str) -> tuple[str, str, str | None]:
        """The `source_id` of a file by its path, and the status and reason that it has if it can be read."""
        said = parse_path(path_of(uri))
        if said is None:
            reason = "not {view}/{emotion}/level_{n}/{NNN}.mp4; remove or rename it"
            return f"{self.shard}_{uri}", "skipped", reason
        source_id = f"{self.shard}_{said.name}"
        if said.view is None:
            return source_id, "companion", "sound of the clip of the same name"
        if said.view not in self.settings.views:
            reason = f"view {said.view}: only {', '.join(self.settings.views)} wanted (corpora.mead.views)"
            return source_id, "skipped", reason
        label = f"{self.shard}_{said.emotion}_{said.level}_{said.number:03d}"
        pattern = next((pattern for pattern in self.settings.exclude if fnmatchcase(label, pattern)), None)
        if pattern:
            return source_id, "excluded", f"corpora.mead.exclude names it: {pattern}"
        if mead_split(self.shard, said.emotion, said.number, self.settings) is None:
            return source_id, "excluded", f"not in split {self.settings.split} (corpora.mead.split)"
        return source_id, "ok", None

    @staticmethod
    def _without_clip(rows: list[dict]) -> Callable[[dict], dict]:
        """A function that sets a sound aside that belongs to no clip of `rows`."""
        clips = {_label_of(row) for row in rows if row["status"] == "ok"}
        spare = {"status": "lone_sound", "reason": "sound of an utterance of which no video is used"}
        return lambda row: row | spare if row["status"] == "companion" and _label_of(row) not in clips else row

    def _absent_rows(self, rows: list[dict]) -> Iterator[dict]:
        """One row per wanted view, emotion and level of which `rows` hold nothing at all."""
        if self.settings.origin == "synthetic":
            return
        found = [parse_path(path_of(row["uri"])) for row in rows]
        there = {(said.view, said.emotion, said.level) for said in found if said}
        for view, emotion, level in product(self.settings.views, EMOTIONS, (1, 2, 3)):
            if (view, emotion, level) not in there and (emotion != "neutral" or level == 1):
                place = f"{self.shard}/video/{view}/{emotion}/level_{level}"
                reason = f"no file of {emotion} level {level} seen from {view}; look for another archive of the actor"
                name = f"{self.shard}_{view}_{emotion}_{level}"
                yield source_row("mead", self.shard, name, place, "missing", reason)


def _label_of(row: dict) -> tuple[str, int, int]:
    """Emotion, level and number that the path of a used row states."""
    said = parse_path(path_of(row["uri"]))
    return said.emotion, said.level, said.number
