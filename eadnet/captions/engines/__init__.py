"""Caption engines behind one interface; `open_engine` makes the configured one."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from eadnet.captions.engines.answers import Answer
from eadnet.captions.engines.conversations import Conversation
from eadnet.captions.engines.descriptor import DescriptorEngine
from eadnet.captions.engines.language import Backend, LanguageEngine
from eadnet.captions.prompt import Prompt, prompt_for
from eadnet.captions.requests import Outcome, Request
from eadnet.config.captions import Captions
from eadnet.config.machine import Captioning


class Engine(Protocol):
    """Anything that writes captions.

    Attributes:
        name: Short name, the `engine` column.
        model: The exact model and revision, the `model` column.
        prompt: The instructions, the `prompt_version` and `prompt_sha256` columns.
        decoding: What else can change a caption, the `decoding` column.
    """

    name: str
    model: str
    prompt: Prompt
    decoding: dict[str, Any]

    def question(self, request: Request) -> str:
        """The engine's input for a clip as text, pictures apart; part of the key of a cached outcome."""
        ...

    def caption(self, batch: Sequence[Request]) -> list[Outcome]:
        """Caption a batch, in order; what goes wrong with one clip stays in its outcome."""
        ...


@dataclass
class StartedWhenAsked:
    """A language model that starts with the first question: where all answers are cached, it never does.

    Attributes:
        model: Name of the model, with its revision or digest.
        start: Starts it.
    """

    model: str
    start: Callable[[], Backend]

    @cached_property
    def _backend(self) -> Backend:
        return self.start()

    def answer(self, conversations: Sequence[Conversation]) -> list[Answer]:
        """Answer a batch, in order.

        Raises:
            CaptionError: the model cannot be started, or nothing can be answered at all.
        """
        return self._backend.answer(conversations)


def open_engine(chosen: Captions, machine: Captioning, seed: int, located: tuple[Path | None, str]) -> Engine:
    """Make the configured engine. A language model in this process starts with the first question; a server is reached.

    Args:
        chosen: The engine and its settings.
        machine: Use of the machine.
        seed: Seed of the descriptor engine's choice of words.
        located: Folder and identity of a language model (`language_model.locate`).

    Raises:
        CaptionError: the engine cannot work; the message says how to fix it.
    """
    if chosen.engine == "descriptor":
        return DescriptorEngine(seed)

    def start() -> Backend:
        module = importlib.import_module(f"{__name__}.{chosen.engine}")
        return module.make_backend(chosen.language_model, machine, *located)

    backend = StartedWhenAsked(located[1], start) if chosen.runs_model else start()
    return LanguageEngine(chosen.engine, backend, prompt_for(chosen.language_model.prompt), chosen.language_model)
