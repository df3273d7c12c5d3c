"""HDTF as it is distributed: annotation text files, and the full-length videos that they cut.

Reads ``{root}/annotations/{G}_{video_url,annotion_time,resolution,crop_wh,crop_ratio}.txt`` for the groups RD, WDA and
WRA, and ``{root}/videos/{name}.mp4`` (or ``{G}_{name}.mp4``, or another video suffix). The published files have a byte
order mark, trailing spaces, missing final newlines, videos without times and clips without crops; all are accepted and
none drops a row. Light: opens no video.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from eadnet.corpora.settings import HDTF
from eadnet.corpora.sources import (
    VIDEO_SUFFIXES,
    ClipSource,
    CorpusError,
    CropBox,
    OpenedMedia,
    file_row,
    path_of,
    slugs,
    source_row,
    uri_of,
    usable,
)
from eadnet.corpora.splits import hdtf_identity, hdtf_people, hdtf_test_identities

GROUPS = ("RD", "WDA", "WRA")
_TIME = re.compile(r"(?:(\d+):)?(\d+):(\d{1,2})")
_FRAGMENT = re.compile(r"(?P<path>.*)#t=(?P<start>\d+),(?P<end>\d+)", re.DOTALL)


@dataclass(frozen=True)
class AnnotatedVideo:
    """One video of the annotation files.

    `intervals` are (start, end) in seconds, None where the text cannot be read; `crops` maps an interval's position to
    its (x, y, width, height) in a picture `height` pixels high (0: not stated).
    """

    group: str
    name: str
    url: str | None
    height: int
    intervals: tuple[tuple[int, int] | None, ...]
    crops: dict[int, tuple[float, float, float, float]] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Who it shows."""
        return hdtf_identity(self.group, self.name)


# ----------------------------------------------------------------------------------------------- annotations
def read_annotations(folder: str | Path) -> list[AnnotatedVideo]:
    """Read the annotation files of all groups that the folder holds, by group, then name.

    Raises:
        CorpusError: no annotation file is there.
    """
    folder = Path(folder)
    groups = [group for group in GROUPS if (folder / f"{group}_annotion_time.txt").is_file()]
    if not groups:
        raise CorpusError(f"{folder}: no RD/WDA/WRA_annotion_time.txt; copy HDTF's annotation files there")
    return [video for group in groups for video in _read_group(folder, group)]


def list_identities(settings: HDTF, root: str | Path | None) -> tuple[str, ...]:
    """All identities in the order that shards follow; `root` is not needed for the drawn corpus."""
    if settings.origin == "synthetic":
        return hdtf_people(settings)
    return tuple(sorted({video.identity for video in read_annotations(_annotation_folder(Path(root)))}))


def _annotation_folder(root: Path) -> Path:
    return root / "annotations" if (root / "annotations").is_dir() else root


def _read_group(folder: Path, group: str) -> list[AnnotatedVideo]:
    urls = {name: rest[0] if rest else None for name, rest in _lines(folder / f"{group}_video_url.txt")}
    times = dict(_lines(folder / f"{group}_annotion_time.txt"))
    heights = {name: _number(rest[0]) for name, rest in _lines(folder / f"{group}_resolution.txt") if rest}
    boxes = {name: _box(rest) for name, rest in _lines(folder / f"{group}_crop_wh.txt")}
    videos = []
    for name in sorted(urls.keys() | times.keys()):
        intervals = tuple(_interval(text) for text in times.get(name, ()))
        crops = {place: boxes.get(f"{name}_{place}") for place in range(len(intervals))}
        crops = {place: box for place, box in crops.items() if box is not None}
        videos.append(AnnotatedVideo(group, name, urls.get(name), int(heights.get(name, 0)), intervals, crops))
    return videos


def _lines(path: Path) -> Iterator[tuple[str, list[str]]]:
    """(name without suffix, other words) of every line; an absent file has none."""
    if path.is_file():
        for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines():
            if words := line.split():
                yield words[0].removesuffix(".mp4"), words[1:]


def _interval(text: str) -> tuple[int, int] | None:
    start, _, end = text.partition("-")
    matches = _TIME.fullmatch(start), _TIME.fullmatch(end)
    if not all(matches):
        return None
    first, last = (
        int(hours or 0) * 3600 + int(minutes) * 60 + int(rest) for hours, minutes, rest in (m.groups() for m in matches)
    )
    return (first, last) if first < last else None


