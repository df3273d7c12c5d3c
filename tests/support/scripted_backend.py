"""A language model whose answers are written down: for tests of what happens to answers, not of models."""

from collections.abc import Callable, Sequence

from eadnet.captions.engines.answers import Answer
from eadnet.captions.engines.conversations import Conversation


class ScriptedBackend:
    """Answers by a function of the conversation, and remembers what it was asked.

    Args:
        script: Gives the answer to a conversation.
    """

    model = "scripted@1"

    def __init__(self, script: Callable[[Conversation], Answer]) -> None:
        self.script = script
        self.batches: list[list[Conversation]] = []

    @property
    def asked(self) -> list[str]:
        """Clips asked about, in order, once per question."""
        return [conversation.clip_id for batch in self.batches for conversation in batch]

    def answer(self, conversations: Sequence[Conversation]) -> list[Answer]:
        """Answer a batch by the script."""
        self.batches.append(list(conversations))
        return [self.script(conversation) for conversation in conversations]
