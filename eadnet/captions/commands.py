"""Command lines of the caption stages: ``python -m eadnet caption`` and ``python -m eadnet encode-captions``.

`caption` with a language model runs in an environment of its own (envs/caption-cpu, envs/caption-gpu), so it needs
little: numpy, pyarrow, safetensors and the configuration.
"""

from pathlib import Path
from typing import Annotated

import typer

Settings = Annotated[str, typer.Option(help="The `captions` section of the configuration, as JSON.")]
AssetsJSON = Annotated[str, typer.Option(help="The `assets` section of the configuration, as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the caption commands to the command line."""
    app.command("caption")(caption)
    app.command("encode-captions")(encode_captions)


def caption(
    settings: Settings,
    seed: Annotated[int, typer.Option(help="Seed of the choice of words.")],
    clips: Annotated[Path, typer.Option(help="The shard's clips.parquet.")],
    descriptors: Annotated[Path, typer.Option(help="The shard's measures, which `describe` wrote.")],
    output: Annotated[Path, typer.Option(help="Captions table to write.")],
    machine: Annotated[
        str, typer.Option(help="The section `compute.captioning` of the configuration, as JSON.")
    ] = "{}",
    assets: AssetsJSON = "{}",
    cache: Annotated[Path | None, typer.Option(help="Folder of the cache of answers.")] = None,
) -> None:
    """Write one caption row for every clip of a shard."""
    from eadnet import tables
    from eadnet.captions.answer_cache import AnswerCache
    from eadnet.captions.descriptor_table import read_descriptors
    from eadnet.captions.engines import open_engine
    from eadnet.captions.language_model import locate
    from eadnet.captions.outcomes import CaptionError
    from eadnet.captions.rows import caption_rows
    from eadnet.captions.settings import Captioning, Captions
    from eadnet.config import Assets, parse

    chosen, used = parse(Captions, settings, where="captions"), parse(Captioning, machine, where="compute.captioning")
    located = locate(chosen, parse(Assets, assets, where="assets"))
    engine = open_engine(chosen, used, seed, located)
    rows = tables.read_rows(clips, tables.CLIPS)
    measures = read_descriptors(descriptors)
    captions = caption_rows(rows, measures, engine, chosen.labels, used.batch, AnswerCache(cache), typer.echo)
    unreached = [row["reason"] for row in captions if row["faults"] and row["faults"][-1] == "unreachable"]
    if unreached:  # no table: the answers are cached, so the same command only requests the rest
        raise CaptionError(f"{len(unreached)} of {len(captions)} clips got no answer, such as {unreached[0]}")
    tables.write_table(captions, output, tables.CAPTIONS)
    done = sum(row["status"] == "ok" for row in captions)
    typer.echo(f"{output}: {done} of {len(captions)} clips captioned")


def encode_captions(
    settings: Settings,
    captions: Annotated[list[Path], typer.Option(help="Captions tables, one option each.")],
    output: Annotated[Path, typer.Option(help="Token states to write (safetensors).")],
    output_captions: Annotated[Path, typer.Option(help="Table of all captions to write.")],
    assets: AssetsJSON = "{}",
    cache: Annotated[Path | None, typer.Option(help="Folder of the cache of token states.")] = None,
) -> None:
    """Join the captions tables and encode every distinct text of theirs once."""
    from eadnet import tables
    from eadnet.assets import fetch
    from eadnet.captions.settings import Captions
    from eadnet.captions.texts import distinct_texts
    from eadnet.config import Assets, parse
    from eadnet.models.text import make_text_encoder
    from eadnet.models.text_cache import encode_file

    chosen = parse(Captions, settings, where="captions")
    folder = fetch(chosen.weights, parse(Assets, assets, where="assets")) if chosen.weights else None
    table = tables.read_tables(list(captions), tables.CAPTIONS)
    texts = distinct_texts(table)
    encoder = make_text_encoder(chosen.encoder, folder)
    done = encode_file(encoder, texts, output, chosen.max_tokens, chosen.batch_size, cache, _progress)
    tables.write_table(table, output_captions, tables.CAPTIONS)
    typer.echo(f"{output}: {done.texts} texts of up to {done.longest} tokens, {done.new} of them encoded now")


def _progress(done: int, total: int) -> None:
    typer.echo(f"encoded {done} of {total} texts")
