"""Cached latents of full and masked frames of every clip: made once, read by every run.

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from eadnet.data.clip_set import ClipSet, _opened

FULL, MASKED = "full", "masked"


@dataclass(frozen=True)
class Latents:
    """Cached latents of all usable clips: full and masked frames, concatenated over clips.

    Attributes:
        full, masked: (F, C, H, H) float16, memory-mapped.
        start: clip_id to its first row.
    """

    full: Tensor
    masked: Tensor
    start: dict[str, int]

    @classmethod
    def read(cls, path: str | Path) -> "Latents":
        """Open a file that `encode-latents` wrote; raises DatasetError where it is absent or damaged."""
        store = _opened(path)
        start = json.loads(bytes(store.get_tensor("index").tolist()))
        return cls(store.get_tensor(FULL), store.get_tensor(MASKED), start)

    def offsets(self, clips: ClipSet) -> Tensor:
        """(len(clips),) first rows of a clip set, in its order."""
        return torch.tensor([self.start[clip.clip_id] for clip in clips.clips])
