"""Stage 2: train one run from the shared backbone, with STDA, TFRM, SyncNet supervision and TREPA as configured.

Reads the train split, cached latents, the backbone and the supervisors whose loss is on; writes
``{output}/model.safetensors config.json train.parquet``, and a resumable state while it goes.

Shape legend: B clips, T frames, C latent channels, H latent side, S crop side.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from eadnet.checkpoint import read_config
from eadnet.config import Backbone, Training, parse
from eadnet.losses import (
    attention_map,
    perceptual_loss,
    simple_loss,
    sync_loss,
    trepa_pooled_mse,
    trepa_tubelet_difference,
    velocity_loss,
)
from eadnet.models.syncnet import mel_columns
from eadnet.models.unet import EADNet
from eadnet.optimisation import Loop
from eadnet.precision import autocast, settle
from eadnet.pretraining.backbone import load_backbone
from eadnet.pretraining.syncnet import load_syncnet
from eadnet.pretraining.videomae import load_videomae
from eadnet.sampling import Batch, Sampler, TrainingInputs

LossTable = dict[str, tuple[float, Tensor]]


def train_run(
    inputs: TrainingInputs,
    settings: Training,
    run: str,
    seed: int,
    backbone: str,
    syncnet: str | None,
    videomae: str | None,
    output: str,
) -> None:
    """Train one run to its configured number of steps; continues where an interrupted one stopped."""
    settle()
    config = read_config(backbone)
    stage_one = parse(
        Backbone, {name: config[name] for name in Backbone.model_fields if name in config} | _NO_OPTIMISER
    )
    torch.manual_seed(seed)
    model = load_backbone(backbone, settings.stda, settings.tfrm)
    draw = Sampler(inputs, stage_one, settings.text, settings.frames, settings.shared_noise)
    supervise = Supervision(settings, draw, syncnet, videomae)
    loop = Loop(
        model,
        settings.optimiser,
        output,
        seed,
        identity={
            "settings": settings.model_dump(exclude={"optimiser", "checkpoint_every"}),
            "inputs": inputs.digest(backbone, syncnet, videomae),
        },
        faster=model.temporal_parameters(),
        faster_rate=settings.new_module_rate,
        ema=settings.ema,
        checkpoint_every=settings.checkpoint_every,
    )
    for _, generator in loop:
        batch = draw(settings.optimiser.batch_size, generator)
        with autocast():
            correction = model(batch.inputs, batch.time, batch.mel, batch.text, batch.text_mask)
            losses = supervise(model, batch, batch.base + correction.float())
        loop.update(losses)
    loop.finish({**config, "run": run, "seed": seed, "training": settings.model_dump()})


_NO_OPTIMISER = {"optimiser": {"steps": 1, "batch_size": 1, "learning_rate": 1.0}}
"""Stage 2 takes mask, dropout and references from the backbone; its optimiser settings play no part."""


@dataclass(frozen=True)
class LossMaps:
    """Loss weights on the latent grid (H, H) and in pixels (S, S)."""

    cells: Tensor
    pixels: Tensor


class Supervision:
    """All losses of a run on predicted clean latents; networks of losses with weight 0 are never loaded."""

    def __init__(self, settings: Training, draw: Sampler, syncnet: str | None, videomae: str | None) -> None:
        self.settings, self.draw = settings, draw
        self.syncnet = load_syncnet(_required("syncnet", syncnet)) if settings.losses.sync else None
        self.videomae = load_videomae(_required("videomae", videomae)) if settings.losses.trepa else None
        backbone, task = draw.settings, draw.task
        self.maps = LossMaps(
            attention_map(task.cells, backbone.mouth_weight, backbone.eye_weight, outside=0.1),
            attention_map(task.pixels, mouth=3.0, eyes=2.0, outside=0.2),
        )

    def __call__(self, model: EADNet, batch: Batch, predicted_BTCHH: Tensor) -> LossTable:
        """Named (weight, value) pairs of the losses that are on."""
        weights = self.settings.losses
        losses: LossTable = {
            "simple": (weights.simple, simple_loss(predicted_BTCHH, batch.clean, self.maps.cells)),
            "velocity": (weights.velocity, velocity_loss(predicted_BTCHH, batch.clean, self.maps.cells)),
        }
        if self.settings.tfrm:
            losses["graph"] = (weights.graph, model.graph_regulariser())
        if weights.perceptual or weights.sync or weights.trepa:
            losses |= self._on_frames(batch, predicted_BTCHH)
        return losses

    def _on_frames(self, batch: Batch, predicted: Tensor) -> LossTable:
        """Losses that need the decoded frames; outside the mask the real pixels are pasted back first."""
        weights = self.settings.losses
        shape = predicted.shape[:2]
        decoded = self.draw.autoencoder.decode(predicted.flatten(0, 1)).float().unflatten(0, shape)
        real = self.draw.clips.windows(batch.which, batch.first, self.settings.frames)
        losses = {"perceptual": (weights.perceptual, perceptual_loss(decoded, real, self.maps.pixels))}
        pasted = torch.where(self.draw.task.pixels, decoded, real)
        if self.syncnet:
            spectrogram = self.draw.clips.mel_spans(batch.which, mel_columns(batch.first))
            losses["sync"] = (weights.sync, sync_loss(self.syncnet(pasted, spectrogram), batch.heard))
        if self.videomae:
            losses["trepa"] = (weights.trepa, self._trepa(pasted, real))
        return losses

    def _trepa(self, generated: Tensor, real: Tensor) -> Tensor:
        pooled = self.settings.trepa_form == "pooled_mse"
        distance = trepa_pooled_mse if pooled else trepa_tubelet_difference
        features = self.videomae.pooled if pooled else self.videomae.tubelet_features
        with torch.no_grad():
            target = features(real)
        return distance(features(generated), target)


def _required(name: str, folder: str | None) -> str:
    if folder is None:
        raise ValueError(f"the {name} loss is on but --{name} was not given; set its weight to 0 or name its folder")
    return folder
