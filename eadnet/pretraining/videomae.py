"""Train the small video masked autoencoder on real train clips: the representation of TREPA.

Writes model, config, losses and a report of how far TREPA's feature moves under damage of a real clip: another clip,
shuffled frames, a frozen frame, flicker. A representation that is blind to order supervises nothing.
"""

from pathlib import Path

import torch
from torch import Tensor

from eadnet.checkpoint import inputs_digest, load_weights, read_config
from eadnet.config import VideoMAE, parse
from eadnet.dataset import ClipSet
from eadnet.losses import trepa_tubelet_difference
from eadnet.models.videomae import FRAMES, TOKENS, VideoMaskedAutoencoder
from eadnet.optimisation import Loop, step_generator
from eadnet.precision import autocast


def train_videomae(clips: str, settings: VideoMAE, seed: int, output: str) -> None:
    """Train on the train split, centre the features on real clips, report what they react to."""
    train = ClipSet.read(clips, "train")
    resolution = train.crops[0].shape[1]
    torch.manual_seed(seed)
    model = VideoMaskedAutoencoder(settings, resolution)
    loop = Loop(
        model, settings.optimiser, output, seed, {"model": settings.model_dump(), "inputs": inputs_digest([clips])}
    )
    for _, generator in loop:
        video = _draw(train, settings.optimiser.batch_size, generator)
        hidden = torch.rand((len(video), TOKENS), generator=generator) < settings.mask_share
        with autocast():
            predicted = model.reconstruct(model(video, hidden)).float()
        error = (predicted - model.tubelets(video)).square().mean(-1)
        loop.update({"reconstruction": (1.0, error[hidden].mean())})
    real = _draw(train, 32, step_generator(seed, 1, 0))
    with torch.no_grad():
        model.feature_mean.copy_(model.tubelet_features(real).mean(0).view_as(model.feature_mean))
        report = {name: float(value) for name, value in _reactions(model, real).items()}
    loop.finish({"videomae": settings.model_dump(), "resolution": resolution}, report)


def load_videomae(folder: str | Path) -> VideoMaskedAutoencoder:
    """The frozen network of a folder that `train_videomae` wrote.

    Raises:
        CheckpointError: absent or damaged.
    """
    config = read_config(folder, "videomae", "resolution")
    model = VideoMaskedAutoencoder(parse(VideoMAE, config["videomae"]), config["resolution"])
    load_weights(folder, model)
    return model.eval().requires_grad_(False)


def _draw(clips: ClipSet, count: int, generator: torch.Generator) -> Tensor:
    return clips.windows(*clips.draw(count, FRAMES, generator), FRAMES)


def _reactions(model: VideoMaskedAutoencoder, real: Tensor) -> dict[str, Tensor]:
    """TREPA's distance between a real clip and its damaged forms."""
    flicker = 0.1 * (torch.arange(FRAMES) % 2 * 2 - 1).view(1, -1, 1, 1, 1)
    order = torch.randperm(FRAMES, generator=step_generator(0, 0, 0))
    damaged = {
        "another_clip": real.roll(1, 0),
        "shuffled_frames": real[:, order],
        "frozen_frame": real[:, :1].expand_as(real),
        "flicker": real + flicker,
    }
    features = model.tubelet_features(real)
    return {name: trepa_tubelet_difference(model.tubelet_features(clip), features) for name, clip in damaged.items()}
