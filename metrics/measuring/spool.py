"""Arrays that arrive row by row, of a length not known beforehand, gathered on disk into one safetensors file."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from eadnet.data.tensor_files import TensorWriter
from eadnet.media.faults import output_error
from eadnet.provenance import atomic_path

PIECE = 1 << 24  # bytes that are copied at once


class Spool:
    """Rows by key, kept in a temporary file; a key that is dropped costs nothing but its bytes."""

    def __init__(self, folder: Path) -> None:
        """Open a temporary file in a folder that exists."""
        self._folder = folder
        self._stream = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by `opened_spool`
        self._parts: dict[str, list[tuple[int, int]]] = {}
        self._kinds: dict[str, tuple[tuple[int, ...], np.dtype]] = {}

    def append(self, key: str, rows: np.ndarray) -> None:
        """Add rows, (n, ...), to a key; all rows of a key have one shape and type.

        Raises:
            OutputError: the disk is full.
        """
        rows = np.ascontiguousarray(rows)
        kind = rows.shape[1:], rows.dtype
        if self._kinds.setdefault(key, kind) != kind:
            raise ValueError(f"{key}: rows of {kind}, after rows of {self._kinds[key]}")
        try:
            start = self._stream.seek(0, 2)
            self._stream.write(memoryview(rows).cast("B") if rows.size else b"")
        except OSError as error:
            raise output_error(self._folder, error) from None
        self._parts.setdefault(key, []).append((start, rows.nbytes))

    def length(self, key: str) -> int:
        """Rows that a key has so far."""
        return self._rows(key) if key in self._kinds else 0

    def drop(self, key: str) -> None:
        """Forget a key's rows."""
        self._parts.pop(key, None), self._kinds.pop(key, None)

    def write(self, path: Path) -> None:
        """Write everything as one safetensors file, all or nothing."""
        specs = {key: ((self._rows(key), *shape), dtype) for key, (shape, dtype) in self._kinds.items()}
        with atomic_path(path) as temporary, open(temporary, "wb") as stream:
            writer = TensorWriter(stream, specs)
            for key in specs:
                for rows in self._pieces(key):
                    writer.append(key, rows)

    def _rows(self, key: str) -> int:
        shape, dtype = self._kinds[key]
        size = int(np.prod(shape, dtype=int)) * dtype.itemsize
        return sum(length for _, length in self._parts[key]) // size

    def _pieces(self, key: str) -> Iterator[np.ndarray]:
        shape, dtype = self._kinds[key]
        row = int(np.prod(shape, dtype=int)) * dtype.itemsize
        step = max(1, PIECE // row) * row
        for start, length in self._parts[key]:
            for first in range(0, length, step):
                self._stream.seek(start + first)
                yield np.frombuffer(self._stream.read(min(step, length - first)), dtype).reshape(-1, *shape)


@contextmanager
def opened_spool(folder: str | Path) -> Iterator[Spool]:
    """A spool whose temporary file lies in `folder` and is gone afterwards, also after a kill."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    spool = Spool(Path(folder))
    try:
        yield spool
    finally:
        spool._stream.close()
