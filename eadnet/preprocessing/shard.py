"""A whole shard: every usable source becomes clips, whatever happens in between.

``python -m eadnet preprocess`` reads the shard's sources table and media, and writes ``clips.parquet`` (last, so that
its presence means a whole shard), ``{crops,audio,landmarks}.safetensors`` (see ``eadnet.data.clips``) and, for the test
split, ``source/{clip_id}.mp4``, the 25 fps video that generated faces are pasted back into. Every usable source gives
at least one row; a clip that fails a gate keeps what was measured, with a status and a reason.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pandas as pd

from eadnet.assets import AssetError, AssetSettings, accepted_digests, fetch
from eadnet.config.preprocessing import Preprocess
from eadnet.corpora.sources import ClipSource, Reader
from eadnet.faces.detectors.interface import WEIGHTS
from eadnet.media.faults import is_full
from eadnet.preprocessing.clip import Weights, quality_note
from eadnet.preprocessing.parts import Parts
from eadnet.preprocessing.workers import ShardJob, run_all
from eadnet.progress import progress_bar
from eadnet.tables import CLIPS, write_table


def preprocess_shard(
    reader: Reader,
    sources: pd.DataFrame,
    settings: Preprocess,
    folder: str | Path,
    workers: int = 1,
    version: int = 0,
    assets: AssetSettings | None = None,
    report: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Turn the usable sources of a shard into clips and write them.

    Killed and called again, it goes on with the sources that are not finished; the result is the same, and the same for
    any number of workers.

    Args:
        reader: the shard's reader.
        sources: its SOURCES table.
        settings: rates, resolution and gates.
        folder: where the shard's files go; an earlier shard there is replaced.
        workers: processes that share the sources.
        version: of this code, as the workflow counts it: parts of another version are made again.
        assets: where published weights lie, for the detectors and the judge that need any.
        report: called with one line per clip.

    Returns:
        The rows of ``clips.parquet``, one per clip, usable or not.

    Raises:
        OSError: the folder cannot be written to; finished clips are kept.
        eadnet.assets.AssetError: published weights are absent; without those of quality a clip's `reason` has a note.
    """
    folder = Path(folder)
    weights = _weights(settings, assets, report)
    digests = dict(zip(sources["source_id"], sources["sha256"], strict=True))
    accepted = accepted_digests([name for name in _names(settings) if name], assets) if assets else {}
    parts = Parts(folder, settings, version, digests, weights.quality is not None, accepted)
    job = ShardJob(reader, settings, weights, parts, folder / "source")
    with _full_disk_explained(folder):
        (folder / "clips.parquet").unlink(missing_ok=True)
        table = _finish(folder, parts, _rows(job, reader.clips(sources), workers, report), sources)
    report(_summary(table))
    return table


@contextmanager
def _full_disk_explained(folder: Path) -> Iterator[None]:
    """A full disk as one line with the fix."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise OSError(
            f"{folder}: no space left on the disk; make room and run again: finished clips are kept"
        ) from None


def _weights(settings: Preprocess, assets: AssetSettings | None, report: Callable[[str], None]) -> Weights:
    """Published weights that these settings need; fetched before any worker asks for them.

    Quality alone may go unmeasured: what it judges is usable without.
    """
    *names, quality = _names(settings)
    needed = Weights(*(fetch(name, assets) if name else None for name in names))
    if quality is None:
        return needed
    try:
        return replace(needed, quality=fetch(quality, assets))
    except AssetError as error:
        report(f"{quality_note(settings)} ({error})")
        return needed


def _names(settings: Preprocess) -> tuple[str | None, str | None, str | None]:
    """Published weights of the detector, of the sound's offset and of the quality; None where there are none."""
    return WEIGHTS[settings.detector], settings.sync_weights, settings.quality_weights


def _rows(job: ShardJob, offered: list[ClipSource], workers: int, report: Callable[[str], None]) -> list[dict]:
    """All rows, in the order in which the sources are offered."""
    rows = {source.clip_id: job.parts.load(source) for source in offered}
    todo = [source for source in offered if rows[source.clip_id] is None]
    if len(todo) < len(offered):
        report(f"{len(offered) - len(todo)} of {len(offered)} sources kept from an earlier run")
    with progress_bar("clips", len(todo), "sources") as bar:
        for source, made in run_all(job, todo, workers):
            rows[source.clip_id] = made
            for row in made:
                report(_outcome(row))
            bar.update()
    return [row for source in offered for row in rows[source.clip_id]]


def _finish(folder: Path, parts: Parts, rows: list[dict], sources: pd.DataFrame) -> pd.DataFrame:
    """Join the parts, write the table last, and drop what belongs to no clip any more."""
    paths = parts.join(row["clip_id"] for row in rows if row["status"] == "ok")
    files = {"video": paths["crops"], "audio": paths["audio"], "landmarks": paths["landmarks"]}
    named = {key: sources[key].iloc[0] for key in ("corpus", "shard")} if len(sources) else {}
    table = pd.DataFrame([row | files | named for row in rows], columns=CLIPS.names)
    write_table(table, folder / "clips.parquet", CLIPS)
    kept = {Path(path).name for path in table["source"].dropna()}
    for path in (folder / "source").glob("*"):
        if path.name not in kept:
            path.unlink()
    parts.clear()
    return table


def _outcome(row: dict) -> str:
    frames = f"{row['n_frames']} frames" if row["n_frames"] else ""
    return f"{row['clip_id']}: {row['status']} {row['reason'] or frames}".rstrip()


def _summary(table: pd.DataFrame) -> str:
    refused = Counter(table["status"][table["status"] != "ok"])
    causes = "".join(f", {count} {status}" for status, count in sorted(refused.items()))
    return f"{(table['status'] == 'ok').sum()} of {len(table)} clips usable{causes}"
