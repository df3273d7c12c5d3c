"""Command lines of the caption stages: ``python -m eadnet caption`` and ``python -m eadnet encode-captions``."""

from pathlib import Path
from typing import Annotated

import typer

Settings = Annotated[str, typer.Option(help="The `captions` section of the configuration, as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the caption commands to the command line."""
    app.command("caption")(caption)
    app.command("encode-captions")(encode_captions)


def caption(
    settings: Settings,
    seed: Annotated[int, typer.Option(help="Seed of the choice of words.")],
    clips: Annotated[Path, typer.Option(help="The shard's clips.parquet.")],
    output: Annotated[Path, typer.Option(help="Captions table to write.")],
) -> None:
    """Write one caption row for every clip of a shard."""
    from eadnet import tables
    from eadnet.captions.descriptors import describe_shard
    from eadnet.captions.engines import ENGINES, caption_rows
    from eadnet.clips import Clip
    from eadnet.config import Captions, parse

    chosen = parse(Captions, settings, where="captions")
    rows = tables.read_table(clips, tables.CLIPS).to_dict("records")
    measures = describe_shard([Clip(row) for row in rows if row["status"] == "ok"])
    captions = caption_rows(rows, measures, ENGINES[chosen.engine](seed), chosen.batch_size)
    tables.write_table(captions, output, tables.CAPTIONS)
    done = sum(row["status"] == "ok" for row in captions)
    typer.echo(f"{output}: {done} of {len(captions)} clips captioned")


def encode_captions(
    settings: Settings,
    captions: Annotated[list[Path], typer.Option(help="Captions tables, one option each.")],
    output: Annotated[Path, typer.Option(help="Token states to write (safetensors).")],
    output_captions: Annotated[Path, typer.Option(help="Table of all captions to write.")],
    assets: Annotated[str, typer.Option(help="The `assets` section of the configuration, as JSON.")] = "{}",
) -> None:
    """Join the captions tables and encode every distinct text of theirs once."""
    from eadnet import tables
    from eadnet.assets import fetch
    from eadnet.captions.texts import distinct_texts
    from eadnet.config import Assets, Captions, parse
    from eadnet.models.text import TextTokens, make_text_encoder

    chosen = parse(Captions, settings, where="captions")
    folder = fetch(chosen.weights, parse(Assets, assets, where="assets")) if chosen.weights else None
    table = tables.read_tables(list(captions), tables.CAPTIONS)
    texts = distinct_texts(table)
    encoder = make_text_encoder(chosen.encoder, folder)
    tokens, mask = encoder.encode(texts, chosen.max_tokens, chosen.batch_size, _progress)
    TextTokens(tuple(texts), tokens, mask).save(output)
    tables.write_table(table, output_captions, tables.CAPTIONS)
    typer.echo(f"{output}: {len(texts)} texts of up to {mask.sum(axis=1).max()} tokens")


def _progress(done: int, total: int) -> None:
    typer.echo(f"encoded {done} of {total} texts")
