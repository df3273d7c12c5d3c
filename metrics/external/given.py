"""Videos as a user names them (a file, a folder, a list of files), as folders and matched names below them."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from eadnet.config.section import ConfigError
from eadnet.media.suffixes import AUDIO_SUFFIXES
from metrics.external.folders import list_names
from metrics.external.matching import Matches, is_video, match_names
from metrics.external.names import key_of
from metrics.external.pair_list import Pairs, match_listed
from metrics.external.strays import PICTURE_SUFFIXES, numbered_pictures, stray_lines

Videos = str | os.PathLike | Sequence[str | os.PathLike]


def match_given(generated: Videos, reference: Videos | None, pairs: Pairs | None = None) -> tuple[Path, Path, Matches]:
    """Pair videos with their references.

    Args:
        generated: what is scored: a video file, a folder of them (with all folders below), or a list of files.
        reference: the true videos in any of these forms; None pairs every video with itself.
        pairs: which belong together (``metrics.external.pair_list``); None: their names say so.

    Returns:
        Folder of the videos, folder of the references, and the matched names below them. One file given on either
        side makes a pair whatever the two are called; otherwise names decide (``metrics.external.matching``).

    Raises:
        ConfigError: a file is absent or no video, no video is given, no name fits, or a list of pairs is wrong.
    """
    if pairs is not None and reference is None:
        raise ConfigError("a list of pairs needs the true videos; give the reference too")
    root, names = _below(generated)
    remarks = _remarks(generated, *(() if reference is None else (reference,)))
    if reference is None:
        stems = Counter(map(key_of, names))  # films of one name and two suffixes are two clips
        alone = {key_of(name) if stems[key_of(name)] == 1 else name: (name, name) for name in names}
        return root, root, Matches(alone, remarks=remarks)
    true_root, true_names = _below(reference)
    matches = _matched(names, true_names, pairs)
    if not matches.pairs and not matches.ambiguous:
        fix = "rename them, or list the pairs (--pairs)"
        raise ConfigError(f"{_label(generated)}: no video is named as one in {_label(reference)}; {fix}")
    return root, true_root, replace(matches, remarks=remarks)


def _matched(names: list[str], true_names: list[str], pairs: Pairs | None) -> Matches:
    if pairs is not None:
        return match_listed(pairs, names, true_names)
    if len(names) == len(true_names) == 1:
        return Matches({key_of(true_names[0]): (names[0], true_names[0])})
    return match_names(names, true_names)


def _remarks(*given: Videos) -> tuple[str, ...]:
    """Lines on what else lies in folders that were given."""
    folders = [Path(videos) for videos in given if isinstance(videos, (str, os.PathLike)) and Path(videos).is_dir()]
    return tuple(line for folder in dict.fromkeys(folders) for line in stray_lines(folder))


def name_of(videos: Videos) -> str:
    """What videos are called in rows where they have no name of their own: as their folder or their file."""
    return Path(videos).resolve().stem if isinstance(videos, (str, os.PathLike)) else "videos"


def _below(videos: Videos) -> tuple[Path, list[str]]:
    """A folder and the names of the videos below it."""
    if isinstance(videos, (str, os.PathLike)) and Path(videos).is_dir():
        there = list_names(videos)
        names = sorted(filter(is_video, there))
        if not names:
            fault = f"{videos}: no video in this folder; give another folder or a file"
            raise ConfigError(numbered_pictures(videos, there) or fault)
        return Path(videos), names
    files = [videos] if isinstance(videos, (str, os.PathLike)) else list(videos)
    return _common(_checked(files))


def _checked(files: Iterable[str | os.PathLike]) -> list[Path]:
    paths = [Path(file) for file in files]
    if not paths:
        raise ConfigError("no video is given; give a file, a folder or a list of files")
    for path in paths:
        if path.is_dir():
            raise ConfigError(f"{path}: a folder in a list of files; give the folder alone, or its files")
        if not path.is_file():
            raise ConfigError(f"{path}: no such file or folder; check the path")
        if not is_video(path.name):
            raise ConfigError(f"{path}: {_no_video(path)}")
    return paths


def _no_video(path: Path) -> str:
    """What a file is that is not named as a video, and what to do."""
    suffix = path.suffix.lower()
    if suffix in AUDIO_SUFFIXES:
        return "sound, not a video; give the video, whose sound may lie beside it under its name"
    if suffix in PICTURE_SUFFIXES:
        return "a picture, not a video; give a video"
    return "not named as a video; give it its suffix, such as .mp4"


def _common(paths: list[Path]) -> tuple[Path, list[str]]:
    """The lowest folder that holds all files, and their names below it, each once; links are not resolved."""
    whole = list(dict.fromkeys(Path(os.path.abspath(path)) for path in paths))
    root = Path(os.path.commonpath([path.parent for path in whole]))
    return root, [path.relative_to(root).as_posix() for path in whole]


def _label(videos: Videos) -> str:
    return str(videos) if isinstance(videos, (str, os.PathLike)) else "the list given"
