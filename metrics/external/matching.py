"""Which generated video imitates which reference: by name, and everything that found no partner is reported.

A video belongs to the reference of the same path without suffix; failing that, to the reference of the same file name;
failing that, to the one reference whose file name it begins with (``happy_01_mymethod.mp4`` to ``happy_01.mp4``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from eadnet.media.suffixes import VIDEO_SUFFIXES

SEPARATORS = "_-. "


@dataclass(frozen=True)
class Matches:
    """`pairs` by reference name without suffix: (generated, reference) file names; what is left over on both sides.

    `ambiguous` are generated files that would fit several references, or references that several files fit; none of
    them is paired.
    """

    pairs: dict[str, tuple[str, str]]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]
    ambiguous: tuple[str, ...]

    def lines(self) -> list[str]:
        """The report: counts first, then a line for every file without a partner."""
        head = f"{len(self.pairs)} pairs, {len(self.missing)} references without a video, {len(self.unknown)} videos "
        lines = [head + f"without a reference, {len(self.ambiguous)} ambiguous"]
        lines += [f"no video for reference {name}; make it, or rename it" for name in self.missing]
        lines += [f"no reference for {name}; name it as its reference" for name in self.unknown]
        return lines + [f"{name} fits several names; rename it" for name in self.ambiguous]


def match_names(generated: Iterable[str], references: Iterable[str]) -> Matches:
    """Pair file names (relative paths) of generated videos with those of their references."""
    generated, references = sorted(filter(is_video, generated)), sorted(filter(is_video, references))
    keys = [_key(name) for name in references]
    known = dict(zip(keys, references, strict=True))
    double = {name for name, key in zip(references, keys, strict=True) if keys.count(key) > 1}
    found: dict[str, list[str]] = {}
    unknown, ambiguous = [], set(double)
    for name in generated:
        fits = _fits(_key(name), known)
        if len(fits) == 1:
            found.setdefault(fits[0], []).append(name)
        else:
            (ambiguous.add if fits else unknown.append)(name)
    ambiguous |= {name for names in found.values() if len(names) > 1 for name in names}
    pairs = {key: (names[0], known[key]) for key, names in found.items() if len(names) == 1}
    pairs = {key: pair for key, pair in sorted(pairs.items()) if pair[1] not in double}
    missing = [name for key, name in known.items() if key not in found and name not in double]
    return Matches(pairs, tuple(unknown), tuple(missing), tuple(sorted(ambiguous)))


def is_video(name: str) -> bool:
    """Whether a file name ends as videos do."""
    return PurePosixPath(name).suffix.lower() in VIDEO_SUFFIXES


def _key(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


def _fits(key: str, known: dict[str, str]) -> list[str]:
    """References that a name fits, by the strictest of the three rules that any satisfies."""
    if key in known:
        return [key]
    stem = PurePosixPath(key).name
    same = [other for other in known if PurePosixPath(other).name == stem]
    if same:
        return same
    begun = [other for other in known if _begins(stem, PurePosixPath(other).name)]
    longest = max((len(PurePosixPath(other).name) for other in begun), default=0)
    return [other for other in begun if len(PurePosixPath(other).name) == longest]


def _begins(stem: str, start: str) -> bool:
    return stem.startswith(start) and stem[len(start) : len(start) + 1] in tuple(SEPARATORS)
