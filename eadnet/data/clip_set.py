"""Preprocessed clips as tensors: what the training stages and synthesis draw from.

Crops and latents stay memory-mapped, so several stages share one copy; spectrograms are computed when they are read.

Shape legend: N samples, B clips, T frames, S crop side, C latent channels, H latent side, M spectrogram columns.
"""

import hashlib
from collections.abc import Collection
from functools import cached_property, lru_cache
from pathlib import Path

import torch
from torch import Tensor

from eadnet.config.corpora import TEST_ONLY
from eadnet.data.clips import Clip, ClipError
from eadnet.data.shortage import shortage
from eadnet.data.spectrograms import Spectrograms
from eadnet.data.tensor_files import TensorFile
from eadnet.tables import CLIPS, read_rows

VALIDATION_SHARE = 24
"""One of so many training clips is kept out of training, for the validation loss and strips."""


class ClipSet:
    """A set of usable clips, addressed by position.

    Args:
        rows: records with the columns of ``eadnet.tables.CLIPS``.
    """

    def __init__(self, rows: list[dict]) -> None:
        if not rows:
            raise ClipError("no usable clip: the columns status and reason of the clips table have the causes")
        self.clips = [Clip(row) for row in rows]
        self.position = {clip.clip_id: index for index, clip in enumerate(self.clips)}
        self.lengths = torch.tensor([clip.row["n_frames"] for clip in self.clips])

    @classmethod
    def read(cls, path: str | Path, split: str | None = None, corpora: Collection[str] = ()) -> "ClipSet":
        """The clips of a table with status ok: of `train`, `validation`, `test` or all, and of some corpora or all.

        `test` leaves out corpora for testing only: a network's own report is of corpora that it learned from.

        Raises:
            ClipError: there is none; the message names what left the split empty.
        """
        stat = Path(path).stat() if Path(path).exists() else None
        every = _rows(path, stat and (stat.st_size, stat.st_mtime_ns, stat.st_ino))
        rows = [row for row in every if row["status"] == "ok"]
        shown = {row["reference"] for row in rows}
        rows = [row for row in rows if not corpora or row["corpus"] in corpora]
        rows = [row for row in rows if split != "test" or row["corpus"] not in TEST_ONLY]
        kept = [row for row in rows if split in (None, _role(row, row["clip_id"] in shown))]
        if not kept:
            wanted = f"usable {split} clip" if split else "usable clip"
            raise ClipError(f"{path}: no {wanted}: {shortage(path, every, split, corpora)}")
        return cls(kept)

    def only(self, clip_ids: Collection[str]) -> "ClipSet":
        """Those of the clips that are named, in this set's order.

        Raises:
            ClipError: no name, or one of a clip that is not here.
        """
        strange = sorted(name for name in clip_ids if name not in self.position)
        if strange:
            raise ClipError(f"clip {strange[0]} is kept but is none to train on; run filter-clips again")
        if not clip_ids:
            raise ClipError("no clip is kept; lower training.filter.threshold or raise training.filter.at_least")
        return ClipSet([clip.row for clip in self.clips if clip.clip_id in clip_ids])

    def __len__(self) -> int:
        return len(self.clips)

    @cached_property
    def crops(self) -> "MappedCrops":
        """By position, (T, S, S, 3) uint8, memory-mapped at first use."""
        return MappedCrops(self.clips)

    @cached_property
    def spectrograms(self) -> Spectrograms:
        """By position, the clip's log-mel spectrogram (80, M)."""
        return Spectrograms(self.clips)

    def names(self, clips: Tensor) -> list[str]:
        """Names of clips (N,)."""
        return [self.clips[clip].clip_id for clip in clips.tolist()]

    def pixels(self, clip: int, frames: Tensor | slice) -> Tensor:
        """(T, 3, S, S) float32 in [-1, 1] of some frames of one clip."""
        return unit_pixels(self.crops[clip][frames])

    def windows(self, clips: Tensor, first: Tensor, count: int) -> Tensor:
        """(B, count, 3, S, S) consecutive frames of clips (B,) from frames (B,)."""
        return unit_pixels(self.stored_windows(clips, first, count))

    def stored_windows(self, clips: Tensor, first: Tensor, count: int) -> Tensor:
        """(B, count, S, S, 3) uint8, as `windows`."""
        spans = zip(clips.tolist(), first.tolist(), strict=True)
        return torch.stack([self.crops[clip][start : start + count] for clip, start in spans])

    def mel_spans(self, clips: Tensor, columns: Tensor) -> Tensor:
        """(N, 80, M) spectrogram columns (N, M) of clips (N,); the edge columns repeat beyond the ends."""
        spectrograms = [self.spectrograms[clip] for clip in clips.tolist()]
        spans = zip(spectrograms, columns, strict=True)
        return torch.stack([mel[:, span.clamp(0, mel.shape[1] - 1)] for mel, span in spans])

    def draw(
        self, count: int, frames: int, generator: torch.Generator, balance: str = "windows"
    ) -> tuple[Tensor, Tensor]:
        """Clips (count,) and first frames (count,) of windows of `frames`.

        A window that shows a face in every frame is taken wherever the clip has one.

        Args:
            count: windows to draw.
            frames: of a window.
            generator: that draws.
            balance: `windows`: a clip is as likely as its number of windows; `corpora`: each corpus is as likely as the
                others, and a clip of it as its number of windows.

        Raises:
            ClipError: no clip has so many frames.
        """
        room = (self.lengths - frames + 1).clamp(min=0)
        if not room.any():
            raise ClipError(f"no clip has {frames} frames; lower preprocess.min_frames or give longer clips")
        weights = room if balance == "windows" else room / self._summed_by_corpus(room).clamp(min=1)
        clips = torch.multinomial(weights.float(), count, replacement=True, generator=generator)
        share = torch.rand(count, generator=generator)
        first = (share * room[clips]).long()
        for place in torch.nonzero(self._gaps[clips]).ravel().tolist():
            clear = self._clear_starts(int(clips[place]), frames)
            if len(clear):
                first[place] = clear[int(share[place] * len(clear))]
        return clips, first

    @cached_property
    def _gaps(self) -> Tensor:
        """(len(self),) bool: clips with frames that show no face."""
        return torch.tensor([bool(clip.row.get("unseen")) for clip in self.clips])

    def _clear_starts(self, clip: int, frames: int) -> Tensor:
        """First frames of the windows of a clip that show a face throughout."""
        seen = torch.from_numpy(self.clips[clip].seen)
        return torch.nonzero(seen.unfold(0, frames, 1).all(dim=1)).ravel()

    def _summed_by_corpus(self, counts: Tensor) -> Tensor:
        """For each clip, the sum of counts (len(self),) over the clips of its corpus."""
        return torch.zeros_like(counts).index_add(0, self._corpus, counts)[self._corpus]

    @cached_property
    def _corpus(self) -> Tensor:
        """(len(self),) number of each clip's corpus."""
        names = [clip.row["corpus"] for clip in self.clips]
        numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
        return torch.tensor([numbers[name] for name in names])


