"""Command line of the protocol: ``python -m metrics`` list, document and score, and the verbs of the workflow's stages.

Each command parses, calls and returns; heavy imports happen inside it, so that start-up stays light.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from eadnet.cli.packages import raise_or_explain
from eadnet.config.machine import Assets
from eadnet.config.section import parse
from metrics import commands

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Score talking-head videos by one protocol.",
    pretty_exceptions_enable=False,
)
commands.register(app)


def main() -> None:
    """Run a command; a fault that the user can mend is one line on standard error and exit status 1."""
    try:
        app()
    except ModuleNotFoundError as error:
        raise_or_explain(error)
    except (ValueError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)


@app.command("list")
def list_metrics(
    metrics: Annotated[str, typer.Option(help="Families, by comma; all by default.")] = "",
) -> None:
    """Print every metric key with version, level, unit, range, direction, evaluator and meaning."""
    from metrics.documentation import list_table
    from metrics.spec import family

    families = commands.names(metrics)
    typer.echo(list_table(tuple(family(name).name for name in families)))


@app.command()
def document(
    into: Annotated[Path | None, typer.Option(help="File to write it into, below its line <!-- generated -->.")] = None,
) -> None:
    """Print the generated part of docs/metrics.md, or write it into the file."""
    from metrics.documentation import document as markdown
    from metrics.documentation import replaced

    if into is None:
        typer.echo(markdown(), nl=False)
        return
    text = replaced(into.read_text(encoding="utf-8"))
    into.write_text(text, encoding="utf-8")
    typer.echo(f"wrote: {into}")


@app.command()
def score(
    generated: Annotated[Path, typer.Option(help="Folder of the videos to be scored.")],
    reference: Annotated[Path, typer.Option(help="Folder of the true videos, of the same names.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Parquet file for the scores.")],
    metrics: Annotated[str, typer.Option(help="Families, by comma.")] = "image,lip_sync,landmarks,expression,temporal",
    run: Annotated[str, typer.Option(help="Name of the method, for the rows.")] = "",
    labels: Annotated[Path | None, typer.Option(help="CSV with clip_id, emotion, level, speaker.")] = None,
    judges: Annotated[Path | None, typer.Option(help="Folder of trained judges (results/judges).")] = None,
    assets: Annotated[str, typer.Option(help="JSON of the section `assets`: where published weights lie.")] = "{}",
    mask: Annotated[str, typer.Option(help="Which pixels of the crop count as generated.")] = "face",
    resolution: Annotated[int, typer.Option(min=32, help="Side of the aligned crops, in pixels.")] = 256,
    cells: Annotated[int, typer.Option(min=0, help="Cells a side of the mask's grid; 0: as 8-pixel cells make.")] = 0,
    work: Annotated[Path | None, typer.Option(help="Folder to keep clips, crops and features in.")] = None,
) -> None:
    """Score a folder of videos against a folder of references: anybody's, without the workflow."""
    from metrics.references import Alignment, read_labels
    from metrics.scoring import Settings
    from metrics.spec import check_families
    from metrics.standalone import Job, score_folder
    from metrics.summary import summary_table

    families = commands.names(metrics)
    check_families(families)
    settings = Settings(
        judges, mask, resolution, cells or commands.cells(resolution), parse(Assets, assets, where="assets"),
        work and work / "features",
    )  # fmt: skip
    job = Job(
        generated, reference, families, run or generated.resolve().name, read_labels(labels) if labels else {},
        Alignment(resolution), work,
    )  # fmt: skip
    rows = score_folder(job, settings, output, typer.echo)
    typer.echo(summary_table(rows))
