"""Error of a run's one-step estimate of the clean latents at fixed timesteps, on the validation clips.

Every frame gets noise of its own, the same for every run and training seed, so that two runs differ by their networks
alone. Nothing is sampled: x_t is made of the true latents, and the network's estimate of x_0 is compared with them. A
validation measure of this benchmark; the test clips are never read.

A clip is taken in consecutive windows as long as those of training. Where they do not fit, the last one ends with the
clip and counts only the frames that no window before it holds, so that every frame counts once; a clip that is shorter
than a window is one window. Text, audio and reference frame are those of synthesis, without guidance.

Shape legend: T frames of a clip, N timesteps, C latent channels, H latent side.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from eadnet.config.machine import Compute
from eadnet.config.section import parse
from eadnet.config.synthesis import Synthesis
from eadnet.config.training import Diffusion
from eadnet.data.clip_set import ClipSet
from eadnet.data.clips import Clip, ClipError
from eadnet.device import Device, open_device
from eadnet.diffusion import Process
from eadnet.faces.landmarks import restful_frame
from eadnet.faces.regions import MOUTH_CENTRE, MOUTH_RADII
from eadnet.features.latents import FULL, MASKED, Latents
from eadnet.features.text_source import TextSource
from eadnet.inference.sampler import Conditions, derived_seed, frame_noise, smoothed
from eadnet.inference.test_clips import features_of
from eadnet.models.inpainting import Inpainting
from eadnet.models.loading import load_run
from eadnet.models.unet.audio_tokens import hide_beyond
from eadnet.provenance import commit
from eadnet.tables import LATENT_ERRORS, write_table
from eadnet.training.batches import TrainingInputs
from eadnet.training.losses import EYE_ROWS

REGIONS = ("eyes", "mouth", "face")
TIMESTEPS = (300, 600)
SEED = 30_000
"""Of the noise of all runs; a clip derives its own seed from it and its name."""


@dataclass(frozen=True)
class LatentErrorJob:
    """The latent errors of one run, or of a variant that filters its estimates.

    Attributes:
        inputs: what the run was trained on.
        settings: guiding text, and weight of the filter over time (`smoothing`); nothing else is used.
        compute: how the machine is used.
        model: folder of the run.
        run: name of the run or variant, for the rows.
        seed: training seed, for the rows.
    """

    inputs: TrainingInputs
    settings: Synthesis
    compute: Compute
    model: str
    run: str
    seed: int


class OneStepEstimator:
    """A network's estimates of clean latents from one step at each of `TIMESTEPS`.

    Args:
        model: the frozen network, on the device; called as `EADNet`.
        config: of its run (``config.json``).
        side: H.
        device: device and precision.
    """

    def __init__(self, model: nn.Module, config: dict, side: int, device: Device) -> None:
        self.model, self.device = model, device
        self.process = Process(parse(Diffusion, config["diffusion"]))
        self.window = config["training"]["frames"]
        task = Inpainting.make(config["mask"], side * config["factor"], config["factor"])
        self.task, self.cells = task.to(device.torch_device), task.cells

    @torch.inference_mode()
    def __call__(self, clean_TCHH: Tensor, conditions: Conditions, seed: int) -> Tensor:
        """(N, T, C, H, H) float32 estimates of a clip on the CPU; its noise depends on seed and frame number alone."""
        noise = frame_noise((1, *clean_TCHH.shape), 0.0, seed)[0]
        estimates = torch.empty(len(TIMESTEPS), *clean_TCHH.shape)
        for begin, first, last in windows(len(clean_TCHH), self.window):
            span = slice(begin, last)
            found = self._window(clean_TCHH[span], noise[span], _part(conditions, span))
            estimates[:, first:last] = found[:, first - begin :]
        return estimates

    def _window(self, clean_TCHH: Tensor, noise_TCHH: Tensor, conditions: Conditions) -> Tensor:
        """(N, T, C, H, H) of one window: always the same batch, so that its bits depend on no other window."""
        count, place = len(TIMESTEPS), self.device.torch_device
        clean, noise, masked, reference, audio, text, mask = (
            tensor.to(place).expand(count, *tensor.shape)
            for tensor in (clean_TCHH, noise_TCHH, *_network_conditions(conditions))
        )
        times = torch.tensor(TIMESTEPS, device=place)
        noisy = self.process.add_noise(clean, noise, times)
        with self.device.autocast():
            output = self.model(self.task.inputs(noisy, masked, reference), times, audio, text, mask)
        return self.process.clean(output, noisy, self.task.base(masked, reference), times).cpu()


def measure_latents(job: LatentErrorJob, output: str | Path) -> int:
    """Write the errors of one run on the validation clips of its corpora, a row a clip, region and timestep.

    Args:
        job: what is measured.
        output: LATENT_ERRORS table to write; without rows where no clip is kept out of training.

    Returns:
        Number of clips.

    Raises:
        CheckpointError: the run is absent, damaged, or hears other audio features.
    """
    try:
        clips = ClipSet.read(job.inputs.clips, "validation", job.inputs.corpora)
    except ClipError as reason:
        print(f"no latent error: {reason}", flush=True)
        clips = None
    rows = [] if clips is None else list(_rows(job, clips))
    write_table(rows, output, LATENT_ERRORS)
    return 0 if clips is None else len(clips)


def _rows(job: LatentErrorJob, clips: ClipSet) -> Iterator[dict]:
    """Rows of all clips, by name."""
    latents = Latents.read(job.inputs.latents)
    device = open_device(job.compute)
    model, config = load_run(job.model, latents.shape[0])
    estimator = OneStepEstimator(model.to(device.torch_device), config, latents.shape[-1], device)
    read = ClipReader(job, config, latents)
    regions = {name: region_cells(name, estimator.cells) for name in REGIONS}
    stamp = {"run": job.run, "seed": job.seed, "model_commit": config.get("commit"), "commit": commit()}
    for clip in sorted(clips.clips, key=lambda clip: clip.clip_id):
        clean = read.clean(clip)
        estimates = estimator(clean, read.conditions(clip), derived_seed(SEED, clip.clip_id))
        about = {"clip_id": clip.clip_id, "corpus": clip.row["corpus"], "n_frames": len(clean)}
        for timestep, estimate in zip(TIMESTEPS, estimates, strict=True):
            filtered = smoothed(estimate, job.settings.smoothing)
            for region, cells in regions.items():
                yield stamp | about | {"region": region, "timestep": timestep} | error_of(filtered, clean, cells)


class ClipReader:
    """Reads what clips are generated from, as in synthesis, but from the stored latents of training.

    Args:
        job: names the files and the guiding text.
        config: of the run.
        latents: of all usable clips.
    """

    def __init__(self, job: LatentErrorJob, config: dict, latents: Latents) -> None:
        inputs, self.config, self.latents, self.text = job.inputs, config, latents, job.settings.text
        usable = ClipSet.read(inputs.clips)
        self.named = {clip.clip_id: clip for clip in usable.clips}
        self.start = dict(zip(self.named, latents.offsets(usable).tolist(), strict=True))
        self.texts = TextSource(inputs.captions, inputs.tokens, config["training"]["text"])
        self.audio = features_of(inputs.audio, config["audio"], job.model)

    def clean(self, clip: Clip) -> Tensor:
        """(T, C, H, H) float32 latents of the true frames."""
        return self.latents.take(FULL, self._rows(clip)).float()

    def conditions(self, clip: Clip) -> Conditions:
        """What the clip is generated from; the reference frame is that of synthesis."""
        frames = torch.arange(clip.row["n_frames"])
        shown = self.named[clip.row["reference"]]
        reference = self._rows(shown)[restful_frame(shown.landmarks)]
        states, mask = self.texts.encode([self.texts.guiding_text(clip, self.text)])
        audio = self.audio.windows([clip.clip_id], frames[None])[0]
        return Conditions(
            masked=self.latents.take(MASKED, self._rows(clip)).float(),
            reference=self.latents.take(FULL, reference[None])[0].float(),
            audio=hide_beyond(audio, self.config["audio"], self.config["training"]["visible"]),
            text=states[0],
            text_mask=mask[0],
        )

    def _rows(self, clip: Clip) -> Tensor:
        """(T,) rows of a clip's latents."""
        return self.start[clip.clip_id] + torch.arange(clip.row["n_frames"])


