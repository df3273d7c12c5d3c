"""SyncNet, the supervisor of lip sync: train it on real train clips, or adopt the published one.

Contrastive first (with windows of the same clip among the negatives), then calibrated so that the cosine reads as a
probability. LatentSync trains StableSyncNet by cosine-BCE on pairs alone, with hundreds of hours; with few clips that
stays at chance (docs/log.md), so both kinds of network are warmed up by contrast here, and the second phase is its BCE.
Writes model, config, losses and an accuracy report on held-out clips.

Shape legend: B windows, D embedding.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from eadnet.config.networks import SyncNet as Settings
from eadnet.data.clip_set import ClipSet, unit_pixels
from eadnet.device import CPU, Device
from eadnet.models.syncnet import FRAMES, make_syncnet, mel_columns
from eadnet.training.adoption import load_published, read_published, save_adopted
from eadnet.training.loop import network_loop, step_generator
from eadnet.training.losses import contrastive_loss

PUBLISHED = "stable_syncnet.pt"
WINDOWS_PER_CLIP = 4
CONTRASTIVE_SHARE = 0.7
REACH = 6
MOST_PAIRS = 256
PART = 16


def train_syncnet(clips: str, settings: Settings, seed: int, output: str, device: Device) -> None:
    """Train on the train split; report accuracy on the test split's real clips."""
    train, held_out = ClipSet.read(clips, "train"), ClipSet.read(clips, "test")
    torch.manual_seed(seed)
    model = make_syncnet(settings).to(device.torch_device)
    loop = network_loop(model, settings, clips, output, seed, device)
    for step, generator in loop:
        which, first = _draw_windows(train, settings.optimiser.batch_size, generator)
        crops = unit_pixels(train.stored_windows(which, first, FRAMES).to(device.torch_device))
        mouths = _augment(model.mouth_region(crops), generator)
        with device.autocast():
            frames = model.embed_video(mouths)
            sounds = model.embed_audio(train.mel_spans(which, mel_columns(first)).to(device.torch_device))
        contrast = contrastive_loss(frames, sounds)
        if step < CONTRASTIVE_SHARE * settings.optimiser.steps:
            loop.update({"contrastive": (1.0, contrast)})
        else:
            loop.update({"contrastive": (0.25, contrast), "calibration": (1.0, _calibration(frames @ sounds.T, which))})
    loop.finish({"syncnet": settings.model_dump(mode="json")}, accuracy(model, held_out))


def adopt_syncnet(assets: str | Path, settings: Settings, output: str, clips: str, device: Device = CPU) -> None:
    """Make the published StableSyncNet one of our models; report its accuracy on the test split's real clips.

    Args:
        assets: folder with ``stable_syncnet.pt``.
        settings: of kind `stable`.
        output: folder to write.
        clips: table of all clips.
        device: where the accuracy is measured.

    Raises:
        CheckpointError: absent or damaged weights, or of other sizes than the settings.
    """
    path = Path(assets) / PUBLISHED
    model = make_syncnet(settings)
    load_published(model, read_published(path), path)
    report = accuracy(model.to(device.torch_device).eval(), ClipSet.read(clips, "test"))
    save_adopted(output, model, {"syncnet": settings.model_dump(mode="json")}, report)


