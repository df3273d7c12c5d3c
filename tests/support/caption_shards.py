"""Shards of made-up clips with measures, and the command `caption` on some of them at once."""

import json
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from eadnet import tables
from eadnet.captions.measures.descriptors import FULL_STRENGTH, Descriptors
from eadnet.captions.measures.table import descriptor_rows, write_descriptors
from eadnet.captions.measures.voice import Voice
from eadnet.cli.main import command_line

MEASURES = Descriptors(dict.fromkeys(FULL_STRENGTH, 0.3), True, 0.05, 0.0, (0.0, 0.0), 15.0, "static", Voice(0, 0, 0))


def write_shard(folder: Path, statuses: list[str], shard: str = "M003", prefix: str = "clip") -> Path:
    """Clips with a status each, labelled sad and happy in turn; those that are usable have measures, but `no_measures`
    ones. Returns the folder."""
    rows = []
    for number, status in enumerate(statuses):
        known = {
            "clip_id": f"{prefix}_{number}",
            "corpus": "mead",
            "shard": shard,
            "emotion": ("sad", "happy")[number % 2],
        }
        usable = "ok" if status == "no_measures" else status
        rows.append(dict.fromkeys(tables.CLIPS.names) | known | {"sha256": f"{number:064x}", "status": usable})
    measures = {
        row["clip_id"]: "a face in only 2 frames" if status == "no_measures" else MEASURES
        for row, status in zip(rows, statuses, strict=True)
        if row["status"] == "ok"
    }
    folder.mkdir(parents=True, exist_ok=True)
    tables.write_table(rows, folder / "clips.parquet", tables.CLIPS)
    write_descriptors(descriptor_rows(rows, measures), folder / "descriptors.parquet")
    return folder


def caption(shards: list[Path], output: Path, settings: dict, cache: Path | None = None, **machine: object) -> Result:
    """Caption shards, given by their folders, in one job."""
    words = [word for shard in shards for name in ("clips", "descriptors")
             for word in (f"--{name}", str(shard / f"{name}.parquet"))]  # fmt: skip
    named = {"output": output, "seed": 0, "settings": json.dumps({"compared": {}} | settings)}
    named |= {"machine": json.dumps(machine)} | ({"cache": cache} if cache else {})
    words += [word for name, value in named.items() for word in (f"--{name}", str(value))]
    return CliRunner().invoke(command_line(), ["caption", *words])
