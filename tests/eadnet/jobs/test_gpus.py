"""GPUs of one machine shared by commands: real processes, pretend GPUs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.paths import ROOT

SEEN = 'echo "$CUDA_VISIBLE_DEVICES"'
Start = Callable[..., subprocess.Popen]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start a command through ``python -m eadnet.jobs.gpus`` on a machine of four GPUs."""
    running = []

    def begin(count: int | str, command: str, **more: str | None) -> subprocess.Popen:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
        given = kept | {"CUDA_VISIBLE_DEVICES": "0,1,2,3", "EADNET_GPU_LOCKS": str(tmp_path / "locks")} | more
        process = subprocess.Popen(
            [sys.executable, "-m", "eadnet.jobs.gpus", str(count), "sh", "-c", command], cwd=ROOT, text=True,
            env={name: value for name, value in given.items() if value is not None},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def finished(process: subprocess.Popen) -> tuple[str, str]:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out.strip(), err.strip()


def test_many_commands_at_once_never_share_a_gpu(start: Start, tmp_path: Path):
    """Every command notes its GPUs while it has them; two that share one would find the other's note."""
    noted = tmp_path / "notes"
    noted.mkdir()
    command = f"""
        for gpu in $(echo "$CUDA_VISIBLE_DEVICES" | tr , ' '); do mkdir {noted}/$gpu || exit 3; done
        sleep 0.2
        for gpu in $(echo "$CUDA_VISIBLE_DEVICES" | tr , ' '); do rmdir {noted}/$gpu; done
        {SEEN}
    """
    processes = [(count, start(count, command)) for count in (1, 1, 3, 1, 2, 4, 1, 1, 2, 1)]
    for count, process in processes:
        seen = finished(process)[0].split(",")
        assert len(set(seen)) == count and set(seen) <= set("0123")


def test_one_that_waits_says_so_once_and_goes_on_after_a_kill(start: Start):
    first = start(3, 'echo "$CUDA_VISIBLE_DEVICES"; sleep 600 & wait')
    assert first.stdout.readline().strip() == "0,1,2"
    second = start(2, SEEN)
    line = second.stderr.readline()
    assert "waiting for 2 of the GPUs 0,1,2,3" in line
    time.sleep(0.7)
    assert second.poll() is None
    os.kill(first.pid, signal.SIGKILL)  # its child lives, and may still compute there
    time.sleep(0.7)
    assert second.poll() is None
    os.killpg(first.pid, signal.SIGKILL)
    out, err = finished(second)
    assert len(out.split(",")) == 2 and not err


def test_without_a_gpu_nothing_is_seen_and_nothing_is_taken(start: Start, tmp_path: Path):
    assert finished(start(0, f"{SEEN}; echo ${{CUDA_VISIBLE_DEVICES-unset}}")) == ("", "")
    assert finished(start(0, SEEN, SLURM_JOB_ID="7")) == ("", "")
    assert not (tmp_path / "locks").exists()


def test_more_than_there_are_is_one_line(start: Start):
    process = start(5, SEEN)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1 and not out
    assert err.startswith("error: sh: GPUs asked for: 5, seen: 4; give Snakemake --resources gpu=4") and err[-1] == "\n"


def test_a_gpu_that_is_named_twice_is_one(start: Start):
    assert finished(start(1, SEEN, CUDA_VISIBLE_DEVICES="2,2"))[0] == "2"
    assert start(2, SEEN, CUDA_VISIBLE_DEVICES="2,2").wait(60) == 1  # and not a wait for ever


def test_locks_that_cannot_be_made_are_one_line_with_the_fix(start: Start, tmp_path: Path):
    (tmp_path / "file").touch()
    out, err = start(1, SEEN, EADNET_GPU_LOCKS=str(tmp_path / "file")).communicate(timeout=60)
    assert err.startswith(f"error: sh: {tmp_path / 'file'}: no folder for the locks") and not out
    assert err.endswith("set EADNET_GPU_LOCKS to a folder of your own on this machine\n") and err.count("\n") == 1


def test_slurm_has_already_chosen(start: Start):
    """Also for a job on two nodes of four, and for one on a machine without GPUs."""
    for count, given in ((2, "2,3"), (8, "0,1,2,3"), (1, ""), (1, None)):
        process = start(count, "echo ${CUDA_VISIBLE_DEVICES-unset}", SLURM_JOB_ID="7", CUDA_VISIBLE_DEVICES=given,
                        PATH=f"/nothing:{os.environ['PATH']}")  # fmt: skip
        assert finished(process)[0] == ("unset" if given is None else given)


def test_commands_in_one_allocation_of_slurm_share_it(start: Start):
    given = {"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "GPU-5,GPU-6"}
    first = start(1, 'echo "$CUDA_VISIBLE_DEVICES"; sleep 600', **given)
    assert first.stdout.readline().strip() == "GPU-5"
    assert finished(start(1, SEEN, **given))[0] == "GPU-6"


def test_gpus_are_counted_by_the_driver(start: Start, tmp_path: Path):
    driver = tmp_path / "bin/nvidia-smi"
    driver.parent.mkdir()
    driver.write_text("#!/bin/sh\nfor n in 0 1; do echo \"GPU $n: H (UUID: GPU-$n)\"; echo '  MIG 1g'; done\n")
    driver.chmod(0o755)
    path = f"{driver.parent}:{os.environ['PATH']}"
    assert finished(start(2, SEEN, CUDA_VISIBLE_DEVICES=None, PATH=path))[0] == "0,1"
    assert start(3, SEEN, CUDA_VISIBLE_DEVICES=None, PATH=path).wait(60) == 1


def test_nothing_heavy_is_imported():
    code = "import sys, eadnet.jobs.gpus; print([name for name in ('torch', 'numpy', 'yaml') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
