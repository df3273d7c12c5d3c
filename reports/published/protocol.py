"""How many clips a published value was measured on, where the note on its protocol states it plainly.

A count is taken only where it is written as a number of videos, clips, samples or pairs of the very data set. Numbers
of people, of frames, of training videos, estimates (``~200``, ``>200``) and sets mixed from several corpora give none.
"""

import re

_THINGS = r"(?:videos|clips|samples|pairs)\b"
_PLAIN = re.compile(
    r"(?:first \d+ s of )?(?P<n>\d+)(?: of the \d+)?(?:-clip test split|(?: (?:[a-z/-]+|\d-s)){0,3}? " + _THINGS + r")"
    r"(?! train| drawn from| per )"
)
_PRODUCT = re.compile(r"(?P<people>\d+) subjects x (?P<each>\d+) clips")
_EACH = re.compile(r"(?P<n>\d+) random (?:test )?videos each from (?P<names>[^;]+)")
_BRACKET = re.compile(r"\((?:[^()]*, )?(?P<n>\d+) videos\)")
_OTHER_TASK = "audio-driven set not stated"
_SUBSET = r"(?P<n>\d+)(?:-sample {name} subset| {name} clips)\b"


def clips_stated(note: str, dataset: str) -> int | None:
    """Number of test clips of a data set.

    Args:
        note: what is known of the protocol; clauses stand between semicolons, those of one data set after its name.
        dataset: one of ``reports.published.vocabulary.DATASETS``.

    Returns:
        A positive count, or None where the note does not state one plainly.
    """
    if _OTHER_TASK in note:
        return None
    for clause in map(str.strip, note.split(";")):
        found = _of_clause(clause, dataset)
        if found:
            return found
    return None


def _of_clause(clause: str, dataset: str) -> int | None:
    each = _EACH.match(clause)
    if each:
        return int(each["n"]) if dataset in re.findall(r"[\w-]+", each["names"]) else None
    named = re.match(rf"{dataset}(?:-?\d+|-Neutral)?: (.+)", clause)
    subset = re.match(_SUBSET.format(name=dataset), clause)
    if subset:
        return int(subset["n"])
    if clause.startswith(f"{dataset} (") and (counted := _BRACKET.search(clause)):
        return int(counted["n"])
    text = named[1] if named else clause if re.match(r"\d+ (?:videos|clips)\b", clause) else ""
    product = _PRODUCT.match(text)
    if product:
        return int(product["people"]) * int(product["each"])
    plain = _PLAIN.match(text)
    return int(plain["n"]) if plain else None