def _box(words: list[str]) -> tuple[float, float, float, float] | None:
    """HDTF writes x, width, y, height."""
    values = [_number(word) for word in words]
    if len(values) != 4 or values[1] <= 0 or values[3] <= 0:
        return None
    return values[0], values[2], values[1], values[3]


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return 0.0


# ---------------------------------------------------------------------------------------------------- reader
class HDTFReader:
    """One shard: the videos of `shard_size` identities."""

    def __init__(self, settings: HDTF, root: str | Path, shard: str) -> None:
        """Read the annotations; raises CorpusError where they name nobody for the shard."""
        self.root, self.shard, self.settings = Path(root), shard, settings
        identities = list_identities(settings, root)
        first = int(shard) * settings.shard_size
        self.people = identities[first : first + settings.shard_size]
        self.test = hdtf_test_identities(settings, identities)
        every = read_annotations(_annotation_folder(self.root))
        self.annotated = {f"{video.group}_{video.name}": video for video in every if video.identity in self.people}
        self._known = {name for video in every for name in (video.name, f"{video.group}_{video.name}")}
        if not self.annotated:
            raise CorpusError(f"{root}: no annotated video for shard {shard}; check the annotation files")

    def sources(self) -> list[dict]:
        """One row per annotated interval; one per video without times; in shard 000 one per unannotated file."""
        rows = [row for video in self.annotated.values() for row in self._video_rows(video)]
        return rows + (self._unannotated() if int(self.shard) == 0 else [])

    def clips(self, sources: pd.DataFrame) -> list[ClipSource]:
        """One clip per usable interval."""
        return [self._clip(row) for row in usable(sources)]

    @contextmanager
    def opened(self, clip: ClipSource) -> Iterator[OpenedMedia]:
        """The video's path; its sound is its own."""
        yield OpenedMedia(self.root / path_of(_FRAGMENT.fullmatch(clip.uri)["path"]), None)

    def _video_rows(self, video: AnnotatedVideo) -> Iterator[dict]:
        name = f"{video.group}_{video.name}"
        if not video.intervals:
            reason = "has a URL but no line in annotion_time; nothing to cut"
            yield source_row("hdtf", self.shard, name, video.url or "", "not_annotated", reason)
            return
        path = self._find(video)
        whole = self._whole_file(video, path)
        for place, interval in enumerate(video.intervals):
            row = {**whole, "source_id": f"{name}_{place}"}
            if interval is None:
                row |= {
                    "status": "bad_annotation",
                    "reason": f"interval {place} is not mm:ss-mm:ss; mend annotion_time",
                }
            elif path is not None:
                row["uri"] += f"#t={interval[0]},{interval[1]}"
            yield row

    def _whole_file(self, video: AnnotatedVideo, path: Path | None) -> dict:
        name = f"{video.group}_{video.name}"
        if path is None:
            reason = f"videos/{video.name}.mp4 not found; download it ({video.url or 'no URL given'})"
            return source_row("hdtf", self.shard, name, video.url or "", "missing", reason)
        return file_row("hdtf", self.shard, name, uri_of(path.relative_to(self.root)), path)

    def _find(self, video: AnnotatedVideo) -> Path | None:
        stems = (f"{video.group}_{video.name}", video.name)
        paths = (
            self.root / "videos" / f"{stem}{suffix}" for stem in stems for suffix in (".mp4", *sorted(VIDEO_SUFFIXES))
        )
        return next((path for path in paths if path.is_file()), None)

    def _unannotated(self) -> list[dict]:
        folder = self.root / "videos"
        paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
        strays = {str(path.relative_to(self.root)): path for path in paths if path.stem not in self._known}
        names = slugs(strays)
        reason = "no line in annotion_time names it; remove it or annotate it"
        return [
            file_row("hdtf", self.shard, names[name], uri_of(name), path)
            | {"status": "not_annotated", "reason": reason}
            for name, path in strays.items()
        ]

    def _clip(self, row: dict) -> ClipSource:
        name, place = row["source_id"].rsplit("_", 1)
        video, match = self.annotated[name], _FRAGMENT.fullmatch(row["uri"])
        start, end = int(match["start"]), int(match["end"])
        box = video.crops.get(int(place))
        return ClipSource(
            clip_id=f"hdtf_{next(iter(slugs([row['source_id']]).values()))}",
            source_id=row["source_id"],
            uri=row["uri"],
            speaker=video.identity,
            split="test" if video.identity in self.test else "train",
            sentence=place,
            start=float(start),
            seconds=float(end - start),
            crop=CropBox(*box, frame_height=video.height) if box else None,
            wants_crop=box is None,
        )
