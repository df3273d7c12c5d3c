"""Values of finished steps on their way from the device to the log.

A GPU is some way behind the process that gives it work. To wait for a value would leave it without work, so the values
of a step are copied in the background and read when the step after it has been given, or before weights are stored. On
a CPU a value is there at once.
"""

from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

Reader = Callable[[list[float]], None]


class Pending:
    """Values that were sent and are not read yet, first in, first out.

    Args:
        behind: steps that the reading stays behind; None: one on a GPU, none on a CPU.
    """

    def __init__(self, device: torch.device, behind: int | None = None) -> None:
        self.behind = int(device.type == "cuda") if behind is None else behind
        self.waiting: deque[tuple[Tensor, torch.cuda.Event | None, Reader]] = deque()

    def send(self, values: list[Tensor], read: Reader) -> None:
        """Start the copy of some scalars, and read what is due.

        Args:
            values: scalars on the device.
            read: is given them as numbers later, in the order of the calls.
        """
        self.waiting.append((*_on_its_way(torch.stack(values)), read))
        self._read_all_but(self.behind)

    def flush(self) -> None:
        """Read everything that was sent; waits for the device."""
        self._read_all_but(0)

    def _read_all_but(self, count: int) -> None:
        while len(self.waiting) > count:
            values, arrived, read = self.waiting.popleft()
            if arrived is not None:
                arrived.synchronize()  # of a step that the device has finished or is about to
            read(values.tolist())


def _on_its_way(values: Tensor) -> tuple[Tensor, torch.cuda.Event | None]:
    """The values in the host's memory, and what happens when they have arrived there."""
    if values.device.type == "cpu":
        return values, None
    host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    host.copy_(values, non_blocking=True)
    arrived = torch.cuda.Event()
    arrived.record()
    return host, arrived
