"""Captions by a language model: ask about every clip of a batch at once, read the answers, ask again about the refused.

What is the same for vLLM, a server and transformers stands here; a `Backend` only turns conversations into answers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from eadnet.captions.engines.answers import Answer, AnswerError, read_answer
from eadnet.captions.engines.conversations import Conversation, open_conversation
from eadnet.captions.prompt import Prompt
from eadnet.captions.requests import Fault, Outcome, Request
from eadnet.config.captions import LanguageModel
from eadnet.data.clips import ClipError

FINAL = ("too_long", "unreachable", "frames")
"""Faults that asking again in the same run cannot mend, and that are not the answer's: they are never remembered."""


QUOTED = 2000
"""Characters of a refused answer that the model is shown again: an endless one would fill its context."""


class Backend(Protocol):
    """A language model that answers.

    Attributes:
        model: What exactly answers, with its revision or digest.
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
        backend: Who answers.
        prompt: What it is told.
        chosen: What it is shown, and how often it is asked.
    """

    name: str
    backend: Backend
    prompt: Prompt
    chosen: LanguageModel
    report: Callable[[str], None] = print

    @property
    def model(self) -> str:
        """What exactly writes the text."""
        return self.backend.model

    @property
    def sampling(self) -> dict[str, Any]:
        """What besides model and prompt can change an answer."""
        kept = ("frames", "image_size", "dtype", "quantisation", "max_length", "max_answer", "retries")
        return {"temperature": 0} | {name: getattr(self.chosen, name) for name in kept}

    def question(self, request: Request) -> str:
        """What is asked about a clip, pictures apart."""
        return self.prompt.question(request, 0 if self.chosen.prompt == "units" else self.chosen.frames)

    def caption(self, batch: Sequence[Request]) -> list[Outcome]:
        """Caption a batch, in order: every clip ends with a record or with the faults of its answers."""
        faults: list[list[Fault]] = [[] for _ in batch]
        records: dict[int, Any] = {}
        waiting = self._opened(batch, faults)
        for turn in range(1 + self.chosen.retries):
            if not waiting:
                break
            if turn:
                self.report(f"asking again about {len(waiting)} of {len(batch)} clips")
            answers = self.backend.answer(list(waiting.values()))
            refused = {}
            for (place, conversation), answer in zip(waiting.items(), answers, strict=True):
                try:
                    records[place] = read_answer(answer)
                except AnswerError as error:
                    faults[place].append(Fault(error.kind, str(error)))
                    if error.kind not in FINAL:
                        refused[place] = conversation.after(answer.text[:QUOTED], _complaint(error))
            waiting = refused
        return [_outcome(records.get(place), found) for place, found in enumerate(faults)]

    def _opened(self, batch: Sequence[Request], faults: list[list[Fault]]) -> dict[int, Conversation]:
        """First questions by place in the batch; a clip whose frames cannot be read gets its fault instead."""
        opened = {}
        for place, request in enumerate(batch):
            try:
                opened[place] = open_conversation(request, self.prompt, self.chosen)
            except ClipError as error:
                faults[place].append(Fault("frames", str(error)))
        return opened


def _complaint(error: AnswerError) -> str:
    """The next turn after a refused answer; the fault quotes the answer itself, never anything from outside."""
    return f"That answer was refused: {error} Answer again with one JSON object that keeps every rule."


def _outcome(record: Any, faults: list[Fault]) -> Outcome:
    transient = record is None and bool(faults) and faults[-1].kind in FINAL
    return Outcome(record, tuple(faults), transient)
