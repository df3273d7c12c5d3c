"""From a language model's answer to a caption record, or to the kind of its fault.

A model's answer is untrusted text: it may be cut off, no JSON, of another shape, endless, hold control characters, or
repeat what somebody wrote on a frame. Nothing of it is used unless it passes `read_answer`.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from eadnet.captions.plain_text import plain
from eadnet.captions.schema import AnsweredRecord, CaptionRecord

FAULTS = ("unfinished", "json", "schema", "length", "forbidden", "refusal", "too_long", "unreachable", "frames")
"""Kinds of fault. ``unfinished``: cut off; ``json``: not one JSON object; ``schema``: another shape, a value out of
range; ``length``: too many words; ``forbidden``: content that no caption may hold; ``refusal``: the model declined;
``too_long``: the prompt does not fit the model, or the engine refused it; ``unreachable``: no answer came; ``frames``:
the clip's pictures cannot be read."""

MAX_CHARACTERS = 16_384
"""Longest answer that is read: the schema's strings together allow about 4,000 characters."""

_MAX_MESSAGE = 300
_REFUSAL = re.compile(
    r"\b(?:i(?:'m| am)? (?:can(?:'|no)t|sorry|unable|won't)|as an ai|cannot (?:assist|help|comply))", re.IGNORECASE
)


@dataclass(frozen=True)
class Answer:
    """What an engine returned for one conversation.

    Attributes:
        text: What the model wrote.
        finish_reason: Why it ended, in OpenAI's words: ``stop``, ``length``, ``content_filter``, ...
        failure: Why there is no answer, in one line; "" where there is one.
        transient: Whether the failure may pass: the server was away, or slow.
    """

    text: str = ""
    finish_reason: str = "stop"
    failure: str = ""
    transient: bool = False


class AnswerError(ValueError):
    """An answer that is refused; `kind` is one of `FAULTS`, the message one line."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(one_line(message))
        self.kind = kind


def one_line(text: str) -> str:
    """A text as one printable line of bounded length, for messages that quote what a model wrote."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * _MAX_MESSAGE])
    shown = " ".join(shown.split())
    return shown if len(shown) <= _MAX_MESSAGE else shown[: _MAX_MESSAGE - 3] + "..."


def read_answer(answer: Answer) -> CaptionRecord:
    """Check an answer and take the record out of it.

    Raises:
        AnswerError: the answer is refused.
    """
    if answer.failure:
        raise AnswerError("unreachable" if answer.transient else "too_long", answer.failure)
    if answer.finish_reason in ("refusal", "content_filter"):
        raise AnswerError("refusal", f"the model declined: {answer.text or answer.finish_reason}")
    if answer.finish_reason != "stop":
        raise AnswerError(
            "unfinished", f"the answer was cut off ({answer.finish_reason}) after {len(answer.text)} characters"
        )
    return _record(_object(answer.text))


def _object(text: str) -> dict[str, Any]:
    """The one JSON object of an answer."""
    if len(text) > MAX_CHARACTERS:
        raise AnswerError("json", f"the answer has {len(text)} characters, at most {MAX_CHARACTERS} are read")
    try:
        found = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_distinct_keys)
    except (ValueError, RecursionError) as error:
        kind = "refusal" if _REFUSAL.search(plain(text[:200])) and not text.lstrip().startswith("{") else "json"
        raise AnswerError(kind, f"not one JSON object ({error}): {text[:80]!r}") from None
    if not isinstance(found, dict):
        raise AnswerError("json", f"not a JSON object but a {type(found).__name__}")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _record(found: dict[str, Any]) -> CaptionRecord:
    units = found.get("action_units")
    if isinstance(units, list) and all(isinstance(unit, str) for unit in units):
        found = found | {"action_units": list(dict.fromkeys(units))}  # a unit named twice is still one unit
    try:
        return AnsweredRecord.model_validate(found)
    except ValidationError as error:
        raise _refused(error) from None


def _refused(error: ValidationError) -> AnswerError:
    """The first fault of a record, with its key."""
    fault = error.errors(include_url=False)[0]
    kind = fault["type"] if fault["type"] in ("forbidden", "length") else "schema"
    place = ".".join(str(part) for part in fault["loc"])
    message = fault["msg"].removeprefix("Value error, ")
    return AnswerError(kind, f"{place}: {message}" if place else message)
