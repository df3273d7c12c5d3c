"""Command line of the pipeline: ``python -m eadnet generate``."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

Device = Literal["auto", "cpu", "cuda"]
MODEL = "Folder of a pipeline or of a run (results/runs/full/0), or organisation/name on the Hugging Face hub."
Region = Literal["lower", "face", "wide_lower", "wide_face", "latentsync", "full"]


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("generate")(generate)


def generate(
    model: Annotated[Path, typer.Option(help=MODEL)],
    audio: Annotated[Path, typer.Option(help="Sound that drives the lips; any format.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Video to write (.mp4).")],
    image: Annotated[Path | None, typer.Option(help="Picture of one face; this or --video.")] = None,
    video: Annotated[Path | None, typer.Option(help="Video of one face; this or --image.")] = None,
    text: Annotated[str, typer.Option(help="Guides the expression, in any words.")] = "",
    mask: Annotated[
        Region | None, typer.Option(help="Generated region; the one it was trained with if left out.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the noise.")] = 0,
    steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    solver: Annotated[str | None, typer.Option(help="ddim or dpmsolver++.")] = None,
    audio_guidance: Annotated[float | None, typer.Option(help="Guidance of the audio; 1 is none.")] = None,
    text_guidance: Annotated[float | None, typer.Option(help="Guidance of the text; 1 is none.")] = None,
    window: Annotated[int | None, typer.Option(help="Frames denoised together; 0 is all of them.")] = None,
    device: Annotated[Device, typer.Option(help="Where networks run.")] = "auto",
    autoencoder: Annotated[Path | None, typer.Option(help="A run's autoencoder, if not in its results.")] = None,
    configfile: Annotated[Path | None, typer.Option(help="A run's configuration, if not the default one.")] = None,
    progress: Annotated[bool, typer.Option(help="Show progress bars.")] = True,
) -> None:
    """Make a face speak: a picture or video, a sound and a text become a video."""
    from eadnet.config.machine import Compute
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
    settle()  # the process is the command's own: the same command makes the same video
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


def _read(path: Path) -> Any:
    """The configuration of a file; what it does not say is the default."""
    import yaml

    from eadnet.config.configuration import load
    from eadnet.config.section import ConfigError

    try:
        return load(yaml.safe_load(path.read_text()) or {})
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML ({' '.join(str(error).split())})") from None
