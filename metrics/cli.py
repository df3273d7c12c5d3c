"""Command line of the protocol: ``python -m metrics`` list, document, train-judge, measure, score, summarise.

Each command parses, calls and returns; heavy imports happen inside it, so that start-up stays light.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Score talking-head videos by one protocol.",
    pretty_exceptions_enable=False,
)

Clips = Annotated[Path, typer.Option(help="Table of the preprocessed clips.")]
Resolution = Annotated[int, typer.Option(min=1, help="Height and width of the aligned crops, in pixels.")]


def main() -> None:
    """Run a command; a fault that the user can mend is one line on standard error and exit status 1."""
    try:
        app()
    except (ValueError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)


@app.command("list")
def list_metrics() -> None:
    """Print every metric key with version, level, unit, direction and meaning."""
    from metrics.spec import list_table

    typer.echo(list_table())


@app.command()
def document() -> None:
    """Print the generated part of docs/metrics.md."""
    from metrics.spec import document as markdown

    typer.echo(markdown(), nl=False)


@app.command()
def train_judge(
    judge: Annotated[str, typer.Option(help="sync, emotion or video.")],
    settings: Annotated[str, typer.Option(help="JSON of the judge's configuration section.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of the whole workflow.")],
    clips: Clips,
    output: Annotated[Path, typer.Option(help="Folder for model, config and report.")],
) -> None:
    """Train a judge on real train clips and test it on held-out ones."""
    from eadnet.config import Judge, parse
    from metrics.judge_training import train_judge as train

    report = train(judge, parse(Judge, settings, where=f"judges.{judge}"), seed, clips, output, typer.echo)
    numbers = ", ".join(f"{name} {value:.3f}" for name, value in report.items() if isinstance(value, float))
    typer.echo(f"{judge}: {numbers or report['reason']}")


@app.command()
def measure(
    videos: Annotated[Path, typer.Option(help="Table of generated videos.")],
    clips: Clips,
    resolution: Resolution,
    output: Annotated[Path, typer.Option(help="Folder for crops, landmarks and the table of measurements.")],
) -> None:
    """Decode generated videos once: aligned crops and landmarks."""
    from metrics.extractors import measure_videos

    measured = measure_videos(videos, clips, resolution, output, typer.echo)
    typer.echo(f"{measured} videos measured")


@app.command()
def score(
    family: Annotated[str, typer.Option(help="Metric family; `python -m metrics list` names them.")],
    measurements: Annotated[Path, typer.Option(help="Folder that `measure` wrote.")],
    clips: Clips,
    mask: Annotated[str, typer.Option(help="What is generated: lower, face or full.")],
    resolution: Resolution,
    cells: Annotated[int, typer.Option(min=1, help="Latent cells a side, the grid of the mask.")],
    run: Annotated[str, typer.Option(help="Name of the run.")],
    seed: Annotated[int, typer.Option(min=0, help="Training seed of the run.")],
    output: Annotated[Path, typer.Option(help="Parquet file for the scores.")],
    judges: Annotated[Path | None, typer.Option(help="Folder of the judges; for families that need one.")] = None,
) -> None:
    """Score one run by one family."""
    from metrics.scoring import Settings, score_family

    settings = Settings(judges, mask, resolution, cells)
    count = score_family(family, measurements, clips, settings, run, seed, output)
    typer.echo(f"{run}/{seed} {family}: {count} values")


@app.command()
def summarise(
    scores: Annotated[list[Path], typer.Option(help="Score tables; give the option once for each.")],
    bootstrap: Annotated[int, typer.Option(min=1, help="Bootstrap replicates.")],
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="Confidence of the intervals.")],
    output_scores: Annotated[Path, typer.Option(help="Parquet file for all scores.")],
    output_summary: Annotated[Path, typer.Option(help="Parquet file for the summary.")],
) -> None:
    """Join all scores and summarise them."""
    from metrics.aggregate import summarise as join

    summary = join(scores, bootstrap, confidence, output_scores, output_summary)
    typer.echo(f"{len(summary)} rows of summary from {len(scores)} tables")
