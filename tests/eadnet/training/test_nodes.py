"""Training on several nodes: one ``torchrun`` on each, here in network namespaces of one machine."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch.distributed.run import get_args_parser

from eadnet.training.launch import for_torchrun, srun_command
from eadnet.training.ranks import layout
from tests.support.toy_training import (
    CPU,
    Toy,
    backbone_settings,
    logged_losses,
    logged_steps,
    saved_weights,
    train_backbone,
    write_toy,
)

DELTA = {"processes": 2, "optimiser": {"steps": 12}, "checkpoint_every": 3}
PORT = 29_411


@dataclass(frozen=True)
class Node:
    """Where a process runs: a prefix of its command line, its network interface, and its address there."""

    enter: tuple[str, ...]
    interface: str
    address: str


@pytest.fixture
def nodes() -> Iterator[list[Node]]:
    """Two network namespaces joined by a cable where root may make them, else two sets of processes on loopback."""
    names = [f"eadnet{os.getpid()}{end}" for end in "ab"]
    try:
        yield _namespaces(names) or [Node((), "lo", "127.0.0.1")] * 2
    finally:
        for name in names:
            _quiet("ip", "netns", "delete", name)


def _namespaces(names: list[str]) -> list[Node] | None:
    made = all(_quiet("ip", "netns", "add", name) for name in names)
    if not made or not _quiet(
        "ip", "link", "add", "cable", "netns", names[0], "type", "veth", "peer", "cable", "netns", names[1]
    ):
        return None
    for number, name in enumerate(names, 1):
        inside = ("ip", "netns", "exec", name, "ip")
        assert _quiet(*inside, "address", "add", f"10.213.7.{number}/24", "dev", "cable")
        assert _quiet(*inside, "link", "set", "cable", "up") and _quiet(*inside, "link", "set", "lo", "up")
    return [Node(("ip", "netns", "exec", name), "cable", f"10.213.7.{end}") for end, name in enumerate(names, 1)]


def _quiet(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def _start(nodes: list[Node], command: list[str], root: Path, logs: list[Path]) -> list[subprocess.Popen]:
    """The command by one ``torchrun`` a node, as a user starts it by hand."""
    started = []
    for number, (node, log) in enumerate(zip(nodes, logs, strict=True)):
        meeting = [
            f"--rdzv-endpoint={nodes[0].address}:{PORT}",
            "--rdzv-backend=c10d",
            f"--rdzv-conf=is_host={1 - number}",
        ]
        meeting += [f"--local-addr={node.address}"]
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", *meeting]
        # no name server is in reach of a namespace: do not wait for one
        settings = {"GLOO_SOCKET_IFNAME": node.interface, "RES_OPTIONS": "timeout:1 attempts:1", "OMP_NUM_THREADS": "1"}
        environment = os.environ | settings
        with log.open("w") as stream:
            whole = [*node.enter, *torchrun, *for_torchrun(command)]
            started.append(subprocess.Popen(whole, cwd=root, env=environment, stdout=stream, stderr=stream))
    return started


def _command(toy: Toy, output: Path) -> list[str]:
    given = {"seed": "0", "compute": CPU.model_dump_json(), "settings": backbone_settings(**DELTA).model_dump_json()}
    options = [word for name, value in given.items() for word in (f"--{name}", value)]
    return ["pretrain-backbone", *toy.options(), *options, "--output", str(output)]


def test_two_nodes_do_the_work_of_one_and_end_together_if_one_dies(nodes, tmp_path, root):
    torch.set_num_threads(1)
    toy = write_toy(tmp_path / "toy")
    alone = tmp_path / "alone"
    train_backbone(toy.inputs, backbone_settings(**DELTA), CPU, 0, toy.supervisors.autoencoder, None, str(alone))
    output, logs = tmp_path / "together", [tmp_path / "log_0", tmp_path / "log_1"]
    first, second = _start(nodes, _command(toy, output), root, logs)
    until, scalars = time.monotonic() + 240, output / "scalars.jsonl"
    while not scalars.exists() or len(scalars.read_text().splitlines()) < 5:
        assert first.poll() is None and time.monotonic() < until, logs[0].read_text()
        time.sleep(0.02)
    second.send_signal(signal.SIGKILL)
    assert second.wait() and first.wait(timeout=120), "the other node goes on"
    assert not (output / "model.safetensors").exists()
    for process, log in zip(_start(nodes, _command(toy, output), root, logs), logs, strict=True):
        assert process.wait(timeout=240) == 0, log.read_text()
        assert "resuming at step" in log.read_text()
    assert logged_steps(output) == list(range(12))
    ours, theirs = logged_losses(alone)["total"], logged_losses(output)["total"]
    assert [value for _, value in theirs] == pytest.approx([value for _, value in ours], rel=1e-4)
    moved = torch.cat([(value - saved_weights(output)[name]).flatten() for name, value in saved_weights(alone).items()])
    assert moved.abs().max() < 1e-5  # sums of gradients round otherwise


@pytest.mark.parametrize(
    ("shares", "nodes", "gpus", "expected"),
    [(8, 1, 8, (1, 8)), (8, 2, 4, (2, 4)), (8, 2, 8, (1, 8)), (8, 3, 4, (2, 4)), (32, 4, 8, (4, 8)), (6, 4, 1, (3, 1))],
)
def test_nodes_hold_the_same_number_of_processes(shares, nodes, gpus, expected):
    assert layout(shares, nodes, gpus, threads=1) == expected


def test_srun_starts_one_torchrun_a_node_and_they_meet_at_the_first():
    words = srun_command(["n7", "n8"], 123_456, 4, for_torchrun(["train", "--run", "full"]))
    assert words[0] == "srun" and {"--nodes=2", "--ntasks=2", "--ntasks-per-node=1", "--overlap"} <= set(words)
    assert {"--nodelist=n7,n8", "--nnodes=2", "--nproc-per-node=4", "--rdzv-endpoint=n7:23456"} <= set(words)
    read = get_args_parser().parse_args(words[words.index("torch.distributed.run") + 1 :])
    assert (read.module, read.training_script, read.training_script_args) == (
        True,
        "eadnet",
        ["train", "--run", "full"],
    )
