"""The representation of TREPA: train the small video masked autoencoder on real train clips, or adopt VideoMAE-v2.

Writes model, config, losses and a report of how far TREPA's features move under damage of a real clip: another clip,
shuffled frames, a frozen frame, flicker. A representation that is blind to order supervises nothing.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from eadnet.config.networks import VideoMAE as Settings
from eadnet.data.clip_set import ClipSet
from eadnet.device import CPU, Device
from eadnet.models.videomae import FRAMES, TOKENS, make_videomae
from eadnet.published.videomae_v2 import STEPS, from_published
from eadnet.training.adoption import load_published, read_published, save_adopted
from eadnet.training.loop import network_loop, step_generator
from eadnet.training.losses import trepa_pooled_mse, trepa_tubelet_difference

PUBLISHED = "vit_g_hybrid_pt_1200e_ssv2_ft.pth"
REAL_CLIPS = {"small": 32, "v2": 8}
"""Real clips that the features' statistics and the report are made of; the large network is slow on a CPU."""
LEAST_MOTION = 0.1
"""Least deviation of a feature, as a share of the mean over features."""
PART = 4


def train_videomae(clips: str, settings: Settings, seed: int, output: str, device: Device) -> None:
    """Train on the train split, set the features' statistics from real clips, report what they react to."""
    train = ClipSet.read(clips, "train")
    resolution = train.crops[0].shape[1]
    torch.manual_seed(seed)
    model = make_videomae(settings, resolution).to(device.torch_device)
    loop = network_loop(model, settings, clips, output, seed, device)
    for _, generator in loop:
        video = _draw(train, settings.optimiser.batch_size, generator).to(device.torch_device)
        hidden = (torch.rand((len(video), TOKENS), generator=generator) < settings.mask_share).to(device.torch_device)
        with device.autocast():
            predicted = model.reconstruct(model(video, hidden)).float()
        error = (predicted - model.tubelets(video)).square().mean(-1)
        loop.update({"reconstruction": (1.0, error[hidden].mean())})
    real = _draw(train, REAL_CLIPS[settings.kind], step_generator(seed, 1, 0))
    standardise(model, real)
    loop.finish({"videomae": settings.model_dump(mode="json"), "resolution": resolution}, reactions(model, real))


def adopt_videomae(assets: str | Path, settings: Settings, output: str, clips: str, device: Device = CPU) -> None:
    """Make the published VideoMAE-v2 one of our models, in bfloat16, with the statistics of real train clips.

    Args:
        assets: folder with ``vit_g_hybrid_pt_1200e_ssv2_ft.pth``.
        settings: of kind `v2`.
        output: folder to write.
        clips: table of all clips.
        device: where the features of the report are computed.

    Raises:
        CheckpointError: absent or damaged weights, or of other sizes than the settings.
    """
    path, train = Path(assets) / PUBLISHED, ClipSet.read(clips, "train")
    resolution = train.crops[0].shape[1]
    model = make_videomae(settings, resolution).requires_grad_(False)
    load_published(model, from_published(read_published(path)), path)
    real = _draw(train, REAL_CLIPS[settings.kind], step_generator(0, 1, 0))
    standardise(model.to(device.torch_device).eval(), real)
    save_adopted(
        output, model, {"videomae": settings.model_dump(mode="json"), "resolution": resolution}, reactions(model, real)
    )


@torch.no_grad()
def standardise(model: nn.Module, real: Tensor) -> None:
    """Set the mean and deviation that tubelet features are measured in.

    Args:
        model: a video network.
        real: (B, 16, 3, S, S) real clips in [-1, 1], B > 1.
    """
    model.feature_mean.zero_()
    model.feature_std.fill_(1)
    mean, deviation = _statistics(_features(model, real)[1].view(-1, *model.feature_mean.shape))
    model.feature_mean.copy_(mean)
    model.feature_std.copy_(deviation)


@torch.no_grad()
def reactions(model: nn.Module, real: Tensor) -> dict[str, dict[str, float]]:
    """Both forms of TREPA between real clips and damaged ones.

    Args:
        model: a video network that has its statistics.
        real: (B, 16, 3, S, S) real clips in [-1, 1], B > 1.
    """
    flicker = 0.1 * (torch.arange(FRAMES) % 2 * 2 - 1).view(1, -1, 1, 1, 1)
    order = torch.randperm(FRAMES, generator=step_generator(0, 0, 0))
    damaged = {
        "another_clip": real.roll(1, 0),
        "shuffled_frames": real[:, order],
        "frozen_frame": real[:, :1].expand_as(real),
        "flicker": real + flicker,
    }
    forms = {"pooled_mse": trepa_pooled_mse, "tubelet_diff": trepa_tubelet_difference}
    target = _features(model, real)
    moved = {name: _features(model, clip) for name, clip in damaged.items()}
    return {
        form: {name: float(distance(features[kind], target[kind])) for name, features in moved.items()}
        for kind, (form, distance) in enumerate(forms.items())
    }


def _statistics(changes_BSD: Tensor) -> tuple[Tensor, Tensor]:
    """(S, D) means over clips, and deviations from them, over clips and all steps of a kind (states, differences).

    A dimension that hardly moves counts as moving by a tenth of what the others do: what is left of it is rounding.
    """
    centred = changes_BSD - changes_BSD.mean(0)
    kinds = centred.split([STEPS, STEPS - 1], 1)
    deviations = [kind.square().mean((0, 1), keepdim=True).sqrt().expand(-1, kind.shape[1], -1) for kind in kinds]
    floored = [deviation.clamp(min=max(LEAST_MOTION * float(deviation.mean()), 1e-6)) for deviation in deviations]
    return changes_BSD.mean(0), torch.cat(floored, 1)[0]


def _features(model: nn.Module, video: Tensor) -> list[Tensor]:
    """Pooled and tubelet features, (B, K) each, a few clips at a time."""
    place = model.feature_mean.device
    parts = [model.features(part.to(place)) for part in video.split(PART)]
    return [torch.cat(kind).cpu() for kind in zip(*parts, strict=True)]


def _draw(clips: ClipSet, count: int, generator: torch.Generator) -> Tensor:
    return clips.windows(*clips.draw(count, FRAMES, generator), FRAMES)
