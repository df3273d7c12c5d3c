"""A shard of which no clip was captioned: the most frequent fault, and what to do about it."""

from collections import Counter
from collections.abc import Sequence

from eadnet.captions.requests import Row

_OTHER_MODEL = "choose another model or another captions.language_model.prompt"
ADVICE = {
    "unfinished": "raise captions.language_model.max_answer, or check how the server holds answers to the schema",
    "empty": "check the server's log and its parsers of reasoning and tool calls",
    "misplaced": "change how the server is started",
    "json": "check that the server holds answers to the JSON schema of the request, or choose another model",
    "schema": "check that the server holds answers to the JSON schema of the request, or choose another model",
    "length": _OTHER_MODEL,
    "forbidden": _OTHER_MODEL,
    "refusal": _OTHER_MODEL,
    "too_long": "check how many pictures and tokens the engine takes (captions.language_model.frames, max_length)",
    "unreachable": "start the server",
    "frames": "make the clips of this shard again",
}
"""What to do, by kind of fault (`engines.answers.FAULTS`), if it is the most frequent one."""


def nothing_made(captions: Sequence[Row]) -> str:
    """Why a shard has no caption, in one line.

    Args:
        captions: Rows of a captions table. Clips that could not be used or measured do not count: they were not to be
            captioned.

    Returns:
        The most frequent fault with its count, an example and what to do; "" if a clip was captioned or none was to be.
    """
    failed = [row for row in captions if row["status"] == "no_caption"]
    if not failed or any(row["status"] == "ok" for row in captions):
        return ""
    ((kind, count),) = Counter(row["faults"][-1] for row in failed).most_common(1)
    example = next(row["reason"] for row in failed if row["faults"][-1] == kind)
    return (
        f"none of {len(failed)} clips was captioned, most often because of {kind} ({count} of {len(failed)}), such as "
        f"{example}; {ADVICE[kind]} and run again, or set compute.captioning.allow_none for a shard without captions"
    )
