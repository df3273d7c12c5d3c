"""Train the latent autoencoder on aligned crops, then cache the latents of every clip.

Reads clips, writes ``{output}/model.safetensors config.json train.parquet report.json`` and one latents file.
Half of each batch is masked frames, since the network is shown those too.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from eadnet.checkpoint import inputs_digest, load_weights, read_config
from eadnet.config import Autoencoder, parse
from eadnet.dataset import FULL, MASKED, ClipSet
from eadnet.inpainting import Inpainting
from eadnet.losses import attention_map, perceptual_loss
from eadnet.models.autoencoder import LatentAutoencoder
from eadnet.optimisation import Loop, step_generator
from eadnet.precision import autocast
from eadnet.provenance import atomic_path

KL_WEIGHT = 1e-4


def train_autoencoder(clips: str, settings: Autoencoder, mask: str, seed: int, output: str) -> None:
    """Train on the train split, calibrate the latent scale, report the held-out error."""
    train, held_out = ClipSet.read(clips, "train"), ClipSet.read(clips, "test")
    resolution = train.crops[0].shape[1]
    task = Inpainting.make(mask, resolution, settings.factor)
    torch.manual_seed(seed)
    model = LatentAutoencoder(settings)
    sample = _frames(train, 400, step_generator(seed, 1, 0))
    left_out = model.initialise_linear(sample)
    weight = attention_map(task.pixels, mouth=3.0, eyes=3.0, outside=0.5)
    loop = Loop(
        model,
        settings.optimiser,
        output,
        seed,
        {"model": settings.model_dump(), "mask": mask, "inputs": inputs_digest([clips])},
    )
    for _, generator in loop:
        frames = _augment(_frames(train, settings.optimiser.batch_size, generator), generator)
        frames[::2] = task.hide(frames[::2])
        with autocast():
            mean, log_variance = model.posterior(frames)
            noise = torch.randn(mean.shape, generator=generator)
            decoded = model.decode_raw(mean + noise * (log_variance / 2).exp()).float()
        loop.update(
            {
                "reconstruction": (1.0, perceptual_loss(decoded, frames, weight)),
                "kl": (KL_WEIGHT, _divergence(mean.float(), log_variance.float())),
            }
        )
    model.calibrate(sample[:64])
    report = {"pca_variance_left_out": left_out, "held_out": _held_out_error(model, held_out, task)}
    loop.finish({"autoencoder": settings.model_dump(), "resolution": resolution}, report)


def load_autoencoder(folder: str | Path) -> LatentAutoencoder:
    """The frozen autoencoder of a folder that `train_autoencoder` wrote.

    Raises:
        CheckpointError: absent or damaged.
    """
    model = LatentAutoencoder(parse(Autoencoder, read_config(folder, "autoencoder")["autoencoder"]))
    load_weights(folder, model)
    return model.eval().requires_grad_(False)


@torch.no_grad()
def cache_latents(clips: str, autoencoder: str, mask: str, output: str) -> None:
    """Write the latents of full and masked frames of every usable clip to one safetensors file."""
    model, everything = load_autoencoder(autoencoder), ClipSet.read(clips)
    task = Inpainting.make(mask, everything.crops[0].shape[1], model.factor)
    stored: dict[str, list[Tensor]] = {FULL: [], MASKED: []}
    start, row = {}, 0
    for position, clip in enumerate(everything.clips):
        frames = everything.pixels(position, slice(None))
        with autocast():
            stored[FULL].append(model.encode(frames).half())
            stored[MASKED].append(model.encode(task.hide(frames)).half())
        start[clip.clip_id], row = row, row + len(frames)
        if position % 50 == 49:
            print(f"encoded {position + 1}/{len(everything)} clips", flush=True)
    index = torch.tensor(list(json.dumps(start).encode()), dtype=torch.uint8)
    with atomic_path(output) as temporary:
        save_file({name: torch.cat(parts).contiguous() for name, parts in stored.items()} | {"index": index}, temporary)


def _frames(clips: ClipSet, count: int, generator: torch.Generator) -> Tensor:
    which, frame = clips.draw(count, 1, generator)
    return clips.windows(which, frame, 1)[:, 0]


def _augment(frames: Tensor, generator: torch.Generator) -> Tensor:
    """Random gain, tint and channel order, so that unseen people's colours are inside what was trained."""
    count = len(frames)
    gain = 1 + 0.15 * torch.randn((count, 3, 1, 1), generator=generator)
    tint = 0.1 * torch.randn((count, 3, 1, 1), generator=generator)
    order = torch.randperm(3, generator=generator) if torch.rand((), generator=generator) < 0.25 else torch.arange(3)
    return (frames * gain + tint)[:, order].clamp(-1, 1)


def _divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    return (mean.square() + log_variance.exp() - log_variance - 1).mean()


@torch.no_grad()
def _held_out_error(model: LatentAutoencoder, clips: ClipSet, task: Inpainting) -> dict[str, float]:
    """Peak signal-to-noise ratio in dB of held-out frames, whole and generated region."""
    frames = _frames(clips, 200, step_generator(0, 0, 0))
    error = (model.decode(model.encode(frames)).clamp(-1, 1) - frames).square()
    region = error[..., task.pixels]
    return {"psnr": float(10 * (4 / error.mean()).log10()), "psnr_region": float(10 * (4 / region.mean()).log10())}
