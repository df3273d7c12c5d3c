"""Crops that are not kept: dropped unless they are read, and made again byte for byte or not at all."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from eadnet.config.machine import Assets
from eadnet.config.preprocessing import Preprocess
from eadnet.data.clips import ClipError
from eadnet.preprocessing.crops import Recipe, drop_crops, restore_crops
from eadnet.provenance import sha256_file
from eadnet.tables import CLIPS, SOURCES, read_rows, write_table
from tests.support.made_footage import clips_of, folder_reader, write_talk


@pytest.fixture(scope="module")
def shard(tmp_path_factory) -> tuple[Path, Recipe]:
    """A preprocessed shard of one talk, and how it was made."""
    root, folder = tmp_path_factory.mktemp("videos"), tmp_path_factory.mktemp("clips") / "000"
    write_talk(root / "a.mp4")
    clips_of(root, folder)
    chosen, sources = folder_reader(root), tmp_path_factory.mktemp("corpora")
    write_table(chosen.sources(), sources / "folder/000.parquet", SOURCES)
    corpora = {"folder": {"root": str(root), "settings": chosen.settings.model_dump_json()}}
    return folder, Recipe(corpora, sources, Preprocess(keep_crops=False), 0, Assets(), 1)


def test_dropped_crops_are_made_again_byte_for_byte(shard, capsys):
    folder, recipe = shard
    table, crops = folder / "clips.parquet", folder / "crops.safetensors"
    digests = {path.name: sha256_file(path) for path in folder.iterdir() if path.is_file()}
    lines: list[str] = []
    drop_crops(table, [Path("train_run_full_0.ready")], lines.append)
    assert crops.exists() and lines[-1].startswith("crops are kept: train_run_full_0 may read them")
    drop_crops(table, [], lines.append)
    assert not crops.exists() and lines[-1].startswith("crops of 1 shards dropped, ")
    restore_crops(table, recipe, lines.append)
    assert {path.name: sha256_file(path) for path in folder.iterdir() if path.is_file()} == digests
    assert lines[-2:] == ["crops of 0 of 1 shards are there", f"{crops}: made again"]
    before = crops.stat().st_mtime_ns
    restore_crops(table, recipe, lines.append)
    assert crops.stat().st_mtime_ns == before and lines[-1] == "crops of 1 of 1 shards are there"


def test_jobs_side_by_side_make_a_shard_once(shard, tmp_path: Path):
    folder, recipe = shard
    drop_crops(folder / "clips.parquet", [], lambda line: None)
    (folder / ".again-killed").mkdir()  # of a job that was killed
    options = {
        "clips": folder / "clips.parquet", "corpora": json.dumps(recipe.corpora), "sources": recipe.sources,
        "settings": recipe.settings.model_dump_json(),
    }  # fmt: skip
    command = [sys.executable, "-m", "eadnet", "restore-crops", *(f"--{key}={value}" for key, value in options.items())]
    jobs = [
        subprocess.Popen([*command, f"--output={tmp_path / name}"], stdout=subprocess.PIPE, text=True) for name in "ab"
    ]
    said = "".join(job.communicate()[0] for job in jobs)
    assert [job.returncode for job in jobs] == [0, 0] and said.count("made again") == 1, said
    assert not list(folder.glob(".again-*")) and not list(folder.glob(".*.lock"))


def test_crops_that_come_out_otherwise_are_refused(shard, tmp_path: Path):
    folder, recipe = shard
    crops = str(tmp_path / "crops.safetensors")
    rows = [row | {"sha256": "others", "video": crops} for row in read_rows(folder / "clips.parquet", CLIPS)]
    write_table(rows, tmp_path / "clips.parquet", CLIPS)
    with pytest.raises(ClipError, match=r"its crops, made again, are others .*--forcerun preprocess_shard"):
        restore_crops(tmp_path / "clips.parquet", recipe, lambda line: None)
    assert [path.name for path in tmp_path.iterdir()] == ["clips.parquet"]
