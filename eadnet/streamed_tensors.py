"""Write a safetensors file of known shapes row by row, without holding it in memory.

The format (huggingface/safetensors `README.md`): 8 bytes, the header's length; a JSON header with the type, shape and
place of every tensor; their bytes. Shapes are known in advance, hence the header can come first.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from eadnet.provenance import atomic_path

TYPES = {torch.uint8: "U8", torch.int16: "I16", torch.float16: "F16", torch.float32: "F32", torch.int64: "I64"}
Spec = tuple[tuple[int, ...], torch.dtype]


class TensorWriter:
    """Fills the tensors of an open file along their first axis, in any order between tensors."""

    def __init__(self, stream: BinaryIO, specs: dict[str, Spec]) -> None:
        self.stream, self.specs = stream, specs
        # Large types first: every tensor then starts at a multiple of its item size.
        order = sorted(specs, key=lambda name: (-specs[name][1].itemsize, name))
        self.next, self.end, header, place = {}, {}, {}, 0
        for name in order:
            shape, dtype = specs[name]
            end = place + prod(shape) * dtype.itemsize
            header[name] = {"dtype": TYPES[dtype], "shape": list(shape), "data_offsets": [place, end]}
            self.next[name], self.end[name], place = place, end, end
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        stream.write(len(text).to_bytes(8, "little") + text)
        self.start = stream.tell()

    def append(self, name: str, rows: Tensor) -> None:
        """Add rows to a tensor.

        Raises:
            ValueError: the rows have another shape or type, or are more than were announced.
        """
        shape, dtype = self.specs[name]
        size = rows.numel() * dtype.itemsize
        if rows.shape[1:] != shape[1:] or rows.dtype != dtype or self.next[name] + size > self.end[name]:
            raise ValueError(
                f"{name}: expected rows of {shape[1:]} {dtype}, {shape[0]} in all, "
                f"got {tuple(rows.shape)} {rows.dtype} more"
            )
        self.stream.seek(self.start + self.next[name])
        self.stream.write(memoryview(rows.contiguous().cpu().numpy()).cast("B"))
        self.next[name] += size

    def check_full(self) -> None:
        """Raises ValueError where a tensor lacks rows."""
        lacking = [name for name in self.specs if self.next[name] < self.end[name]]
        if lacking:
            raise ValueError(f"{', '.join(lacking)}: fewer rows than announced")


@contextmanager
def streamed_tensors(path: str | Path, specs: dict[str, Spec]) -> Iterator[TensorWriter]:
    """A writer of the safetensors file `path`, which appears when all tensors are full, or not at all.

    Args:
        path: where the file shall stand.
        specs: shape and type of every tensor, by name.
    """
    with atomic_path(path) as temporary:
        with open(temporary, "wb") as stream:
            writer = TensorWriter(stream, specs)
            yield writer
            writer.check_full()
