"""Command lines of pretraining, training and synthesis; each parses, calls one function and returns."""

from typing import Annotated

import typer

from eadnet.config import BASELINES, Autoencoder, Backbone, SyncNet, Synthesis, Training, VideoMAE, parse

Settings = Annotated[str, typer.Option(help="JSON of the stage's config section.")]
Seed = Annotated[int, typer.Option(help="Seed of the stage.")]
Clips = Annotated[str, typer.Option(help="Table of all clips.")]
Captions = Annotated[str, typer.Option(help="Table of all captions.")]
Tokens = Annotated[str, typer.Option(help="Encoded texts.")]
Latents = Annotated[str, typer.Option(help="Cached latents.")]
AutoencoderFolder = Annotated[str, typer.Option("--autoencoder", help="Folder of the trained autoencoder.")]
Mask = Annotated[str, typer.Option(help="Generated region: lower, face or full.")]
Output = Annotated[str, typer.Option(help="Folder (or file) to write.")]


def register(app: typer.Typer) -> None:
    """Add the verbs to the application."""
    app.command("pretrain-autoencoder")(pretrain_autoencoder)
    app.command("pretrain-syncnet")(pretrain_syncnet)
    app.command("pretrain-videomae")(pretrain_videomae)
    app.command("encode-latents")(encode_latents)
    app.command("pretrain-backbone")(pretrain_backbone)
    app.command("train")(train)
    app.command("synthesise")(synthesise)


def pretrain_autoencoder(settings: Settings, mask: Mask, seed: Seed, clips: Clips, output: Output) -> None:
    """Train the latent autoencoder."""
    from eadnet.precision import settle
    from eadnet.pretraining.autoencoder import train_autoencoder

    settle()
    train_autoencoder(clips, parse(Autoencoder, settings), mask, seed, output)


def pretrain_syncnet(settings: Settings, seed: Seed, clips: Clips, output: Output) -> None:
    """Train the SyncNet that supervises lip sync."""
    from eadnet.precision import settle
    from eadnet.pretraining.syncnet import train_syncnet

    settle()
    train_syncnet(clips, parse(SyncNet, settings), seed, output)


def pretrain_videomae(settings: Settings, seed: Seed, clips: Clips, output: Output) -> None:
    """Train the video masked autoencoder of TREPA."""
    from eadnet.precision import settle
    from eadnet.pretraining.videomae import train_videomae

    settle()
    train_videomae(clips, parse(VideoMAE, settings), seed, output)


def encode_latents(mask: Mask, clips: Clips, autoencoder: AutoencoderFolder, output: Output) -> None:
    """Cache the latents of full and masked frames of every clip."""
    from eadnet.pretraining.autoencoder import cache_latents

    cache_latents(clips, autoencoder, mask, output)


def pretrain_backbone(
    settings: Settings,
    seed: Seed,
    clips: Clips,
    captions: Captions,
    tokens: Tokens,
    latents: Latents,
    autoencoder: AutoencoderFolder,
    output: Output,
) -> None:
    """Stage 1: train the frame-wise backbone that all runs share."""
    from eadnet.pretraining.backbone import train_backbone
    from eadnet.sampling import TrainingInputs

    inputs = TrainingInputs(clips, captions, tokens, latents, autoencoder)
    train_backbone(inputs, parse(Backbone, settings), seed, output)


def train(
    settings: Settings,
    run: Annotated[str, typer.Option(help="Name of the run.")],
    seed: Seed,
    clips: Clips,
    captions: Captions,
    tokens: Tokens,
    latents: Latents,
    autoencoder: AutoencoderFolder,
    backbone: Annotated[str, typer.Option(help="Folder of the backbone.")],
    output: Output,
    syncnet: Annotated[str | None, typer.Option(help="Folder of SyncNet, where its loss is on.")] = None,
    videomae: Annotated[str | None, typer.Option(help="Folder of VideoMAE, where its loss is on.")] = None,
) -> None:
    """Stage 2: train one run."""
    from eadnet.sampling import TrainingInputs
    from eadnet.train import train_run

    inputs = TrainingInputs(clips, captions, tokens, latents, autoencoder)
    train_run(inputs, parse(Training, settings), run, seed, backbone, syncnet, videomae, output)


def synthesise(
    settings: Settings,
    run: Annotated[str, typer.Option(help=f"Name of the run, or a baseline: {', '.join(BASELINES)}.")],
    seed: Seed,
    clips: Clips,
    captions: Captions,
    tokens: Tokens,
    autoencoder: AutoencoderFolder,
    output: Output,
    model: Annotated[str | None, typer.Option(help="Folder of the run; shuffled_audio needs one too.")] = None,
    mask: Mask = "face",
) -> None:
    """Make the test clips of a run or baseline."""
    from eadnet.synthesis import SynthesisInputs
    from eadnet.synthesis import synthesise as make_videos

    if model is None and run not in BASELINES[:3]:
        raise ValueError(f"{run} needs --model, the folder of a trained run")
    inputs = SynthesisInputs(clips, captions, tokens, autoencoder, model)
    make_videos(inputs, parse(Synthesis, settings), run, seed, mask, output)
