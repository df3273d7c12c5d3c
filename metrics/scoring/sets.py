"""The sets of clips that a metric of a set is computed over: all together, each corpus, and parts of either.

Parts are the drawn clips of a corpus, and the slices of the summary: people seen in training or not, levels of emotion.
Runs need not be tested on the same corpora. `all` therefore means those that the benchmark compares runs on (the
corpora that `full` learns from): a set of all holds the same clips for every run, or the run has none.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from eadnet.config.evaluation import DRAW
from eadnet.tables import TEST_CLIPS, read_rows
from metrics.scoring.pairs import Pair
from metrics.scoring.values import Value
from metrics.spec import family_specs
from metrics.tables import ALL, LEVELLED, LEVELS, PEOPLE

Label = tuple[str, str]
"""Corpus and part of a set, as the columns `corpus` and `draw` of SCORES name them; either may be `ALL`."""
Scored = tuple[Label, list[Pair], list[Value]]


@dataclass(frozen=True)
class SetValue(Value):
    """The value of a set from a family that also scores single clips; `again` gives it for some of the set's clips.

    What was computed of each clip is kept, so that no clip is looked at twice.
    """

    again: Callable[[Iterable[Pair]], Value] | None = field(default=None, compare=False, repr=False)


def scored_sets(
    family: str,
    pairs: list[Pair],
    pooled: Collection[str],
    drawn: Collection[str] | None,
    score: Callable[[list[Pair]], list[Value]],
) -> Iterator[Scored]:
    """Values of a family with the clips that they are of: those of single clips once, those of sets for every set.

    Args:
        family: its name.
        pairs: all measured pairs of a run.
        pooled: corpora that count as `all`; empty: every corpus.
        drawn: names of the drawn clips; None where there is no draw.
        score: gives the family's values of some pairs. It is called once where the family scores single clips and
            keeps what it computed of them (`SetValue`); else once for each set of other clips.
    """
    specs = family_specs(family)
    levelled = any(spec.level == "set" and spec.name in LEVELLED for spec in specs)
    sets = sets_of(pairs, pooled, drawn, levelled)
    if all(spec.level == "set" for spec in specs):
        again = score
    else:
        values = score(pairs)
        yield (ALL, ALL), pairs, [value for value in values if value.clip_id is not None]
        again = _again([value for value in values if value.clip_id is None], score)
    if all(spec.level == "clip" for spec in specs):
        return
    done: dict[tuple[str, ...], list[Value]] = {}
    for label, part in sets.items():
        names = tuple(pair.clip_id for pair in part)
        if names not in done:
            done[names] = again(part)
        yield label, part, done[names]


def _again(whole: list[Value], score: Callable[[list[Pair]], list[Value]]) -> Callable[[list[Pair]], list[Value]]:
    """Values of sets of some pairs: from what was kept of each clip, or scored anew where nothing was."""
    if all(isinstance(value, SetValue) and value.again is not None for value in whole):
        return lambda part: [value.again(part) for value in whole]
    return lambda part: [value for value in score(part) if value.clip_id is None]


def sets_of(
    pairs: list[Pair], pooled: Collection[str], drawn: Collection[str] | None, levelled: bool = False
) -> dict[Label, list[Pair]]:
    """The sets that hold a clip, by label: all and each corpus, their slices, and the drawn clips of each corpus.

    Args:
        pairs: of a run.
        pooled: corpora that count as `all`; empty: every corpus.
        drawn: names of the drawn clips; None where there is no draw.
        levelled: whether levels of emotion are slices too.
    """
    corpora = sorted({pair.row["corpus"] for pair in pairs})
    whole = {ALL: [pair for pair in pairs if not pooled or pair.row["corpus"] in pooled]}
    whole |= {corpus: [pair for pair in pairs if pair.row["corpus"] == corpus] for corpus in corpora}
    sets = {}
    for corpus, own in whole.items():
        sets[corpus, ALL] = own
        if drawn is not None and corpus != ALL:
            sets[corpus, DRAW] = [pair for pair in own if pair.clip_id in drawn]
        for part in (*PEOPLE, *(LEVELS if levelled else ())):
            sets[corpus, part] = [pair for pair in own if in_part(pair.row, part)]
    return {label: part for label, part in sets.items() if part}


def in_part(clip: Mapping, part: str) -> bool:
    """Whether a clip, with columns of ``eadnet.tables.CLIPS``, is in one of `metrics.tables.SLICES`."""
    if part in LEVELS:
        level = clip["level"]
        return level is not None and level == level and int(level) == int(part.removeprefix("level_"))
    return part == ALL or (clip["seen_speaker"] in (True,)) == (part == PEOPLE[0])


def drawn_of(test_clips: str | Path | None) -> set[str] | None:
    """Names of the drawn test clips of ``eadnet.tables.TEST_CLIPS``; None without a table, or where all are drawn."""
    if test_clips is None:
        return None
    rows = read_rows(test_clips, TEST_CLIPS)
    drawn = {row["clip_id"] for row in rows if row["drawn"]}
    return drawn if len(drawn) < len(rows) else None
