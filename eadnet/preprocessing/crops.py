"""Crops that are not kept: dropped when all that reads them is done, and made again when something has to read them.

At the scale of the paper crops are 0.9 TB (4.8 million frames of 256 x 256 pixels in 3 bytes), twelve times the
latents. With ``preprocess.keep_crops`` off the workflow drops them behind the report; a job that reads crops asks for
them first (rules `restore_crops`, `drop_crops`). They are made again by preprocessing the shard once more, from the
same sources with the same settings, and count only if each clip's are those of the clips table.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from eadnet.assets import AssetSettings
from eadnet.config.preprocessing import Preprocess
from eadnet.config.section import parse
from eadnet.corpora.shards import reader, settings_model
from eadnet.data.clips import ClipError
from eadnet.jobs.ownership import owned
from eadnet.preprocessing.shard import preprocess_shard
from eadnet.progress import progress_bar
from eadnet.tables import CLIPS, SOURCES, read_rows, read_table

SCRATCH = ".again-"
PART = "crops"
"""Part of a shard's folder that one job at a time restores or drops."""
WAIT = 86_400.0
"""Seconds to wait for another job that restores a shard: it saves doing the same, however long it takes."""


@dataclass(frozen=True)
class Recipe:
    """How the shards' crops were made.

    Attributes:
        corpora: of each corpus, the JSON of its section (`settings`) and its folder (`root`).
        sources: folder of the SOURCES tables, ``{corpus}/{shard}.parquet``.
        settings: of preprocessing.
        version: of preprocessing, as the workflow counts it.
        assets: where published weights lie.
        workers: processes that share the sources of a shard.
    """

    corpora: Mapping[str, Mapping[str, str]]
    sources: Path
    settings: Preprocess
    version: int
    assets: AssetSettings
    workers: int


def restore_crops(table: str | Path, recipe: Recipe, report: Callable[[str], None] = print) -> None:
    """Make the crops of all shards whose file is absent; several jobs that do so make each shard once.

    Args:
        table: of all clips.
        recipe: how they were made.
        report: called with one line per shard.

    Raises:
        ClipError: a shard's crops are no longer those of the table.
    """
    shards = _shards(table)
    absent = {path: rows for path, rows in shards.items() if not path.exists()}
    report(f"crops of {len(shards) - len(absent)} of {len(shards)} shards are there")
    with progress_bar("crops", len(absent), "shards") as bar:
        for path, rows in absent.items():
            with owned(path.parent, PART, wait=WAIT):
                if not path.exists():  # jobs that read crops restore them side by side
                    _restore(path, rows, recipe)
                    report(f"{path}: made again")
            bar.update()


def drop_crops(table: str | Path, waiting: Iterable[Path], report: Callable[[str], None] = print) -> None:
    """Delete the crops of all shards, unless a job still reads them.

    Args:
        table: of all clips.
        waiting: marks of jobs that read crops (rule `restore_crops`).
        report: called with one line.
    """
    held = [path.stem for path in waiting]
    if held:
        report(f"crops are kept: {', '.join(sorted(held))} may read them; run again when nothing runs")
        return
    paths = [path for path in _shards(table) if path.exists()]
    size = sum(path.stat().st_size for path in paths)
    for path in paths:
        path.unlink()
        _clear(path)
    report(f"crops of {len(paths)} shards dropped, {size / 1e6:.0f} MB")


def _shards(table: str | Path) -> dict[Path, list[dict]]:
    """The usable clips of every shard, by the file of its crops."""
    shards: dict[Path, list[dict]] = {}
    for row in read_rows(table, CLIPS):
        if row["status"] == "ok":
            shards.setdefault(Path(row["video"]), []).append(row)
    return shards


def _clear(path: Path) -> None:
    """Remove what a job left that was killed while it restored a shard."""
    for left in path.parent.glob(f"{SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)


def _restore(path: Path, rows: list[dict], recipe: Recipe) -> None:
    """Preprocess a shard beside itself and take the crops."""
    corpus, shard = rows[0]["corpus"], rows[0]["shard"]
    origin = recipe.corpora[corpus]
    chosen = reader(corpus, parse(settings_model(corpus), origin["settings"]), origin["root"], shard)
    sources = read_table(recipe.sources / corpus / f"{shard}.parquet", SOURCES)
    _clear(path)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=SCRATCH) as scratch:
        made = preprocess_shard(
            chosen, sources, recipe.settings, scratch, recipe.workers, recipe.version, recipe.assets, lambda line: None
        )
        digests = dict(zip(made["clip_id"], made["sha256"], strict=True))
        other = [row["clip_id"] for row in rows if digests.get(row["clip_id"]) != row["sha256"]]
        if other:
            fix = "preprocess the shard again: snakemake --cores all --forcerun preprocess_shard"
            raise ClipError(f"{other[0]}: its crops, made again, are others than those of the table; {fix}")
        Path(scratch, path.name).replace(path)
