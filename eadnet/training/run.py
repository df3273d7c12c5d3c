"""Stage 2: train one run from the shared backbone, with STDA, TFRM, fused text and all losses as configured.

Reads the train split, cached latents and audio features, the backbone, and the supervisors whose loss is on; writes
``{output}/model.safetensors config.json train.parquet graphs.parquet``, sample strips and scalars while it goes, and a
resumable state. A run may begin with an adaptation phase, in which the new modules alone learn by latent losses.

Shape legend: B clips, T frames, C latent channels, H latent side.
"""

import torch
from torch import Tensor

from eadnet.config.machine import Compute
from eadnet.config.training import Training
from eadnet.device import leave, open_device
from eadnet.models.loading import load_backbone, read_backbone
from eadnet.models.unet.levels import run_modules
from eadnet.models.unet.unet import EADNet
from eadnet.tables import TRAINING_FILTER, read_rows
from eadnet.training.batches import Batch, BatchSampler, BatchSpec, TrainingInputs
from eadnet.training.frame_graphs import write_graphs
from eadnet.training.kept_clips import Kept, kept_clips
from eadnet.training.loop import Loop, Phase, TrainingError
from eadnet.training.losses import Losses
from eadnet.training.objective import Objective, Supervisors
from eadnet.training.unet_stage import lasting_settings, loop_options, set_up, train_unet
from eadnet.training.validation import Validator


def train_run(
    inputs: TrainingInputs,
    settings: Training,
    compute: Compute,
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
        compute: how the machine is used.
        run: name of the run.
        seed: of samples and of what is new in the network; `settings.seed_shift` is added to it.
        backbone: folder of the backbone.
        supervisors: folders of the networks whose losses are on.
        output: folder to write.
        filtered: table of ``eadnet.training.clip_filter``, where the run's filter is on.

    Raises:
        TrainingError: the filter is on and there is no table, or nothing was measured.
    """
    device = open_device(compute, join=True)
    stage_one, config = read_backbone(backbone)
    torch.manual_seed(seed + settings.seed_shift)
    model = set_up(load_backbone(backbone, run_modules(settings)), compute, device)
    kept = _kept(settings, filtered)
    if kept and device.rank == 0:
        print(kept, flush=True)
    spec, factor = _spec(settings), config["factor"]
    batches = BatchSampler(inputs, stage_one, spec, factor, kept and kept.clip_ids)
    objective = Objective(
        stage_one, settings, batches.task, supervisors, device.torch_device, compute.gradient_checkpointing
    )
    held_out = BatchSampler.held_out(inputs, stage_one, spec, factor)
    validate = Validator(settings.validation, held_out, supervisors.autoencoder, device, output)
    loop = Loop(
        model,
        _phases(model, settings),
        output,
        seed + settings.seed_shift,
        identity={
            "settings": lasting_settings(settings),
            "inputs": inputs.digest(backbone, *filter(None, vars(supervisors).values())),
            "clips": kept and sorted(kept.clip_ids),
        },
        faster=model.part("modules"),
        faster_rate=settings.new_module_rate,
        **loop_options(settings, compute, device),
    )

    def step_losses(batch: Batch, predicted_BTCHH: Tensor, step: int) -> Losses:
        return objective(model, batch, predicted_BTCHH, decoded=_decodes(settings, step))

    described = {**config, "run": run, "seed": seed, "training": settings.model_dump(mode="json")}
    train_unet(loop, batches, step_losses, validate, compute.compile, settings.export_every, described)
    if device.rank == 0:
        write_graphs(loop.averaged().eval(), validate, device, run, seed, output)
    loop.finish(described)
    leave(device)


def _decodes(settings: Training, step: int) -> bool:
    """Whether a step has losses on decoded frames: every so many of the main phase, from its first on."""
    taken = step - (settings.adaptation.steps if settings.adaptation else 0)
    return taken >= 0 and taken % settings.decoded_every == 0


def _kept(settings: Training, filtered: str | None) -> Kept | None:
    """The clips that the run's filter keeps; None where it has none."""
    if settings.filter is None:
        return None
    if filtered is None:
        raise TrainingError("training.filter is on, but --filter names no table; run filter-clips")
    return kept_clips(read_rows(filtered, TRAINING_FILTER), settings.filter)


def _phases(model: EADNet, settings: Training) -> list[Phase]:
    """The adaptation phase, if there is one, then the main one."""
    main = Phase(settings.optimiser, model.part(settings.trainable))
    return [Phase(settings.adaptation, model.part("modules")), main] if settings.adaptation else [main]


def _spec(settings: Training) -> BatchSpec:
    """What a batch of the run must hold."""
    return BatchSpec(
        frames=settings.frames,
        shared_noise=settings.shared_noise,
        text=settings.text,
        visible=settings.visible,
        with_crops=settings.losses.needs_frames(),
        with_mel="syncnet" in settings.losses.networks(),
    )
