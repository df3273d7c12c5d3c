"""Notes on many clips as a few lines: each kind once, counted, with the numbers that it spans."""

import re
from collections.abc import Iterable, Sequence

NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
MOST_KINDS, LONGEST = 4, 160
"""Kinds of notes that are listed, and characters of one."""
BETWEEN = "; "
"""Stands between the clauses of a row's notes."""


def clauses(notes: str | None) -> tuple[str, ...]:
    """The clauses of a row's notes."""
    return tuple(notes.split(BETWEEN)) if notes else ()


def grouped(notes: Iterable[Iterable[str]], most: int = MOST_KINDS) -> list[tuple[int, str]]:
    """Kinds of notes by how many clips have them, the most frequent first.

    Args:
        notes: clauses of each clip; those that differ in numbers alone are of one kind.
        most: kinds that are listed; of more, the last line gives the number of kinds that are left out.

    Returns:
        Counts of clips, each with the clause; where its numbers differ, their least and greatest stand in it.
    """
    kinds: dict[str, list[str]] = {}
    for of_clip in notes:
        for kind, clause in {NUMBER.sub("#", clause): clause for clause in of_clip}.items():
            kinds.setdefault(kind, []).append(clause)
    ranked = sorted(kinds.values(), key=len, reverse=True)
    found = [(len(same), _spanned(same)[:LONGEST]) for same in ranked[:most]]
    rest = ranked[most:]
    return [*found, (max(map(len, rest)), f"{len(rest)} other kinds of notes")] if rest else found


def _spanned(same: Sequence[str]) -> str:
    """One clause for several that differ in numbers alone."""
    columns = zip(*(NUMBER.findall(clause) for clause in same), strict=True)
    spans = iter([_span(column) for column in columns])
    return NUMBER.sub(lambda _: next(spans), same[0])


def _span(numbers: Sequence[str]) -> str:
    least, greatest = min(numbers, key=float), max(numbers, key=float)
    return least if float(least) == float(greatest) else f"{least}–{greatest}"
