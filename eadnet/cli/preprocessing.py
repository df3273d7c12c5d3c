"""Command lines of preprocessing: the sources of a shard become clips; crops that are not kept."""

import json
from pathlib import Path
from typing import Annotated

import typer

from eadnet.cli.one_writer import one_writer
from eadnet.cli.options import AssetsJSON, Clips, Corpus, Root, SettingsJSON, Shard, Version

Workers = Annotated[int, typer.Option(min=1, help="Processes that share the sources.")]


@one_writer(folder="output", last="clips.parquet")
def preprocess(
    corpus: Corpus,
    shard: Shard,
    corpus_settings: Annotated[str, typer.Option(help="JSON of the corpus's section of the configuration.")],
    settings: SettingsJSON,
    root: Root,
    sources: Annotated[str, typer.Option(help="SOURCES table of the shard.")],
    output: Annotated[str, typer.Option(help="Folder to write the shard to.")],
    assets: AssetsJSON = "{}",
    workers: Workers = 1,
    version: Version = 0,
) -> None:
    """Normalise, align and gate the clips of a shard."""
    from eadnet.preprocessing.second_try import survive_one_death

    if workers == 1:  # several survive by themselves
        survive_one_death()
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


def restore_crops(
    clips: Clips,
    corpora: Annotated[str, typer.Option(help="JSON: of each corpus its folder, root, and its section, settings.")],
    settings: SettingsJSON,
    sources: Annotated[Path, typer.Option(help="Folder of the SOURCES tables, {corpus}/{shard}.parquet.")],
    output: Annotated[Path, typer.Option(help="Mark to leave when all crops are there.")],
    assets: AssetsJSON = "{}",
    workers: Workers = 1,
    version: Version = 0,
) -> None:
    """Make the crops again that are not there."""
    from eadnet.config.machine import Assets
    from eadnet.config.preprocessing import Preprocess
    from eadnet.config.section import parse
    from eadnet.preprocessing import crops

    published = parse(Assets, assets, where="assets")
    chosen = parse(Preprocess, settings)
    recipe = crops.Recipe(json.loads(corpora), sources, chosen, version, published, workers)
    crops.restore_crops(clips, recipe, report=typer.echo)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.touch()


def drop_crops(
    clips: Clips,
    ready: Annotated[Path, typer.Option(help="Folder of the marks of jobs that read crops.")],
    output: Annotated[Path, typer.Option(help="Text file to write: what was dropped.")],
) -> None:
    """Delete the crops of all shards, unless a job still reads them."""
    from eadnet.preprocessing import crops

    lines: list[str] = []
    crops.drop_crops(clips, ready.glob("*.ready"), report=lines.append)
    typer.echo("\n".join(lines))
    output.write_text("\n".join(lines) + "\n", encoding="utf-8")


VERBS = (preprocess, restore_crops, drop_crops)
