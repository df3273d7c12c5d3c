"""Caption engines: one interface, whoever writes. `open_engine` makes the one that the configuration asks for."""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from eadnet.captions.engines.descriptor import DescriptorEngine
from eadnet.captions.engines.language import LanguageEngine
from eadnet.captions.prompt import Prompt, prompt_for
from eadnet.captions.requests import Outcome, Request
from eadnet.config.captions import Captions
from eadnet.config.machine import Captioning


class Engine(Protocol):
    """Anything that writes captions.

    Attributes:
        name: Short name, the `engine` column.
        model: What exactly wrote the text, the `model` column.
        prompt: The instructions, the `prompt_version` and `prompt_sha256` columns.
        sampling: What else can change a caption, the `sampling` column.
    """

    name: str
    model: str
    prompt: Prompt
    sampling: dict[str, Any]

    def question(self, request: Request) -> str:
        """What the engine is told about a clip besides its pictures, as text; part of what an outcome depends on."""
        ...

    def caption(self, batch: Sequence[Request]) -> list[Outcome]:
        """Caption a batch, in order; what goes wrong with one clip stays in its outcome."""
        ...


def open_engine(
    chosen: Captions, machine: Captioning, seed: int, located: tuple[Path | None, str], report: Callable[[str], None]
) -> Engine:
    """The engine that the configuration asks for.

    Args:
        chosen: Who writes.
        machine: How the machine is used.
        seed: Seed of the descriptor engine's choice of words.
        located: Folder and identity of a language model (`language_model.locate`).
        report: Takes lines of progress.

    Raises:
        CaptionError: the engine cannot work; the message names the mend.
    """
    if chosen.engine == "descriptor":
        return DescriptorEngine(seed)
    module = importlib.import_module(f"{__name__}.{chosen.engine}")
    backend = module.make_backend(chosen.language_model, machine, *located)
    return LanguageEngine(
        chosen.engine, backend, prompt_for(chosen.language_model.prompt), chosen.language_model, report
    )
