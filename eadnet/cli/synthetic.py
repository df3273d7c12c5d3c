"""Command lines that draw the synthetic corpora; each parses, calls one function and returns."""

from pathlib import Path
from typing import Annotated

import typer

from eadnet.config.corpora import HDTF, SyntheticMEAD, SyntheticRAVDESS
from eadnet.config.section import parse

Settings = Annotated[str, typer.Option(help="JSON of the corpus's config section.")]
Seed = Annotated[int, typer.Option(help="Seed of the drawn people and of what they say.")]
Output = Annotated[Path, typer.Option(help="Folder to write.")]
Truth = Annotated[Path, typer.Option(help="Safetensors file for what was drawn.")]


def register(app: typer.Typer) -> None:
    """Add the verbs to the application."""
    app.command("render-mead")(render_mead)
    app.command("render-hdtf-annotations")(render_hdtf_annotations)
    app.command("render-hdtf")(render_hdtf)
    app.command("render-ravdess")(render_ravdess)


def render_mead(
    settings: Settings,
    seed: Seed,
    actor: Annotated[str, typer.Option(help="MEAD actor, e.g. M003.")],
    output: Output,
    truth: Truth,
) -> None:
    """Draw one actor: video.tar and audio.tar."""
    from eadnet.synthetic import render

    count = render.render_mead(parse(SyntheticMEAD, settings), seed, actor, output, truth)
    print(f"{actor}: {count} clips drawn")


def render_hdtf_annotations(settings: Settings, seed: Seed, output: Output) -> None:
    """Write HDTF's annotation files for the drawn people; they do not depend on the seed."""
    from eadnet.synthetic import render

    render.write_hdtf_annotations(parse(HDTF, settings), output)


def render_hdtf(
    settings: Settings,
    seed: Seed,
    shard: Annotated[str, typer.Option(help="Group of people, e.g. 000.")],
    output: Output,
    truth: Truth,
) -> None:
    """Draw the videos of one shard's people."""
    from eadnet.synthetic import render

    count = render.render_hdtf(parse(HDTF, settings), seed, shard, output, truth)
    print(f"shard {shard}: {count} intervals drawn")


def render_ravdess(
    settings: Settings,
    seed: Seed,
    actor: Annotated[str, typer.Option(help="RAVDESS actor, e.g. A01.")],
    output: Output,
    truth: Truth,
) -> None:
    """Draw one actor: the archives of speech and of song."""
    from eadnet.synthetic import render_ravdess

    count = render_ravdess.render_ravdess(parse(SyntheticRAVDESS, settings), seed, actor, output, truth)
    print(f"{actor}: {count} clips drawn")
