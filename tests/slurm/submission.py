"""The project as its user runs it on a cluster: Snakemake here, its jobs through SLURM."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.slurm.cluster import Cluster

# The profile as it is, but for what the pretend cluster has not: accounting, and jobs that are worth 20 s of waiting.
OPTIONS = (
    "--workflow-profile", "profiles/slurm",
    "--slurm-status-command", "squeue",
    "--slurm-init-seconds-before-status-checks", "2",
)  # fmt: skip
LONG = 900.0
"""Seconds after which a test gives up: Snakemake waits for ever for jobs that SLURM has lost."""


@dataclass(frozen=True)
class SeenJob:
    """A job of SLURM: its id, what it makes (`rule_train_run_wildcards_full_0`), its state."""

    id: str
    work: str
    state: str


class Controller:
    """A running Snakemake."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        """Start it, with its output in a file."""
        self._log = folder / f"controller-{time.monotonic_ns()}.log"
        with self._log.open("w") as output:
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment, start_new_session=True, stdout=output, stderr=subprocess.STDOUT
            )

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def end(self, timeout: float = LONG) -> int:
        """Its exit status; killed at the time limit."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """``kill -9``: it can do nothing about its jobs."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Submission:
    """A folder with the project's files, whose jobs go through SLURM.

    Attributes:
        cluster: the cluster.
        folder: the folder.
        results: the results folder in it.
    """

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster, self.folder, self.results = cluster, folder, folder / "results-smoke"
        self._earlier = {job.id for job in self._all_jobs()}

    def start(self, *arguments: str, config: tuple[str, ...] = ()) -> Controller:
        """Start Snakemake with the profile of the cluster; `config` are values of ``--config``."""
        command = [sys.executable, "-m", "snakemake", *OPTIONS, *arguments, "--configfile", "config/smoke.yaml"]
        own = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{self.cluster.environment['PATH']}"}
        environment = {**self.cluster.environment, **own}
        return Controller(command + (["--config", *config] if config else []), self.folder, environment)

    def run(self, *arguments: str, config: tuple[str, ...] = (), timeout: float = LONG) -> str:
        """Run to the end; fails with the output otherwise."""
        controller = self.start(*arguments, config=config)
        assert controller.end(timeout) == 0, controller.output[-8000:]
        return controller.output

    def jobs(self, work: str = "") -> list[SeenJob]:
        """The jobs of this submission, pending, running and ended, oldest first; those whose work has a part in it."""
        return [job for job in self._all_jobs() if job.id not in self._earlier and work in job.work]

    def wait_for(self, true: Callable[[], object], what: str, controller: Controller, timeout: float = LONG) -> None:
        """Wait until something is true while a controller runs."""
        end = time.monotonic() + timeout
        while not true():
            assert controller.process.poll() is None, f"Snakemake ended before {what}: {controller.output[-4000:]}"
            assert time.monotonic() < end, f"not within {timeout:g} s: {what}: {controller.output[-4000:]}"
            time.sleep(0.05)

    def _all_jobs(self) -> list[SeenJob]:
        return [SeenJob(*line.split("|")) for line in self.cluster.squeue("%i|%k|%T")]


def models(results: Path, *runs: str) -> dict[str, bytes]:
    """The trained networks of runs, as they lie on the disk."""
    return {run: (results / f"runs/{run}/0/model.safetensors").read_bytes() for run in runs}


def model_files(*runs: str) -> list[str]:
    """The targets of trained networks."""
    return [f"results-smoke/runs/{run}/0/model.safetensors" for run in runs]
