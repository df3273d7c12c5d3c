"""Arrays of a safetensors file mapped from disk: a clip of any length is read page by page, never as a whole.

The format (huggingface/safetensors `README.md`): 8 bytes, the header's length; a JSON header with the type, shape and
place of every tensor; their bytes.
"""

import json
from functools import lru_cache
from math import prod
from pathlib import Path

import numpy as np

TYPES = {"U8": "u1", "I16": "<i2", "F16": "<f2", "F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8"}


class MappedError(ValueError):
    """A file that is absent, is not safetensors, or lacks the tensor; the message names the file."""


def map_tensor(path: str | Path, key: str) -> np.ndarray:
    """A read-only array that shares its bytes with the file.

    Raises:
        MappedError: the file cannot be read, or has no such tensor.
    """
    try:
        stat = Path(path).stat()
        start, header = _header(str(path), stat.st_size, stat.st_mtime_ns)
        entry = header[key]
        first, last = entry["data_offsets"]
        dtype, shape = np.dtype(TYPES[entry["dtype"]]), tuple(entry["shape"])
        if last - first != prod(shape) * dtype.itemsize or start + last > stat.st_size:
            raise MappedError(f"{path} is cut short at {key}")
        if not prod(shape):  # an empty file cannot be mapped
            return np.empty(shape, dtype)
        return np.memmap(path, dtype, "r", start + first, shape)
    except KeyError:
        raise MappedError(f"{path} does not hold {key}") from None
    except (OSError, ValueError, TypeError) as error:
        raise error if isinstance(error, MappedError) else MappedError(f"{path} is unreadable ({error})") from None


@lru_cache(maxsize=64)
def _header(path: str, size: int, changed: int) -> tuple[int, dict]:
    """Where the bytes start, and the header; read again when the file has changed."""
    with open(path, "rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if not 0 < length <= size - 8:
            raise MappedError(f"{path} is no safetensors file")
        return 8 + length, json.loads(stream.read(length))
