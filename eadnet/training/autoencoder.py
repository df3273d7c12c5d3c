"""The latent autoencoder: train the small one on aligned crops or adopt Stable Diffusion's, then cache latents.

Reads clips, writes ``{output}/model.safetensors config.json train.parquet report.json`` and one latents file.
In training half of each batch is masked frames, since the network is shown those too.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from eadnet.config.networks import Autoencoder as Settings
from eadnet.data.clip_set import ClipSet
from eadnet.device import CPU, Device
from eadnet.features.latents import PART
from eadnet.models.autoencoder import make_autoencoder
from eadnet.models.inpainting import Inpainting
from eadnet.training.adoption import load_published, read_published, save_adopted
from eadnet.training.loop import network_loop, step_generator
from eadnet.training.losses import attention_map, perceptual_loss

PUBLISHED = "diffusion_pytorch_model.safetensors"
MEASURED = 64  # frames of the report
KL_WEIGHT = 1e-4


def train_autoencoder(clips: str, settings: Settings, mask: str, seed: int, output: str, device: Device) -> None:
    """Train on the train split, calibrate the latent scale, report the held-out error."""
    train, held_out = ClipSet.read(clips, "train"), ClipSet.read(clips, "test")
    resolution = train.crops[0].shape[1]
    task = Inpainting.make(mask, resolution, settings.factor)
    torch.manual_seed(seed)
    model = make_autoencoder(settings)
    sample = _frames(train, 400, step_generator(seed, 1, 0))
    left_out = model.initialise_linear(sample)
    model.to(device.torch_device)
    weight = attention_map(task.pixels, mouth=3.0, eyes=3.0, outside=0.5).to(device.torch_device)
    loop = network_loop(model, settings, clips, output, seed, device, mask=mask)
    for _, generator in loop:
        frames = _augment(_frames(train, settings.optimiser.batch_size, generator), generator)
        frames[::2] = task.hide(frames[::2])
        frames = frames.to(device.torch_device)
        with device.autocast():
            mean, log_variance = model.posterior(frames)
            noise = torch.randn(mean.shape, generator=generator).to(device.torch_device)
            decoded = model.decode_raw(mean + noise * (log_variance / 2).exp()).float()
        loop.update(
            {
                "reconstruction": (1.0, perceptual_loss(decoded, frames, weight)),
                "kl": (KL_WEIGHT, _divergence(mean.float(), log_variance.float())),
            }
        )
    model.calibrate(sample[:64].to(device.torch_device))
    report = {"pca_variance_left_out": left_out, "held_out": _held_out_error(model, held_out, task, device)}
    loop.finish({"autoencoder": settings.model_dump(mode="json"), "resolution": resolution}, report)


def adopt_autoencoder(
    assets: str | Path,
    settings: Settings,
    output: str,
    clips: str,
    mask: str,
    device: Device = CPU,
) -> None:
    """Make Stable Diffusion's published autoencoder one of our models; report the error on held-out frames.

    Args:
        assets: folder with ``diffusion_pytorch_model.safetensors``.
        settings: of kind `kl`.
        output: folder to write.
        clips: table of all clips.
        mask: generated region, whose error is reported by itself.
        device: where, and in which precision, the error is measured.

    Raises:
        CheckpointError: absent or damaged weights, or of other sizes than the settings.
    """
    from eadnet.models.kl_autoencoder import from_published  # brings diffusers, which takes seconds to import

    path, held_out = Path(assets) / PUBLISHED, ClipSet.read(clips, "test")
    resolution = held_out.crops[0].shape[1]
    model = make_autoencoder(settings).requires_grad_(False)
    load_published(model, from_published(read_published(path)), path)
    task = Inpainting.make(mask, resolution, settings.factor)
    report = {"held_out": _held_out_error(model.to(device.torch_device).eval(), held_out, task, device)}
    save_adopted(output, model, {"autoencoder": settings.model_dump(mode="json"), "resolution": resolution}, report)


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
def _held_out_error(model: nn.Module, clips: ClipSet, task: Inpainting, device: Device) -> dict[str, float]:
    """Peak signal-to-noise ratio in dB of held-out frames, whole and generated region."""
    frames = _frames(clips, MEASURED, step_generator(0, 0, 0))
    with device.autocast():
        parts = [model.decode(model.encode(part.to(device.torch_device))).float().cpu() for part in frames.split(PART)]
    error = (torch.cat(parts).clamp(-1, 1) - frames).square()
    region = error[..., task.pixels]
    return {"psnr": float(10 * (4 / error.mean()).log10()), "psnr_region": float(10 * (4 / region.mean()).log10())}