def windows(frames: int, window: int) -> Iterator[tuple[int, int, int]]:
    """(begin, first, last) of a clip's windows: each takes the frames begin ... last - 1 and counts those from `first`.

    Args:
        frames: T.
        window: frames of a window; the last one begins earlier than it counts where T is no multiple.
    """
    for first in range(0, frames, window):
        last = min(first + window, frames)
        yield max(0, last - window), first, last


def region_cells(region: str, generated_HH: Tensor) -> Tensor:
    """(H, H) bool: the generated cells whose centre lies in one of `REGIONS`.

    These are the rows of eyes and brows as in the losses, the mouth's ellipse (`eadnet.faces.regions`), and everything.
    """
    side = len(generated_HH)
    centres = (torch.arange(side) + 0.5) / side
    rows, columns = (centres - MOUTH_CENTRE[0]) / MOUTH_RADII[0], (centres - MOUTH_CENTRE[1]) / MOUTH_RADII[1]
    inside = {
        "eyes": ((centres > EYE_ROWS[0]) & (centres < EYE_ROWS[1]))[:, None],
        "mouth": rows[:, None] ** 2 + columns[None] ** 2 <= 1,
        "face": torch.ones(1, 1, dtype=torch.bool),
    }
    return generated_HH & inside[region]


def error_of(estimate_TCHH: Tensor, clean_TCHH: Tensor, cells_HH: Tensor) -> dict:
    """Mean squared error in some cells, and the variance there of the clean latents around each channel's mean.

    Both are means over frames, channels and cells, in float64. An estimate that is the mean latent of the cells has an
    error of that variance.

    Returns:
        The columns cells, error and variance of LATENT_ERRORS; the last two are None without a cell.
    """
    estimate, clean = (latents[:, :, cells_HH].double() for latents in (estimate_TCHH, clean_TCHH))
    if not cells_HH.any():
        return {"cells": 0, "error": None, "variance": None}
    spread = clean - clean.mean((0, 2), keepdim=True)
    return {
        "cells": int(cells_HH.sum()),
        "error": (estimate - clean).square().mean().item(),
        "variance": spread.square().mean().item(),
    }


def _part(conditions: Conditions, span: slice) -> Conditions:
    """The conditions of some of a clip's frames."""
    return Conditions(
        conditions.masked[span], conditions.reference, conditions.audio[span], conditions.text, conditions.text_mask
    )


def _network_conditions(conditions: Conditions) -> tuple[Tensor, ...]:
    """Masked and reference latents, both (T, C, H, H), audio, text and its mask."""
    masked = conditions.masked
    return masked, conditions.reference.expand_as(masked), conditions.audio, conditions.text, conditions.text_mask
