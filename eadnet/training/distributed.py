"""Data parallelism: every process runs the same stage on its own shares; gradients and logged values are averaged.

Processes are started by ``torchrun``; the group is joined in ``eadnet.device.open_device``. Gradients are averaged
after the backward pass in buckets sent one behind the other, which leaves frozen and unused parameters alone (the
phases of a run freeze different parts) where DistributedDataParallel would have to be built anew.
"""

import torch
from torch import Tensor, nn

from eadnet.device import Device

BUCKET = 2**24
"""Elements sent together: 64 MiB of float32."""


def average_gradients(module: nn.Module, device: Device) -> None:
    """Average the gradients of all processes in place."""
    if device.world == 1:
        return
    gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
    sent = [(bucket, *_send(bucket)) for bucket in _buckets(gradients)]
    for bucket, flat, work in sent:
        work.wait()
        flat /= device.world
        parts = flat.split([gradient.numel() for gradient in bucket])
        for gradient, part in zip(bucket, parts, strict=True):
            gradient.copy_(part.view_as(gradient))


def average_values(values: dict[str, Tensor], device: Device) -> dict[str, Tensor]:
    """Named scalars, averaged over all processes; they stay on the device."""
    stacked = torch.stack([value.float().reshape(()) for value in values.values()])
    if device.world > 1:
        torch.distributed.all_reduce(stacked)
        stacked /= device.world
    return dict(zip(values, stacked.unbind(), strict=True))


def _send(bucket: list[Tensor]) -> tuple[Tensor, torch.distributed.Work]:
    flat = torch.cat([gradient.flatten() for gradient in bucket])
    return flat, torch.distributed.all_reduce(flat, async_op=True)


def _buckets(gradients: list[Tensor]) -> list[list[Tensor]]:
    buckets, size = [[]], 0
    for gradient in gradients:
        if buckets[-1] and size + gradient.numel() > BUCKET:
            buckets.append([])
            size = 0
        buckets[-1].append(gradient)
        size += gradient.numel()
    return buckets