@torch.no_grad()
def accuracy(model: nn.Module, clips: ClipSet) -> dict[str, float | dict[str, float]]:
    """How far a SyncNet can be trusted on real clips, from up to 256 windows.

    Returns:
        `order_accuracy`: how often true sound beats the same clip's sound at another time; `accuracy` at cosine 0.5;
        the mean cosines of both; `cosine_by_offset`: mean cosine with the sound shifted by -6 to 6 frames (empty where
        no clip is long enough).
    """
    pairs, generator = min(MOST_PAIRS, max(2, 2 * int((clips.lengths // FRAMES).sum()))), step_generator(0, 0, 0)
    which, first = clips.draw(pairs, FRAMES, generator)
    room = clips.lengths[which] - FRAMES
    other = (first + 5 + (torch.rand(pairs, generator=generator) * (room - 9).clamp(min=1)).long()) % (room + 1)
    true, false = _cosines(model, clips, which, first, [first, other])
    return {
        "order_accuracy": float((true > false).float().mean()),
        "accuracy": float(((true > 0.5).float().mean() + (false <= 0.5).float().mean()) / 2),
        "cosine_true": float(true.mean()),
        "cosine_false": float(false.mean()),
        "pairs": pairs,
        "cosine_by_offset": _cosine_by_offset(model, clips, pairs // 2),
    }


def _cosine_by_offset(model: nn.Module, clips: ClipSet, pairs: int) -> dict[str, float]:
    """Mean cosine against the shift of the sound in frames; positive: sound from later on."""
    span = FRAMES + 2 * REACH
    if not (clips.lengths >= span).any():
        return {}
    which, start = clips.draw(pairs, span, step_generator(0, 0, 1))
    offsets = range(-REACH, REACH + 1)
    first = start + REACH
    means = _cosines(model, clips, which, first, [first + offset for offset in offsets]).mean(1)
    return {str(offset): float(mean) for offset, mean in zip(offsets, means, strict=True)}


def _cosines(model: nn.Module, clips: ClipSet, which: Tensor, first: Tensor, starts: list[Tensor]) -> Tensor:
    """(len(starts), B) cosines of windows with sounds of the same clips, a few windows at a time."""
    place, parts = next(model.parameters()).device, []
    for part in torch.arange(len(which)).split(PART):
        crops = unit_pixels(clips.stored_windows(which[part], first[part], FRAMES).to(place))
        seen = model.embed_video(model.mouth_region(crops))
        sounds = [clips.mel_spans(which[part], mel_columns(start[part])).to(place) for start in starts]
        parts.append(torch.stack([(seen * model.embed_audio(sound)).sum(1) for sound in sounds]).cpu())
    return torch.cat(parts, 1)


def _draw_windows(clips: ClipSet, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Several windows of each drawn clip, spread over it: negatives must not differ by the face."""
    which, _ = clips.draw(max(1, count // WINDOWS_PER_CLIP), FRAMES, generator)
    which = which.repeat_interleave(WINDOWS_PER_CLIP)
    room = (clips.lengths[which] - FRAMES + 1).float()
    part = torch.arange(len(which)) % WINDOWS_PER_CLIP
    place = (part + torch.rand(len(which), generator=generator)) / WINDOWS_PER_CLIP
    return which, torch.minimum((place * room).long(), room.long() - 1)


def _augment(mouths: Tensor, generator: torch.Generator) -> Tensor:
    """Gain, tint and noise by clip, the batch mirrored half of the time: sync must not depend on appearance."""
    count, place = len(mouths), mouths.device
    gain = 1 + 0.1 * torch.randn((count, 1, 1, 1, 1), generator=generator)
    tint = 0.1 * torch.randn((count, 1, 3, 1, 1), generator=generator)
    grain = 0.03 * torch.rand((count, 1, 1, 1, 1), generator=generator)
    noise = torch.randn(mouths.shape, generator=_generator_on(place, generator), device=place)
    noisy = mouths * gain.to(place) + tint.to(place) + grain.to(place) * noise
    return noisy.flip(-1) if torch.rand((), generator=generator) < 0.5 else noisy


def _generator_on(place: torch.device, generator: torch.Generator) -> torch.Generator:
    """The generator, or one on the device that follows from it: noise for whole videos is slow to draw on a CPU."""
    if place.type == "cpu":
        return generator
    return torch.Generator(place).manual_seed(int(torch.randint(2**62, (), generator=generator)))


def _calibration(cosines: Tensor, which: Tensor) -> Tensor:
    """Balanced cross-entropy of matching pairs and of other windows of the same clip."""
    cosines, which = cosines.clamp(1e-4, 1 - 1e-4), which.to(cosines.device)
    wrong = (which[:, None] == which[None]) & ~torch.eye(len(which), dtype=torch.bool, device=which.device)
    return (-cosines.diagonal().log().mean() - (1 - cosines[wrong]).log().mean()) / 2
