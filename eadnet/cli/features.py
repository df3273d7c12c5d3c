"""Command lines of features that are computed once for every clip: audio, latents, encoded captions."""

from pathlib import Path
from typing import Annotated

import typer

from eadnet.cli.one_writer import one_writer
from eadnet.cli.options import (
    AssetsJSON,
    AutoencoderFolder,
    Cache,
    ComputeJSON,
    Mask,
    Seed,
    SettingsJSON,
    ShardTables,
    Version,
)
from eadnet.config.machine import Assets, Compute
from eadnet.config.networks import Audio
from eadnet.config.section import parse

IndexOutput = Annotated[str, typer.Option("--output", help="Index to write; the shards' files stand beside it.")]


@one_writer(file="output")
def encode_audio(
    settings: SettingsJSON,
    seed: Seed,
    clips: ShardTables,
    output: IndexOutput,
    pool: Annotated[str | None, typer.Option(help="Table of all clips, whose sound is the babble of damage.")] = None,
    assets: AssetsJSON = "{}",
    version: Version = 0,
) -> None:
    """Compute the audio features of the clips of some shards."""
    from eadnet.features import audio_encoding

    chosen = parse(Audio, settings)
    if chosen.variants and pool is None:
        raise ValueError("audio.variants is above 0: give --pool, the table of all clips")
    audio_encoding.encode_audio(clips, chosen, seed, output, parse(Assets, assets), pool, version)


@one_writer(file="output")
def encode_latents(
    mask: Mask,
    clips: ShardTables,
    autoencoder: AutoencoderFolder,
    output: IndexOutput,
    compute: ComputeJSON = "{}",
    version: Version = 0,
) -> None:
    """Cache the latents of full and masked frames of the clips of some shards."""
    from eadnet.device import open_device
    from eadnet.features.latents import cache_latents

    cache_latents(clips, autoencoder, mask, output, open_device(parse(Compute, compute)), version)


def encode_captions(
    settings: SettingsJSON,
    captions: Annotated[list[Path], typer.Option(help="Captions tables, one option each.")],
    output: Annotated[Path, typer.Option(help="Token states to write (safetensors).")],
    output_captions: Annotated[Path, typer.Option(help="Table of all captions to write.")],
    assets: AssetsJSON = "{}",
    cache: Cache = None,
) -> None:
    """Join the captions tables and encode each distinct text once."""
    from eadnet import tables
    from eadnet.assets import fetch
    from eadnet.config.captions import Captions
    from eadnet.config.machine import Assets
    from eadnet.config.section import parse
    from eadnet.features.text_cache import encode_file
    from eadnet.features.text_encoder import make_text_encoder
    from eadnet.features.texts import distinct_texts

    chosen = parse(Captions, settings, where="captions")
    folder = fetch(chosen.weights, parse(Assets, assets, where="assets")) if chosen.weights else None
    table = tables.read_tables(list(captions), tables.CAPTIONS)
    texts = distinct_texts(table)
    encoder = make_text_encoder(chosen.encoder, folder)
    done = encode_file(encoder, texts, output, chosen.max_tokens, chosen.batch_size, cache)
    tables.write_table(table, output_captions, tables.CAPTIONS)
    typer.echo(f"{output}: {done.texts} texts of up to {done.longest} tokens, {done.new} of them encoded now")


VERBS = (encode_audio, encode_latents, encode_captions)
