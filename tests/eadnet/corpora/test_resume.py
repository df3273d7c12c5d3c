"""A shard that is killed goes on where it was and comes out the same; a file that kills its worker is a row."""

import signal
import subprocess
import sys
import time
from multiprocessing import get_context
from pathlib import Path

import pytest

from eadnet.config.preprocessing import Preprocess
from eadnet.corpora.sources import ClipSource
from eadnet.preprocessing.parts import Parts
from eadnet.preprocessing.shard import preprocess_shard
from eadnet.provenance import sha256_file
from tests.support.deadly_reader import DeadlyReader
from tests.support.made_footage import (
    clips_in,
    clips_of,
    environment,
    finished,
    folder_reader,
    preprocess_command,
    sources_of,
    write_talk,
)
from tests.support.paths import ROOT

NAMES = ("a", "b", "c", "d", "e")
GOOD = ("a", "b", "x", "y")  # before and after the deadly one
ARRAYS = ("crops.safetensors", "audio.safetensors", "landmarks.safetensors")


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    """Five talks, of which the last is of the test split and so keeps its source."""
    folder = tmp_path_factory.mktemp("videos")
    for name in NAMES:
        write_talk(folder / f"{name}.mp4")
    (folder.parent / "labels.csv").write_text("file,split\ne.mp4,test\n")
    return folder


@pytest.fixture(scope="module")
def labels(videos) -> dict:
    return {"table": str(videos.parent / "labels.csv")}


@pytest.fixture(scope="module")
def whole(videos, labels, tmp_path_factory) -> dict:
    """What an undisturbed run writes."""
    output = tmp_path_factory.mktemp("whole")
    clips_of(videos, output, **labels)
    return content(output)


def content(output: Path) -> dict:
    """Digests of a shard's files, and its rows without the folder that they lie in."""
    paths = [output / name for name in ARRAYS] + sorted((output / "source").iterdir())
    rows = clips_in(output).drop(columns="clip_id").to_csv().replace(str(output), "")
    return {path.name: sha256_file(path) for path in paths} | {"rows": rows}


def kill_after_a_part(command: list[str], parts: Path) -> None:
    """Start, wait for the first finished source, kill; its workers are gone soon."""
    process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 60
    while not list(parts.glob("[!.]*.json")):  # a part that is still being written has a hidden name
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10
    while alive(process.pid):
        assert time.monotonic() < deadline, "workers outlive the process that they work for"
        time.sleep(0.05)


def alive(group: int) -> bool:
    """Whether a process of this group is left that is no zombie."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it has just ended
            continue
        if int(its_group) == group and state != "Z":
            return True
    return False


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_killed_run_goes_on_and_comes_out_the_same(videos, labels, whole, tmp_path, workers):
    command = preprocess_command(videos, tmp_path, "--workers", workers, **labels)
    kill_after_a_part(command, tmp_path / ".parts")
    assert not (tmp_path / "clips.parquet").exists()
    done = finished(command)
    assert done.returncode == 0, done.stderr
    kept = int(done.stdout.split()[0])
    assert done.stdout.splitlines()[0] == f"{kept} of 5 sources kept from an earlier run" and 1 <= kept < 5
    assert content(tmp_path) == whole
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {*ARRAYS, "clips.parquet", "sources.parquet", "source"}  # no `.parts`, nothing half written


def test_parts_of_other_code_settings_or_files_do_not_count(tmp_path):
    source = ClipSource("folder_a", "a", "a.mp4", "a", "train")
    rows = [dict.fromkeys(("source", "reason")) | {"clip_id": "folder_a", "status": "too_short"}]
    settings = Preprocess()
    Parts(tmp_path, settings, 1, {"a": "digest"}).store_rows(source, rows)

    def kept(settings: Preprocess = settings, version: int = 1, digest: str = "digest") -> list[dict] | None:
        return Parts(tmp_path, settings, version, {"a": digest}).load(source)

    assert kept() == rows
    assert kept(version=2) is None and kept(digest="other") is None
    assert kept(settings.model_copy(update={"min_frames": 30})) is None
    path = tmp_path / ".parts" / "folder_a.json"
    path.write_text(path.read_text()[:-20])
    assert kept() is None


def test_stale_parts_and_parts_without_their_files_are_made_again(videos, labels, whole, tmp_path):
    lines: list[str] = []

    def stop_at_the_last(line: str) -> None:
        lines.append(line)
        if len(lines) % 5 == 0:
            raise KeyboardInterrupt

    chosen = folder_reader(videos, **labels)
    sources = sources_of(chosen, tmp_path)
    for version in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            preprocess_shard(chosen, sources, Preprocess(), tmp_path, version=version, report=stop_at_the_last)
    assert len(lines) == 10 and not any("kept" in line for line in lines)
    (tmp_path / "source" / "folder_e.mp4").unlink()
    (tmp_path / ".parts" / "folder_b.safetensors").unlink()
    lines.clear()
    preprocess_shard(chosen, sources, Preprocess(), tmp_path, version=2, report=lines.append)
    assert lines[0] == "3 of 5 sources kept from an earlier run" and content(tmp_path) == whole


@pytest.fixture
def deadly(tmp_path, monkeypatch) -> DeadlyReader:
    """A reader of some good talks and one that kills."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "videos").mkdir()
    for name in ("deadly", *GOOD):
        write_talk(tmp_path / "videos" / f"{name}.mp4", seconds=1)
    return DeadlyReader(folder_reader(tmp_path / "videos").settings, tmp_path / "videos", "000")


