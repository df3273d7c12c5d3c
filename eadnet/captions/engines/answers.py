"""From a language model's answer to a caption record, or to the kind of its fault.

A model's answer is untrusted text: it may be cut off, no JSON, of another shape, endless, hold control characters, or
repeat what somebody wrote on a frame. Nothing of it is used unless it passes `read_answer`.
"""

import re
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from eadnet.captions.engines.json_object import BLANK, after_thinking, find_object, is_thinking
from eadnet.captions.plain_text import plain
from eadnet.captions.schema import AnsweredRecord, CaptionRecord

FAULTS = (
    "unfinished", "empty", "misplaced", "json", "schema", "length", "forbidden", "refusal", "too_long", "unreachable",
    "frames",
)  # fmt: skip
"""Kinds of fault. ``unfinished``: cut off; ``empty``: no text; ``misplaced``: the server put the answer somewhere else
than into the content; ``json``: not one JSON object; ``schema``: another shape, a value out of range; ``length``: too
many words; ``forbidden``: content that no caption may hold; ``refusal``: the model declined; ``too_long``: the prompt
does not fit the model, or the engine refused it; ``unreachable``: no answer came; ``frames``: the clip's pictures
cannot be read."""

MAX_CHARACTERS = 16_384
"""Longest answer that is read, thinking apart: the schema's strings together allow about 4,000 characters."""

REASONING = ("reasoning_content", "reasoning")
"""Fields of a reply for a model's thinking: the usual one, and vLLM's newer name."""

TOOL_CALLS = ("tool_calls", "function_call")
"""Reasons to end, and fields of a reply, of a model that calls a tool instead of answering."""

_WITHOUT_TOOLS = "start it without a parser of tool calls (vllm serve: without --enable-auto-tool-choice)"
_WITHOUT_PARSER = "start it without a parser of reasoning (vllm serve: without --reasoning-parser)"
_INTO_CONTENT = dict.fromkeys(TOOL_CALLS, _WITHOUT_TOOLS) | dict.fromkeys(REASONING, _WITHOUT_PARSER)
_SEE_LOG = "look into the server's log"
_LONGER = "raise captions.language_model.max_answer"
_LESS_THINKING = "raise captions.language_model.max_answer, or switch the model's thinking off"
_NO_FREE_BLANKS = "start the server with a grammar without free blanks (docs/captions.md, A server)"
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
        elsewhere: Field of the server's reply that has a content although there is no text; "" for none.
        failure: Why there is no answer, in one line; "" where there is one.
        transient: Whether the failure may pass: the server was away, or slow.
    """

    text: str = ""
    finish_reason: str = "stop"
    elsewhere: str = ""
    failure: str = ""
    transient: bool = False


class AnswerError(ValueError):
    """An answer that is refused; `kind` is one of `FAULTS`, the message one line, `advice` what the user can do."""

    def __init__(self, kind: str, message: str, advice: str = "") -> None:
        super().__init__(one_line(message))
        self.kind = kind
        self.advice = advice

    @property
    def explained(self) -> str:
        """The message with the advice, which is for users and not for the model."""
        return f"{self}: {self.advice}" if self.advice else str(self)


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
    if answer.finish_reason in TOOL_CALLS:
        raise misplaced("tool_calls")
    text = after_thinking(answer.text)
    if answer.finish_reason != "stop":
        raise _cut_off(answer, text)
    if not text:
        raise misplaced(answer.elsewhere) if answer.elsewhere else _empty(answer)
    return _record(_object(text))


def misplaced(field: str) -> AnswerError:
    """An answer in a field of `REASONING` or `TOOL_CALLS` where the content should be, with the fix."""
    return AnswerError("misplaced", f"the server put its answer into {field}, not into content", _INTO_CONTENT[field])


def _cut_off(answer: Answer, text: str) -> AnswerError:
    """An answer that did not end by itself; `text` is what follows the thinking."""
    characters, too_long = len(answer.text), answer.finish_reason == "length"
    if too_long and (not text or is_thinking(text)):
        return AnswerError("unfinished", "the bound on tokens was reached before an answer began", _LESS_THINKING)
    message = f"the answer was cut off ({answer.finish_reason}) after {characters} characters"
    if characters > 2 * len(answer.text.rstrip(BLANK)):
        return AnswerError("unfinished", f"{message}, most of them blanks at its end", _NO_FREE_BLANKS)
    return AnswerError("unfinished", message, _LONGER if too_long else _SEE_LOG)


def _empty(answer: Answer) -> AnswerError:
    if answer.text.strip(BLANK):
        return AnswerError("empty", "nothing follows the model's thinking", _LESS_THINKING)
    return AnswerError("empty", "the answer has no text", _SEE_LOG)


def _object(text: str) -> dict[str, Any]:
    """The one JSON object of an answer."""
    if len(text) > MAX_CHARACTERS:
        raise AnswerError("json", f"the answer has {len(text)} characters, at most {MAX_CHARACTERS} are read")
    try:
        return find_object(text)
    except ValueError as error:
        kind = "refusal" if _REFUSAL.search(plain(text[:200])) and not text.startswith("{") else "json"
        raise AnswerError(kind, f"not one JSON object ({error}): {text[:80]!r}") from None


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
