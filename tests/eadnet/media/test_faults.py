"""What is one input's fault, and what ends a job: files that are none, full disks, mistakes of our own."""

import errno
import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from eadnet.assets import AssetError, fetch
from eadnet.cli.packages import run_reporting
from eadnet.config.machine import Assets
from eadnet.data.tensor_files import TensorFile, TensorFileError
from eadnet.media.faults import MediaError, OutputError, ends_job, naming, output_error
from eadnet.media.reading import probe, read_audio
from eadnet.media.writing import write_audio, write_video
from eadnet.training.adoption import CheckpointError, read_published
from tests.support.small_disk import mounted_disk

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1048576\n"


@pytest.mark.parametrize("read", [probe, read_audio])
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("pointer", "a Git LFS pointer, not the file; run git lfs pull"),
        ("empty", "zero bytes; copy the file again"),
        ("folder", "a folder, not a file; give a file$"),
        ("pipe", "a pipe, not a file"),
        ("device", "a device, not a file; give a file$"),
        ("absent", "file not found"),
    ],
)
def test_what_is_no_file_of_media_is_said_before_it_is_opened(tmp_path, read, kind, words):
    path = Path("/dev/zero") if kind == "device" else tmp_path / "a.mp4"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind in ("pointer", "empty"):
        path.write_bytes(POINTER if kind == "pointer" else b"")
        with pytest.raises(MediaError, match=words):
            read(io.BytesIO(path.read_bytes()))
    with pytest.raises(MediaError, match=words):
        read(path)


def test_pointers_in_place_of_weights_are_named(tmp_path):
    for suffix in ("safetensors", "pth"):
        (tmp_path / f"weights.{suffix}").write_bytes(POINTER)
        with pytest.raises(CheckpointError, match="run git lfs pull"):
            read_published(tmp_path / f"weights.{suffix}")
    with pytest.raises(TensorFileError, match="run git lfs pull"):
        TensorFile(tmp_path / "weights.safetensors")
    table = tmp_path / "assets.tsv"
    head = "asset\tfile\turl\trevision\tsha256\tbytes\tlicence\tsource\n"
    table.write_text(head + f"net\ta.bin\thttps://localhost/a.bin\t1\t{'0' * 64}\t1048576\tMIT\tx\n")
    (tmp_path / "weights" / "net").mkdir(parents=True)
    (tmp_path / "weights" / "net" / "a.bin").write_bytes(POINTER)
    with pytest.raises(AssetError, match="run git lfs pull"):
        fetch("net", Assets(folder=str(tmp_path / "weights"), offline=True), table)


def test_faults_keep_their_word_between_processes():
    for error in (MediaError("no face", "no_face"), output_error("a.mp4", OSError(errno.ENOSPC, "full"))):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error) and str(again) == str(error) and vars(again) == vars(error)


def test_an_error_that_ends_the_job_carries_the_inputs_name_and_a_fault_does_not(capsys):
    with pytest.raises(KeyError) as caught, naming("clip_7"):
        {}["mistake"]
    assert caught.value.__notes__ == ["while working on clip_7"]
    with pytest.raises(MediaError) as fault, naming("clip_7"):
        raise MediaError("damaged")
    assert not hasattr(fault.value, "__notes__")

    def job() -> None:
        with naming("clip_8"):
            raise output_error("out.mp4", OSError(errno.EDQUOT, "quota"))

    with pytest.raises(SystemExit) as ended:
        run_reporting(job)
    line = f"error: out.mp4: cannot be written ({os.strerror(errno.EDQUOT).lower()}); make room and run again"
    assert ended.value.code == f"{line} (while working on clip_8)"


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 200 kB."""
    with mounted_disk(tmp_path / "disk", "200k") as disk:
        yield disk


@pytest.mark.parametrize("write", ["video", "sound"])
def test_a_full_disk_is_an_error_of_the_output(small_disk, write):
    noise = np.random.default_rng(0)
    with pytest.raises(OutputError, match=rf"^{small_disk}/a\.(mp4|wav): cannot be written \(no space left") as caught:
        if write == "video":
            frames = (noise.integers(0, 255, (128, 128, 3), dtype=np.uint8) for _ in range(60))
            write_video(small_disk / "a.mp4", frames, 25, crf=5)
        else:
            write_audio(small_disk / "a.wav", noise.normal(0, 0.1, 320000), 16000)
    assert ends_job(caught.value) and not list(small_disk.iterdir())
