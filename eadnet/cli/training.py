"""Command lines of pretraining, training and synthesis; each parses, calls one function and returns."""

from typing import Annotated, Any

import typer

from eadnet.config.configuration import BASELINES
from eadnet.config.machine import Assets, Compute
from eadnet.config.networks import LPIPS, Audio, Autoencoder, SyncNet, VideoMAE
from eadnet.config.section import parse
from eadnet.config.synthesis import Synthesis
from eadnet.config.training import Backbone, Training

Settings = Annotated[str, typer.Option(help="JSON of the stage's config section.")]
ComputeJSON = Annotated[str, typer.Option("--compute", help="JSON of the `compute` section.")]
AssetsJSON = Annotated[str, typer.Option("--assets", help="JSON of the `assets` section.")]
Seed = Annotated[int, typer.Option(help="Seed of the stage.")]
Clips = Annotated[str, typer.Option(help="Table of all clips.")]
Captions = Annotated[str, typer.Option(help="Table of all captions.")]
Tokens = Annotated[str, typer.Option(help="Encoded texts.")]
Features = Annotated[str, typer.Option("--audio", help="Audio features of all clips.")]
Latents = Annotated[str, typer.Option(help="Cached latents.")]
BackboneFolder = Annotated[str, typer.Option("--backbone", help="Folder of the backbone.")]
AutoencoderFolder = Annotated[str, typer.Option("--autoencoder", help="Folder of the autoencoder.")]
Processes = Annotated[int, typer.Option(help="Processes to start, one GPU each; they share every step's work.")]
Mask = Annotated[str, typer.Option(help="Generated region: lower, face or full.")]
TestClips = Annotated[str, typer.Option(help="Table of the test clips to make.")]
Corpora = Annotated[list[str] | None, typer.Option(help="A corpus that is read; once for each. All if left out.")]
Output = Annotated[str, typer.Option(help="Folder (or file) to write.")]


def register(app: typer.Typer) -> None:
    """Add the verbs to the application."""
    app.command("pretrain-autoencoder")(pretrain_autoencoder)
    app.command("pretrain-syncnet")(pretrain_syncnet)
    app.command("pretrain-videomae")(pretrain_videomae)
    app.command("adopt-lpips")(adopt_lpips)
    app.command("encode-audio")(encode_audio)
    app.command("encode-latents")(encode_latents)
    app.command("pretrain-backbone")(pretrain_backbone)
    app.command("filter-clips")(filter_clips)
    app.command("choose-test-clips")(choose_test_clips)
    app.command("train")(train)
    app.command("synthesise")(synthesise)


def pretrain_autoencoder(
    settings: Settings,
    mask: Mask,
    seed: Seed,
    clips: Clips,
    output: Output,
    compute: ComputeJSON = "{}",
    assets: AssetsJSON = "{}",
) -> None:
    """Train the latent autoencoder, or adopt a published one."""
    from eadnet.device import open_machine
    from eadnet.training.autoencoder import adopt_autoencoder, train_autoencoder

    chosen, machine = parse(Autoencoder, settings), open_machine(parse(Compute, compute))
    if chosen.weights:
        adopt_autoencoder(_fetched(chosen.weights, assets), chosen, output, clips, mask, machine)
    else:
        train_autoencoder(clips, chosen, mask, seed, output, machine)


def pretrain_syncnet(
    settings: Settings,
    seed: Seed,
    clips: Clips,
    output: Output,
    compute: ComputeJSON = "{}",
    assets: AssetsJSON = "{}",
) -> None:
    """Train the SyncNet that supervises lip sync, or adopt the published one."""
    from eadnet.device import open_machine
    from eadnet.training.syncnet import adopt_syncnet, train_syncnet

    chosen, machine = parse(SyncNet, settings), open_machine(parse(Compute, compute))
    if chosen.weights:
        adopt_syncnet(_fetched(chosen.weights, assets), chosen, output, clips, machine)
    else:
        train_syncnet(clips, chosen, seed, output, machine)


def pretrain_videomae(
    settings: Settings,
    seed: Seed,
    clips: Clips,
    output: Output,
    compute: ComputeJSON = "{}",
    assets: AssetsJSON = "{}",
) -> None:
    """Train the video masked autoencoder of TREPA, or adopt the published one."""
    from eadnet.device import open_machine
    from eadnet.training.videomae import adopt_videomae, train_videomae

    chosen, machine = parse(VideoMAE, settings), open_machine(parse(Compute, compute))
    if chosen.weights:
        adopt_videomae(_fetched(chosen.weights, assets), chosen, output, clips, machine)
    else:
        train_videomae(clips, chosen, seed, output, machine)


def adopt_lpips(settings: Settings, output: Output, assets: AssetsJSON = "{}") -> None:
    """Make the published perceptual network one of our models."""
    from eadnet.training import lpips

    chosen = parse(LPIPS, settings)
    lpips.adopt_lpips(_fetched(chosen.trunk, assets), _fetched(chosen.heads, assets), output)


def encode_audio(settings: Settings, seed: Seed, clips: Clips, output: Output, assets: AssetsJSON = "{}") -> None:
    """Compute what the network hears of every clip."""
    from eadnet.features import audio_encoding

    audio_encoding.encode_audio(clips, parse(Audio, settings), seed, output, parse(Assets, assets))


def encode_latents(
    mask: Mask, clips: Clips, autoencoder: AutoencoderFolder, output: Output, compute: ComputeJSON = "{}"
) -> None:
    """Cache the latents of full and masked frames of every clip."""
    from eadnet.device import open_machine
    from eadnet.features.latents import cache_latents

    cache_latents(clips, autoencoder, mask, output, open_machine(parse(Compute, compute)))


