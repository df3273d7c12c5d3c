"""Spectrograms of clips, computed when they are read and kept while they fit into a few megabytes.

53 h of sound are 12 GB of float32 waves and 5 GB of spectrograms: more than a process of a training may hold. A clip of
5.4 s (the mean at the scale of the paper) takes 23 ms on one busy core; a step of training reads one per sample.
"""

from collections import OrderedDict
from threading import Lock

import torch
from torch import Tensor

from eadnet.data.clips import Clip

HELD_BYTES = 256 * 2**20


class Spectrograms:
    """Log-mel spectrograms of some clips, whole ones, so that no number depends on what is read of them.

    Args:
        clips: addressed by position.
        held_bytes: what may be kept; the ones read longest ago go first.
    """

    def __init__(self, clips: list[Clip], held_bytes: int = HELD_BYTES) -> None:
        self._clips, self._room = clips, held_bytes
        self._held: OrderedDict[int, Tensor] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()  # batches may be drawn in a thread

    def __getitem__(self, position: int) -> Tensor:
        """(80, M) float32 of one clip."""
        with self._lock:
            if position in self._held:
                self._held.move_to_end(position)
                return self._held[position]
        made = torch.from_numpy(self._clips[position].read_mel())
        with self._lock:
            if position not in self._held:
                self._held[position] = made
                self._bytes += made.nbytes
            while self._bytes > self._room and len(self._held) > 1:
                self._bytes -= self._held.popitem(last=False)[1].nbytes
        return made
