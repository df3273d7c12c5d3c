"""Both stages as processes of their own, killed in the middle: the same command ends with the same numbers."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from eadnet.training.backbone import train_backbone
from tests.support.toy_training import (
    CPU,
    Toy,
    backbone_settings,
    logged_losses,
    logged_steps,
    same_bits,
    saved_weights,
    train_toy,
    training_settings,
    write_toy,
)

OPTIMISER = {"steps": 6, "batch_size": 1, "learning_rate": 1e-3, "warmup": 2}
CPU_JSON = CPU.model_copy(update={"prefetch": 2}).model_dump_json()


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> Toy:
    torch.set_num_threads(1)  # as many as the processes that are compared with this one
    return write_toy(tmp_path_factory.mktemp("toy"))


def _command(toy: Toy, verb: str, settings, output: Path, *more: str) -> list[str]:
    given = {"settings": settings.model_dump_json(), "seed": "0", "compute": CPU_JSON, "output": str(output)}
    options = [word for name, value in given.items() for word in (f"--{name}", value)]
    return [sys.executable, "-m", "eadnet", verb, *toy.options(), *options, *more]


def _start(root: Path, command: list[str], log: Path, threads: int = 1) -> subprocess.Popen:
    environment = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE")}
    with log.open("w") as stream:
        return subprocess.Popen(
            command, cwd=root, env=environment | {"OMP_NUM_THREADS": str(threads)}, stdout=stream, stderr=stream
        )


def _kill_at(process: subprocess.Popen, scalars: Path, line: int) -> None:
    """SIGKILL once so many steps are logged."""
    until = time.monotonic() + 120
    while not scalars.exists() or len(scalars.read_text().splitlines()) < line:
        assert process.poll() is None and time.monotonic() < until, "ended before it could be killed"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()


def _processes_with(text: str) -> int:
    found = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it may end meanwhile
            found += text.encode() in path.read_bytes()
    return found


def test_a_killed_process_goes_on_where_it_was(toy, tmp_path, root):
    settings = training_settings(optimiser=OPTIMISER | {"steps": 12}, losses={"sync": 0})
    whole = train_toy(toy, tmp_path / "whole", settings)
    more = ["--run", "toy", "--backbone", toy.backbone, "--videomae", toy.supervisors.videomae]
    command = _command(toy, "train", settings, tmp_path / "cut", *more)
    _kill_at(_start(root, command, tmp_path / "log"), tmp_path / "cut/scalars.jsonl", 5)
    assert (tmp_path / "cut/checkpoint/state.pt").exists() and not (tmp_path / "cut/model.safetensors").exists()
    assert _start(root, command, tmp_path / "log").wait() == 0, (tmp_path / "log").read_text()
    assert "resuming at step" in (tmp_path / "log").read_text()
    same_bits(whole, tmp_path / "cut", "graphs.parquet")
    assert logged_steps(tmp_path / "cut") == list(range(12))


def test_two_processes_do_the_work_of_one_even_if_killed(toy, tmp_path, root):
    delta = {"processes": 2, "optimiser": {"steps": 16}, "checkpoint_every": 3}
    alone = tmp_path / "alone"
    train_backbone(toy.inputs, backbone_settings(**delta), CPU, 0, toy.supervisors.autoencoder, None, str(alone))
    output = tmp_path / "together"
    command = _command(toy, "pretrain-backbone", backbone_settings(**delta), output)
    _kill_at(_start(root, command, tmp_path / "log", threads=2), output / "scalars.jsonl", 5)
    until = time.monotonic() + 10
    while _processes_with(str(output)):  # torchrun was killed; what it started must not go on
        assert time.monotonic() < until, "processes outlive torchrun"
        time.sleep(0.05)
    assert _start(root, command, tmp_path / "log", threads=2).wait() == 0, (tmp_path / "log").read_text()
    assert (tmp_path / "log").read_text().count("resuming at step") == 2
    assert logged_steps(output) == list(range(16))
    ours, theirs = logged_losses(alone)["total"], logged_losses(output)["total"]
    assert [value for _, value in theirs] == pytest.approx([value for _, value in ours], rel=1e-4)
    moved = torch.cat([(value - saved_weights(output)[name]).flatten() for name, value in saved_weights(alone).items()])
    assert moved.abs().max() < 1e-5  # sums of gradients round otherwise; 16 steps of up to 1e-3 were taken
