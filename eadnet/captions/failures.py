"""Shards of which no clip was captioned: the most frequent fault, and what to do about it."""

from collections import Counter
from collections.abc import Sequence

from eadnet.captions.requests import Row

_SCHEMA = "check that the engine holds answers to the JSON schema of the request, or choose another model"
_OTHER_MODEL = "choose another model or another captions.language_model.prompt"
ADVICE = {
    "json": _SCHEMA,
    "schema": _SCHEMA,
    "length": _OTHER_MODEL,
    "forbidden": _OTHER_MODEL,
    "refusal": _OTHER_MODEL,
    "too_long": "check how many pictures and tokens the engine takes (captions.language_model.frames, max_length)",
    "frames": "make the clips of this shard again",
}
"""What to do, by kind of fault (`engines.answers.FAULTS`); the reasons of other kinds say it themselves."""


def shards_without(captions: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of every shard that has clips to caption and no caption, by ``{corpus}/{shard}``."""
    shards: dict[str, list[Row]] = {}
    for row in captions:
        shards.setdefault(f"{row['corpus']}/{row['shard']}", []).append(row)
    return {name: rows for name, rows in shards.items() if nothing_made(rows)}


def nothing_made(captions: Sequence[Row]) -> str:
    """Why a shard has no caption, in one line.

    Args:
        captions: The shard's rows of a captions table. Clips that could not be used or measured do not count: they were
            not to be captioned.

    Returns:
        The most frequent fault with its count, an example and what to do; "" if a clip was captioned or none was to be.
    """
    failed = [row for row in captions if row["status"] == "no_caption"]
    if not failed or any(row["status"] == "ok" for row in captions):
        return ""
    ((kind, count),) = Counter(row["faults"][-1] for row in failed).most_common(1)
    example = next(row["reason"] for row in failed if row["faults"][-1] == kind).rstrip(".")
    line = f"none of {len(failed)} clips was captioned; the most frequent fault ({count} times) is {kind}: {example}"
    return f"{line}; {ADVICE[kind]}" if kind in ADVICE else line
