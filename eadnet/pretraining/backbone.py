"""Stage 1: train the frame-wise backbone that every run starts from, on several processes.

Frames are independent and there is no temporal module; the loss is the weighted simple loss. Audio and text are
dropped at random for classifier-free guidance. Every process draws its own samples; gradients are averaged.
"""

import tempfile
from pathlib import Path

import torch
from torch.multiprocessing import spawn

from eadnet.checkpoint import load_weights, read_config
from eadnet.config import Backbone, Network, parse
from eadnet.losses import attention_map, simple_loss
from eadnet.models.unet import EADNet
from eadnet.optimisation import Loop
from eadnet.precision import autocast, settle
from eadnet.sampling import Sampler, TrainingInputs


def train_backbone(inputs: TrainingInputs, settings: Backbone, seed: int, output: str) -> None:
    """Train with `settings.processes` gloo processes of one thread each (or here, if it is one)."""
    if settings.processes == 1:
        _train(0, inputs, settings, seed, output, None)
        return
    Sampler(inputs, settings, text="caption", frames=1, shared_noise=0.0)  # a fault in the inputs is told here, once
    with tempfile.TemporaryDirectory() as folder:
        spawn(_train, (inputs, settings, seed, output, f"file://{folder}/rendezvous"), nprocs=settings.processes)


def load_backbone(folder: str | Path, stda: bool, tfrm: bool) -> EADNet:
    """A model with the backbone's weights and, if asked, new temporal modules that start as the identity.

    Raises:
        CheckpointError: absent or damaged.
    """
    config = read_config(folder, "network", "latent_channels")
    model = EADNet(parse(Network, config["network"]), config["latent_channels"], stda=stda, tfrm=tfrm)
    load_weights(folder, model, allow_new=True)
    return model


def _train(
    rank: int, inputs: TrainingInputs, settings: Backbone, seed: int, output: str, rendezvous: str | None
) -> None:
    settle()
    if rendezvous:
        torch.set_num_threads(1)
        torch.distributed.init_process_group("gloo", rendezvous, rank=rank, world_size=settings.processes)
    draw = Sampler(inputs, settings, text="caption", frames=1, shared_noise=0.0)
    torch.manual_seed(seed)
    model = EADNet(settings.network, draw.latents.full.shape[1])
    stage = settings.model_dump(exclude={"optimiser"})
    loop = Loop(
        model,
        settings.optimiser,
        output,
        seed,
        identity={"settings": stage, "inputs": inputs.digest()},
        ema=settings.ema,
        rank=rank,
        world=settings.processes,
    )
    weight = attention_map(draw.task.cells, settings.mouth_weight, settings.eye_weight, outside=0.1)
    for _, generator in loop:
        batch = draw(settings.optimiser.batch_size, generator)
        with autocast():
            correction = model(batch.inputs, batch.time, batch.mel, batch.text, batch.text_mask)
        loop.update({"simple": (1.0, simple_loss(batch.base + correction.float(), batch.clean, weight))})
    if rank == 0:
        loop.finish({**stage, "latent_channels": draw.latents.full.shape[1], "mask": settings.mask})
    if rendezvous:
        torch.distributed.destroy_process_group()
