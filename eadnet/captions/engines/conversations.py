"""The chat with a language model about one clip: the question, refused answers and what was wrong with them."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eadnet.captions.prompt import Prompt
from eadnet.captions.requests import Request
from eadnet.config.captions import LanguageModel
from eadnet.data.clips import Clip

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


@dataclass(frozen=True)
class ClipFrames(Sequence[np.ndarray]):
    """Frames of a clip, each read from disk on access: a batch of a thousand clips holds none.

    Attributes:
        clip: The clip.
        places: Which of its crops.
        size: Height and width of the frames; None leaves the crop's.
    """

    clip: Clip
    places: tuple[int, ...]
    size: int | None = None

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.places)

    def __getitem__(self, index: int) -> np.ndarray:
        """A frame, (H, W, 3) uint8 RGB."""
        return _scaled(self.clip.crop(self.places[index]), self.size)


def sample_frames(clip: Clip, count: int, size: int | None = None) -> ClipFrames:
    """Frames from the middles of `count` equal parts of the clip; all of a clip that has fewer.

    Args:
        clip: A preprocessed clip.
        count: Frames wanted, at least 1.
        size: Height and width of the frames; None leaves the crop's.

    Returns:
        The frames in the order of time.

    Raises:
        ClipError: the clip's crops cannot be read.
    """
    total = clip.count_crops()
    count = min(count, total)
    return ClipFrames(clip, tuple(int((place + 0.5) * total / count) for place in range(count)), size)


def png_bytes(frame: np.ndarray) -> bytes:
    """A frame as a PNG file: lossless, so that every engine sees the same pixels."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(frame).save(stream, format="PNG")
    return stream.getvalue()


def _scaled(frame: np.ndarray, size: int | None) -> np.ndarray:
    if size is None or frame.shape[:2] == (size, size):
        return np.ascontiguousarray(frame)
    from PIL import Image

    return np.asarray(Image.fromarray(frame).resize((size, size), Image.Resampling.BICUBIC))
