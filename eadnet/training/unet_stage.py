"""What both stages of the U-Net share: the loop's options, the steps, and validation while it learns.

A stage gives its batches and its losses; all else is here and in ``eadnet.training.loop``.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from eadnet.config.machine import Compute
from eadnet.config.training import Backbone, Training
from eadnet.device import Device
from eadnet.training.batches import Batch, BatchSampler
from eadnet.training.loop import Loop
from eadnet.training.losses import Losses
from eadnet.training.validation import Validator

PACE = ("optimiser", "adaptation", "checkpoint_every", "validation", "processes")
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
    }


def train_unet(loop: Loop, batches: BatchSampler, step_losses: StepLosses, validate: Validator, compiled: bool) -> None:
    """Take all steps that are left, with a validation every so many of them and after the last.

    Args:
        loop: of the network (`Loop.module`), perhaps resumed.
        batches: training batches.
        step_losses: what is minimised; it is computed in the device's autocast type, as the network is.
        validate: measures the weights that will be saved.
        compiled: whether to compile the network.
    """
    predict = torch.compile(loop.module) if compiled else loop.module
    every, device = validate.settings.every, loop.device
    loop.module.train()
    for step, batch in loop.batches(batches):
        batch = batch.to(device.torch_device)
        with device.autocast():
            losses = step_losses(batch, predict(*batch.network_inputs), step)
        loop.update(losses, lambda batch=batch: batches.named(batch))
        if loop.due(every):
            loop.log.add(step, validate(loop.averaged(), step))
    if every:  # `Loop.due` leaves the last step out, since it may not be a multiple of `every`
        loop.log.add(loop.steps - 1, validate(loop.averaged(), loop.steps - 1))
