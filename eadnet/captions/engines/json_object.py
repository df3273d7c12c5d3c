"""The one JSON object in what a language model wrote, without its thinking and whatever stands around the object.

Models that think, and servers without a grammar, write more than was requested: ``<think>...</think>`` (some servers
give the closing tag only, since the opening one is part of the prompt), a fence of Markdown, a sentence before or
after. None of this is part of the answer. Two objects, or one that is cut off, are refused: which one is meant, or what
is missing, would be a guess.
"""

import json
import re
import string
from typing import Any

BLANK = string.whitespace + "\ufeff\u200b\u00a0"
"""Characters without ink: a text of these alone is empty. U+FEFF is the byte order mark."""

_TAG = r"(?:\w{1,20}:)?(?:think|thinking|thought|reasoning)"
_THINKING_ENDS = re.compile(rf"</{_TAG}>|\[/THINK\]|\u25c1/think\u25b7", re.IGNORECASE)
_THINKING_BEGINS = re.compile(rf"<{_TAG}>|\[THINK\]|\u25c1think\u25b7", re.IGNORECASE)
_OBJECT_BEGINS = re.compile(r'(?:\[\s*)?\{\s*["}]')  # or a list of objects; no other braces of a sentence


def after_thinking(text: str) -> str:
    """What follows the model's thinking, without blanks around; the whole text if it did not think or did not end."""
    kept = text.strip(BLANK)
    return kept if kept.startswith("{") else _THINKING_ENDS.split(kept)[-1].strip(BLANK)


def is_thinking(text: str) -> bool:
    """Whether a text without blanks around begins with thinking that has no end."""
    return bool(_THINKING_BEGINS.match(text)) and not _THINKING_ENDS.search(text)


def find_object(text: str) -> dict[str, Any]:
    """The only JSON object of an answer.

    Args:
        text: What follows the thinking (`after_thinking`): the object, possibly within a fence or between sentences.

    Raises:
        ValueError: there is no object or more than one, one is cut off or nested too deep, a key stands twice, or a
            number is none of JSON's.
    """
    try:
        found = _whole(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if not isinstance(found, dict):
        raise ValueError(f"it is no object but a {type(found).__name__}")
    return found


def _whole(text: str) -> Any:
    """The value that the text is, or else the only one that stands in it."""
    try:
        return _DECODER.decode(text)
    except ValueError as error:
        values = _values(text)
        if not values:
            raise error
        if len(values) > 1:
            raise ValueError(f"there are {len(values)} of them") from None
        return values[0]


def _values(text: str) -> list[Any]:
    """Objects, and lists of objects, that stand in a text one after another.

    Raises:
        ValueError: one of them begins and is not valid.
    """
    found, place = [], 0
    while (begin := _next_begin(text, place)) is not None:
        value, place = _DECODER.raw_decode(text, begin)
        found.append(value)
    return found


def _next_begin(text: str, place: int) -> int | None:
    """Where the next object or list of objects begins; a brace at the place itself begins one, whatever follows it."""
    if text.startswith("{", place):
        return place
    begin = _OBJECT_BEGINS.search(text, place)
    return begin.start() if begin else None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


_DECODER = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_distinct_keys)
