"""Safetensors files: written row by row, read tensor by tensor or mapped from disk, never held as a whole.

The format (huggingface/safetensors `README.md`): 8 bytes, the header's length; a JSON header with the type, shape and
place of every tensor; their bytes. Shapes are known in advance, hence the header can come first.

Every fault of a file is a `TensorFileError`. No torch is imported here, so that preprocessing starts quickly.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError, safe_open

from eadnet.provenance import LFS_FAULT, atomic_path, is_lfs_pointer

READ_AS = {
    "BOOL": "?", "U8": "u1", "I16": "<i2", "F16": "<f2", "F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8"
}  # fmt: skip
WRITTEN_AS = {"bool": "BOOL", "uint8": "U8", "int16": "I16", "float16": "F16", "float32": "F32", "int64": "I64"}
Rows = Any  # a numpy array or a torch tensor
Spec = tuple[tuple[int, ...], Any]  # shape, and numpy's or torch's type
FIX = "delete it and run again"


class TensorFileError(ValueError):
    """A file that is absent, damaged, not safetensors, or lacks a tensor; the message names the file and the fix."""


class TensorFile:
    """A safetensors file, open for reading.

    Args:
        path: of the file.
        framework: "pt" gives torch tensors that share their bytes with the file, "numpy" arrays of their own.
        fix: what a user does about a file that cannot be used.

    Raises:
        TensorFileError: absent, damaged or another kind of file; the methods raise it for an absent tensor.
    """

    def __init__(self, path: str | Path, framework: str = "pt", fix: str = FIX) -> None:
        self.path, self.fix = path, fix
        try:
            self._store = safe_open(str(path), framework=framework)
        except (OSError, SafetensorError) as error:
            if is_lfs_pointer(path):
                raise TensorFileError(f"{path}: {LFS_FAULT}") from None
            raise TensorFileError(f"{path} is unreadable ({error}); {fix}") from None

    def tensor(self, key: str) -> Any:
        """A whole tensor."""
        return self._found(self._store.get_tensor, key)

    def tensors(self) -> dict[str, Any]:
        """All tensors, by name."""
        return {key: self._store.get_tensor(key) for key in self._store.keys()}  # noqa: SIM118 (it is no mapping)

    def row(self, key: str, index: int) -> Any:
        """One row of a tensor; the others are not read."""
        return self._found(self._store.get_slice, key)[index]

    def spec(self, key: str) -> Spec:
        """Shape and numpy's type of a tensor, which is not read."""
        view = self._found(self._store.get_slice, key)
        return tuple(view.get_shape()), np.dtype(READ_AS[view.get_dtype()])

    def metadata(self, key: str) -> str:
        """A text of the header's metadata."""
        texts = self._store.metadata() or {}
        if key not in texts:
            raise TensorFileError(f"{self.path} has no metadata {key}; {self.fix}")
        return texts[key]

    def _found(self, read: Callable[[str], Any], key: str) -> Any:
        try:
            return read(key)
        except SafetensorError:
            raise TensorFileError(f"{self.path} does not hold {key}; {self.fix}") from None


class TensorWriter:
    """Fills the tensors of an open file along their first axis, in any order between tensors."""

    def __init__(self, stream: BinaryIO, specs: dict[str, Spec], texts: dict[str, str] | None = None) -> None:
        self.stream, self.specs = stream, specs
        # Large types first: every tensor then starts at a multiple of its item size.
        order = sorted(specs, key=lambda name: (-_type(specs[name][1]).itemsize, name))
        self.next, self.end, header, place = {}, {}, {"__metadata__": texts} if texts else {}, 0
        for name in order:
            shape, dtype = specs[name]
            end = place + prod(shape) * _type(dtype).itemsize
            header[name] = {"dtype": WRITTEN_AS[_type(dtype).name], "shape": list(shape), "data_offsets": [place, end]}
            self.next[name], self.end[name], place = place, end, end
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        stream.write(len(text).to_bytes(8, "little") + text)
        self.start = stream.tell()

    def append(self, name: str, rows: Rows) -> None:
        """Add rows to a tensor.

        Raises:
            ValueError: the rows have another shape or type, or are more than were announced.
        """
        shape, dtype = self.specs[name]
        values = np.ascontiguousarray(rows.cpu() if hasattr(rows, "cpu") else rows)
        size = values.nbytes
        if (
            values.shape[1:] != tuple(shape[1:])
            or values.dtype != _type(dtype)
            or self.next[name] + size > self.end[name]
        ):
            raise ValueError(
                f"{name}: expected rows of {shape[1:]} {dtype}, {shape[0]} in all, "
                f"got {values.shape} {values.dtype} more"
            )
        self.stream.seek(self.start + self.next[name])
        self.stream.write(memoryview(values).cast("B"))
        self.next[name] += size

    def check_full(self) -> None:
        """Raises ValueError where a tensor lacks rows."""
        lacking = [name for name in self.specs if self.next[name] < self.end[name]]
        if lacking:
            raise ValueError(f"{', '.join(lacking)}: fewer rows than announced")


def _type(dtype: Any) -> np.dtype:
    """Numpy's type for itself or for torch's of the same name."""
    return np.dtype(str(dtype).rpartition(".")[2])


@contextmanager
def streamed_tensors(
    path: str | Path, specs: dict[str, Spec], texts: dict[str, str] | None = None
) -> Iterator[TensorWriter]:
    """A writer of the safetensors file `path`, which appears when all tensors are full, or not at all.

    Args:
        path: where the file shall stand.
        specs: shape and type of every tensor, by name.
        texts: the header's metadata.
    """
    with atomic_path(path) as temporary:
        with open(temporary, "wb") as stream:
            writer = TensorWriter(stream, specs, texts)
            yield writer
            writer.check_full()


def map_tensor(path: str | Path, key: str, fix: str = FIX) -> np.ndarray:
    """A read-only array that shares its bytes with the file; safetensors itself maps for torch only.

    Raises:
        TensorFileError: the file cannot be read, or has no such tensor; `fix` ends the message.
    """
    try:
        stat = Path(path).stat()
        start, header = _header(str(path), stat.st_size, stat.st_mtime_ns)
        entry = header[key]
        first, last = entry["data_offsets"]
        dtype, shape = np.dtype(READ_AS[entry["dtype"]]), tuple(entry["shape"])
    except KeyError:
        raise TensorFileError(f"{path} does not hold {key}; {fix}") from None
    except (OSError, ValueError, TypeError) as error:
        raise TensorFileError(f"{path} is unreadable ({error}); {fix}") from None
    if last - first != prod(shape) * dtype.itemsize or start + last > stat.st_size:
        raise TensorFileError(f"{path} is cut short at {key}; {fix}")
    if not prod(shape):  # an empty file cannot be mapped
        return np.empty(shape, dtype)
    return np.memmap(path, dtype, "r", start + first, shape)


@lru_cache(maxsize=64)
def _header(path: str, size: int, changed: int) -> tuple[int, dict]:
    """Where the bytes start, and the header; read again when the file has changed."""
    with open(path, "rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if not 0 < length <= size - 8:
            raise ValueError("no safetensors file")
        return 8 + length, json.loads(stream.read(length))
