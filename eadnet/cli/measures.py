"""Command lines of measuring: ``python -m eadnet describe`` and ``python -m eadnet true-units``."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    app.command("describe")(describe)
    app.command("true-units")(true_units)


def describe(
    clips: Annotated[Path, typer.Option(help="The shard's clips.parquet.")],
    output: Annotated[Path, typer.Option(help="Table of descriptors to write.")],
) -> None:
    """Measure face and voice of every usable clip of a shard."""
    from eadnet import tables
    from eadnet.captions.measures.descriptors import describe_shard
    from eadnet.captions.measures.table import descriptor_rows, write_descriptors
    from eadnet.data.clips import Clip

    rows = tables.read_rows(clips, tables.CLIPS)
    measures = describe_shard([Clip(row) for row in rows if row["status"] == "ok"])
    described = descriptor_rows(rows, measures)
    write_descriptors(described, output)
    typer.echo(f"{output}: {sum(row['status'] == 'ok' for row in described)} of {len(described)} clips measured")


def true_units(
    truth: Annotated[list[Path], typer.Option(help="Truth of a drawn shard, one option each.")],
    output: Annotated[Path, typer.Option(help="Table of what was drawn to write.")],
    clips: Annotated[
        list[Path] | None, typer.Option(help="Clips table, one option each: rows for its clips and pieces alone.")
    ] = None,
) -> None:
    """Collect what the faces of the drawn corpora really do."""
    from eadnet import tables
    from eadnet.captions.measures.true_units import true_unit_rows, write_true_units

    known = [row["clip_id"] for path in clips for row in tables.read_rows(path, tables.CLIPS)] if clips else None
    rows = true_unit_rows(truth, known)
    write_true_units(rows, output)
    typer.echo(f"{output}: {len(rows)} drawn clips")
