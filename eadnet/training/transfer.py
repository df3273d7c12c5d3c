"""Batches on their way to a GPU: pinned and copied by the thread that draws them, while the step before computes."""

from dataclasses import dataclass
from typing import Generic, TypeVar

import torch

AnyBatch = TypeVar("AnyBatch")


@dataclass(frozen=True)
class Arriving(Generic[AnyBatch]):
    """A batch whose copy has been started.

    Attributes:
        batch: on the device, not to be read before `here`.
        copied: happens when the copy is done; None where there is none.
    """

    batch: AnyBatch
    copied: torch.cuda.Event | None = None

    def here(self) -> AnyBatch:
        """The batch, for the current stream: the device waits for the copy, this process does not."""
        if self.copied is not None:
            stream = torch.cuda.current_stream()
            stream.wait_event(self.copied)
            for tensor in self.batch.tensors():
                if tensor.is_cuda:
                    tensor.record_stream(stream)  # else its memory could be taken for the next copy while it is read
        return self.batch


class Transfer:
    """Copies batches to a device on a stream of its own; on a CPU they stay as they are.

    Args:
        device: where they go.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def start(self, batch: AnyBatch) -> Arriving[AnyBatch]:
        """Start the copy of a batch, in whatever thread."""
        if self.stream is None:
            return Arriving(batch)
        with torch.cuda.stream(self.stream):
            moved = batch.to(self.device)
            return Arriving(moved, self.stream.record_event())
