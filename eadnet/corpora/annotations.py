"""HDTF's annotation files: which videos there are, which intervals of them are used, and where the face stands.

Reads ``{G}_{video_url,annotion_time,resolution,crop_wh}.txt`` for the groups RD, WDA and WRA. The published files have
a byte order mark, trailing spaces, missing final newlines, videos without times and intervals without crops; all are
accepted and none drops a row. Files in UTF-16, which some editors write, are read too. Light.
"""

import codecs
import math
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from eadnet.config.corpora import HDTF
from eadnet.corpora.files import CorpusError
from eadnet.corpora.splits import hdtf_identity, hdtf_published

GROUPS = ("RD", "WDA", "WRA")
_TIME = re.compile(r"(?:([0-9]{1,3}):)?([0-9]{1,5}):([0-9]{1,2})")
_LARGEST = 100_000  # pixels; no picture is larger, and what is stated to be so is not known
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


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
    def key(self) -> str:
        """``{group}_{name}``, by which tables and manifests call it."""
        return f"{self.group}_{self.name}"

    @property
    def plain(self) -> bool:
        """Whether its name can be that of a file: the name decides where a download is written."""
        return self.name not in ("", ".", "..") and not {"/", "\0"} & {*self.name}

    @property
    def identity(self) -> str:
        """Who it shows."""
        return hdtf_identity(self.group, self.name)


def annotation_folder(settings: HDTF, root: str | Path | None = None) -> Path | None:
    """Where the annotation files lie: ``settings.annotations``, else in `root` or its folder ``annotations``.

    Args:
        settings: of the corpus.
        root: folder that holds the corpus; by default ``settings.path``. None: not known.

    Returns:
        The folder; None where there is none.

    Raises:
        CorpusError: ``settings.annotations`` is given and holds none.
    """
    if settings.annotations:
        if not _groups(Path(settings.annotations)):
            raise CorpusError(
                f"corpora.hdtf.annotations: no RD/WDA/WRA_annotion_time.txt in '{settings.annotations}'; give the "
                "folder that holds them, or null to fetch them"
            )
        return Path(settings.annotations)
    root = root or settings.path
    places = (Path(root) / "annotations", Path(root)) if root else ()
    return next((place for place in places if _groups(place)), None)


def known_videos(settings: HDTF, root: str | Path | None) -> dict[str, str]:
    """Identities by video (``{group}_{name}``): of the annotation files where they lie, else of the named split."""
    folder = annotation_folder(settings, root)
    if folder is None:
        return hdtf_published(settings)
    return {video.key: video.identity for video in read_annotations(folder)}


def read_annotations(folder: str | Path) -> list[AnnotatedVideo]:
    """Read the annotation files of all groups that the folder holds, by group, then name.

    Raises:
        CorpusError: no annotation file is there, or one cannot be read.
    """
    groups = _groups(Path(folder))
    if not groups:
        raise CorpusError(f"{folder}: no RD/WDA/WRA_annotion_time.txt; copy HDTF's annotation files there")
    return [video for group in groups for video in _read_group(Path(folder), group)]


def _groups(folder: Path) -> list[str]:
    return [group for group in GROUPS if (folder / f"{group}_annotion_time.txt").is_file()]


def _read_group(folder: Path, group: str) -> list[AnnotatedVideo]:
    urls = {name: rest[0] if rest else None for name, rest in _lines(folder / f"{group}_video_url.txt")}
    times: defaultdict[str, list[str]] = defaultdict(list)
    for name, spans in _lines(folder / f"{group}_annotion_time.txt"):
        times[name] += spans  # a second line of a name adds to the first
    heights = {name: _number(rest[0]) for name, rest in _lines(folder / f"{group}_resolution.txt") if rest}
    boxes = {name: _box(rest) for name, rest in _lines(folder / f"{group}_crop_wh.txt")}
    videos = []
    for name in sorted(urls.keys() | times.keys()):
        intervals = tuple(_interval(text) for text in times.get(name, ()))
        crops = {place: boxes.get(f"{name}_{place}") for place in range(len(intervals))}
        crops = {place: box for place, box in crops.items() if box is not None}
        videos.append(AnnotatedVideo(group, name, urls.get(name), int(heights.get(name) or 0), intervals, crops))
    return videos


def _lines(path: Path) -> Iterator[tuple[str, list[str]]]:
    """(name without suffix, other words) of every line; an absent file has none."""
    for line in _text(path).splitlines() if path.is_file() else ():
        if words := line.split():
            yield words[0].removesuffix(".mp4"), words[1:]


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CorpusError(f"{path}: {error.strerror}; check the file and its rights") from None
    return content.decode("utf-16" if content.startswith(_UTF16) else "utf-8-sig", errors="replace")


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
    if len(values) != 4 or None in values or not values[1] or not values[3]:
        return None
    return values[0], values[2], values[1], values[3]


def _number(word: str) -> float | None:
    """Pixels; None for what is no number, not finite, negative or larger than any picture."""
    try:
        value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value <= _LARGEST else None
