"""Command lines of acquisition and preprocessing; each parses, calls one function and returns."""

from collections import Counter
from typing import Annotated

import typer

EXPECTED = ("ok", "companion", "skipped", "excluded")  # thousands in a corpus of several views: counted, not listed

Corpus = Annotated[str, typer.Option(help="A corpus of the configuration, such as mead.")]
Shard = Annotated[str, typer.Option(help="Shard of the corpus: an actor, or 000, 001, ...")]
Root = Annotated[str, typer.Option(help="Folder that holds the corpus.")]


def register(app: typer.Typer) -> None:
    """Add the verbs to the application."""
    app.command("acquire")(acquire)
    app.command("preprocess")(preprocess)
    app.command("collect-clips")(collect_clips)


def acquire(
    corpus: Corpus,
    shard: Shard,
    settings: Annotated[str, typer.Option(help="JSON of the corpus's config section.")],
    root: Root,
    output: Annotated[str, typer.Option(help="SOURCES table to write.")],
) -> None:
    """Account for every input of a shard."""
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


def preprocess(
    corpus: Corpus,
    shard: Shard,
    corpus_settings: Annotated[str, typer.Option(help="JSON of the corpus's config section.")],
    settings: Annotated[str, typer.Option(help="JSON of the config section `preprocess`.")],
    root: Root,
    sources: Annotated[str, typer.Option(help="SOURCES table of the shard.")],
    output: Annotated[str, typer.Option(help="Folder to write the shard to.")],
    assets: Annotated[str, typer.Option(help="JSON of the config section `assets`.")] = "{}",
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the sources.")] = 1,
    version: Annotated[int, typer.Option(help="Version of the stage: parts of another one are made again.")] = 0,
) -> None:
    """Normalise, align and gate the clips of a shard."""
    from eadnet.config.machine import Assets
    from eadnet.config.preprocessing import Preprocess
    from eadnet.config.section import parse
    from eadnet.corpora.shards import reader, settings_model
    from eadnet.preprocessing.shard import preprocess_shard
    from eadnet.tables import SOURCES, read_table

    chosen = reader(corpus, parse(settings_model(corpus), corpus_settings), root, shard)
    table = read_table(sources, SOURCES)
    gates, published = parse(Preprocess, settings), parse(Assets, assets, where="assets")
    preprocess_shard(chosen, table, gates, output, workers, version, published, report=typer.echo)


def collect_clips(
    clips: Annotated[list[str], typer.Option(help="CLIPS tables of all shards.")],
    output: Annotated[str, typer.Option(help="CLIPS table to write.")],
) -> None:
    """Concatenate the shards and choose everybody's reference clip."""
    from eadnet.corpora.collection import collect, summary
    from eadnet.tables import CLIPS, read_tables, write_table

    table = collect(read_tables(clips, CLIPS))
    write_table(table, output, CLIPS)
    for line in summary(table):
        typer.echo(line)