@lru_cache(maxsize=2)
def _rows(path: str | Path, state: tuple[int, int, int] | None) -> list[dict]:
    """The rows of a table as it is now: the sets of one process share them, about 2 kB a clip."""
    return read_rows(path, CLIPS)


class MappedCrops:
    """Crops of some clips; a shard's file is mapped when one of its clips is read.

    Args:
        clips: addressed by position.
    """

    def __init__(self, clips: list[Clip]) -> None:
        self._clips = clips
        self._files: dict[str, TensorFile] = {}

    def __getitem__(self, position: int) -> Tensor:
        """(T, S, S, 3) uint8 of one clip; raises TensorFileError where its shard's file is absent or damaged."""
        clip = self._clips[position]
        path = clip.row["video"]
        if path not in self._files:
            self._files[path] = TensorFile(path)
        return self._files[path].tensor(clip.clip_id)


def unit_pixels(stored: Tensor) -> Tensor:
    """Stored crops (..., S, S, 3) uint8 as (..., 3, S, S) float32 in [-1, 1]."""
    return stored.movedim(-1, -3).float() / 127.5 - 1


def stored_pixels(pixels: Tensor) -> Tensor:
    """The inverse: pixels (..., 3, S, S), clipped to [-1, 1], as (..., S, S, 3) uint8."""
    return ((pixels.float().clamp(-1, 1) + 1) * 127.5).round().byte().movedim(-3, -1)


def _role(row: dict, shown: bool) -> str:
    """The row's split; training clips chosen by their name's digest, and those of split `val`, are for validation.

    A clip that shows its speaker to training clips (`shown`) stays with these.
    """
    drawn = int(hashlib.sha256(row["clip_id"].encode()).hexdigest(), 16) % VALIDATION_SHARE == 0
    kept_out = row["split"] == "val" or (row["split"] == "train" and drawn and not shown)
    return "validation" if kept_out else row["split"]
