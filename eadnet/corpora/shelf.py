"""The files of a corpus by their address in its tables: loose ones, and members of archives that are never unpacked."""

import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from eadnet.corpora.archives import Member, MemberIndex
from eadnet.corpora.sources import USED, Media, path_of


class Shelf:
    """What a reader opens; an archive's index is read once.

    Args:
        root: folder of the corpus.
        read_index: lists an archive's members.
        content: the bytes of a member.
    """

    def __init__(
        self, root: Path, read_index: Callable[[Path], MemberIndex], content: Callable[[Path, Member], bytes]
    ) -> None:
        self.root, self._read_index, self._content = root, read_index, content
        self._indices: dict[Path, MemberIndex] = {}

    def index(self, path: Path) -> MemberIndex:
        """The members of an archive."""
        if path not in self._indices:
            self._indices[path] = self._read_index(path)
        return self._indices[path]

    def index_used(self, sources: pd.DataFrame) -> None:
        """Index the archives of all sources that are used, before worker processes get their copy of this."""
        for uri in sources["uri"][sources["status"].isin(USED)]:
            archive, mark, _ = uri.partition("#")
            if mark:
                self.index(self.root / path_of(archive))

    def media(self, uri: str) -> Media:
        """The path of a loose file, or the content of a member.

        Raises:
            OSError: the archive has no such member any more.
        """
        archive, mark, name = uri.partition("#")
        path = self.root / path_of(archive)
        if not mark:
            return path
        member = self.index(path).find(path_of(name))
        if member is None:
            raise OSError(f"{path} has changed since it was acquired; delete its table under corpora/ and run again")
        return io.BytesIO(self._content(path, member))
