"""Command lines of inference: the test clips of a run or baseline, and a video of any face with any voice."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from eadnet.cli.one_writer import one_writer
from eadnet.cli.options import (
    AutoencoderFolder,
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
    Table,
    TestClips,
    Tokens,
)
from eadnet.config.configuration import BASELINES
from eadnet.config.machine import Compute, DeviceName
from eadnet.config.section import parse
from eadnet.config.synthesis import Synthesis
from eadnet.config.training import Mask as MaskMode

MODEL = "Folder of a pipeline or of a run (results/runs/full/0), or organisation/name on the Hugging Face hub."
RunOrBaseline = Annotated[str, typer.Option(help=f"Name of the run, or a baseline: {', '.join(BASELINES)}.")]
RunFolder = Annotated[str | None, typer.Option(help="Folder of the run; shuffled_audio needs one too.")]


def choose_test_clips(
    clips: Clips,
    count: Annotated[int, typer.Option(min=1, help="Test clips of each corpus.")],
    seed: Seed,
    output: Table,
    draw: Annotated[bool, typer.Option(help="Whether the paper's 30 clips of each corpus are drawn.")] = False,
    counts: Annotated[str, typer.Option(help="JSON of test clips of single corpora, in place of --count.")] = "{}",
) -> None:
    """Choose the test clips that are generated and scored: a balanced choice of each corpus, and the paper's draw."""
    from eadnet.data.selection import write_test_clips

    for line in write_test_clips(clips, count, draw, seed, output, json.loads(counts)):
        typer.echo(line)


@one_writer(folder="output", last="videos.parquet")
def synthesise(
    settings: SettingsJSON,
    run: RunOrBaseline,
    seed: Seed,
    clips: Clips,
    test_clips: TestClips,
    captions: Captions,
    tokens: Tokens,
    audio: Features,
    autoencoder: AutoencoderFolder,
    output: Output,
    corpora: Corpora = None,
    model: RunFolder = None,
    crops: Annotated[str | None, typer.Option(help="Folder that generate-crops wrote.")] = None,
    mask: Mask = "face",
    compute: ComputeJSON = "{}",
) -> None:
    """Generate the test clips of a run or baseline."""
    from eadnet.inference import test_clips as stage

    inputs = _inputs(run, clips, test_clips, captions, tokens, tuple(audio), autoencoder, model, corpora)
    how = parse(Synthesis, settings), parse(Compute, compute)
    stage.synthesise(stage.SynthesisJob(inputs, *how, run, seed, mask, output), crops)


@one_writer(folder="output", last="generated.parquet")
def generate_crops(
    settings: SettingsJSON,
    run: RunOrBaseline,
    seed: Seed,
    clips: Clips,
    test_clips: TestClips,
    captions: Captions,
    tokens: Tokens,
    audio: Features,
    autoencoder: AutoencoderFolder,
    output: Output,
    corpora: Corpora = None,
    model: RunFolder = None,
    mask: Mask = "face",
    compute: ComputeJSON = "{}",
) -> None:
    """The first half of synthesise, without OpenCV and PyAV: crops, of which synthesise --crops makes the videos."""
    from eadnet.inference import test_clips as stage

    inputs = _inputs(run, clips, test_clips, captions, tokens, tuple(audio), autoencoder, model, corpora)
    how = parse(Synthesis, settings), parse(Compute, compute)
    stage.generate_crops(stage.SynthesisJob(inputs, *how, run, seed, mask, output))


def measure_latents(
    settings: SettingsJSON,
    run: Annotated[str, typer.Option(help="Name of the run or variant, for the rows.")],
    seed: Seed,
    model: Annotated[str, typer.Option(help="Folder of the run.")],
    clips: Clips,
    captions: Captions,
    tokens: Tokens,
    audio: Features,
    latents: Latents,
    output: Table,
    corpora: Corpora = None,
    compute: ComputeJSON = "{}",
) -> None:
    """Measure a run's error of the clean latents in one step at fixed timesteps, on the validation clips."""
    from eadnet.inference import latent_errors as stage
    from eadnet.training.batches import TrainingInputs

    inputs = TrainingInputs(clips, captions, tokens, tuple(audio), tuple(latents), tuple(corpora or ()))
    how = parse(Synthesis, settings), parse(Compute, compute)
    count = stage.measure_latents(stage.LatentErrorJob(inputs, *how, model, run, seed), output)
    typer.echo(f"{run}/{seed}: latent errors of {count} validation clips")


def generate(
    model: Annotated[Path, typer.Option(help=MODEL)],
    audio: Annotated[Path, typer.Option(help="Sound that drives the lips; any format.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Video to write (.mp4).")],
    image: Annotated[Path | None, typer.Option(help="Picture of one face; this or --video.")] = None,
    video: Annotated[Path | None, typer.Option(help="Video of one face; this or --image.")] = None,
    text: Annotated[str, typer.Option(help="Guides the expression, in any words.")] = "",
    mask: Annotated[MaskMode | None, typer.Option(help="Generated region; if left out, the one of training.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the noise.")] = 0,
    steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    solver: Annotated[str | None, typer.Option(help="ddim or dpmsolver++.")] = None,
    audio_guidance: Annotated[float | None, typer.Option(help="Guidance of the audio; 1 is none.")] = None,
    text_guidance: Annotated[float | None, typer.Option(help="Guidance of the text; 1 is none.")] = None,
    window: Annotated[int | None, typer.Option(help="Frames denoised together; 0 is all of them.")] = None,
    device: Annotated[DeviceName, typer.Option(help="Where networks run.")] = "auto",
    autoencoder: Annotated[Path | None, typer.Option(help="A run's autoencoder, if not in its results.")] = None,
    configfile: Annotated[Path | None, typer.Option(help="A run's configuration, if not the default one.")] = None,
    progress: Annotated[bool, typer.Option(help="Show progress bars.")] = True,
) -> None:
    """Generate a talking video from a picture or video, a sound and a text."""
    from eadnet.device import settle
    from eadnet.pipeline import open_pipeline

    given = {
        "steps": steps,
        "solver": solver,
        "audio_guidance": audio_guidance,
        "text_guidance": text_guidance,
        "window": window,
    }
    sampling = {name: value for name, value in given.items() if value is not None}
    if window == 0:
        sampling["window"] = None
    config = _read(configfile) if configfile else None
    settle()  # this process runs nothing else, so global settings for reproducible results are safe here
    pipeline = open_pipeline(model, autoencoder, config, Compute(device=device))
    made = pipeline(
        audio=audio,
        image=image,
        video=video,
        text=text,
        output=output,
        mask=mask,
        seed=seed,
        progress=progress,
        **sampling,
    )
    typer.echo(f"{output}: {made.count} frames, {made.count / made.fps:.1f} s")


def _inputs(run: str, *paths: Any) -> Any:
    from eadnet.inference.test_clips import SynthesisInputs

    *files, model, corpora = paths
    if model is None and run not in BASELINES[:3]:
        raise ValueError(f"{run} needs --model, the folder of a trained run")
    return SynthesisInputs(*files, model, tuple(corpora or ()))


def _read(path: Path) -> Any:
    """The configuration of a YAML file; absent keys have their defaults."""
    import yaml

    from eadnet.config.configuration import load
    from eadnet.config.section import ConfigError

    try:
        return load(yaml.safe_load(path.read_text()) or {})
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML ({' '.join(str(error).split())})") from None


VERBS = (choose_test_clips, generate_crops, synthesise, measure_latents, generate)
