"""HDTF: full-length videos that annotation files cut, or clips that are already cut.

Reads the annotation files (``annotations``) and, anywhere below ``{root}``, ``{name}.mp4`` or ``{G}_{name}.mp4`` (or
another video suffix) and already cut clips ``{G}_{name}_{iii}.mp4``; sound files of the same stem count as theirs. A
full video goes before a cut clip. Of a local corpus a shard is a group of people with a file, and ``rest`` accounts for
what belongs to no shard. Where a video did not come, its intervals have the reason that
``{root}/downloads/{shard}.parquet`` gives. Light: opens no video.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from eadnet.config.corpora import HDTF
from eadnet.corpora.annotations import AnnotatedVideo, annotation_folder, known_videos, read_annotations
from eadnet.corpora.files import REST, CorpusError, Found, list_files
from eadnet.corpora.sources import (
    ClipSource,
    CropBox,
    OpenedMedia,
    found_row,
    path_of,
    place_sounds,
    read_downloads,
    slugs,
    sound_beside,
    source_row,
    uri_of,
    usable,
    with_duplicates,
)
from eadnet.corpora.splits import hdtf_people, hdtf_splits
from eadnet.media.suffixes import AUDIO_SUFFIXES, VIDEO_SUFFIXES

MEDIA_SUFFIXES = VIDEO_SUFFIXES | {*AUDIO_SUFFIXES}
UNREAD = "convert it to .mp4 or remove it"
_FRAGMENT = re.compile(r"(?P<path>[^#]*)(?:#t=(?P<start>\d+),(?P<end>\d+))?", re.DOTALL)
_CUT = re.compile(r"(?P<stem>.+)_(?P<place>[0-9]{1,4})", re.DOTALL)
_OWN_FILES = re.compile(r"(?:annotations/.*|downloads/.*|(?:.*/)?(?:RD|WDA|WRA)_[a-z_]+\.txt)", re.DOTALL)


def list_identities(settings: HDTF, root: str | Path | None) -> tuple[str, ...]:
    """All identities in the order that shards follow; `root` is only needed for annotation files that lie there."""
    if settings.origin == "synthetic":
        return hdtf_people(settings)
    return tuple(sorted(set(known_videos(settings, root).values())))


def list_groups(
    settings: HDTF, root: str | Path | None, lister: Callable[..., list[Found]] = list_files
) -> tuple[str, ...]:
    """The shards: groups of `shard_size` identities by their place among all, 000, 001, ...

    Of a local corpus only those with a file: what the annotations list besides is in shard `REST`. A group keeps its
    number whatever other files come or go.
    """
    identities = list_identities(settings, root)
    groups = range(-(-len(identities) // settings.shard_size))
    if settings.origin == "local":
        videos = known_videos(settings, root)
        names, place = FileNames(videos), {name: number for number, name in enumerate(identities)}
        matches = filter(None, map(names.of_file, lister(root, follow=True)))
        groups = sorted({place[videos[video]] // settings.shard_size for video, _ in matches})
    return tuple(f"{number:03d}" for number in groups)


class FileNames:
    """Which video a file shows, and which cut of it, by the file's name."""

    def __init__(self, videos: Iterable[str]) -> None:
        """Know videos by ``{group}_{name}``; files may leave the group out."""
        self._videos = {stem: video for video in videos for stem in (video.split("_", 1)[1], video)}

    def match(self, stem: str) -> tuple[str, int | None] | None:
        """``{group}_{name}`` and the number of the cut (None: the full video); None for a name that is not known."""
        if stem in self._videos:
            return self._videos[stem], None
        cut = _CUT.fullmatch(stem)
        return (self._videos[cut["stem"]], int(cut["place"])) if cut and cut["stem"] in self._videos else None

    def of_file(self, found: Found) -> tuple[str, int | None] | None:
        """As `match`, for a file; None for one that is neither a video nor sound by its suffix."""
        return self.match(found.stem) if found.suffix in MEDIA_SUFFIXES else None


