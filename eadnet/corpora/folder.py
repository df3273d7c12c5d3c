"""Any folder of talking-head videos, nested and mixed as it comes, with an optional CSV of labels.

Reads ``{path}/**`` (suffixes in ``sources.VIDEO_SUFFIXES``) and, where a video is silent, the sound file of the same
stem beside it. The CSV has a column ``file`` (path inside the folder) and any of ``person`` (or ``person_id``),
``emotion``, ``level`` and ``split``; other columns are ignored, empty cells mean unknown. Without a person every video
counts as a person of its own. Light: opens no video.
"""

import csv
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from eadnet.config import EMOTIONS
from eadnet.corpora.settings import FolderCorpus
from eadnet.corpora.sources import (
    AUDIO_SUFFIXES,
    VIDEO_SUFFIXES,
    ClipSource,
    CorpusError,
    OpenedMedia,
    file_row,
    path_of,
    slugs,
    source_row,
    uri_of,
    usable,
)
from eadnet.corpora.splits import folder_test_people


@dataclass(frozen=True)
class Label:
    """One line of the CSV; None where it says nothing."""

    person: str | None = None
    emotion: str | None = None
    level: int | None = None
    split: str | None = None


def list_videos(root: str | Path) -> tuple[str, ...]:
    """Videos below a folder, as sorted relative paths; hidden files and folders are left out.

    Raises:
        CorpusError: the folder is absent or holds no video.
    """
    if not Path(root).is_dir():
        raise CorpusError(f"corpora.folder.path: '{root}' is not a folder; give one that holds videos")
    videos = tuple(name for name in _list_files(Path(root)) if Path(name).suffix.lower() in VIDEO_SUFFIXES)
    if not videos:
        raise CorpusError(f"corpora.folder.path: '{root}' holds no video ({' '.join(sorted(VIDEO_SUFFIXES))})")
    return videos


def read_labels(path: str | Path) -> dict[str, Label]:
    """Read the CSV of labels, by file name.

    Raises:
        CorpusError: no `file` column, or a value that cannot be used; the message names the line.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"corpora.folder.table: {path} is not a readable CSV ({error})") from None
    if rows and "file" not in rows[0]:
        raise CorpusError(f"corpora.folder.table: {path} has no column 'file'; add one with paths inside the folder")
    return {row["file"]: _label(row, f"{path} line {number}") for number, row in enumerate(rows, start=2)}


class FolderReader:
    """One shard: `shard_size` videos in path order, with the sounds beside them; shard 000 also has all else."""

    def __init__(self, settings: FolderCorpus, root: str | Path, shard: str) -> None:
        """List the folder; raises CorpusError where it holds no video for the shard."""
        self.settings, self.root, self.shard = settings, Path(root), shard
        every = list_videos(root)
        self._by_stem = {_stem(name): name for name in reversed(every)}
        times = Counter(map(_stem, every))
        self.names = slugs(_stem(name) if times[_stem(name)] == 1 else name for name in every)
        self.labels = read_labels(settings.table) if settings.table else {}
        first = int(shard) * settings.shard_size
        self.videos = every[first : first + settings.shard_size]
        if not self.videos:
            raise CorpusError(f"{root}: no video for shard {shard}; the folder has changed, run again")
        shares = {self._person(name) for name in every if not self._label(name).split}
        self.test = folder_test_people(shares, settings.test_share)

    def sources(self) -> list[dict]:
        """One row per video and sound file, and in shard 000 one per other file and per missing file of the CSV."""
        rows = [
            file_row("folder", self.shard, self._slug(name), uri_of(name), self.root / name) for name in self.videos
        ]
        files = _list_files(self.root)
        for name in files:
            if Path(name).suffix.lower() in VIDEO_SUFFIXES:
                continue
            video = self._by_stem.get(_stem(name)) if Path(name).suffix.lower() in AUDIO_SUFFIXES else None
            if video in self.videos:
                rows.append(self._other(name, "companion", "sound beside a video; used where the video has none"))
            elif video is None and int(self.shard) == 0:
                rows.append(self._other(name, "skipped", "neither a video nor the sound of one"))
        if int(self.shard) == 0:
            rows += [self._absent(name) for name in sorted(self.labels.keys() - set(files))]
        return rows

    def clips(self, sources: pd.DataFrame) -> list[ClipSource]:
        """One entry per usable video; preprocessing cuts it into pieces of at most `max_seconds`."""
        return [self._clip(path_of(row["uri"]), row) for row in usable(sources)]

    @contextmanager
    def opened(self, clip: ClipSource) -> Iterator[OpenedMedia]:
        """The video, and the sound file of the same stem beside it."""
        path = self.root / path_of(clip.uri)
        sounds = (path.with_suffix(suffix) for suffix in AUDIO_SUFFIXES)
        yield OpenedMedia(path, next((sound for sound in sounds if sound.is_file()), None))

    def _clip(self, name: str, row: dict) -> ClipSource:
        label, person = self._label(name), self._person(name)
        return ClipSource(
            clip_id=f"folder_{row['source_id']}",
            source_id=row["source_id"],
            uri=row["uri"],
            speaker=person,
            split=label.split or ("test" if person in self.test else "train"),
            emotion=label.emotion,
            level=label.level,
            max_seconds=self.settings.max_seconds,
        )

    def _label(self, name: str) -> Label:
        return self.labels.get(name, Label())

    def _slug(self, name: str) -> str:
        return self.names.get(name) or self.names[_stem(name)]

    def _person(self, name: str) -> str:
        return self._label(name).person or self._slug(name)

    def _other(self, name: str, status: str, reason: str) -> dict:
        uri = uri_of(name)
        row = file_row("folder", self.shard, uri, uri, self.root / name)
        return row | {"status": status, "reason": reason} if row["status"] == "ok" else row

    def _absent(self, name: str) -> dict:
        reason = f"{self.settings.table} names it, but it is not in the folder; copy it there or remove the line"
        return source_row("folder", self.shard, uri_of(name), uri_of(name), "missing", reason)


def _list_files(root: Path) -> list[str]:
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [os.path.relpath(os.path.join(folder, name), root) for name in files if not name.startswith(".")]
    return sorted(found)


def _stem(name: str) -> str:
    return str(Path(name).with_suffix(""))


def _label(row: dict[str, str | None], where: str) -> Label:
    cells = {key: (row.get(key) or "").strip() or None for key in ("person", "person_id", "emotion", "level", "split")}
    allowed = {"emotion": EMOTIONS, "level": ("1", "2", "3"), "split": ("train", "test")}
    for key, values in allowed.items():
        if cells[key] is not None and cells[key] not in values:
            raise CorpusError(f"{where}: {key} '{cells[key]}' is unknown; use {', '.join(values)} or leave it empty")
    level = int(cells["level"]) if cells["level"] else None
    return Label(cells["person"] or cells["person_id"], cells["emotion"], level, cells["split"])
