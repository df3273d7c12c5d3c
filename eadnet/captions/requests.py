"""What an engine is given of a clip (`Request`), and what it gives back: a record, or the answers that were refused."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from eadnet.captions.measures.descriptors import Descriptors
from eadnet.captions.schema import CaptionRecord
from eadnet.data.clips import Clip

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """A clip to be captioned.

    Attributes:
        row: Its row of the clips table.
        descriptors: Its measures.
        labelled: Whether the engine may see the corpus's emotion and level.
    """

    row: Row
    descriptors: Descriptors
    labelled: bool = True

    @property
    def clip_id(self) -> str:
        """Unique name of the clip."""
        return self.row["clip_id"]

    @property
    def emotion(self) -> str | None:
        """The corpus's label; None if the engine may not see it or there is none."""
        return self.row["emotion"] if self.labelled else None

    @property
    def level(self) -> int | None:
        """The corpus's level 1 to 3; None if the engine may not see it or there is none."""
        return level_of(self.row) if self.labelled else None

    @cached_property
    def clip(self) -> Clip:
        """The clip's arrays, read on first use."""
        return Clip(dict(self.row))


def level_of(row: Row) -> int | None:
    """The level of a clip as an integer; missing levels come out of data frames as NaN."""
    level = row["level"]
    return None if level is None or level != level else int(level)


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
    """

    record: CaptionRecord | None
    faults: tuple[Fault, ...] = ()

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
