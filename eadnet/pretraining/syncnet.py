"""Train SyncNet, the supervisor of lip sync, on real train clips.

Contrastive first (with windows of the same clip among the negatives), then calibrated so that the cosine reads as a
probability: cosine-BCE alone stays at chance at this size (docs/log.md). Writes model, config, losses and an accuracy
report on held-out clips.
"""

from pathlib import Path

import torch
from torch import Tensor

from eadnet.checkpoint import inputs_digest, load_weights, read_config
from eadnet.config import SyncNet as Settings
from eadnet.config import parse
from eadnet.dataset import ClipSet
from eadnet.losses import contrastive_loss
from eadnet.models.syncnet import FRAMES, SyncNet, mel_columns, mouth_region
from eadnet.optimisation import Loop, step_generator
from eadnet.precision import autocast

WINDOWS_PER_CLIP = 4
CONTRASTIVE_SHARE = 0.7


def train_syncnet(clips: str, settings: Settings, seed: int, output: str) -> None:
    """Train on the train split; report order accuracy and accuracy at cosine 0.5 on the test split's real clips."""
    train, held_out = ClipSet.read(clips, "train"), ClipSet.read(clips, "test")
    torch.manual_seed(seed)
    model = SyncNet(settings)
    loop = Loop(
        model, settings.optimiser, output, seed, {"model": settings.model_dump(), "inputs": inputs_digest([clips])}
    )
    for step, generator in loop:
        which, first = _draw_windows(train, settings.optimiser.batch_size, generator)
        mouths = _augment(mouth_region(train.windows(which, first, FRAMES)), generator)
        with autocast():
            seen = model.embed_video(mouths)
            heard = model.embed_audio(train.mel_spans(which, mel_columns(first)))
        contrast = contrastive_loss(seen, heard)
        if step < CONTRASTIVE_SHARE * settings.optimiser.steps:
            loop.update({"contrastive": (1.0, contrast)})
        else:
            loop.update({"contrastive": (0.25, contrast), "calibration": (1.0, _calibration(seen @ heard.T, which))})
    report = accuracy(model, held_out)
    loop.finish({"syncnet": settings.model_dump()}, report)


def load_syncnet(folder: str | Path) -> SyncNet:
    """The frozen SyncNet of a folder that `train_syncnet` wrote.

    Raises:
        CheckpointError: absent or damaged.
    """
    model = SyncNet(parse(Settings, read_config(folder, "syncnet")["syncnet"]))
    load_weights(folder, model)
    return model.eval().requires_grad_(False)


@torch.no_grad()
def accuracy(model: SyncNet, clips: ClipSet, pairs: int = 256) -> dict[str, float]:
    """How often true sound beats the same clip's sound at another time, and accuracy at cosine 0.5."""
    generator = step_generator(0, 0, 0)
    which, first = clips.draw(pairs, FRAMES, generator)
    room = clips.lengths[which] - FRAMES
    other = (first + 5 + (torch.rand(pairs, generator=generator) * (room - 9).clamp(min=1)).long()) % (room + 1)
    seen = model.embed_video(mouth_region(clips.windows(which, first, FRAMES)))
    true = (seen * model.embed_audio(clips.mel_spans(which, mel_columns(first)))).sum(1)
    false = (seen * model.embed_audio(clips.mel_spans(which, mel_columns(other)))).sum(1)
    return {
        "order_accuracy": float((true > false).float().mean()),
        "accuracy": float(((true > 0.5).float().mean() + (false <= 0.5).float().mean()) / 2),
        "cosine_true": float(true.mean()),
        "cosine_false": float(false.mean()),
        "pairs": pairs,
    }


def _draw_windows(clips: ClipSet, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Several windows of each drawn clip, spread over it: negatives must not be told apart by the face."""
    which, _ = clips.draw(max(1, count // WINDOWS_PER_CLIP), FRAMES, generator)
    which = which.repeat_interleave(WINDOWS_PER_CLIP)
    room = (clips.lengths[which] - FRAMES + 1).float()
    part = torch.arange(len(which)) % WINDOWS_PER_CLIP
    place = (part + torch.rand(len(which), generator=generator)) / WINDOWS_PER_CLIP
    return which, torch.minimum((place * room).long(), room.long() - 1)


def _augment(mouths: Tensor, generator: torch.Generator) -> Tensor:
    """Gain, tint and noise by clip, the batch mirrored half of the time: sync must not hang on appearance."""
    count = len(mouths)
    gain = 1 + 0.1 * torch.randn((count, 1, 1, 1, 1), generator=generator)
    tint = 0.1 * torch.randn((count, 1, 3, 1, 1), generator=generator)
    grain = 0.03 * torch.rand((count, 1, 1, 1, 1), generator=generator)
    noisy = mouths * gain + tint + grain * torch.randn(mouths.shape, generator=generator)
    return noisy.flip(-1) if torch.rand((), generator=generator) < 0.5 else noisy


def _calibration(cosines: Tensor, which: Tensor) -> Tensor:
    """Balanced cross-entropy of matching pairs and of other windows of the same clip."""
    cosines = cosines.clamp(1e-4, 1 - 1e-4)
    wrong = (which[:, None] == which[None]) & ~torch.eye(len(which), dtype=torch.bool)
    return (-cosines.diagonal().log().mean() - (1 - cosines[wrong]).log().mean()) / 2