class HDTFReader:
    """One shard: the videos of `shard_size` identities; `REST`: of all those of whom a local corpus has no file."""

    def __init__(self, settings: HDTF, root: str | Path, shard: str) -> None:
        """Read the annotations; raises CorpusError where there are none, or none for the shard."""
        self.root, self.shard, self.settings = Path(root), shard, settings
        folder = annotation_folder(settings, root)
        if folder is None:
            raise CorpusError(f"{root}: no RD/WDA/WRA_annotion_time.txt; give their folder as corpora.hdtf.annotations")
        identities = list_identities(settings, root)
        people = set(_people(settings, root, shard, identities))
        self.splits = hdtf_splits(settings, identities)
        every = read_annotations(folder)
        self.annotated = {video.key: video for video in every if video.identity in people}
        self._names, self._slugs = FileNames(video.key for video in every), slugs(video.key for video in every)
        if not self.annotated and shard != REST:
            raise CorpusError(f"{root}: no annotated video for shard {shard}; check the annotation files")

    def sources(self) -> list[dict]:
        """One row per annotated interval, per other cut and spare file of its videos; in `REST` per unknown file."""
        files, strays = self._sorted_files()
        fetched = {row["name"]: row for row in read_downloads(self.root, self.shard)}
        rows = [
            row
            for key, video in self.annotated.items()
            for row in self._video_rows(video, files[key], fetched.get(key))
        ]
        return with_duplicates([*rows, *(self._unannotated(strays) if self.shard == REST else [])])

    def clips(self, sources: pd.DataFrame) -> list[ClipSource]:
        """One entry per usable interval or cut clip; preprocessing cuts it into pieces of at most `max_seconds`."""
        return [self._clip(row) for row in usable(sources)]

    @contextmanager
    def opened(self, clip: ClipSource) -> Iterator[OpenedMedia]:
        """The video, and the sound file of the same stem beside it."""
        path = self.root / path_of(_FRAGMENT.fullmatch(clip.uri)["path"])
        yield OpenedMedia(path, sound_beside(path))

    def _sorted_files(self) -> tuple[dict[str, list[Found]], list[Found]]:
        """Media by video, the preferred first, and files that no annotation names."""
        files, strays = defaultdict(list), []
        for found in list_files(self.root, follow=True):
            if match := self._names.of_file(found):
                files[match[0]].append(found)
            elif not _OWN_FILES.fullmatch(found.name):
                strays.append(found)
        for video, named in files.items():
            named.sort(key=lambda found: (not found.stem.startswith(video), found.suffix != ".mp4", found.name))
        return files, strays

    def _video_rows(self, video: AnnotatedVideo, files: list[Found], fetched: dict | None) -> list[dict]:
        if not video.plain:
            reason = "its name in the annotation files cannot be that of a file (a slash, or none at all); correct it"
            return [source_row("hdtf", self.shard, video.key, video.url or "", "bad_annotation", reason)]
        whole, cuts, rows = None, {}, []
        sounds = [found for found in files if found.suffix in AUDIO_SUFFIXES]
        pictures = [found for found in files if found.suffix in VIDEO_SUFFIXES]
        for found, status, reason in place_sounds(sounds, (found.name for found in pictures)):
            rows.append(_set_aside(self._file_row(found), status, reason))
        for found in pictures:
            row = self._file_row(found)
            place = self._names.match(found.stem)[1]
            if place is not None and place not in cuts and row["status"] == "ok":
                cuts[place] = row
            elif place is None and (whole is None or whole["status"] != "ok"):
                rows += [whole] if whole else []
                whole = row
            else:
                rows.append(_set_aside(row, "duplicate", "the same video or cut is there already; remove one of them"))
        rows += _cut_rows(video, whole or self._absent(video, fetched), cuts)
        unused = whole and all(row["uri"].partition("#")[0] != whole["uri"] for row in rows)
        return rows + ([whole] if unused else [])

    def _file_row(self, found: Found) -> dict:
        return found_row("hdtf", self.shard, uri_of(found.name), self.root, found)

    def _absent(self, video: AnnotatedVideo, fetched: dict | None) -> dict:
        """The row of a video that is not here: the download's reason, or ours."""
        status, reason = "missing", f"videos/{video.name}.mp4 not found; download it ({video.url or 'no URL given'})"
        if fetched and fetched["path"] is None:
            status, reason = fetched["status"], fetched["reason"]
        return source_row("hdtf", self.shard, video.key, video.url or "", status, reason)

    def _unannotated(self, strays: list[Found]) -> list[dict]:
        """Files of no annotated video, never opened."""
        names = slugs(found.name for found in strays)
        return [self._stray_row(found, names[found.name]) for found in strays]

    def _stray_row(self, found: Found, name: str) -> dict:
        status, reason = "not_annotated", "no line in annotion_time names it; remove it or annotate it"
        if found.suffix not in MEDIA_SUFFIXES:
            status, reason = "skipped", f"neither a video nor sound by its suffix ({found.suffix or 'none'}); {UNREAD}"
        return source_row(
            "hdtf", self.shard, name, uri_of(found.name), *(found.fault or (status, reason)), size=found.size
        )

    def _clip(self, row: dict) -> ClipSource:
        name, place = row["source_id"].rsplit("_", 1)
        video, match = self.annotated[name], _FRAGMENT.fullmatch(row["uri"])
        cut = match["start"] is None
        box = None if cut else video.crops.get(int(place))
        return ClipSource(
            clip_id=f"hdtf_{self._slugs[name]}_{place}",
            source_id=row["source_id"],
            uri=row["uri"],
            speaker=video.identity,
            split=self.splits[video.identity],
            sentence=place,
            start=0.0 if cut else float(match["start"]),
            seconds=None if cut else float(int(match["end"]) - int(match["start"])),
            max_seconds=self.settings.max_seconds,
            crop=CropBox(*box, frame_height=video.height) if box else None,
            wants_crop=not cut and box is None,
        )


