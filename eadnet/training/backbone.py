"""Stage 1: train the frame-wise backbone that every run starts from.

LatentSync's first stage: motion modules are skipped (they keep the weights that they start with), STDA and TFRM are
not there yet, and the loss is the weighted simple loss. Text is fused as published, so that all runs start from a
network that reads. Audio and text are dropped at random for classifier-free guidance. It starts from published weights
(Stable Diffusion's or LatentSync's U-Net) where the settings name some. Started by ``torchrun``, processes share the
steps (``eadnet.training.loop``).
"""

from pathlib import Path

import torch
from torch import Tensor

from eadnet.checkpoint import read_config
from eadnet.config.machine import Compute
from eadnet.config.training import Backbone
from eadnet.device import leave, open_device
from eadnet.models.loading import make_unet
from eadnet.models.unet.levels import Modules
from eadnet.training.batches import Batch, BatchSampler, BatchSpec, TrainingInputs
from eadnet.training.loop import Loop
from eadnet.training.losses import Losses, denoising_loss, simple_weight
from eadnet.training.unet_stage import lasting_settings, loop_options, set_up, train_unet
from eadnet.training.unet_weights import load_published_unet
from eadnet.training.validation import Validator


def train_backbone(
    inputs: TrainingInputs,
    settings: Backbone,
    compute: Compute,
    seed: int,
    autoencoder: str,
    published: str | Path | None,
    output: str,
) -> None:
    """Train to the configured number of steps; continues where an interrupted stage stopped.

    Args:
        inputs: what to read.
        settings: the backbone's settings.
        compute: how the machine is used.
        seed: of initial weights and samples.
        autoencoder: folder of the autoencoder.
        published: folder of the published U-Net to start from, or None.
        output: folder to write.
    """
    device = open_device(compute, join=True)
    factor = read_config(autoencoder, "autoencoder")["autoencoder"]["factor"]
    spec = BatchSpec(frames=settings.frames, text=settings.text, visible=settings.visible)
    batches = BatchSampler(inputs, settings, spec, factor)
    torch.manual_seed(seed)
    shape = {
        "network": settings.network.model_dump(mode="json"),
        "latent_channels": batches.latent_channels,
        "audio": batches.audio.kind,
        "text_input": batches.texts.width,
    }
    model = make_unet(shape, Modules(fusion="none" if settings.text == "none" else "added"))
    model.framewise = True
    new: set[str] = set()
    if published:
        taken, new = load_published_unet(model, published)
        print(taken, flush=True)
    model = set_up(model, compute, device)
    stage = lasting_settings(settings)
    loop = Loop(
        model,
        settings.optimiser,
        output,
        seed,
        identity={"settings": stage, "inputs": inputs.digest(), "corpora": inputs.corpora},
        faster=[parameter for name, parameter in model.named_parameters() if name in new],
        faster_rate=settings.new_layer_rate,
        **loop_options(settings, compute, device),
    )
    weight = simple_weight(batches.task, settings).to(device.torch_device)

    def step_losses(batch: Batch, predicted_BTCHH: Tensor, step: int) -> Losses:
        return {"simple": (1.0, denoising_loss(batches.process, batch, predicted_BTCHH, weight))}

    held_out = BatchSampler.held_out(inputs, settings, spec, factor)
    validate = Validator(settings.validation, held_out, autoencoder, device, output)
    config = {**stage, **shape, "factor": factor, "corpora": inputs.corpora}
    train_unet(loop, batches, step_losses, validate, compute.compile, settings.export_every, config)
    loop.finish(config)
    leave(device)
