"""Validation while a network trains: its loss on held-out windows, and a strip of generated frames.

The windows, their noise and their timesteps are the same at every validation, so that the curve is comparable. Strips
are written to ``{output}/validation/step_{n}.png``: truth above, generated below.
"""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from eadnet.config.training import Validation
from eadnet.data.clip_set import stored_pixels, unit_pixels
from eadnet.device import Device
from eadnet.models.loading import load_autoencoder
from eadnet.models.unet.unet import EADNet
from eadnet.provenance import atomic_path
from eadnet.training.batches import Batch, BatchSampler
from eadnet.training.loop import step_generator
from eadnet.training.losses import denoising_loss, simple_weight

BATCH = 2
SEED = 20_000


class Validator:
    """Validates a network on a few fixed windows; without held-out clips it measures nothing.

    Args:
        settings: how often, and on how much.
        held_out: batches of held-out windows; None where there are none.
        autoencoder: folder of the autoencoder.
        device: device and precision.
        output: the stage's folder.
    """

    def __init__(
        self, settings: Validation, held_out: BatchSampler | None, autoencoder: str, device: Device, output: str
    ) -> None:
        self.settings, self.held_out, self.device = settings, held_out, device
        self.autoencoder, self.output = autoencoder, Path(output)
        self.batches: list[Batch] = []
        if held_out is not None:
            self.weight = simple_weight(held_out.task, held_out.settings).to(device.torch_device)
            self.batches = [held_out(BATCH, step_generator(SEED, 0, number)) for number in range(settings.batches)]

    @torch.no_grad()
    def __call__(self, model: EADNet, step: int) -> dict[str, float]:
        """Validation losses, and (on rank 0) a strip."""
        if not self.batches:
            return {}
        training, model = model.training, model.eval()
        losses = torch.stack([self._loss(model, batch.to(self.device.torch_device)) for batch in self.batches])
        if self.device.rank == 0:
            self._write_strip(model, step)
        health = {f"{name}_{key}": value for name, graph in model.graphs() for key, value in graph.health().items()}
        model.train(training)
        return {"validation": losses.mean().item(), **health}

    def strip(self, step: int) -> Path:
        """Where the strip of a step is written."""
        return self.output / "validation" / f"step_{step + 1:06d}.png"

    def _loss(self, model: EADNet, batch: Batch) -> Tensor:
        with self.device.autocast():
            predicted = model(*batch.network_inputs)
        return denoising_loss(self.held_out.process, batch, predicted, self.weight)

    def _write_strip(self, model: EADNet, step: int) -> None:
        """The first window: true frames above, frames denoised from pure noise below."""
        batch = self.batches[0].to(self.device.torch_device)
        latents = self._denoised(model, batch)
        autoencoder = load_autoencoder(self.autoencoder).to(self.device.torch_device)
        chosen = torch.linspace(0, len(latents) - 1, min(self.settings.frames, len(latents))).long()
        with self.device.autocast():
            made = autoencoder.decode(latents[chosen.to(latents.device)]).float()
        truth = unit_pixels(batch.crops[0])[chosen.to(batch.crops.device)]
        pasted = torch.where(self.held_out.task.to(made.device).pixels, made, truth)
        rows = [torch.cat(list(stored_pixels(frames).cpu()), 1) for frames in (truth, pasted)]
        with atomic_path(self.strip(step)) as temporary:
            Image.fromarray(torch.cat(rows, 0).numpy()).save(temporary)

    def _denoised(self, model: EADNet, batch: Batch) -> Tensor:
        """(T, C, H, H) of the first clip, without guidance, from the batch's own noise."""
        solver = self.held_out.process.solver("ddim", self.settings.steps)
        channels, first = batch.clean.shape[2], slice(0, 1)
        sample, fixed = batch.noise[first], batch.inputs[first, :, channels:]
        for timestep in solver.timesteps:
            times = timestep.to(sample.device).expand(1)
            with self.device.autocast():
                output = model(
                    torch.cat([sample, fixed], 2), times, batch.audio[first], batch.text[first], batch.text_mask[first]
                )
            clean = self.held_out.process.clean(output, sample, batch.base[first], times)
            sample = solver.step(clean, timestep, sample).prev_sample
        return sample[0]