def _people(settings: HDTF, root: str | Path, shard: str, identities: tuple[str, ...]) -> Iterator[str]:
    """The identities of a shard; of `REST` those of all groups without a file."""
    groups = {*list_groups(settings, root)} if shard == REST else {shard}
    for place, name in enumerate(identities):
        if (f"{place // settings.shard_size:03d}" in groups) != (shard == REST):
            yield name


def _cut_rows(video: AnnotatedVideo, whole: dict, cuts: dict[int, dict]) -> Iterator[dict]:
    """One row per interval: of the full video if it can be used, else of its cut clip; one per other cut clip.

    `whole` is the row of the full video, or the reason why it is not there; `cuts` are usable clips by their number.
    """
    good = whole["status"] == "ok"
    cuts = dict(cuts)
    for place, interval in enumerate(video.intervals):
        name, first = {"source_id": f"{video.key}_{place}"}, video.intervals.index(interval)
        if good and interval and first == place:
            yield whole | name | {"uri": f"{whole['uri']}#t={interval[0]},{interval[1]}"}
            if place in cuts:
                yield _set_aside(
                    cuts.pop(place), "duplicate", "the full video is there and is used; remove one of them"
                )
        elif place in cuts:
            yield cuts.pop(place) | name
        elif interval is None:
            reason = f"interval {place} is not mm:ss-mm:ss; fix annotion_time"
            yield whole | name | {"status": "bad_annotation", "reason": reason}
        elif first < place:
            reason = f"interval {place} is the same as interval {first}; remove it from annotion_time"
            yield whole | name | {"status": "bad_annotation", "reason": reason}
        else:
            yield whole | name
    for place, row in cuts.items():
        yield row | {"source_id": f"{video.key}_{place}"}
    if not video.intervals and (good or not cuts):
        reason = "has no line in annotion_time; nothing to cut"
        yield whole | {"source_id": video.key, "status": "not_annotated", "reason": reason}


def _set_aside(row: dict, status: str, reason: str) -> dict:
    """The row with a status of ours, unless the file cannot even be read."""
    return row | {"status": status, "reason": reason} if row["status"] == "ok" else row
