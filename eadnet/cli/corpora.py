"""Command lines of the corpora: splits, downloads, acquisition, and all clips in one table."""

from collections import Counter
from typing import Annotated

import typer

from eadnet.cli.one_writer import one_writer
from eadnet.cli.options import AssetsJSON, Corpus, Root, SettingsJSON, Shard, Table

EXPECTED = ("ok", "companion", "skipped", "excluded")  # a corpus has thousands of them: counted, not listed


def acquire(
    corpus: Corpus,
    shard: Shard,
    settings: SettingsJSON,
    root: Root,
    output: Table,
) -> None:
    """Write one row for every input of a shard, with status and reason."""
    from eadnet.config.section import parse
    from eadnet.corpora.shards import reader, settings_model
    from eadnet.tables import SOURCES, write_table

    rows = reader(corpus, parse(settings_model(corpus), settings), root, shard).sources()
    write_table(rows, output, SOURCES)
    counts = Counter(row["status"] for row in rows)
    for row in rows:
        if row["status"] not in EXPECTED:
            typer.echo(f"{row['source_id']}: {row['status']}, {row['reason']}")
    others = "".join(f", {count} {status}" for status, count in sorted(counts.items()) if status != "ok")
    typer.echo(f"{counts['ok']} of {len(rows)} sources usable{others}")


def collect_clips(
    output: Table,
    clips: Annotated[
        list[str] | None, typer.Option(help="CLIPS tables of all shards; none if there is no shard.")
    ] = None,
) -> None:
    """Concatenate the shards and choose each person's reference clip."""
    from eadnet.corpora.collection import collect, summary
    from eadnet.tables import CLIPS, read_tables, write_table

    table = collect(read_tables(clips or [], CLIPS))
    write_table(table, output, CLIPS)
    for line in summary(table):
        typer.echo(line)


def fetch_annotations(
    output: Annotated[str, typer.Option(help="Folder to put the annotation files into.")],
    assets: AssetsJSON = "{}",
) -> None:
    """Fetch HDTF's annotation files, checked by their digests."""
    import shutil

    from eadnet.assets import fetch, read_table
    from eadnet.config.machine import Assets
    from eadnet.config.section import parse
    from eadnet.provenance import atomic_path

    folder = fetch("hdtf-annotations", parse(Assets, assets, where="assets"))
    for file in read_table()["hdtf-annotations"]:
        with atomic_path(f"{output}/{file.file}") as temporary:
            shutil.copyfile(folder / file.file, temporary)


@one_writer(folder="root", part="shard", file="output")
def download(
    corpus: Corpus,
    shard: Shard,
    settings: SettingsJSON,
    root: Root,
    output: Table,
) -> None:
    """Fetch the videos or archives of a shard; a failed download is a row with its reason."""
    from pathlib import Path

    from eadnet.config.section import parse
    from eadnet.corpora.download.shard import download_shard
    from eadnet.corpora.shards import settings_model
    from eadnet.tables import DOWNLOADS, write_table

    if corpus not in ("hdtf", "mead", "ravdess"):
        raise ValueError(f"{corpus} cannot be downloaded; only hdtf, mead and ravdess can")
    rows = download_shard(parse(settings_model(corpus), settings), Path(root), shard, report=typer.echo)
    write_table(rows, output, DOWNLOADS)


def splits(
    write: Annotated[bool, typer.Option("--write/--check", help="Write the manifests, or only compare.")],
    annotations: Annotated[
        str | None,
        typer.Option(help="Folder of HDTF's annotation files; without it only MEAD's and RAVDESS's are made."),
    ] = None,
) -> None:
    """Write the manifests of the named splits from their rules, or list those that differ."""
    from eadnet.corpora.split_rules import write_manifests

    faults = write_manifests(annotations, write, typer.echo)
    for fault in faults:
        typer.echo(f"error: {fault}", err=True)
    if faults:
        raise typer.Exit(1)


VERBS = (acquire, collect_clips, fetch_annotations, download, splits)
