"""Digests that are hashed once: when the record is used, when it is not, and many writers at once."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eadnet.checkpoint import inputs_digest
from eadnet.digests import RECORD, file_digest
from eadnet.provenance import sha256_file

WRITER = "import sys; from eadnet.digests import file_digest\nfor path in sys.argv[1:] * 20: file_digest(path)"


def _written(path: Path, text: str, age: float = 60) -> Path:
    """A file that was changed so many seconds ago."""
    path.write_text(text)
    moment = time.time() - age
    os.utime(path, (moment, moment))
    return path


@pytest.fixture
def reads(monkeypatch) -> list[str]:
    """Names of the files that are hashed."""
    names = []

    def read(path: Path) -> str:
        names.append(path.name)
        return sha256_file(path)

    monkeypatch.setattr("eadnet.digests.sha256_file", read)
    return names


def test_an_unchanged_file_is_hashed_once_for_all_who_ask(tmp_path: Path, reads: list[str]):
    path = _written(tmp_path / "model.safetensors", "weights")
    assert file_digest(path) == file_digest(path) == sha256_file(path) and reads == ["model.safetensors"]
    assert inputs_digest([tmp_path]) == inputs_digest([path]) and reads == ["model.safetensors"]


def test_a_changed_file_is_hashed_again_whatever_stays_the_same(tmp_path: Path, reads: list[str]):
    path = _written(tmp_path / "a", "one")
    first, stat = file_digest(path), path.stat()
    path.write_text("two")  # same size, another time
    assert file_digest(path) == sha256_file(path) != first
    _written(tmp_path / "b", "six")
    os.utime(tmp_path / "b", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    (tmp_path / "b").replace(path)  # same size and time, another inode
    assert file_digest(path) == sha256_file(path) and reads == ["a"] * 3


@pytest.mark.parametrize("age", [0, 1, -100])
def test_a_file_that_may_still_change_unseen_is_not_recorded(tmp_path: Path, reads: list[str], age: float):
    path = _written(tmp_path / "young", "one", age)
    stat = path.stat()
    first = file_digest(path)
    path.write_text("two")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # changed again within the clock's resolution
    assert file_digest(path) == sha256_file(path) != first and len(reads) == 2
    assert not (tmp_path / RECORD).exists()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 3}', '{"a": []}'])
def test_a_damaged_record_is_none(tmp_path: Path, text: str):
    path = _written(tmp_path / "a", "one")
    (tmp_path / RECORD).write_text(text)
    assert file_digest(path) == sha256_file(path)
    assert set(json.loads((tmp_path / RECORD).read_text())) == {"a"}


def test_writers_side_by_side_leave_a_whole_record(tmp_path: Path):
    paths = [str(_written(tmp_path / f"f{number}", f"{number}")) for number in range(4)]
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, *paths[number:]]) for number in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    record = json.loads((tmp_path / RECORD).read_text())
    assert record and all(entry[-1] == sha256_file(tmp_path / name) for name, entry in record.items())
    assert {path.name for path in tmp_path.iterdir()} == {*(Path(path).name for path in paths), RECORD}
