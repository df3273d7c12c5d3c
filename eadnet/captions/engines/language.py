"""Captions by a language model: one question for each clip of a batch, and another turn where an answer is refused.

This part is common to vLLM, a server and transformers; a `Backend` only turns conversations into answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from eadnet.captions.engines.answers import Answer, AnswerError, read_answer
from eadnet.captions.engines.conversations import Conversation, open_conversation
from eadnet.captions.engines.json_object import BLANK
from eadnet.captions.prompt import Prompt
from eadnet.captions.requests import Fault, Outcome, Request
from eadnet.config.captions import LanguageModel
from eadnet.data.clips import ClipError

FINAL = ("misplaced", "too_long", "unreachable", "frames")
"""Faults from outside the answer, which another turn cannot fix."""

QUOTED = 2000
"""Most characters of a refused answer that are quoted back to the model: an endless one would fill its context."""


class Backend(Protocol):
    """A language model that answers.

    Attributes:
        model: Name of the model, with its revision or digest.
    """

    model: str

    def answer(self, conversations: Sequence[Conversation]) -> list[Answer]:
        """Answer a batch, in order, at temperature 0; what goes wrong with one conversation stays in its answer.

        Raises:
            CaptionError: nothing can be answered at all.
        """
        ...


@dataclass(frozen=True)
class LanguageEngine:
    """The caption engine of a language model.

    Attributes:
        name: The engine, as in the configuration.
        backend: The language model.
        prompt: Its instructions.
        chosen: Frames shown, and retries after a refused answer.
    """

    name: str
    backend: Backend
    prompt: Prompt
    chosen: LanguageModel

    @property
    def model(self) -> str:
        """Name of the model, with its revision or digest."""
        return self.backend.model

    @property
    def decoding(self) -> dict[str, Any]:
        """Settings besides model and prompt that can change an answer."""
        kept = ("frames", "image_size", "dtype", "quantisation", "max_length", "max_answer", "retries")
        return {"temperature": 0} | {name: getattr(self.chosen, name) for name in kept}

    def question(self, request: Request) -> str:
        """The question about a clip, pictures apart."""
        return self.prompt.question(request, 0 if self.chosen.prompt == "units" else self.chosen.frames)

    def caption(self, batch: Sequence[Request]) -> list[Outcome]:
        """Caption a batch, in order: every clip ends with a record or with the faults of its answers."""
        faults: list[list[Fault]] = [[] for _ in batch]
        records: dict[int, Any] = {}
        waiting = self._opened(batch, faults)
        for _ in range(1 + self.chosen.retries):
            if not waiting:
                break
            answers = self.backend.answer(list(waiting.values()))
            refused = {}
            for (place, conversation), answer in zip(waiting.items(), answers, strict=True):
                try:
                    records[place] = read_answer(answer)
                except AnswerError as error:
                    faults[place].append(Fault(error.kind, error.explained))
                    if error.kind not in FINAL:
                        refused[place] = conversation.after(_quoted(answer.text), _complaint(error))
            waiting = refused
        return [Outcome(records.get(place), tuple(found)) for place, found in enumerate(faults)]

    def _opened(self, batch: Sequence[Request], faults: list[list[Fault]]) -> dict[int, Conversation]:
        """First questions by place in the batch; a clip whose frames cannot be read gets its fault instead."""
        opened = {}
        for place, request in enumerate(batch):
            try:
                opened[place] = open_conversation(request, self.prompt, self.chosen)
            except ClipError as error:
                faults[place].append(Fault("frames", str(error)))
        return opened


def _quoted(text: str) -> str:
    """A refused answer as the model's turn; some servers refuse a turn without text."""
    return text[:QUOTED] if text.strip(BLANK) else "(no text)"


def _complaint(error: AnswerError) -> str:
    """The next turn after a refused answer; the fault quotes the answer itself, never anything from outside."""
    return f"That answer was refused: {error} Answer again with one JSON object that keeps every rule."