def pretrain_backbone(
    settings: Settings,
    seed: Seed,
    clips: Clips,
    captions: Captions,
    tokens: Tokens,
    audio_encoding: Features,
    latents: Latents,
    autoencoder: AutoencoderFolder,
    output: Output,
    corpora: Corpora = None,
    processes: Processes = 1,
    compute: ComputeJSON = "{}",
    assets: AssetsJSON = "{}",
) -> None:
    """Stage 1: train the frame-wise backbone (LatentSync's first stage) that all runs share."""
    from eadnet.training.backbone import train_backbone
    from eadnet.training.batches import TrainingInputs
    from eadnet.training.launch import runs_elsewhere

    if runs_elsewhere(processes, parse(Compute, compute)):
        return
    chosen = parse(Backbone, settings)
    inputs = TrainingInputs(clips, captions, tokens, audio_encoding, latents, tuple(corpora or ()))
    published = _fetched(chosen.weights, assets) if chosen.weights else None
    train_backbone(inputs, chosen, parse(Compute, compute), seed, autoencoder, published, output)


def filter_clips(
    clips: Clips,
    captions: Captions,
    tokens: Tokens,
    audio_encoding: Features,
    backbone: BackboneFolder,
    output: Annotated[str, typer.Option(help="Table to write.")],
    corpora: Corpora = None,
    compute: ComputeJSON = "{}",
) -> None:
    """Measure how alike each training clip and its emotion's word are, once the backbone is trained."""
    from eadnet.training.clip_filter import measure_clips

    measure_clips(
        clips, captions, tokens, audio_encoding, backbone, parse(Compute, compute), output, tuple(corpora or ())
    )


def choose_test_clips(
    clips: Clips,
    count: Annotated[int, typer.Option(min=1, help="Test clips of each corpus.")],
    seed: Seed,
    output: Annotated[str, typer.Option(help="Table to write.")],
    draw: Annotated[bool, typer.Option(help="Whether the paper's 30 clips of each corpus are drawn.")] = False,
) -> None:
    """Choose the test clips that are made and scored: a balanced choice of each corpus, and the paper's draw."""
    from eadnet.data.selection import write_test_clips

    for line in write_test_clips(clips, count, draw, seed, output):
        typer.echo(line)


def train(
    settings: Settings,
    run: Annotated[str, typer.Option(help="Name of the run.")],
    seed: Seed,
    clips: Clips,
    captions: Captions,
    tokens: Tokens,
    audio_encoding: Features,
    latents: Latents,
    autoencoder: AutoencoderFolder,
    backbone: BackboneFolder,
    output: Output,
    syncnet: Annotated[str | None, typer.Option(help="Folder of SyncNet, where its loss is on.")] = None,
    videomae: Annotated[str | None, typer.Option(help="Folder of VideoMAE, where its loss is on.")] = None,
    lpips: Annotated[str | None, typer.Option(help="Folder of LPIPS, where its loss is on.")] = None,
    filter: Annotated[str | None, typer.Option(help="Table of filter-clips, where the run's filter is on.")] = None,
    processes: Processes = 1,
    compute: ComputeJSON = "{}",
) -> None:
    """Stage 2: train one run: EAD-Net as published, LatentSync, an ablation, or an extension of ours."""
    from eadnet.training.batches import TrainingInputs
    from eadnet.training.launch import runs_elsewhere
    from eadnet.training.objective import Supervisors
    from eadnet.training.run import train_run

    if runs_elsewhere(processes, parse(Compute, compute)):
        return
    chosen, machine = parse(Training, settings), parse(Compute, compute)
    inputs = TrainingInputs(clips, captions, tokens, audio_encoding, latents, tuple(chosen.corpora or ()))
    supervisors = Supervisors(autoencoder, syncnet, videomae, lpips)
    train_run(inputs, chosen, machine, run, seed, backbone, supervisors, output, filter)


def synthesise(
    settings: Settings,
    run: Annotated[str, typer.Option(help=f"Name of the run, or a baseline: {', '.join(BASELINES)}.")],
    seed: Seed,
    clips: Clips,
    test_clips: TestClips,
    captions: Captions,
    tokens: Tokens,
    audio_encoding: Features,
    autoencoder: AutoencoderFolder,
    output: Output,
    corpora: Corpora = None,
    model: Annotated[str | None, typer.Option(help="Folder of the run; shuffled_audio needs one too.")] = None,
    crops: Annotated[str | None, typer.Option(help="Folder that the generate verb of eadnet.node wrote.")] = None,
    mask: Mask = "face",
    compute: ComputeJSON = "{}",
) -> None:
    """Make the test clips of a run or baseline."""
    from eadnet.inference.test_clips import SynthesisInputs
    from eadnet.inference.test_clips import synthesise as make_videos

    if model is None and run not in BASELINES[:3]:
        raise ValueError(f"{run} needs --model, the folder of a trained run")
    inputs = SynthesisInputs(
        clips, test_clips, captions, tokens, audio_encoding, autoencoder, model, tuple(corpora or ())
    )
    make_videos(inputs, parse(Synthesis, settings), parse(Compute, compute), run, seed, mask, output, crops)


def _fetched(name: str, assets: str) -> Any:
    """The folder of a published asset; its files are checked, and downloaded where that is allowed."""
    from eadnet.assets import fetch

    return fetch(name, parse(Assets, assets))
