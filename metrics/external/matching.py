"""Which generated video imitates which reference: by name, and everything that found no partner is reported.

A video belongs to the reference of the same path without suffix; failing that, to the reference of the same file name;
failing that, to the one reference whose file name it begins with (``happy_01_mymethod.mp4`` to ``happy_01.mp4``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from eadnet.media.suffixes import VIDEO_SUFFIXES

SEPARATORS = "_-. "


@dataclass(frozen=True)
class Matches:
    """`pairs` by reference name without suffix: (generated, reference) file names; what is left over on both sides.

    `unknown` are generated files without a reference, `missing` references without a pair. `ambiguous` are generated
    files that fit several references, files of which several fit one reference, and references of one name, each with a
    line that says so; none of them is paired. `causes` are these lines by the names of `missing` without suffix.
    """

    pairs: Mapping[str, tuple[str, str]]
    unknown: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    ambiguous: Mapping[str, str] = field(default_factory=dict)
    causes: Mapping[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The report: counts first, then a line for every file without a partner."""
        head = f"{len(self.pairs)} pairs, {len(self.missing)} references without a video, {len(self.unknown)} videos "
        lines = [head + f"without a reference, {len(self.ambiguous)} ambiguous"]
        alone = (name for name in self.missing if _key(name) not in self.causes)
        lines += [f"no video for reference {name}; make it, or rename it" for name in alone]
        lines += [f"no reference for {name}; name it as its reference" for name in self.unknown]
        return lines + list(dict.fromkeys(self.ambiguous.values()))

    def absence(self, reference: str) -> str:
        """Why a reference, named without suffix, has no video."""
        return self.causes.get(reference, f"no video is named {reference}; make it, or rename it")


def match_names(generated: Iterable[str], references: Iterable[str]) -> Matches:
    """Pair file names (relative paths) of generated videos with those of their references."""
    by_key: dict[str, list[str]] = {}
    for name in sorted(filter(is_video, references)):
        by_key.setdefault(_key(name), []).append(name)
    known = {key: names[-1] for key, names in by_key.items()}
    found: dict[str, list[str]] = {}
    unknown, ambiguous, causes = [], {}, {}
    for name in sorted(filter(is_video, generated)):
        fits = _fits(_key(name), known)
        if len(fits) == 1:
            found.setdefault(fits[0], []).append(name)
        elif fits:
            ambiguous[name] = f"{name} fits {_listed(known[key] for key in fits)}; rename it"
        else:
            unknown.append(name)
    for key, names in by_key.items():
        if len(names) > 1:
            causes[key] = f"{_listed(names)} are references of one name; keep one of them"
            ambiguous |= dict.fromkeys(names, causes[key])
        elif len(found.get(key, ())) > 1:
            causes[key] = f"{_listed(found[key])} all fit {known[key]}; keep one of them"
            ambiguous |= dict.fromkeys(found[key], causes[key])
    pairs = {key: (names[0], known[key]) for key, names in sorted(found.items()) if key not in causes}
    missing = tuple(name for key, name in known.items() if key not in pairs)
    return Matches(pairs, tuple(unknown), missing, dict(sorted(ambiguous.items())), causes)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


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
