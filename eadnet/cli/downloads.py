"""Command lines of downloads; each parses, calls one function and returns."""

import shutil
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verbs to the application."""
    app.command("fetch-annotations")(fetch_annotations)
    app.command("download")(download)


def fetch_annotations(
    output: Annotated[str, typer.Option(help="Folder to put the annotation files into.")],
    assets: Annotated[str, typer.Option(help="JSON of the config section `assets`.")] = "{}",
) -> None:
    """Fetch HDTF's annotation files, checked by their digests."""
    from eadnet.assets import fetch, read_table
    from eadnet.config.machine import Assets
    from eadnet.config.section import parse
    from eadnet.provenance import atomic_path

    folder = fetch("hdtf-annotations", parse(Assets, assets, where="assets"))
    for file in read_table()["hdtf-annotations"]:
        with atomic_path(f"{output}/{file.file}") as temporary:
            shutil.copyfile(folder / file.file, temporary)


def download(
    corpus: Annotated[str, typer.Option(help="hdtf, mead or ravdess.")],
    shard: Annotated[str, typer.Option(help="Shard of the corpus: an actor, or 000, 001, ...")],
    settings: Annotated[str, typer.Option(help="JSON of the corpus's config section.")],
    root: Annotated[str, typer.Option(help="Folder to download to.")],
    output: Annotated[str, typer.Option(help="DOWNLOADS table to write.")],
) -> None:
    """Fetch the videos or archives of a shard; what does not come is a row."""
    from pathlib import Path

    from eadnet.config.section import parse
    from eadnet.corpora.download.shard import download_shard
    from eadnet.corpora.shards import settings_model
    from eadnet.tables import DOWNLOADS, write_table

    if corpus not in ("hdtf", "mead", "ravdess"):
        raise ValueError(f"{corpus} cannot be downloaded; only hdtf, mead and ravdess can")
    rows = download_shard(parse(settings_model(corpus), settings), Path(root), shard, report=typer.echo)
    write_table(rows, output, DOWNLOADS)
