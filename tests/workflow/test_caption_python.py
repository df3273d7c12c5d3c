"""The Python of a caption job is chosen where the job runs: by the GPUs that it was given and sees there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from workflow.caption_python import sees_gpu, vllm_python


@pytest.fixture()
def driver(tmp_path: Path) -> Path:
    """A folder with a program `nvidia-smi` that lists what the variable GPUS says, and fails if that is empty."""
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\n[ -n "$GPUS" ] && echo "$GPUS" || exit 9\n', encoding="utf-8")
    program.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    ("variables", "seen"),
    [
        ({"GPUS": "GPU 0: NVIDIA H200"}, True),
        ({"GPUS": "GPU 0: NVIDIA H200", "CUDA_VISIBLE_DEVICES": "0,1"}, True),
        ({"GPUS": "GPU 0: NVIDIA H200", "CUDA_VISIBLE_DEVICES": ""}, False),
        ({"GPUS": "No devices were found"}, False),
        ({"GPUS": ""}, False),  # a driver's program on a machine without its driver
        (None, False),
    ],
)
def test_a_gpu_is_what_the_driver_lists(
    driver: Path, monkeypatch: pytest.MonkeyPatch, variables: dict | None, seen: bool
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for name, value in (variables or {}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", str(driver if variables else driver / "empty"))
    assert sees_gpu() is seen


@pytest.mark.parametrize(
    ("machine", "gpus", "kind"),
    [({}, 1, "gpu"), ({}, 0, "cpu"), ({"environment": "cpu"}, 1, "cpu"), ({"environment": "gpu"}, 0, "gpu")],
)
def test_the_environment_follows_the_job_s_gpus_unless_it_is_named(
    driver: Path, monkeypatch: pytest.MonkeyPatch, machine: dict, gpus: int, kind: str
) -> None:
    monkeypatch.setenv("PATH", f"{driver}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GPUS", "GPU 0: NVIDIA H200")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with pytest.raises(SystemExit, match=rf"\.venv-caption-{kind}/bin/python: no such .*; run `make caption-{kind}`"):
        vllm_python(machine, gpus, driver)
    made = driver / f".venv-caption-{kind}/bin/python"
    made.parent.mkdir(parents=True)
    made.touch()
    assert vllm_python(machine, gpus, driver) == str(made)
    assert vllm_python(machine | {"interpreter": "/opt/python"}, gpus, driver) == "/opt/python"


def test_the_job_s_command_prints_one_line_and_imports_nothing_heavy() -> None:
    def ask(*options: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-X", "importtime", "-m", "workflow.caption_python", *options]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    core, vllm = (
        ask("--environment", "core"),
        ask("--environment", "vllm", "--machine", json.dumps({"interpreter": "p"})),
    )
    assert (core.stdout, vllm.stdout) == ("python\n", "p\n")
    assert not {"pydantic", "snakemake", "numpy"} & {line.split("|")[-1].strip() for line in vllm.stderr.splitlines()}