def check_survived(output: Path) -> None:
    rows = clips_in(output)
    assert rows["status"].to_dict() == dict.fromkeys(GOOD, "ok") | {"deadly": "crashed"}
    assert "died, twice" in rows.loc["deadly", "reason"] and not (output / ".parts").exists()


def test_a_file_that_kills_its_worker_is_a_row_and_all_others_finish(deadly, tmp_path):
    output = tmp_path / "clips"
    sources = sources_of(deadly, output)
    preprocess_shard(deadly, sources, Preprocess(), output, workers=2, report=lambda line: None)
    check_survived(output)


def test_a_file_that_kills_the_only_process_is_a_row_in_the_next_run(deadly, tmp_path):
    output = tmp_path / "clips"
    sources = sources_of(deadly, output)
    job = get_context("spawn").Process(target=preprocess_shard, args=(deadly, sources, Preprocess(), output))
    job.start()
    job.join()
    assert job.exitcode == -signal.SIGKILL and not (output / "clips.parquet").exists()
    preprocess_shard(deadly, sources, Preprocess(), output, report=lambda line: None)
    check_survived(output)


def test_what_died_is_tried_again_by_a_later_run(deadly, tmp_path):
    """Such as a job with more memory: stopped after the death, the shard is run with a reader that survives."""
    output = tmp_path / "clips"
    sources = sources_of(deadly, output)

    def stop_at_the_death(line: str) -> None:
        if "crashed" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        preprocess_shard(deadly, sources, Preprocess(), output, workers=2, report=stop_at_the_death)
    healthy = folder_reader(tmp_path / "videos")
    preprocess_shard(healthy, sources, Preprocess(), output, workers=2, report=lambda line: None)
    assert clips_in(output)["status"].to_dict() == dict.fromkeys((*GOOD, "deadly"), "ok")


@pytest.mark.parametrize(("deaths", "status"), [(0, 0), (1, 0), (2, 128 + signal.SIGKILL)])
def test_the_only_process_may_die_once(tmp_path, deaths, status):
    begun = tmp_path / "begun"
    code = f"""if True:
        import os
        from eadnet.preprocessing.second_try import survive_one_death
        survive_one_death()
        with open({str(begun)!r}, "a+") as file:
            file.write("x")
            file.seek(0)
            if len(file.read()) <= {deaths}:
                file.flush()
                os.kill(os.getpid(), {signal.SIGKILL})
        print("done")
    """
    done = finished([sys.executable, "-c", code])
    assert done.returncode == status and done.stdout == "done\n" * (status == 0)
    assert done.stderr.count("killed by signal 9") == deaths and len(begun.read_text()) == min(2, deaths + 1)


@pytest.mark.parametrize("fault", [False, True])
def test_no_lock_is_left_behind(tmp_path, fault):
    """The process that waits for its child owns the shard; it must give it back."""
    videos, output = tmp_path / "videos", tmp_path / "clips"
    videos.mkdir()
    write_talk(videos / "a.mp4")
    command = preprocess_command(videos, output, *(["--assets", '{"folder": 3}'] if fault else []))
    assert (finished(command).returncode != 0) == fault
    assert (output / "clips.parquet").exists() != fault and not list(output.glob(".*.lock"))
