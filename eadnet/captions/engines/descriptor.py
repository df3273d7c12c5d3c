"""The engine without a model: the corpus's label where it has one, measures of face and voice, and the grammar."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from eadnet.captions.grammar.observation import observe, remarks
from eadnet.captions.grammar.sentences import GRAMMAR, write_texts
from eadnet.captions.prompt import Prompt
from eadnet.captions.requests import Fault, Outcome, Request
from eadnet.captions.schema import CaptionRecord


@dataclass(frozen=True)
class DescriptorEngine:
    """Deterministic captions from measures, and from label and level where it may see them."""

    seed: int
    name: str = "descriptor"
    model: str = "descriptor-2"
    prompt: Prompt = GRAMMAR
    decoding: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """The choice of words depends on the seed only."""
        object.__setattr__(self, "decoding", {"seed": self.seed})

    def question(self, request: Request) -> str:
        """The engine's input for a clip, as text."""
        return repr((request.descriptors, request.emotion, request.level))

    def caption(self, batch: Sequence[Request]) -> list[Outcome]:
        """Caption a batch, in order; the same request and seed give the same record."""
        return [self._outcome(request) for request in batch]

    def _outcome(self, request: Request) -> Outcome:
        try:
            observation = observe(request.descriptors, request.emotion, request.level)
            texts = write_texts(observation, remarks(request.descriptors), key=f"{self.seed}:{request.clip_id}")
            return Outcome(CaptionRecord(**observation.model_dump(), **vars(texts)))
        except ValidationError as error:
            return Outcome(None, (Fault("schema", f"{error.errors()[0]['msg']}; check the clip's landmarks"),))
