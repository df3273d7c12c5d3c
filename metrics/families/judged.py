"""What families with a judge of the corpus have in common: a note where it learned from drawn faces and sees others."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from metrics.scoring.pairs import Pair
from metrics.scoring.sets import SetValue
from metrics.scoring.values import Value


def with_doubts(values: Iterable[Value], pairs: list[Pair], report: dict[str, Any]) -> Iterator[Value]:
    """The values; those of clips from corpora that were not drawn say so, if the judge learned from drawn faces alone.

    Args:
        values: of clips, and of the set (`clip_id` None), which has a note if any clip is from another corpus.
        pairs: what was scored.
        report: of the judge (``metrics.judges.read_report``): `corpora` it learned from, known `drawn` ones.
    """
    learned, drawn = report.get("corpora", []), set(report.get("drawn", []))
    if not learned or not drawn.issuperset(learned):
        yield from values
        return
    named = ", ".join(learned)
    note = f"the judge learned from drawn faces alone ({named}), this is another corpus: train it on recorded faces"

    def noted(value: Value, pairs: Iterable[Pair]) -> Value:
        doubted = {pair.clip_id for pair in pairs if pair.row["corpus"] not in drawn}
        if value.value is None or not (value.clip_id in doubted or (value.clip_id is None and doubted)):
            return value
        return replace(value, notes="; ".join(filter(None, [value.notes, note])))

    for value in values:
        of_all = noted(value, pairs)
        if isinstance(value, SetValue) and value.again is not None:
            again = value.again
            of_all = replace(of_all, again=lambda some, again=again: noted(again(some), some))
        yield of_all
