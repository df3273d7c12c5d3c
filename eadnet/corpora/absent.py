"""The shard `REST` of MEAD and RAVDESS: the actors that the configuration names and of whom the folder holds nothing.

Their rows stay in the tables of inputs, but nothing is decoded, so all of them together are one job.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pandas as pd

from eadnet.corpora.files import REST
from eadnet.corpora.sources import ClipSource, OpenedMedia, Reader


class AbsentActors:
    """A reader of rows alone: what is expected of each actor, and is missing.

    Args:
        reader_of: makes the reader of one actor.
        actors: of whom no file is there.
    """

    def __init__(self, reader_of: Callable[[str], Reader], actors: tuple[str, ...]) -> None:
        self._reader_of, self._actors = reader_of, actors

    def sources(self) -> list[dict]:
        """The rows of every actor's own reader."""
        return [row | {"shard": REST} for actor in self._actors for row in self._reader_of(actor).sources()]

    def clips(self, sources: pd.DataFrame) -> list[ClipSource]:
        """None: there is no picture."""
        return []

    def opened(self, clip: ClipSource) -> AbstractContextManager[OpenedMedia]:
        """Nothing can be opened; raises OSError."""
        raise OSError(f"{clip.uri}: shard {REST} has no media; run the workflow again")
