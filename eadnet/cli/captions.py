"""Command lines of captions: measurements of clips, true action units of drawn faces, and the captions.

`caption` with vLLM runs in a separate environment (envs/caption-cpu, envs/caption-gpu), so it imports only numpy,
pyarrow, safetensors and the configuration.
"""

from pathlib import Path
from typing import Annotated

import typer

from eadnet.cli.one_writer import one_writer
from eadnet.cli.options import AssetsJSON, Cache, Seed, SettingsJSON, ShardClips


@one_writer(file="output")
def caption(
    settings: SettingsJSON,
    seed: Seed,
    clips: ShardClips,
    descriptors: Annotated[Path, typer.Option(help="The shard's measurements, written by `describe`.")],
    output: Annotated[Path, typer.Option(help="Captions table to write.")],
    machine: Annotated[str, typer.Option(help="JSON of the section `compute.captioning`.")] = "{}",
    assets: AssetsJSON = "{}",
    cache: Cache = None,
) -> None:
    """Write one caption row for every clip of a shard; an error if there are clips to caption and none is captioned."""
    from eadnet import tables
    from eadnet.captions.answer_cache import AnswerCache
    from eadnet.captions.engines import open_engine
    from eadnet.captions.engines.weights import locate
    from eadnet.captions.failures import nothing_made
    from eadnet.captions.measures.table import read_descriptors
    from eadnet.captions.requests import CaptionError
    from eadnet.captions.rows import caption_rows
    from eadnet.config.captions import Captions
    from eadnet.config.machine import Assets, Captioning
    from eadnet.config.section import parse

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
    if fault := nothing_made(captions):
        typer.echo(
            "\n".join(row["reason"] for row in captions if row["reason"])
        )  # Snakemake deletes a failed job's table
        if not used.allow_none:
            raise CaptionError(f"{fault}; then run again (compute.captioning.allow_none accepts such a shard)")
        typer.echo(fault, err=True)


def describe(
    clips: ShardClips,
    output: Annotated[Path, typer.Option(help="Table of descriptors to write.")],
) -> None:
    """Measure face and voice of every usable clip of a shard."""
    from eadnet import tables
    from eadnet.captions.measures.descriptors import describe_shard
    from eadnet.captions.measures.table import descriptor_rows, write_descriptors
    from eadnet.data.clips import Clip

    rows = tables.read_rows(clips, tables.CLIPS)
    measures = describe_shard([Clip(row) for row in rows if row["status"] == "ok"])
    described = descriptor_rows(rows, measures)
    write_descriptors(described, output)
    typer.echo(f"{output}: {sum(row['status'] == 'ok' for row in described)} of {len(described)} clips measured")


def true_units(
    truth: Annotated[list[Path], typer.Option(help="Truth of a drawn shard, one option each.")],
    output: Annotated[Path, typer.Option(help="Table of true action units to write.")],
    clips: Annotated[
        list[Path] | None, typer.Option(help="Clips table, one option each: rows for its clips and pieces only.")
    ] = None,
) -> None:
    """Collect the true action units of the drawn corpora."""
    from eadnet import tables
    from eadnet.captions.measures.true_units import true_unit_rows, write_true_units

    known = [row["clip_id"] for path in clips for row in tables.read_rows(path, tables.CLIPS)] if clips else None
    rows = true_unit_rows(truth, known)
    write_true_units(rows, output)
    typer.echo(f"{output}: {len(rows)} drawn clips")


VERBS = (describe, true_units, caption)
