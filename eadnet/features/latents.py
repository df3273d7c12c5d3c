"""Cached latents of full and masked frames of every clip: made once, read by every run."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from eadnet.data.clip_set import ClipSet
from eadnet.data.tensor_files import TensorFile, TensorWriter, streamed_tensors
from eadnet.device import CPU, Device
from eadnet.models.inpainting import Inpainting
from eadnet.models.loading import load_autoencoder
from eadnet.progress import progress_bar

FULL, MASKED = "full", "masked"


PART = 16  # frames encoded at once


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
        """Open a file that `encode-latents` wrote; raises TensorFileError where it is absent or damaged."""
        file = TensorFile(path)
        start = json.loads(bytes(file.tensor("index").tolist()))
        return cls(file.tensor(FULL), file.tensor(MASKED), start)

    def offsets(self, clips: ClipSet) -> Tensor:
        """(len(clips),) first rows of a clip set, in its order."""
        return torch.tensor([self.start[clip.clip_id] for clip in clips.clips])


@torch.no_grad()
def cache_latents(clips: str, autoencoder: str, mask: str, output: str, machine: Device = CPU) -> None:
    """Write the latents of full and masked frames of every usable clip to one safetensors file.

    A few frames are held at a time and written at once; the file appears when it is complete.

    Args:
        clips: table of all clips.
        autoencoder: folder of the autoencoder.
        mask: generated region, grey in the masked frames.
        output: file to write: `full`, `masked` (F, C, H, H) float16 of all clips one behind the other, and `index`,
            JSON text of each clip's first row.
        machine: where, and in which precision, frames are encoded.
    """
    model, everything = load_autoencoder(autoencoder).to(machine.torch_device), ClipSet.read(clips)
    resolution = everything.crops[0].shape[1]
    task = Inpainting.make(mask, resolution, model.factor)
    ends = everything.lengths.cumsum(0)
    start = dict(zip((clip.clip_id for clip in everything.clips), (ends - everything.lengths).tolist(), strict=True))
    index = torch.tensor(list(json.dumps(start).encode()), dtype=torch.uint8)
    rows = ((int(ends[-1]), model.channels, *[resolution // model.factor] * 2), torch.float16)
    specs = {FULL: rows, MASKED: rows, "index": (tuple(index.shape), torch.uint8)}
    with streamed_tensors(output, specs) as store:
        store.append("index", index)
        _encode_clips(model, everything, task, store, machine)


def _encode_clips(model: nn.Module, clips: ClipSet, task: Inpainting, store: TensorWriter, machine: Device) -> None:
    """Append the latents of every clip, a few frames at a time."""
    with progress_bar("latents", len(clips), "clips") as bar:
        for position in range(len(clips)):
            for first in range(0, int(clips.lengths[position]), PART):
                frames = clips.pixels(position, slice(first, first + PART))
                for name, seen in ((FULL, frames), (MASKED, task.hide(frames))):
                    with machine.autocast():
                        store.append(name, model.encode(seen.to(machine.torch_device)).half())
            bar.update()
