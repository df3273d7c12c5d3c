"""What an engine may know of a clip: its row of the clips table, its measures and its pictures."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from eadnet.captions.descriptors import Descriptors
from eadnet.clips import Clip

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
