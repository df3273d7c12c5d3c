"""Command-line options that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

from eadnet.config.training import Mask as MaskMode

SettingsJSON = Annotated[str, typer.Option(help="JSON of the stage's section of the configuration.")]
ComputeJSON = Annotated[str, typer.Option("--compute", help="JSON of the section `compute`.")]
AssetsJSON = Annotated[str, typer.Option("--assets", help="JSON of the section `assets`.")]
Seed = Annotated[int, typer.Option(help="Seed of the stage.")]

Corpus = Annotated[str, typer.Option(help="A corpus of the configuration, such as mead.")]
Shard = Annotated[str, typer.Option(help="Shard of the corpus: an actor, or 000, 001, ...")]
Root = Annotated[str, typer.Option(help="Folder of the corpus.")]
Corpora = Annotated[list[str] | None, typer.Option(help="A corpus to read; may be repeated. All if left out.")]

Clips = Annotated[str, typer.Option(help="Table of all clips.")]
ShardTables = Annotated[list[str], typer.Option("--clips", help="The clips.parquet of a shard, one option each.")]
ShardClips = Annotated[Path, typer.Option("--clips", help="The shard's clips.parquet.")]
TestClips = Annotated[str, typer.Option(help="Table of the test clips.")]
Captions = Annotated[str, typer.Option(help="Table of all captions.")]
Tokens = Annotated[str, typer.Option(help="Encoded texts.")]
Features = Annotated[list[str], typer.Option("--audio", help="Index of audio features, one option a batch.")]
Latents = Annotated[list[str], typer.Option(help="Index of cached latents, one option a batch of shards.")]
BackboneFolder = Annotated[str, typer.Option("--backbone", help="Folder of the backbone.")]
AutoencoderFolder = Annotated[str, typer.Option("--autoencoder", help="Folder of the autoencoder.")]
Cache = Annotated[Path | None, typer.Option(help="Folder of cached results.")]

Version = Annotated[int, typer.Option(help="Version of the stage: what another one left is made again.")]
Mask = Annotated[MaskMode, typer.Option(help="Generated region.")]
Output = Annotated[str, typer.Option(help="Folder (or file) to write.")]
Table = Annotated[str, typer.Option("--output", help="Table to write.")]
