"""Footage with a real face, made from a public photograph: moving pictures, their sound, and a shard of them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import skimage.data

from eadnet.config.corpora import FolderCorpus
from eadnet.config.preprocessing import Preprocess
from eadnet.corpora.folder import FolderReader
from eadnet.media.writing import write_video
from eadnet.preprocessing.shard import preprocess_shard
from eadnet.tables import CLIPS, SOURCES, read_table, write_table
from tests.support.paths import ROOT


def face(side: int = 192) -> np.ndarray:
    """(side, side, 3) uint8 of a photographed head; a quarter of it or so is the face."""
    return np.ascontiguousarray(skimage.data.astronaut()[:192, 128:320][:side, :side])


def moving(picture: np.ndarray, count: int, reach: int = 2) -> Iterator[np.ndarray]:
    """A picture that sways by `reach` pixels for `count` frames."""
    for number in range(count):
        yield np.roll(picture, round(reach * np.sin(number / 4)), axis=1)


def tone(seconds: float, rate: int = 16000) -> np.ndarray:
    """A sweep, so that every moment of it is another."""
    time = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * (200 + 150 * time) * time)).astype(np.float32)


def write_talk(path: Path, frames: Iterable[np.ndarray] | None = None, seconds: float = 1.2) -> Path:
    """A video of the face with sound; returns its path."""
    frames = moving(face(), round(seconds * 25)) if frames is None else frames
    write_video(path, frames, 25, tone(seconds))
    return path


def folder_reader(videos: Path, **settings: object) -> FolderReader:
    """The one shard of a folder; everybody is in the training split where nothing else is asked for."""
    settings = {"path": str(videos), "shard_size": 100, "test_share": 0.0} | settings
    return FolderReader(FolderCorpus(**settings), videos, "000")


def clips_of(videos: Path, output: Path, gates: Preprocess | None = None, **settings: object) -> pd.DataFrame:
    """The CLIPS table of a folder, by clip_id without ``folder_``; read and preprocessed in this process."""
    chosen = folder_reader(videos, **settings)
    preprocess_shard(chosen, sources_of(chosen, output), gates or Preprocess(), output, report=lambda line: None)
    return clips_in(output)


def sources_of(chosen: FolderReader, output: Path) -> pd.DataFrame:
    """The SOURCES table of a shard, through its file."""
    write_table(chosen.sources(), output / "sources.parquet", SOURCES)
    return read_table(output / "sources.parquet", SOURCES)


def clips_in(output: Path) -> pd.DataFrame:
    """A finished CLIPS table by clip_id without ``folder_``."""
    rows = read_table(output / "clips.parquet", CLIPS)
    return rows.set_index(rows["clip_id"].str.removeprefix("folder_"), drop=False)


def preprocess_command(videos: Path, output: Path, *options: str, **settings: object) -> list[str]:
    """The command line that preprocesses a folder; the SOURCES table is written on the way."""
    chosen = folder_reader(videos, **settings)
    sources_of(chosen, output)
    given = {"corpus": "folder", "shard": "000", "root": videos, "sources": output / "sources.parquet"}
    given |= {"output": output, "corpus-settings": chosen.settings.model_dump_json(), "settings": json.dumps({})}
    flags = [part for name, value in given.items() for part in (f"--{name}", str(value))]
    return [sys.executable, "-m", "eadnet", "preprocess", *flags, *options]


def environment() -> dict[str, str]:
    """Of a subprocess: one thread, and modules of the tests can be imported by its workers."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def finished(command: list[str], before: Callable[[], None] | None = None) -> subprocess.CompletedProcess:
    """Run to the end; the output is text. `before` is called in the new process."""
    options = {"capture_output": True, "text": True, "timeout": 120, "preexec_fn": before}
    return subprocess.run(command, cwd=ROOT, env=environment(), **options)
