"""Command lines that draw the synthetic corpora."""

from pathlib import Path
from typing import Annotated

import typer

from eadnet.cli.options import Seed, SettingsJSON
from eadnet.config.corpora import HDTF, SyntheticMEAD, SyntheticRAVDESS
from eadnet.config.section import parse

Folder = Annotated[Path, typer.Option("--output", help="Folder to write.")]
Truth = Annotated[Path, typer.Option(help="Safetensors file for what was drawn.")]


def render_mead(
    settings: SettingsJSON,
    seed: Seed,
    actor: Annotated[str, typer.Option(help="MEAD actor, e.g. M003.")],
    output: Folder,
    truth: Truth,
) -> None:
    """Draw one actor: video.tar and audio.tar."""
    from eadnet.synthetic import render

    count = render.render_mead(parse(SyntheticMEAD, settings), seed, actor, output, truth)
    print(f"{actor}: {count} clips drawn")


def render_hdtf_annotations(settings: SettingsJSON, seed: Seed, output: Folder) -> None:
    """Write HDTF's annotation files for the drawn people; they do not depend on the seed."""
    from eadnet.synthetic import render

    render.write_hdtf_annotations(parse(HDTF, settings), output)


def render_hdtf(
    settings: SettingsJSON,
    seed: Seed,
    shard: Annotated[str, typer.Option(help="Group of people, e.g. 000.")],
    output: Folder,
    truth: Truth,
) -> None:
    """Draw the videos of one shard's people."""
    from eadnet.synthetic import render

    count = render.render_hdtf(parse(HDTF, settings), seed, shard, output, truth)
    print(f"shard {shard}: {count} intervals drawn")


def render_ravdess(
    settings: SettingsJSON,
    seed: Seed,
    actor: Annotated[str, typer.Option(help="RAVDESS actor, e.g. A01.")],
    output: Folder,
    truth: Truth,
) -> None:
    """Draw one actor: the archives of speech and of song."""
    from eadnet.synthetic import render_ravdess

    count = render_ravdess.render_ravdess(parse(SyntheticRAVDESS, settings), seed, actor, output, truth)
    print(f"{actor}: {count} clips drawn")


VERBS = (render_mead, render_hdtf_annotations, render_hdtf, render_ravdess)
