"""Cached latents of full and masked frames of every clip: made once, read by every run.

A file per shard (``features.shards``): ``full`` and ``masked`` (F, C, H, H) float16, the frames of its clips one behind
the other. 16 kB a frame for both at 256 pixels (4 channels of 32 x 32): 78 GB for the 4.8 million frames of 53 h.

Shape legend: N clips, F frames of a shard, C latent channels, H latent side.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from pathlib import Path

import torch
from torch import Tensor, nn

from eadnet.checkpoint import digest
from eadnet.data.clip_set import ClipSet
from eadnet.data.tensor_files import TensorFileError, TensorWriter, streamed_tensors
from eadnet.device import CPU, Device
from eadnet.digests import file_digest
from eadnet.features.shards import IDENTITY, OpenShards, Shard, ShardFile, encode_shards, read_indices
from eadnet.models.inpainting import Inpainting
from eadnet.models.loading import load_autoencoder

FULL, MASKED = "full", "masked"
KIND, VERB = "latents", "encode-latents"
PART = 16  # frames encoded at once


class Latents:
    """Cached latents of all usable clips, memory-mapped; a frame's row counts the frames of all clips before it.

    Args:
        files: of all shards.
    """

    def __init__(self, files: list[ShardFile]) -> None:
        self._shards = OpenShards(files, VERB)
        self._mapped: dict[tuple[int, str], Tensor] = {}
        self._ends = torch.tensor([sum(file.clips.values()) for file in files]).cumsum(0)
        self.start: dict[str, int] = {}
        row = 0
        for file in files:
            for clip_id, frames in file.clips.items():
                self.start[clip_id] = row
                row += frames

    @classmethod
    def read(cls, indices: Sequence[str | Path]) -> "Latents":
        """Open what `encode-latents` wrote; raises TensorFileError where an index is absent or damaged."""
        return cls(read_indices(indices, VERB)[1])

    def offsets(self, clips: ClipSet) -> Tensor:
        """(len(clips),) first rows of a clip set, in its order.

        Raises:
            TensorFileError: a clip is in no shard.
        """
        try:
            return torch.tensor([self.start[clip.clip_id] for clip in clips.clips])
        except KeyError as error:
            raise TensorFileError(f"no latents of clip {error.args[0]}; run {VERB} again") from None

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, H) of one frame."""
        return self._shards[0].spec(FULL)[0][1:]

    def take(self, name: str, rows: Tensor) -> Tensor:
        """Latents of some frames.

        Args:
            name: `FULL` or `MASKED`.
            rows: (...,) int64.

        Returns:
            (..., C, H, H) float16.

        Raises:
            TensorFileError: a shard's file is absent or damaged.
        """
        flat = rows.reshape(-1)
        place = torch.bucketize(flat, self._ends, right=True)
        taken = torch.empty(len(flat), *self.shape, dtype=torch.float16)
        for shard in place.unique().tolist():
            own = place == shard
            before = int(self._ends[shard - 1]) if shard else 0
            taken[own] = self._tensor(shard, name)[flat[own] - before]
        return taken.view(*rows.shape, *self.shape)

    def _tensor(self, shard: int, name: str) -> Tensor:
        """(F, C, H, H) float16 of one shard, mapped at first use."""
        if (shard, name) not in self._mapped:
            self._mapped[shard, name] = self._shards[shard].tensor(name)
        return self._mapped[shard, name]


def cache_latents(
    tables: Iterable[str | Path],
    autoencoder: str,
    mask: str,
    output: str | Path,
    machine: Device = CPU,
    version: int = 0,
) -> None:
    """Write the latents of full and masked frames of every usable clip of some shards, and their index.

    A few frames are held at a time and written at once; a shard's file appears when it is complete.

    Args:
        tables: CLIPS tables, one a shard; their `sha256` stand for the crops.
        autoencoder: folder of the autoencoder.
        mask: generated region, grey in the masked frames.
        output: index to write (``features.shards``); the shards' files stand beside it.
        machine: where, and in which precision, frames are encoded.
        version: of this code, as the workflow counts it: files of another version are made again.

    Raises:
        ClipError, TensorFileError: a shard cannot be read; the others are encoded.
    """
    model = load_autoencoder(autoencoder).to(machine.torch_device)
    weights = [file_digest(Path(autoencoder, name)) for name in ("model.safetensors", "config.json")]
    made_with = {"weights": weights, "mask": mask, "precision": str(machine.precision), "version": version}
    encode = partial(_encode_shard, model, mask, machine)
    encode_shards(tables, output, KIND, lambda shard: _identity(shard, made_with), encode, "latents")


def _identity(shard: Shard, made_with: dict) -> str:
    clips = [[clip.row[key] for key in ("clip_id", "n_frames", "sha256")] for clip in shard.clips.clips]
    return digest({"clips": clips, **made_with})


@torch.no_grad()
def _encode_shard(
    model: nn.Module, mask: str, machine: Device, shard: Shard, identity: str, count: Callable[[], object]
) -> None:
    """Write the latents of a shard, one clip behind the other."""
    resolution = shard.clips.crops[0].shape[1]
    task = Inpainting.make(mask, resolution, model.factor)
    rows = ((int(shard.clips.lengths.sum()), model.channels, *[resolution // model.factor] * 2), torch.float16)
    with streamed_tensors(shard.path, {FULL: rows, MASKED: rows}, {IDENTITY: identity}) as store:
        for position in range(len(shard.clips)):
            _encode_clip(model, shard.clips, position, task, store, machine)
            count()


def _encode_clip(
    model: nn.Module, clips: ClipSet, position: int, task: Inpainting, store: TensorWriter, machine: Device
) -> None:
    """Append the latents of one clip, a few frames at a time."""
    for first in range(0, int(clips.lengths[position]), PART):
        frames = clips.pixels(position, slice(first, first + PART))
        for name, seen in ((FULL, frames), (MASKED, task.hide(frames))):
            with machine.autocast():
                store.append(name, model.encode(seen.to(machine.torch_device)).half())
