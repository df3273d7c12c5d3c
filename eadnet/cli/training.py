"""Command lines of training: the networks that supervise, stage 1 (backbone), the clip filter, stage 2 (run)."""

from typing import Annotated, Any

import typer

from eadnet.cli.one_writer import one_writer
from eadnet.cli.options import (
    AssetsJSON,
    AutoencoderFolder,
    BackboneFolder,
    Captions,
    Clips,
    ComputeJSON,
    Corpora,
    Features,
    Latents,
    Mask,
    Output,
    Seed,
    SettingsJSON,
    Tokens,
)
from eadnet.config.machine import Assets, Compute
from eadnet.config.networks import LPIPS, Autoencoder, SyncNet, VideoMAE
from eadnet.config.section import parse
from eadnet.config.training import Backbone, Training


@one_writer(folder="output", last="model.safetensors")
def pretrain_autoencoder(
    settings: SettingsJSON,
    mask: Mask,
    seed: Seed,
    clips: Clips,
    output: Output,
    compute: ComputeJSON = "{}",
    assets: AssetsJSON = "{}",
) -> None:
    """Train the latent autoencoder, or adopt a published one."""
    from eadnet.device import open_device
    from eadnet.training.autoencoder import adopt_autoencoder, train_autoencoder

    chosen, device = parse(Autoencoder, settings), open_device(parse(Compute, compute))
    if chosen.weights:
        adopt_autoencoder(_fetched(chosen.weights, assets), chosen, output, clips, mask, device)
    else:
        train_autoencoder(clips, chosen, mask, seed, output, device)


@one_writer(folder="output", last="model.safetensors")
def pretrain_syncnet(
    settings: SettingsJSON,
    seed: Seed,
    clips: Clips,
    output: Output,
    compute: ComputeJSON = "{}",
    assets: AssetsJSON = "{}",
) -> None:
    """Train the SyncNet that supervises lip sync, or adopt the published one."""
    from eadnet.device import open_device
    from eadnet.training.syncnet import adopt_syncnet, train_syncnet

    chosen, device = parse(SyncNet, settings), open_device(parse(Compute, compute))
    if chosen.weights:
        adopt_syncnet(_fetched(chosen.weights, assets), chosen, output, clips, device)
    else:
        train_syncnet(clips, chosen, seed, output, device)


@one_writer(folder="output", last="model.safetensors")
def pretrain_videomae(
    settings: SettingsJSON,
    seed: Seed,
    clips: Clips,
    output: Output,
    compute: ComputeJSON = "{}",
    assets: AssetsJSON = "{}",
) -> None:
    """Train the video masked autoencoder of TREPA, or adopt the published one."""
    from eadnet.device import open_device
    from eadnet.training.videomae import adopt_videomae, train_videomae

    chosen, device = parse(VideoMAE, settings), open_device(parse(Compute, compute))
    if chosen.weights:
        adopt_videomae(_fetched(chosen.weights, assets), chosen, output, clips, device)
    else:
        train_videomae(clips, chosen, seed, output, device)


def adopt_lpips(settings: SettingsJSON, output: Output, assets: AssetsJSON = "{}") -> None:
    """Convert the published perceptual network to our model format."""
    from eadnet.training import lpips

    chosen = parse(LPIPS, settings)
    lpips.adopt_lpips(_fetched(chosen.trunk, assets), _fetched(chosen.heads, assets), output)


@one_writer(folder="output", last="model.safetensors")
def pretrain_backbone(
    settings: SettingsJSON,
    seed: Seed,
    clips: Clips,
    captions: Captions,
    tokens: Tokens,
    audio: Features,
    latents: Latents,
    autoencoder: AutoencoderFolder,
    output: Output,
    corpora: Corpora = None,
    compute: ComputeJSON = "{}",
    assets: AssetsJSON = "{}",
) -> None:
    """Stage 1: train the frame-wise backbone (LatentSync's first stage) that all runs share."""
    from eadnet.training.backbone import train_backbone
    from eadnet.training.batches import TrainingInputs
    from eadnet.training.launch import runs_elsewhere

    chosen = parse(Backbone, settings)
    if runs_elsewhere(chosen, parse(Compute, compute)):
        return
    inputs = TrainingInputs(clips, captions, tokens, tuple(audio), tuple(latents), tuple(corpora or ()))
    published = _fetched(chosen.weights, assets) if chosen.weights else None
    train_backbone(inputs, chosen, parse(Compute, compute), seed, autoencoder, published, output)


def filter_clips(
    clips: Clips,
    captions: Captions,
    tokens: Tokens,
    audio: Features,
    backbone: BackboneFolder,
    output: Annotated[str, typer.Option(help="Table to write.")],
    corpora: Corpora = None,
    compute: ComputeJSON = "{}",
) -> None:
    """Measure the cosine of each training clip's features and its emotion's word, with the trained backbone."""
    from eadnet.training.clip_filter import measure_clips

    measure_clips(clips, captions, tokens, audio, backbone, parse(Compute, compute), output, tuple(corpora or ()))


@one_writer(folder="output", last="model.safetensors")
def train(
    settings: SettingsJSON,
    run: Annotated[str, typer.Option(help="Name of the run.")],
    seed: Seed,
    clips: Clips,
    captions: Captions,
    tokens: Tokens,
    audio: Features,
    latents: Latents,
    autoencoder: AutoencoderFolder,
    backbone: BackboneFolder,
    output: Output,
    syncnet: Annotated[str | None, typer.Option(help="Folder of SyncNet, if its loss is on.")] = None,
    videomae: Annotated[str | None, typer.Option(help="Folder of VideoMAE, if its loss is on.")] = None,
    lpips: Annotated[str | None, typer.Option(help="Folder of LPIPS, if its loss is on.")] = None,
    filter: Annotated[str | None, typer.Option(help="Table of filter-clips, if the run's filter is on.")] = None,
    compute: ComputeJSON = "{}",
) -> None:
    """Stage 2: train one run: EAD-Net as published, LatentSync, an ablation, or one of our extensions."""
    from eadnet.training.batches import TrainingInputs
    from eadnet.training.launch import runs_elsewhere
    from eadnet.training.objective import Supervisors
    from eadnet.training.run import train_run

    chosen = parse(Training, settings)
    if runs_elsewhere(chosen, parse(Compute, compute)):
        return
    inputs = TrainingInputs(clips, captions, tokens, tuple(audio), tuple(latents), tuple(chosen.corpora or ()))
    supervisors = Supervisors(autoencoder, syncnet, videomae, lpips)
    train_run(inputs, chosen, parse(Compute, compute), run, seed, backbone, supervisors, output, filter)


def _fetched(name: str, assets: str) -> Any:
    """The folder of a published asset; its files are checked, and downloaded if that is allowed."""
    from eadnet.assets import fetch

    return fetch(name, parse(Assets, assets))


VERBS = (pretrain_autoencoder, pretrain_syncnet, pretrain_videomae, adopt_lpips, pretrain_backbone, filter_clips, train)
