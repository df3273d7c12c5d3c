"""What lies beside the videos of a folder and is not scored: numbered pictures, sound without a video, faulty files.

Reads listings only; each kind is one line that says what to do.
"""

import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from eadnet.corpora.files import Found, list_files
from eadnet.media.suffixes import AUDIO_SUFFIXES, PICTURE_SUFFIXES
from metrics.external.matching import is_video, listed
from metrics.external.names import key_of
from metrics.tables import FPS

NUMBERED = re.compile(r"(?P<before>.*?)(?P<number>\d+)(?P<after>\D*)")


def stray_lines(folder: str | Path) -> tuple[str, ...]:
    """Lines on what is not scored below a folder; none where all of it are videos, or their sounds.

    Other files (notes, tables, single pictures) are no fault.
    """
    files = list_files(folder)
    names = [found.name for found in files if found.fault is None]
    videos = {key_of(name) for name in names if is_video(name)}
    sounds = [name for name in names if name.lower().endswith(AUDIO_SUFFIXES) and key_of(name) not in videos]
    lines = [numbered_pictures(folder, names), _sounds(folder, sounds), _faulty(folder, files)]
    return tuple(filter(None, lines))


def numbered_pictures(folder: str | Path, names: Iterable[str]) -> str | None:
    """A line with the command that makes a video of numbered pictures; None where there are none.

    Args:
        folder: that the names lie below.
        names: relative paths.
    """
    series: dict[tuple[str, str, str], list[str]] = {}
    for name in names:
        path = PurePosixPath(name)
        place = NUMBERED.fullmatch(path.stem) if path.suffix.lower() in PICTURE_SUFFIXES else None
        if place:
            key = str(path.parent), place["before"], place["after"] + path.suffix
            series.setdefault(key, []).append(place["number"])
    series = {key: numbers for key, numbers in series.items() if len(numbers) > 1}
    if not series:
        return None
    key = min(series)
    others = len({parent for parent, *_ in series}) - 1
    more = f", and so on for {others} more {'folder' if others == 1 else 'folders'}" if others else ""
    place = Path(folder) / key[0]
    return f"{place}: numbered pictures are not read; make a video of them: {_command(place, key, series[key])}{more}"


def _command(place: Path, key: tuple[str, str, str], numbers: Sequence[str]) -> str:
    """The line for a shell that joins the pictures of one series."""
    _, before, after = key
    widths = {len(number) for number in numbers}
    padded = len(widths) == 1 and next(iter(widths)) > 1
    number = f"%0{next(iter(widths))}d" if padded else "%d"
    pattern, video = place / f"{before.replace('%', '%%')}{number}{after.replace('%', '%%')}", f"{place}.mp4"
    first = min(map(int, numbers))
    return (
        f"ffmpeg -framerate {FPS} -start_number {first} -i {shlex.quote(str(pattern))} -c:v libx264 -crf 10 "
        f"-pix_fmt yuv420p {shlex.quote(video)}"
    )


def _sounds(folder: str | Path, sounds: Sequence[str]) -> str | None:
    if not sounds:
        return None
    fix = "name it as its video, or remove it" if len(sounds) == 1 else "name each as its video, or remove it"
    return f"{folder}: sound without a video of its name ({listed(sounds)}) is not used; {fix}"


def _faulty(folder: str | Path, files: Iterable[Found]) -> str | None:
    """A line on what is named as a video and is no readable file."""
    faulty = [found for found in files if found.fault and is_video(found.name)]
    return f"{folder}: {listed([found.name for found in faulty])}: {faulty[0].fault[1]}" if faulty else None
