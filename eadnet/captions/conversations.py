"""The chat with a language model about one clip: the question, refused answers and what was wrong with them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eadnet.captions.frames import sample_frames
from eadnet.captions.prompt import Prompt
from eadnet.captions.requests import Request
from eadnet.captions.settings import LanguageModel

Message = dict[str, Any]


@dataclass(frozen=True)
class Conversation:
    """A chat about one clip, before the model's next answer.

    Attributes:
        clip_id: The clip.
        system: The rules.
        user: The question about this clip.
        images: Frames in the order of time, (H, W, 3) uint8 RGB, read on access; none where the prompt shows none.
        exchanges: Answers that were refused, each with what was wrong with it.
    """

    clip_id: str
    system: str
    user: str
    images: Sequence[np.ndarray] = ()
    exchanges: tuple[tuple[str, str], ...] = ()

    def messages(self, image_part: Callable[[np.ndarray], Message]) -> list[Message]:
        """The chat as messages of the OpenAI form, which vLLM and chat templates share.

        Args:
            image_part: Puts a frame the way the engine wants it, as one part of a message's content.
        """
        asked: Any = self.user
        if self.images:
            asked = [*(image_part(image) for image in self.images), {"type": "text", "text": self.user}]
        chat = [{"role": "system", "content": self.system}, {"role": "user", "content": asked}]
        for answer, fault in self.exchanges:
            chat += [{"role": "assistant", "content": answer}, {"role": "user", "content": fault}]
        return chat

    def after(self, answer: str, fault: str) -> "Conversation":
        """The chat after a refused answer.

        At temperature 0 the same question gets the same answer again: only a further turn can change it.
        """
        return replace(self, exchanges=(*self.exchanges, (answer, fault)))


def open_conversation(request: Request, prompt: Prompt, model: LanguageModel) -> Conversation:
    """The first question about a clip.

    Raises:
        ClipError: the clip's frames cannot be read.
    """
    images = () if model.prompt == "units" else sample_frames(request.clip, model.frames, model.image_size)
    return Conversation(request.clip_id, prompt.text, prompt.question(request, len(images)), images)
