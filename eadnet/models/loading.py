"""Load trained networks from their folders, built from the JSON next to the weights; supervisors are frozen."""

from pathlib import Path

import torch
from torch import nn

from eadnet.checkpoint import CheckpointError, load_weights, read_config
from eadnet.config import networks
from eadnet.config.section import parse
from eadnet.config.training import Backbone, Training
from eadnet.models.autoencoder import make_autoencoder
from eadnet.models.syncnet import make_syncnet
from eadnet.models.unet.levels import LATENTSYNC, Modules, run_modules
from eadnet.models.unet.unet import EADNet
from eadnet.models.videomae import make_videomae
from eadnet.published.lpips import LPIPS, VGG16


def load_autoencoder(folder: str | Path, checkpointing: bool = False) -> nn.Module:
    """The frozen autoencoder of a folder that `train_autoencoder` or `adopt_autoencoder` wrote.

    Raises:
        CheckpointError: absent or damaged.
    """
    settings = parse(networks.Autoencoder, read_config(folder, "autoencoder")["autoencoder"])
    model = make_autoencoder(settings, checkpointing)
    load_weights(folder, model)
    return model.eval().requires_grad_(False)


def load_syncnet(folder: str | Path, checkpointing: bool = False) -> nn.Module:
    """The frozen SyncNet of a folder that `train_syncnet` or `adopt_syncnet` wrote.

    Raises:
        CheckpointError: absent or damaged.
    """
    model = make_syncnet(parse(networks.SyncNet, read_config(folder, "syncnet")["syncnet"]), checkpointing)
    load_weights(folder, model)
    return model.eval().requires_grad_(False)


def load_videomae(folder: str | Path, checkpointing: bool = False) -> nn.Module:
    """The frozen network of a folder that `train_videomae` or `adopt_videomae` wrote.

    Raises:
        CheckpointError: absent or damaged.
    """
    config = read_config(folder, "videomae", "resolution")
    with torch.device("meta"):  # initialising the large network would take longer than reading its weights
        model = make_videomae(parse(networks.VideoMAE, config["videomae"]), config["resolution"], checkpointing)
    model = model.to_empty(device="cpu")
    load_weights(folder, model)
    return model.eval().requires_grad_(False)


def load_lpips(folder: str | Path) -> LPIPS:
    """The frozen network of a folder that `adopt_lpips` wrote.

    Raises:
        CheckpointError: absent or damaged.
    """
    model = LPIPS(VGG16(tuple(read_config(folder, "lpips")["lpips"]["widths"])))
    load_weights(folder, model)
    return model.eval().requires_grad_(False)


def read_backbone(folder: str | Path) -> tuple[Backbone, dict]:
    """The settings of stage 1, and all of its config; the stage's pace, which is not stored, is the default's.

    Raises:
        CheckpointError: absent or damaged.
        ConfigError: written by other code, with a value that is not allowed now.
    """
    config = read_config(folder, "network", "diffusion", "mask", "factor")
    stored = {name: value for name, value in config.items() if name in Backbone.model_fields}
    return parse(Backbone, stored, where=f"{folder}: backbone"), config


def load_backbone(folder: str | Path, modules: Modules) -> EADNet:
    """A model with the backbone's weights; new modules start as the identity; without fusion its weights are ignored.

    Raises:
        CheckpointError: absent or damaged.
    """
    config = read_config(folder, "network", "latent_channels", "audio", "text_input")
    model = make_unet(config, modules)
    load_weights(folder, model, allow_new=True, unused=("text_fusion.",) if modules.fusion == "none" else ())
    return model


def make_unet(config: dict, modules: Modules = LATENTSYNC) -> EADNet:
    """The network of a backbone's or a run's ``config.json``, with newly initialised weights."""
    network = parse(networks.Network, config["network"])
    return EADNet(network, config["latent_channels"], config["audio"], config["text_input"], modules)


def load_run(folder: str | Path, autoencoder_channels: int | None = None) -> tuple[EADNet, dict]:
    """The frozen network of a trained run and its config.

    Args:
        folder: of the run.
        autoencoder_channels: channels of the latents that it will get, compared with its own; None skips this check.

    Raises:
        CheckpointError: absent, damaged, or trained on the latents of another autoencoder.
    """
    keys = ("network", "latent_channels", "audio", "text_input", "mask", "diffusion", "training")
    config = read_config(folder, *keys)
    if autoencoder_channels not in (None, config["latent_channels"]):
        raise CheckpointError(
            f"{folder}: trained on latents of {config['latent_channels']} channels, the autoencoder's have "
            f"{autoencoder_channels}; give the autoencoder of its workflow"
        )
    model = make_unet(config, run_modules(parse(Training, config["training"])))
    load_weights(folder, model)
    return model.eval().requires_grad_(False), config
