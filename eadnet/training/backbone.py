"""Stage 1: train the frame-wise backbone that every run starts from.

LatentSync's first stage: motion modules are skipped (they keep the weights that they start with), STDA and TFRM are
not there yet, and the loss is the weighted simple loss. Text is fused as published, so that all runs start from a
network that reads. Audio and text are dropped at random for classifier-free guidance. It starts from published weights
(Stable Diffusion's or LatentSync's U-Net) where the settings name some. Started by ``torchrun``, processes share the
steps (``eadnet.training.loop``).
"""

from pathlib import Path

import torch

from eadnet.checkpoint import read_config
from eadnet.config.machine import Compute
from eadnet.config.training import Backbone
from eadnet.device import leave, open_device
from eadnet.models.loading import make_unet
from eadnet.models.unet.levels import Modules
from eadnet.training.batches import BatchSampler, BatchSpec, TrainingInputs
from eadnet.training.loop import Loop
from eadnet.training.losses import simple_loss, simple_weight
from eadnet.training.unet_weights import load_published_unet
from eadnet.training.validation import Validator

PACE = ("optimiser", "checkpoint_every", "validation", "processes")
"""Settings that the loop takes up by itself; the others are part of a checkpoint's identity."""


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
        compute: how to use the machine.
        seed: of initial weights and samples.
        autoencoder: folder of the autoencoder.
        published: folder of the published U-Net to start from, or None.
        output: folder to write.
    """
    machine = open_device(compute, join=True)
    factor = read_config(autoencoder, "autoencoder")["autoencoder"]["factor"]
    how = BatchSpec(frames=settings.frames, text=settings.text, visible=settings.visible)
    draw = BatchSampler(inputs, settings, how, factor)
    torch.manual_seed(seed)
    shape = {
        "network": settings.network.model_dump(mode="json"),
        "latent_channels": draw.latent_channels,
        "audio": draw.audio.kind,
        "text_input": draw.texts.width,
    }
    model = make_unet(shape, Modules(fusion="none" if settings.text == "none" else "added"))
    model.framewise = True
    new: set[str] = set()
    if published:
        taken, new = load_published_unet(model, published)
        print(taken, flush=True)
    model = model.to(machine.device)
    model.checkpoint_gradients(compute.gradient_checkpointing)
    stage = {name: value for name, value in settings.model_dump(mode="json").items() if name not in PACE}
    loop = Loop(
        model,
        settings.optimiser,
        output,
        seed,
        identity={"settings": stage, "inputs": inputs.digest(), "corpora": inputs.corpora},
        faster=[parameter for name, parameter in model.named_parameters() if name in new],
        faster_rate=settings.new_layer_rate,
        ema=settings.ema,
        shares=settings.processes,
        checkpoint_every=settings.checkpoint_every,
        machine=machine,
        prefetch=compute.prefetch,
    )
    predict = torch.compile(model) if compute.compile else model
    validate = Validator(
        settings.validation, BatchSampler.held_out(inputs, settings, how, factor), autoencoder, machine, output
    )
    weight = simple_weight(draw.task, settings).to(machine.device)
    model.train()
    for step, batch in loop.batches(draw):
        batch = batch.to(machine.device)
        with machine.autocast():
            predicted = predict(batch.inputs, batch.timesteps, batch.audio, batch.text, batch.text_mask)
        target = draw.process.target(batch.clean, batch.noise, batch.base, batch.timesteps)
        loop.update(
            {"simple": (1.0, simple_loss(predicted.float(), target, weight))}, lambda batch=batch: draw.named(batch)
        )
        if loop.due(settings.validation.every):
            loop.scalars.add(step, validate(loop.averaged(), step))
    if settings.validation.every:
        loop.scalars.add(loop.steps - 1, validate(loop.averaged(), loop.steps - 1))
    loop.finish({**stage, **shape, "factor": factor, "corpora": inputs.corpora})
    leave(machine)
