"""Compute the audio features of every clip once, clean or degraded; files that training and synthesis read.

With ``audio.variants`` above 0, a training clip is stored in that many degraded versions and any other clip in one,
whose babble comes from clips of its own split, so that no test voice gets into training. With 0 all is clean. The
SyncNet loss and the scores always use the clean sound (``eadnet.data.clip_set``).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from eadnet.assets import fetch
from eadnet.checkpoint import digest
from eadnet.config.machine import Assets
from eadnet.config.networks import Audio
from eadnet.data.clip_set import ClipSet
from eadnet.data.clips import Clip
from eadnet.device import automatic
from eadnet.digests import file_digest
from eadnet.features.audio import feature_steps, feature_writer
from eadnet.features.degradation import VOICES, degrade
from eadnet.features.shards import Shard, encode_shards
from eadnet.features.whisper import WhisperStates
from eadnet.media.spectrogram import BANDS, log_mel


def encode_audio(
    tables: Iterable[str | Path],
    settings: Audio,
    seed: int,
    output: str | Path,
    assets: Assets,
    pool: str | Path | None = None,
    version: int = 0,
) -> None:
    """Write the features of all usable clips of some shards, and their index; one clip is in memory at a time.

    Whisper runs on a GPU where there is one.

    Args:
        tables: CLIPS tables, one a shard.
        settings: `encoder` and `weights`; `variants`, `snr`, `loss_burst` and `loss_gap` of the damage.
        seed: of the damage; the same seed and clips give the same features, whatever the shards of a job.
        output: index to write (``eadnet.features.shards``); the shards' files stand beside it.
        assets: where published weights lie, used by the whisper encoder.
        pool: table of all clips, whose sound is the babble; needed where `variants` is above 0.
        version: of this code, as the workflow counts it: files of another version are made again.

    Raises:
        AssetError: published weights are absent or damaged.
        ClipError, TensorFileError: a shard cannot be read; the others are encoded.
    """
    encoder = _Encoder(settings, seed, assets, pool, version)
    encode_shards(tables, output, settings.encoder, encoder.identity, encoder.encode, "audio")


@dataclass(frozen=True)
class _Encoder:
    """What all shards share: the arguments of `encode_audio`."""

    settings: Audio
    seed: int
    assets: Assets
    pool: str | Path | None
    version: int

    @cached_property
    def pools(self) -> dict[str, list[Clip]]:
        """All usable clips by split; empty where no sound is degraded."""
        if self.settings.variants == 0:
            return {}
        listed = ClipSet.read(self.pool).clips
        splits = {clip.row["split"] for clip in listed}
        return {split: [clip for clip in listed if clip.row["split"] == split] for split in splits}

    @cached_property
    def listener(self) -> tuple[Callable[[np.ndarray], Tensor], int]:
        """The function from a wave to its features (S, C), and C."""
        if self.settings.encoder == "mel":
            return lambda wave: torch.from_numpy(log_mel(wave).T), BANDS
        whisper = WhisperStates(self.weights, automatic())
        return lambda wave: whisper(wave).flatten(1), whisper.channels

    @property
    def weights(self) -> Path:
        """File of Whisper's weights."""
        return fetch(self.settings.weights, self.assets) / "tiny.pt"

    @cached_property
    def made_with(self) -> dict:
        """Content behind every shard's file."""
        everyone = [clip for split in sorted(self.pools) for clip in self.pools[split]]
        weights = None if self.settings.encoder == "mel" else file_digest(self.weights)
        settings = self.settings.model_dump(mode="json")
        return {"settings": settings, "weights": weights, "version": self.version} | (
            {"seed": self.seed, "pool": _content(everyone)} if everyone else {}
        )

    def identity(self, shard: Shard) -> str:
        """Name of all that a shard's file is made from."""
        return digest({"clips": _content(shard.clips.clips), **self.made_with})

    def encode(self, shard: Shard, identity: str, count: Callable[[], object]) -> None:
        """Write the features of a shard."""
        listen, channels = self.listener
        clips, kind = shard.clips.clips, self.settings.encoder
        shapes = {
            clip.clip_id: (versions(clip, self.settings), feature_steps(kind, clip.row["n_frames"]), channels)
            for clip in clips
        }
        with feature_writer(shard.path, shapes, identity) as write:
            for clip in clips:
                waves = heard(clip, self.pools.get(clip.row["split"], []), self.settings, self.seed)
                write(clip.clip_id, torch.stack([listen(wave).half() for wave in waves]))
                count()


def _content(clips: list[Clip]) -> list[list]:
    """Names, splits and sounds of clips: what their features depend on."""
    sounds = {path: file_digest(path) for path in {clip.row["audio"] for clip in clips}}
    return [[clip.clip_id, clip.row["n_frames"], clip.row["split"], sounds[clip.row["audio"]]] for clip in clips]


def versions(clip: Clip, settings: Audio) -> int:
    """How many versions of a clip's sound are stored."""
    return max(1, settings.variants) if clip.row["split"] == "train" else 1


def heard(clip: Clip, pool: list[Clip], settings: Audio, seed: int) -> list[np.ndarray]:
    """The versions of a clip's wave: the clean one alone, or degraded ones, whatever the order of work.

    Args:
        clip: whose sound.
        pool: the clips of its split, of whose sound babble is made.
        settings: the damage, as for `encode_audio`.
        seed: of the damage.

    Returns:
        `versions` waves (n,) float32.
    """
    wave = clip.read_wave()
    if settings.variants == 0:
        return [wave]
    waves = []
    for variant in range(versions(clip, settings)):
        generator = np.random.default_rng([seed, crc32(clip.clip_id.encode()), variant])
        drawn = generator.choice(len(pool), min(VOICES + 1, len(pool)), replace=False)
        others = [pool[place] for place in drawn if pool[place].clip_id != clip.clip_id][:VOICES]
        waves.append(degrade(wave, [other.read_wave() for other in others], settings, generator))
    return waves
