"""Videos as a user names them (a file, a folder, a list of files), as folders and matched names below them."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from eadnet.config.section import ConfigError
from metrics.external.folders import list_names
from metrics.external.matching import Matches, is_video, match_names

Videos = str | os.PathLike | Sequence[str | os.PathLike]


def match_given(generated: Videos, reference: Videos | None) -> tuple[Path, Path, Matches]:
    """Pair videos with their references.

    Args:
        generated: what is scored: a video file, a folder of them (with all folders below), or a list of files.
        reference: the true videos in any of these forms; None pairs every video with itself.

    Returns:
        Folder of the videos, folder of the references, and the matched names below them. One file given on either
        side makes a pair whatever the two are called; otherwise names decide (``metrics.external.matching``).

    Raises:
        ConfigError: a file is absent or no video, no video is given, or no name fits.
    """
    root, names = _below(generated)
    if reference is None:
        stems = Counter(map(_stem, names))  # films of one name and two suffixes are two clips
        return root, root, Matches({_stem(name) if stems[_stem(name)] == 1 else name: (name, name) for name in names})
    true_root, true_names = _below(reference)
    if len(names) == len(true_names) == 1:
        return root, true_root, Matches({_stem(true_names[0]): (names[0], true_names[0])})
    matches = match_names(names, true_names)
    if not matches.pairs:
        fault = next(iter(matches.ambiguous.values()), f"no video is named as one in {_label(reference)}; rename them")
        raise ConfigError(f"{_label(generated)}: {fault}")
    return root, true_root, matches


def name_of(videos: Videos) -> str:
    """What videos are called in rows where they have no name of their own: as their folder or their file."""
    return Path(videos).resolve().stem if isinstance(videos, (str, os.PathLike)) else "videos"


def _below(videos: Videos) -> tuple[Path, list[str]]:
    """A folder and the names of the videos below it."""
    if isinstance(videos, (str, os.PathLike)) and Path(videos).is_dir():
        root, names = Path(videos), sorted(filter(is_video, list_names(videos)))
        if not names:
            raise ConfigError(f"{videos}: no video in this folder; give another folder or a file")
        return root, names
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
            raise ConfigError(f"{path}: not named as a video; give it its suffix, such as .mp4")
    return paths


def _common(paths: list[Path]) -> tuple[Path, list[str]]:
    """The lowest folder that holds all files, and their names below it, each once; links are not resolved."""
    whole = list(dict.fromkeys(Path(os.path.abspath(path)) for path in paths))
    root = Path(os.path.commonpath([path.parent for path in whole]))
    return root, [path.relative_to(root).as_posix() for path in whole]


def _stem(name: str) -> str:
    return str(Path(name).with_suffix(""))


def _label(videos: Videos) -> str:
    return str(videos) if isinstance(videos, (str, os.PathLike)) else "the list given"
