"""The sets of clips that a metric of a set is computed over: all together, each corpus, and the drawn clips of each.

Runs need not be tested on the same corpora. `all` therefore means those that the benchmark compares runs on (the
corpora that `full` learns from): a set of all holds the same clips for every run, or the run has none.
"""

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from eadnet.config.evaluation import DRAW
from eadnet.tables import TEST_CLIPS, read_rows
from metrics.scoring.pairs import Pair
from metrics.spec import family_specs
from metrics.tables import ALL

Label = tuple[str, str]
"""Corpus and draw of a set; either may be `ALL`."""


def scored_sets(
    family: str,
    pairs: list[Pair],
    pooled: Collection[str],
    drawn: Collection[str] | None,
    rows_of: Callable[[list[Pair]], list[dict]],
) -> Iterator[dict]:
    """Rows of SCORES of a family: one a clip and metric, and one a set and metric of sets.

    Args:
        family: its name. One of set metrics alone is computed for every set; one that also scores single clips only
            for all together and for corpora that are not pooled, so that no clip is scored twice.
        pairs: all measured pairs of a run.
        pooled: corpora that count as `all`; empty: every corpus.
        drawn: names of the drawn clips; None where there is no draw.
        rows_of: gives the stamped rows of some pairs.
    """
    sets = sets_of(pairs, pooled, drawn)
    if not all(spec.level == "set" for spec in family_specs(family)):
        sets = {label: part for label, part in sets.items() if label == (ALL, ALL) or _apart(label, pooled)}
    done: dict[tuple[str, ...], list[dict]] = {}
    for (corpus, draw), part in sets.items():
        names = tuple(pair.clip_id for pair in part)
        if names not in done:
            done[names] = rows_of(part)
        label = {"corpus": corpus, "draw": draw}
        yield from (row | label if row["level"] == "set" else row for row in done[names])


def sets_of(pairs: list[Pair], pooled: Collection[str], drawn: Collection[str] | None) -> dict[Label, list[Pair]]:
    """The sets that hold a clip, by label: all, each corpus, and the drawn clips of each where there is a draw."""
    corpora = sorted({pair.row["corpus"] for pair in pairs})
    sets = {(ALL, ALL): [pair for pair in pairs if not pooled or pair.row["corpus"] in pooled]}
    for corpus in corpora:
        own = [pair for pair in pairs if pair.row["corpus"] == corpus]
        sets[corpus, ALL] = own
        if drawn is not None:
            sets[corpus, DRAW] = [pair for pair in own if pair.clip_id in drawn]
    return {label: part for label, part in sets.items() if part}


def drawn_of(test_clips: str | Path | None) -> set[str] | None:
    """Names of the drawn test clips of ``eadnet.tables.TEST_CLIPS``; None without a table, or where all are drawn."""
    if test_clips is None:
        return None
    rows = read_rows(test_clips, TEST_CLIPS)
    drawn = {row["clip_id"] for row in rows if row["drawn"]}
    return drawn if len(drawn) < len(rows) else None


def _apart(label: Label, pooled: Collection[str]) -> bool:
    """Whether a set is a whole corpus that does not count as `all`."""
    return label[1] == ALL and bool(pooled) and label[0] not in (ALL, *pooled)
