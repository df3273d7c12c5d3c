"""Compute the audio features of every clip once, clean or degraded; one file that training and synthesis read.

With ``audio.variants`` above 0, a training clip is stored in that many degraded versions and any other clip in one,
whose babble comes from clips of its own split, so that no test voice gets into training. With 0 all is clean. The
SyncNet loss and the scores always use the clean sound (``eadnet.data.clip_set``).
"""

from collections.abc import Callable
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from eadnet.assets import fetch
from eadnet.config.machine import Assets
from eadnet.config.networks import Audio
from eadnet.data.clip_set import ClipSet
from eadnet.data.clips import Clip
from eadnet.features.audio import feature_steps, feature_writer
from eadnet.features.degradation import VOICES, degrade
from eadnet.features.whisper import WhisperStates
from eadnet.media.spectrogram import BANDS, log_mel
from eadnet.progress import progress_bar


def encode_audio(clips: str, settings: Audio, seed: int, output: str, assets: Assets) -> None:
    """Write the features of all usable clips, one clip in memory at a time; Whisper runs on a GPU where there is one.

    Args:
        clips: table of all clips.
        settings: `encoder` and `weights`; `variants`, `snr`, `loss_burst` and `loss_gap` of the damage.
        seed: of the damage; the same seed and clips give the same file.
        output: file to write (``eadnet.features.audio``).
        assets: where published weights lie, used by the whisper encoder.

    Raises:
        AssetError: published weights are absent or damaged.
    """
    listed = ClipSet.read(clips).clips
    listen, channels = _listener(settings, assets)
    shapes = {
        clip.clip_id: (versions(clip, settings), feature_steps(settings.encoder, clip.row["n_frames"]), channels)
        for clip in listed
    }
    splits = {clip.row["split"] for clip in listed}
    pools = {split: [clip for clip in listed if clip.row["split"] == split] for split in splits}
    with feature_writer(output, settings.encoder, shapes) as write, progress_bar("audio", len(listed), "clips") as bar:
        for clip in listed:
            waves = heard(clip, pools[clip.row["split"]], settings, seed)
            write(clip.clip_id, torch.stack([listen(wave).half() for wave in waves]))
            bar.update()


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
    wave = _wave(clip)
    if settings.variants == 0:
        return [wave]
    waves = []
    for variant in range(versions(clip, settings)):
        generator = np.random.default_rng([seed, crc32(clip.clip_id.encode()), variant])
        drawn = generator.choice(len(pool), min(VOICES + 1, len(pool)), replace=False)
        others = [pool[place] for place in drawn if pool[place] is not clip][:VOICES]
        waves.append(degrade(wave, [_wave(other) for other in others], settings, generator))
    return waves


def _listener(settings: Audio, assets: Assets) -> tuple[Callable[[np.ndarray], Tensor], int]:
    """The function from a wave to its features (S, C), and C."""
    if settings.encoder == "mel":
        return lambda wave: torch.from_numpy(log_mel(wave).T), BANDS
    device = "cuda" if torch.cuda.is_available() else "cpu"
    whisper = WhisperStates(fetch(settings.weights, assets) / "tiny.pt", device)
    return lambda wave: whisper(wave).flatten(1), whisper.channels


def _wave(clip: Clip) -> np.ndarray:
    """A clip's wave, read anew: the clip itself would keep it in memory."""
    return Clip(clip.row).audio
