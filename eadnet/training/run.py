"""Stage 2: train one run from the shared backbone, with STDA, TFRM, fused text and all losses as configured.

Reads the train split, cached latents and audio features, the backbone, and the supervisors whose loss is on; writes
``{output}/model.safetensors config.json train.parquet graphs.parquet``, sample strips and scalars while it goes, and a
resumable state. A run may begin with an adaptation phase, in which the new modules alone learn by latent losses.

Shape legend: B clips, T frames, C latent channels, H latent side.
"""

from typing import TYPE_CHECKING

import torch

from eadnet.checkpoint import read_config
from eadnet.config.supervisors import needs_frames, networks_of
from eadnet.config.view import plain, view
from eadnet.device import leave, open_device
from eadnet.models.loading import load_backbone
from eadnet.models.unet.levels import run_modules
from eadnet.models.unet.unet import EADNet
from eadnet.tables import TRAINING_FILTER, read_rows
from eadnet.training.batches import BatchSampler, BatchSpec, TrainingInputs
from eadnet.training.frame_graphs import write_graphs
from eadnet.training.kept_clips import Kept, kept_clips
from eadnet.training.loop import Loop, Phase, TrainingError
from eadnet.training.objective import Objective, Supervisors
from eadnet.training.validation import Validator

if TYPE_CHECKING:
    from eadnet.config.machine import Compute
    from eadnet.config.training import Training

PACE = ("optimiser", "adaptation", "checkpoint_every", "validation", "processes")
"""Settings that the loop takes up by itself; the others are part of a checkpoint's identity."""


def train_run(
    inputs: TrainingInputs,
    settings: "Training",
    compute: "Compute",
    run: str,
    seed: int,
    backbone: str,
    supervisors: Supervisors,
    output: str,
    filtered: str | None = None,
) -> None:
    """Train one run to its configured number of steps; continues where an interrupted one stopped.

    Args:
        inputs: what to read.
        settings: the run's settings.
        compute: how to use the machine.
        run: name of the run.
        seed: of samples and of what is new in the network.
        backbone: folder of the backbone.
        supervisors: folders of the networks whose losses are on.
        output: folder to write.
        filtered: table of ``eadnet.training.clip_filter``, where the run's filter is on.

    Raises:
        TrainingError: the filter is on and there is no table, or nothing was measured.
    """
    machine = open_device(compute, join=True)
    config = read_config(backbone)
    stage_one = view(config)
    torch.manual_seed(seed)
    model = load_backbone(backbone, run_modules(settings)).to(machine.device)
    model.checkpoint_gradients(compute.gradient_checkpointing)
    how = _drawn(settings)
    kept = _kept(settings, filtered)
    if kept and machine.rank == 0:
        print(kept, flush=True)
    draw = BatchSampler(inputs, stage_one, how, stage_one.factor, kept and kept.clip_ids)
    supervise = Objective(stage_one, settings, draw.task, supervisors, machine.device, compute.gradient_checkpointing)
    held_out = BatchSampler.held_out(inputs, stage_one, how, stage_one.factor)
    validate = Validator(settings.validation, held_out, supervisors.autoencoder, machine, output)
    loop = Loop(
        model,
        _phases(model, settings),
        output,
        seed,
        identity={
            "settings": {name: value for name, value in plain(settings).items() if name not in PACE},
            "inputs": inputs.digest(backbone, *filter(None, vars(supervisors).values())),
            "clips": kept and sorted(kept.clip_ids),
        },
        faster=model.part("modules"),
        faster_rate=settings.new_module_rate,
        ema=settings.ema,
        shares=settings.processes,
        checkpoint_every=settings.checkpoint_every,
        machine=machine,
        prefetch=compute.prefetch,
    )
    predict = torch.compile(model) if compute.compile else model
    adapting = settings.adaptation.steps if settings.adaptation else 0
    model.train()
    for step, batch in loop.batches(draw):
        batch = batch.to(machine.device)
        with machine.autocast():
            output_BTCHH = predict(batch.inputs, batch.timesteps, batch.audio, batch.text, batch.text_mask)
            losses = supervise(model, batch, output_BTCHH, decoded=step >= adapting)
        loop.update(losses, lambda batch=batch: draw.named(batch))
        if loop.due(settings.validation.every):
            loop.scalars.add(step, validate(loop.averaged(), step))
    trained = loop.averaged().eval()
    if settings.validation.every:
        loop.scalars.add(loop.steps - 1, validate(trained, loop.steps - 1))
    if machine.rank == 0:
        write_graphs(trained, validate, machine, run, seed, output)
    loop.finish({**config, "run": run, "seed": seed, "training": plain(settings)})
    leave(machine)


def _kept(settings: "Training", filtered: str | None) -> Kept | None:
    """The clips that the run's filter keeps; None where it has none."""
    if settings.filter is None:
        return None
    if filtered is None:
        raise TrainingError("training.filter is on, but --filter names no table; run filter-clips")
    return kept_clips(read_rows(filtered, TRAINING_FILTER), settings.filter)


def _phases(model: EADNet, settings: "Training") -> list[Phase]:
    """The adaptation phase, if there is one, then the main one."""
    main = Phase(settings.optimiser, model.part(settings.trainable))
    return [Phase(settings.adaptation, model.part("modules")), main] if settings.adaptation else [main]


def _drawn(settings: "Training") -> BatchSpec:
    """What a batch of the run must hold."""
    return BatchSpec(
        frames=settings.frames,
        shared_noise=settings.shared_noise,
        text=settings.text,
        visible=settings.visible,
        with_crops=needs_frames(settings.losses),
        with_mel="syncnet" in networks_of(settings.losses),
    )
