"""Crops that are not kept: dropped unless they are read, and made again byte for byte or not at all."""

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


def test_crops_that_come_out_otherwise_are_refused(shard, tmp_path: Path):
    folder, recipe = shard
    crops = str(tmp_path / "crops.safetensors")
    rows = [row | {"sha256": "others", "video": crops} for row in read_rows(folder / "clips.parquet", CLIPS)]
    write_table(rows, tmp_path / "clips.parquet", CLIPS)
    with pytest.raises(ClipError, match=r"its crops, made again, are others .*--forcerun preprocess_shard"):
        restore_crops(tmp_path / "clips.parquet", recipe, lambda line: None)
    assert [path.name for path in tmp_path.iterdir()] == ["clips.parquet"]
