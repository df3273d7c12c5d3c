"""Audio features of every clip, computed once: a file per shard (``features.shards``), read by windows around frames.

The file is safetensors: per clip_id a tensor (V, S, C) float16. The index holds the kind of features.

* ``mel``: S = 1 + floor(3.2 T) log-mel columns, 80 a second, of C = 80 bands (``media.spectrogram``). A frame's
  window is the 23 columns centred on column floor(3.2 (i + 1/2)).
* ``whisper``: S = 2 T steps, 50 a second, of C = 5 x 384 states (``features.whisper``). A frame's window is the 10
  steps 2i - 4 ... 2i + 5 (LatentSync ``whisper/audio2feature.py:get_sliced_feature``, ``audio_feat_length`` [2, 2]).

Beyond the ends of a clip its first and last steps repeat. Variant 0 is what a clip is generated from: degraded sound
where degradation is switched on, clean sound elsewhere. Training clips have further degraded variants to draw from.

Shape legend: N samples, T frames, V variants, S steps, W steps of a window, C channels.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from eadnet.data.tensor_files import TensorFileError, streamed_tensors
from eadnet.features.shards import IDENTITY, OpenShards, ShardFile, read_indices
from eadnet.media.spectrogram import HOP, SAMPLE_RATE

VERB = "encode-audio"
REACH = {"mel": (-11, 11), "whisper": (-4, 5)}
"""First and last step of a window, counted from its centre, by kind of features."""


def window_steps(kind: str, frames: Tensor) -> Tensor:
    """(..., W) steps of the windows around video frames (...,), not yet confined to the clip."""
    centre = (16 * frames + 8) // 5 if kind == "mel" else 2 * frames  # floor(3.2 (i + 1/2)) in whole numbers
    first, last = REACH[kind]
    return centre[..., None] + torch.arange(first, last + 1)


def feature_steps(kind: str, frames: int) -> int:
    """S, the steps of a clip of so many video frames."""
    samples = frames * SAMPLE_RATE // 25
    return 1 + samples // HOP if kind == "mel" else samples // 320


@contextmanager
def feature_writer(
    path: str | Path, shapes: Mapping[str, tuple[int, int, int]], identity: str = ""
) -> Iterator[Callable[[str, Tensor], None]]:
    """A function that writes one clip's features, (V, S, C) float16, into the file, which appears when all are there.

    Args:
        path: where the file shall stand.
        shapes: (V, S, C) of every clip, by clip_id.
        identity: of all that the features are made from.
    """
    specs = {clip: (shape, torch.float16) for clip, shape in shapes.items()}
    with streamed_tensors(path, specs, {IDENTITY: identity}) as writer:
        yield writer.append


class AudioFeatures:
    """Features of all clips, memory-mapped: processes share one copy, and a read touches its window only.

    Args:
        kind: "mel" or "whisper".
        files: of all shards.

    Attributes:
        kind: "mel" or "whisper".
    """

    def __init__(self, kind: str, files: list[ShardFile]) -> None:
        self.kind = kind
        self._shards = OpenShards(files, VERB)
        self._place = {clip_id: number for number, file in enumerate(files) for clip_id in file.clips}
        self._clips: dict[str, Tensor] = {}

    @classmethod
    def read(cls, indices: Sequence[str | Path]) -> "AudioFeatures":
        """Open what `encode-audio` wrote.

        Raises:
            TensorFileError: an index is absent, damaged or something else.
        """
        return cls(*read_indices(indices, VERB))

    def variants(self, clip_id: str) -> int:
        """How many versions of a clip's sound there are, at least 1."""
        return len(self._features(clip_id))

    def windows(self, clip_ids: Sequence[str], frames: Tensor, variants: Sequence[int] | Tensor | int = 0) -> Tensor:
        """Windows around frames of several clips; quickest with all frames of a clip in one row.

        Args:
            clip_ids: N clips, repeated at will.
            frames: (N,) int64, a frame of each, or (N, T), several.
            variants: version of each clip's sound, (N,) or one for all.

        Returns:
            (N, W, C) or (N, T, W, C) float32.

        Raises:
            TensorFileError: a clip is in no shard, or its file is absent or damaged.
        """
        chosen = torch.as_tensor(variants).expand(len(clip_ids)).tolist()
        steps = window_steps(self.kind, frames)
        rows = [
            self._features(clip)[variant][row.clamp(0, self._features(clip).shape[1] - 1)]
            for clip, variant, row in zip(clip_ids, chosen, steps, strict=True)
        ]
        return torch.stack(rows).float()

    def span(self, clip_id: str, first: int, count: int) -> Tensor:
        """(count, W, C) float32 windows around consecutive frames of one clip's variant 0."""
        return self.windows([clip_id], torch.arange(first, first + count)[None])[0]

    def _features(self, clip_id: str) -> Tensor:
        """(V, S, C) float16, mapped at first use."""
        if clip_id not in self._clips:
            if clip_id not in self._place:
                raise TensorFileError(f"no audio features of clip {clip_id}; run {VERB} again")
            self._clips[clip_id] = self._shards[self._place[clip_id]].tensor(clip_id)
        return self._clips[clip_id]
