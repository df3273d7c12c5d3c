"""A list of pairs, which says what belongs together where names cannot: CSV with the columns generated, reference."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from eadnet.config.section import ConfigError
from metrics.external.csv_file import read_csv, shown
from metrics.external.matching import Matches
from metrics.external.names import key_of

Pairs = str | os.PathLike | Mapping[str, str]
COLUMNS = ("generated", "reference")


def match_listed(pairs: Pairs, generated: Iterable[str], references: Iterable[str]) -> Matches:
    """Pair the videos of a list.

    Args:
        pairs: a CSV file, or reference by generated video. A video is named by its path below its folder, or by its
            file name with or without suffix where only one file has it.
        generated: relative paths of the videos that there are.
        references: the same of the true videos.

    Returns:
        The pairs by reference without suffix; by generated video where several have one reference. Videos that the
        list does not name are not scored, references that it does not name are not missing.

    Raises:
        ConfigError: the list cannot be read or is empty, or names a video that there is not, or one twice.
    """
    label, rows = _rows(pairs)
    sides = [_index(generated), _index(references)]
    found = [(_find(label, row[0], sides[0]), _find(label, row[1], sides[1])) for row in rows]
    twice = [name for name, count in Counter(video for video, _ in found).items() if count > 1]
    if twice:
        raise ConfigError(f"{label}: names {shown(twice[0])} twice; keep one of its lines")
    uses = Counter(key_of(reference) for _, reference in found)
    keys = [key_of(reference) if uses[key_of(reference)] == 1 else video for video, reference in found]
    return Matches(dict(sorted(zip(keys, found, strict=True))))


def _rows(pairs: Pairs) -> tuple[str, list[tuple[str, str]]]:
    """What the list is called in messages, and its pairs."""
    if isinstance(pairs, Mapping):
        label, rows = "pairs", [(str(video), str(reference)) for video, reference in pairs.items()]
    else:
        label, rows = str(pairs), [(row["generated"], row["reference"]) for row in read_csv(pairs, COLUMNS)]
    if not rows:
        raise ConfigError(f"{label}: lists no pair; give a line for each video, generated,reference")
    return label, rows


def _index(names: Iterable[str]) -> dict[str, set[str]]:
    """Files by all that they may be called."""
    found: dict[str, set[str]] = {}
    for name in names:
        path = PurePosixPath(name)
        for called in (name, key_of(name), path.name, path.stem):
            found.setdefault(called, set()).add(name)
    return found


def _find(label: str, called: str, index: Mapping[str, set[str]]) -> str:
    if called in index.get(called, ()):  # its whole path
        return called
    fits = sorted(index.get(called, ()))
    if len(fits) > 1:
        raise ConfigError(f"{label}: {shown(called)} may be {shown(fits[0])} or {shown(fits[1])}; write the whole path")
    if not fits:
        raise ConfigError(f"{label}: {shown(called)} is no video of its folder; write its path below the folder")
    return fits[0]
