"""Command line of preprocessing: the sources of a shard become clips."""

from typing import Annotated

import typer

from eadnet.cli.options import AssetsJSON, Corpus, Root, SettingsJSON, Shard, Version


def preprocess(
    corpus: Corpus,
    shard: Shard,
    corpus_settings: Annotated[str, typer.Option(help="JSON of the corpus's section of the configuration.")],
    settings: SettingsJSON,
    root: Root,
    sources: Annotated[str, typer.Option(help="SOURCES table of the shard.")],
    output: Annotated[str, typer.Option(help="Folder to write the shard to.")],
    assets: AssetsJSON = "{}",
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the sources.")] = 1,
    version: Version = 0,
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


VERBS = (preprocess,)
