"""A folder of which one file kills the process that opens it, as a fault inside a decoder does."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from eadnet.corpora.folder import FolderReader
from eadnet.corpora.sources import ClipSource, OpenedMedia


class DeadlyReader(FolderReader):
    """`FolderReader`, but for files whose name begins with ``deadly``."""

    @contextmanager
    def opened(self, clip: ClipSource) -> Iterator[OpenedMedia]:
        if clip.source_id.startswith("deadly"):
            os.kill(os.getpid(), signal.SIGKILL)
        with super().opened(clip) as media:
            yield media
