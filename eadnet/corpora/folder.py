"""Any folder of talking-head videos, nested and mixed as it comes, with an optional CSV of labels.

Reads ``{path}/**`` (suffixes in ``media.suffixes``; links to folders are not followed) and, where a video is
silent, the sound file of the same stem beside it. All else has a row that says what to do: hidden files, animations,
pictures; a folder of numbered pictures has one row. The CSV has a column ``file`` (path inside the folder) and any of
``person`` (or ``person_id``), ``emotion``, ``level`` and ``split``; other columns are ignored, empty cells mean
unknown. Without a person every video counts as a person of its own. Light: opens no video.
"""

import csv
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from eadnet.config.corpora import FolderCorpus
from eadnet.corpora.files import CorpusError, Found, list_files
from eadnet.corpora.sources import (
    USED,
    ClipSource,
    OpenedMedia,
    found_row,
    path_of,
    place_sounds,
    slugs,
    sound_beside,
    source_row,
    uri_of,
    usable,
    with_duplicates,
)
from eadnet.corpora.splits import folder_test_people
from eadnet.media.suffixes import AUDIO_SUFFIXES, PICTURE_SUFFIXES, VIDEO_SUFFIXES
from eadnet.tables import EMOTIONS

FRAMES = 2  # numbered pictures in a folder from which on they are frames of a video
FRAMES_FIX = "make a video of all frames (ffmpeg -framerate 25 -i %04d.png -i sound.wav video.mp4)"
NO_VIDEO = "neither a video nor the sound of one; convert it to .mp4, or remove it"
_FIX = {} | dict.fromkeys(PICTURE_SUFFIXES, f"a picture; remove it, or if it is a frame of a video, {FRAMES_FIX}")
_NUMBER = re.compile(r"[0-9]{1,9}$")


@dataclass(frozen=True)
class Label:
    """One line of the CSV; None where it is empty."""

    person: str | None = None
    emotion: str | None = None
    level: int | None = None
    split: str | None = None


def list_videos(root: str | Path) -> tuple[str, ...]:
    """Videos below a folder, as sorted relative paths; hidden files and folders are left out.

    Raises:
        CorpusError: the folder is absent or holds no video.
    """
    return _videos(root, _listed(root))


def read_labels(path: str | Path) -> dict[str, Label]:
    """Read the CSV of labels, by file name.

    Raises:
        CorpusError: no `file` column, or a value that cannot be used; the message names the line.
    """
    labels, lines = {}, {}
    for number, row in _table_rows(path):
        where = f"corpora.folder.table: {path} line {number}"
        name = row["file"]
        if not name:
            raise CorpusError(f"{where}: the cell 'file' is empty; write a path inside the folder, or remove the line")
        if name in lines:
            raise CorpusError(f"{where}: {name!r} is in line {lines[name]} already; remove one of them")
        labels[name], lines[name] = _label(row, where), number
    return labels


