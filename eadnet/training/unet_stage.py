"""What both stages of the U-Net share: the loop's options, the steps, and validation while it learns.

A stage gives its batches and its losses; all else is here and in ``eadnet.training.loop``.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from eadnet.config.machine import Compute
from eadnet.config.training import Backbone, Training
from eadnet.device import Device
from eadnet.models.unet.unet import EADNet
from eadnet.training.batches import Batch, BatchSampler
from eadnet.training.loop import Loop
from eadnet.training.losses import Losses
from eadnet.training.validation import Validator

PACE = ("optimiser", "adaptation", "checkpoint_every", "export_every", "validation", "processes")
"""Settings that the loop accounts for itself; the others are part of a checkpoint's identity."""

StepLosses = Callable[[Batch, Tensor, int], Losses]
"""(batch, output of the network, step) to the losses of the batch."""


def lasting_settings(settings: Backbone | Training) -> dict[str, Any]:
    """The settings that a stage's result depends on beside the loop's own, as plain JSON values."""
    return {name: value for name, value in settings.model_dump(mode="json").items() if name not in PACE}


def loop_options(settings: Backbone | Training, compute: Compute, device: Device) -> dict[str, Any]:
    """Fields of ``eadnet.training.loop.LoopOptions`` that follow from a stage's settings."""
    return {
        "ema": settings.ema,
        "shares": settings.processes,
        "checkpoint_every": settings.checkpoint_every,
        "device": device,
        "prefetch": compute.prefetch,
        "tensorboard": compute.tensorboard,
    }


def set_up(model: EADNet, compute: Compute, device: Device) -> EADNet:
    """The network as the machine is to train it: on its device, in its memory format, with or without checkpointing."""
    model = model.to(device.torch_device, memory_format=torch.channels_last if compute.channels_last else None)
    model.checkpoint_gradients(compute.gradient_checkpointing)
    return model


def train_unet(
    loop: Loop,
    batches: BatchSampler,
    step_losses: StepLosses,
    validate: Validator,
    compiled: bool,
    export_every: int,
    config: dict[str, Any],
) -> None:
    """Take all steps that are left, with a validation every so many of them and after the last.

    Args:
        loop: of the network (`Loop.module`), perhaps resumed.
        batches: training batches.
        step_losses: what is minimised; it is computed in the device's autocast type, as the network is.
        validate: measures the weights that will be saved.
        compiled: whether to compile the network.
        export_every: steps between exports of these weights; 0 exports none.
        config: what rebuilds the network, saved with them.
    """
    predict = torch.compile(loop.module) if compiled else loop.module
    every, device = validate.settings.every, loop.device
    loop.module.train()
    for step, batch in loop.batches(batches):
        with device.autocast():
            losses = step_losses(batch, predict(*batch.network_inputs), step)
        loop.update(losses, partial(batches.named, batch.which, batch.first))
        if loop.due(every):
            _validate(loop, validate)
        if loop.due(export_every):
            loop.export(config)
    if every:  # `Loop.due` leaves the last step out, since it may not be a multiple of `every`
        _validate(loop, validate)


def _validate(loop: Loop, validate: Validator) -> None:
    loop.note(validate(loop.averaged(), loop.step - 1))
    if validate.strip(loop.step - 1).exists():
        loop.log.show("validation", loop.step - 1, validate.strip(loop.step - 1))
