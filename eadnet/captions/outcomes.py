"""How captioning a clip ended: a record, or the answers that were refused and why."""

import json
from dataclasses import dataclass

from eadnet.captions.schema import CaptionRecord


class CaptionError(ValueError):
    """An engine that cannot work at all; one line that says what is missing and how to fix it."""


@dataclass(frozen=True)
class Fault:
    """What was wrong with an answer: a kind of `answers.FAULTS`, and one line on it."""

    kind: str
    message: str


@dataclass(frozen=True)
class Outcome:
    """How captioning a clip ended.

    Attributes:
        record: The caption; None where every answer was refused.
        faults: One per refused answer, in order.
        transient: True where the cause is outside the answers and may be fixed (connection, settings, the clip's
            files): such an outcome is not cached.
    """

    record: CaptionRecord | None
    faults: tuple[Fault, ...] = ()
    transient: bool = False

    @property
    def attempts(self) -> int:
        """Answers that were read."""
        return len(self.faults) + (self.record is not None)

    def to_json(self) -> str:
        """The outcome as JSON text."""
        record = self.record.model_dump(mode="json") if self.record else None
        faults = [[fault.kind, fault.message] for fault in self.faults]
        return json.dumps({"record": record, "faults": faults}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Outcome":
        """Read what `to_json` wrote.

        Raises:
            ValueError: the text is something else, or a record that today's schema refuses.
        """
        stored = json.loads(text)
        record = CaptionRecord(**stored["record"]) if stored["record"] else None
        return cls(record, tuple(Fault(*fault) for fault in stored["faults"]))
