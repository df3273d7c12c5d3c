"""All losses of a run: on the predicted latents, and on the frames that they decode to.

Shape legend: B clips, T frames, C latent channels, H latent side, S crop side.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from eadnet.config.training import Backbone, Training
from eadnet.data.clip_set import unit_pixels
from eadnet.diffusion import Process
from eadnet.models.inpainting import Inpainting
from eadnet.models.loading import load_autoencoder, load_lpips, load_syncnet, load_videomae
from eadnet.models.unet.unet import EADNet
from eadnet.training.batches import Batch
from eadnet.training.losses import (
    Losses,
    attention_map,
    denoising_loss,
    gated_gradient,
    perceptual_loss,
    simple_weight,
    sync_loss,
    trepa_pooled_mse,
    trepa_tubelet_difference,
    velocity_loss,
    x0_gate,
)


@dataclass(frozen=True)
class Supervisors:
    """Folders of the networks that supervise; only those whose loss is on are read."""

    autoencoder: str
    syncnet: str | None = None
    videomae: str | None = None
    lpips: str | None = None


class Objective:
    """Named losses of a run, each a pure function of ``eadnet.training.losses`` with its weight from the settings.

    Args:
        backbone: the backbone's settings.
        settings: the run's.
        task: the generated region.
        folders: the supervising networks.
        device: where they run.
        checkpointing: whether they make activations again in the backward pass.
    """

    def __init__(
        self,
        backbone: Backbone,
        settings: Training,
        task: Inpainting,
        folders: Supervisors,
        device: torch.device,
        checkpointing: bool = False,
    ) -> None:
        self.settings, self.process, self.task = settings, Process(backbone.diffusion), task.to(device)
        self.region = task.box  # found here: on a GPU every step would wait for it
        self.autoencoder = self.syncnet = self.videomae = self.lpips = None
        needed = settings.losses.networks()
        if settings.losses.needs_frames():
            self.autoencoder = load_autoencoder(folders.autoencoder, checkpointing).to(device)
        if "syncnet" in needed:
            self.syncnet = load_syncnet(_required("syncnet", folders.syncnet), checkpointing).to(device)
        if "videomae" in needed:
            self.videomae = load_videomae(_required("videomae", folders.videomae), checkpointing).to(device)
        if "lpips" in needed:
            self.lpips = load_lpips(_required("lpips", folders.lpips)).to(device)
        self.cells = simple_weight(task, backbone).to(device)
        self.pixels = attention_map(task.pixels, mouth=3.0, eyes=2.0, outside=0.2).to(device)

    def __call__(self, model: EADNet, batch: Batch, output_BTCHH: Tensor, decoded: bool = True) -> Losses:
        """The losses that are on, as (weight, value).

        Args:
            model: the network, for its frame graphs' penalties.
            batch: what it was shown.
            output_BTCHH: what it predicted.
            decoded: whether losses on decoded frames take part.
        """
        weights = self.settings.losses
        clean = self.process.clean(output_BTCHH, batch.noisy, batch.base, batch.timesteps)
        losses: Losses = {
            "simple": (weights.simple, denoising_loss(self.process, batch, output_BTCHH, self.cells)),
            "velocity": (weights.velocity, velocity_loss(clean, batch.clean, self.cells)),
        }
        if weights.graph and any(model.graphs()):
            losses["graph"] = (weights.graph, model.graph_regulariser())
        if not decoded or not self.autoencoder:
            return losses
        # where they are rarer they weigh more: the mean of the gradient stays
        often = self.settings.decoded_every
        return losses | {
            name: (often * weight, value) for name, (weight, value) in self._on_frames(batch, clean).items()
        }

    def _on_frames(self, batch: Batch, clean: Tensor) -> Losses:
        """Losses that need the decoded frames; outside the mask the real pixels are pasted back first."""
        weights, settings = self.settings.losses, self.settings
        signal = self.process.signal_share(batch.timesteps)
        gate = x0_gate(signal, batch.timesteps, settings.x0_gate, settings.x0_loss_tmax)
        shape, real = clean.shape[:2], unit_pixels(batch.crops)
        decoded = self.autoencoder.decode(clean.flatten(0, 1)).float().unflatten(0, shape)
        decoded = gated_gradient(decoded, gate)
        losses: Losses = {}
        if weights.perceptual:
            losses["perceptual"] = (weights.perceptual, perceptual_loss(decoded, real, self.pixels))
        pasted = torch.where(self.task.pixels, decoded, real)
        if self.lpips:
            distance = self.lpips(pasted.flatten(0, 1)[..., *self.region], real.flatten(0, 1)[..., *self.region])
            losses["lpips"] = (weights.lpips, distance)
        if self.syncnet:
            losses["sync"] = (weights.sync, sync_loss(self.syncnet(pasted, batch.mel), batch.has_audio))
        if self.videomae:
            losses["trepa"] = (weights.trepa, _trepa(self.videomae, settings.trepa_form, pasted, real))
        return losses


def _trepa(videomae: nn.Module, form: str, generated: Tensor, real: Tensor) -> Tensor:
    pooled = form == "pooled_mse"
    distance = trepa_pooled_mse if pooled else trepa_tubelet_difference
    features = videomae.pooled if pooled else videomae.tubelet_features
    with torch.no_grad():
        target = features(real)
    return distance(features(generated), target)


def _required(name: str, folder: str | None) -> str:
    if folder is None:
        raise ValueError(f"the {name} loss is on but --{name} was not given; set its weight to 0 or name its folder")
    return folder