def _table_rows(path: str | Path) -> list[tuple[int, dict[str, str | None]]]:
    """Cells by column of every line that is not empty, with the number of its last line in the file."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns = [name.strip() for name in reader.fieldnames or ()]
            if "file" not in columns:
                raise CorpusError(
                    f"corpora.folder.table: {path} has no column 'file' in its first line; add one with paths inside "
                    "the folder, and separate columns by commas"
                )
            if twice := next((name for name in columns if name and columns.count(name) > 1), None):
                raise CorpusError(f"corpora.folder.table: {path} has two columns {twice!r}; remove one of them")
            reader.fieldnames = columns
            return [(reader.line_num, row) for row in reader]
    except UnicodeDecodeError:
        raise CorpusError(f"corpora.folder.table: {path} is not text in UTF-8; save it as 'CSV UTF-8'") from None
    except (OSError, csv.Error) as error:
        raise CorpusError(f"corpora.folder.table: {path} is not a readable CSV ({error}); save it again") from None


class FolderReader:
    """One shard: `shard_size` videos in path order, with the sounds beside them; shard 000 also has all else."""

    def __init__(self, settings: FolderCorpus, root: str | Path, shard: str) -> None:
        """List the folder; raises CorpusError where it holds no video for the shard."""
        self.settings, self.root, self.shard = settings, Path(root), shard
        self._files = {found.name: found for found in _listed(root)}
        every = _videos(root, self._files.values())
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
        rows = [found_row("folder", self.shard, self._slug(name), self.root, self._files[name]) for name in self.videos]
        first = int(self.shard) == 0
        sounds = [found for found in self._files.values() if found.suffix in AUDIO_SUFFIXES]
        for found, status, reason in place_sounds(sounds, self._by_stem.values()):
            owner = self._by_stem.get(_stem(found.name))
            if owner in self.videos or (owner is None and first):
                rows.append(self._other(found, status, reason))
        if first:
            rows += self._spare_rows()
            rows += [self._absent(name) for name in sorted(self.labels.keys() - self._files.keys())]
        return with_duplicates(rows)  # a spare file `a` beside the video `a.mp4`

    def _spare_rows(self) -> Iterator[dict]:
        """One row per file that is neither video nor sound, and one per folder of numbered pictures."""
        spare = [found for found in self._files.values() if found.suffix not in (*VIDEO_SUFFIXES, *AUDIO_SUFFIXES)]
        faulty = [found for found in self._files.values() if found.suffix in VIDEO_SUFFIXES and found.fault]
        numbered = numbered_pictures(spare)
        inside = {found.name for pictures in numbered.values() for found in pictures}
        for found in (*spare, *faulty):
            if found.name not in inside:
                status, reason = found.fault or ("skipped", _FIX.get(found.suffix, NO_VIDEO))
                yield source_row(
                    "folder", self.shard, uri_of(found.name), uri_of(found.name), status, reason, size=found.size
                )
        for folder, pictures in numbered.items():
            names = [os.path.basename(found.name) for found in pictures]
            reason = f"{len(names)} numbered pictures ({names[0]} to {names[-1]}), no video; {FRAMES_FIX}"
            uri, size = uri_of(folder), sum(found.size for found in pictures)
            yield source_row("folder", self.shard, f"{uri}/", f"{uri}/", "skipped", reason, size=size)

    def clips(self, sources: pd.DataFrame) -> list[ClipSource]:
        """One entry per usable video; preprocessing cuts it into pieces of at most `max_seconds`."""
        return [self._clip(path_of(row["uri"]), row) for row in usable(sources)]

    @contextmanager
    def opened(self, clip: ClipSource) -> Iterator[OpenedMedia]:
        """The video, and the sound file of the same stem beside it."""
        path = self.root / path_of(clip.uri)
        yield OpenedMedia(path, sound_beside(path))

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

    def _other(self, found: Found, status: str, reason: str) -> dict:
        if found.fault or status not in USED:
            status, reason = found.fault or (status, reason)
            return source_row(
                "folder", self.shard, uri_of(found.name), uri_of(found.name), status, reason, size=found.size
            )
        row = found_row("folder", self.shard, uri_of(found.name), self.root, found)
        return row | {"status": status, "reason": reason} if row["status"] == "ok" else row

    def _absent(self, name: str) -> dict:
        reason = f"{self.settings.table} names it, but it is not in the folder; copy it there or remove the line"
        return source_row("folder", self.shard, uri_of(name), uri_of(name), "missing", reason)


def numbered_pictures(files: Iterable[Found]) -> dict[str, list[Found]]:
    """By folder, its pictures whose names end in a number, where there are `FRAMES` or more of them, in order."""
    folders: dict[str, list[Found]] = defaultdict(list)
    for found in files:
        if not found.fault and found.suffix in PICTURE_SUFFIXES and _NUMBER.search(found.stem):
            folders[os.path.dirname(found.name)].append(found)
    return {
        folder or ".": sorted(pictures, key=lambda found: int(_NUMBER.search(found.stem)[0]))
        for folder, pictures in folders.items()
        if len(pictures) >= FRAMES
    }


def _listed(root: str | Path) -> list[Found]:
    if not Path(root).is_dir():
        raise CorpusError(f"corpora.folder.path: '{root}' is not a folder; give one that holds videos")
    return list_files(root, hidden=True)


def _videos(root: str | Path, files: Iterable[Found]) -> tuple[str, ...]:
    videos = tuple(found.name for found in files if _is_video(found))
    if not videos:
        fix = next((f"; a file {found.suffix} is {_FIX[found.suffix]}" for found in files if found.suffix in _FIX), "")
        raise CorpusError(f"corpora.folder.path: '{root}' holds no video ({' '.join(sorted(VIDEO_SUFFIXES))}){fix}")
    return videos


def _is_video(found: Found) -> bool:
    return found.suffix in VIDEO_SUFFIXES and not found.fault


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]


def _label(row: dict[str, str | None], where: str) -> Label:
    cells = {key: (row.get(key) or "").strip() or None for key in ("person", "person_id", "emotion", "level", "split")}
    allowed = {"emotion": EMOTIONS, "level": ("1", "2", "3"), "split": ("train", "val", "test")}
    for key, values in allowed.items():
        if cells[key] is not None and cells[key] not in values:
            raise CorpusError(f"{where}: {key} '{cells[key]}' is unknown; use {', '.join(values)} or leave it empty")
    level = int(cells["level"]) if cells["level"] else None
    return Label(cells["person"] or cells["person_id"], cells["emotion"], level, cells["split"])
