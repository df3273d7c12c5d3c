"""Which generated video imitates which reference: by name, and everything that found no partner is reported.

A video belongs to the reference of the same path without suffix; failing that, to the reference of the same file name;
failing that, to the one reference that its name is about (``metrics.external.names``). Names that could mean two truths
are paired with none; a list of pairs (``metrics.external.pair_list``) says what no name can.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from eadnet.media.suffixes import VIDEO_SUFFIXES
from metrics.external.names import Fit, fits_of, key_of

FIX = "rename it, or list the pairs (--pairs)"
MOST = 4
"""Files that a line names."""


@dataclass(frozen=True)
class Matches:
    """`pairs` by reference name without suffix: (generated, reference) file names; what is left over on both sides.

    `unknown` are generated files without a reference, `missing` references without a pair. `ambiguous` are generated
    files that fit several references, files of which several fit one reference, and references of one name, each with a
    line that says so; none of them is paired. `causes` are these lines by the names of `missing` without suffix.
    `remarks` are lines on what else lies in the folders (``metrics.external.strays``).
    """

    pairs: Mapping[str, tuple[str, str]]
    unknown: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    ambiguous: Mapping[str, str] = field(default_factory=dict)
    causes: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The report: counts first, then a line for every file without a partner."""
        head = f"{len(self.pairs)} pairs, {len(self.missing)} references without a video, {len(self.unknown)} videos "
        lines = [head + f"without a reference, {len(self.ambiguous)} ambiguous"]
        alone = (name for name in self.missing if key_of(name) not in self.causes)
        lines += [f"no video for reference {name}; make it, or rename it" for name in alone]
        lines += [f"no reference for {name}; name it as its reference, or list the pairs" for name in self.unknown]
        return [*lines, *dict.fromkeys(self.ambiguous.values()), *self.remarks]

    def absence(self, reference: str) -> tuple[str, str]:
        """Status and reason of a reference, named without suffix, that has no video."""
        if reference in self.causes:
            return "ambiguous", self.causes[reference]
        return "missing", f"no video is named {reference}; make it, or rename it"


def match_names(generated: Iterable[str], references: Iterable[str]) -> Matches:
    """Pair file names (relative paths) of generated videos with those of their references."""
    by_key: dict[str, list[str]] = {}
    for name in sorted(filter(is_video, references)):
        by_key.setdefault(key_of(name), []).append(name)
    known = {key: names[-1] for key, names in by_key.items()}
    fits = fits_of(sorted(filter(is_video, generated)), tuple(known))
    unknown = tuple(name for name, fit in fits.items() if not fit.keys)
    ambiguous, causes = _doubts(fits, known)
    found: dict[str, list[str]] = {}
    for name, fit in fits.items():
        if fit.keys and name not in ambiguous:
            found.setdefault(fit.keys[0], []).append(name)
    for key, names in by_key.items():
        if len(names) > 1:
            line = f"{listed(names)} are references of one name; keep one of them"
            causes[key], ambiguous = line, ambiguous | dict.fromkeys(names, line)
        elif len(found.get(key, ())) > 1:
            line = f"{listed(found[key])} all fit {known[key]}; keep one of them"
            causes[key], ambiguous = line, ambiguous | dict.fromkeys(found[key], line)
    pairs = {key: (names[0], known[key]) for key, names in sorted(found.items()) if len(names) == len(by_key[key]) == 1}
    missing = tuple(name for key, name in known.items() if key not in pairs)
    causes = {key: line for key, line in causes.items() if key not in pairs}
    return Matches(pairs, unknown, missing, dict(sorted(ambiguous.items())), causes)


def is_video(name: str) -> bool:
    """Whether a file name ends as videos do."""
    return PurePosixPath(name).suffix.lower() in VIDEO_SUFFIXES


def listed(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more


def _doubts(fits: Mapping[str, Fit], known: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Lines on videos that could mean several references or none, and the same by the references that they name."""
    ambiguous, causes = {}, {}
    for name, fit in fits.items():
        if len(fit.keys) > 1:
            ambiguous[name] = f"{name} fits {listed([known[key] for key in fit.keys])}; {FIX}"
        elif fit.doubt:
            ambiguous[name] = f"{name} {fit.doubt}; {FIX}"
        for key in fit.keys if name in ambiguous else ():
            causes.setdefault(key, ambiguous[name])
    return ambiguous, causes
