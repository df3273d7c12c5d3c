"""A copy of the workflow to run Snakemake in, as a user would; used by all tests of the workflow."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from eadnet.config.reference import config_yaml

PARTS = ("Snakefile", "config", "workflow", "profiles", "eadnet", "metrics", "reports", "envs")
JOB = re.compile(r"^(?:local)?rule (?P<rule>\w+):\n(?P<body>(?: +.*\n)*)", re.MULTILINE)
WILDCARDS = re.compile(r"^ +wildcards: (?P<wildcards>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Job:
    """One planned job."""

    rule: str
    wildcards: dict[str, str]


class Project:
    """A folder that holds the workflow's files and, after a run, its results."""

    def __init__(self, root: Path, folder: Path, configfiles: tuple[str, ...] = ("config/smoke.yaml",)) -> None:
        """Copy the workflow from `root` to `folder`; it will run with `configfiles` over the default configuration.

        The default is written from the models: a user's own ``config.yaml`` changes no test.
        """
        self.folder, self.configfiles = folder, configfiles
        for name in PARTS:
            copy = shutil.copytree if (root / name).is_dir() else shutil.copy2
            folder.mkdir(parents=True, exist_ok=True)
            copy(root / name, folder / name, **(_ignored() if (root / name).is_dir() else {}))
        (folder / "config.yaml").write_text(config_yaml(), encoding="utf-8")

    @property
    def results(self) -> Path:
        """Results of the smoke configuration."""
        return self.folder / "results-smoke"

    def snakemake(
        self, *arguments: str, config: str | None = None, timeout: float = 900
    ) -> subprocess.CompletedProcess:
        """Run Snakemake on the project's configuration; standard error is part of the output."""
        return subprocess.run(
            self._command(arguments, config), cwd=self.folder, env=_environment(), timeout=timeout,
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, *arguments: str, config: str | None = None) -> str:
        """Run to the end; fails with the log otherwise."""
        done = self.snakemake("--cores", "2", *arguments, config=config)
        assert done.returncode == 0, done.stdout[-6000:]
        return done.stdout

    def run_and_kill(self, when: Path, *arguments: str, timeout: float = 600) -> None:
        """Start a run and kill it and all its jobs with SIGKILL as soon as a file is there."""
        process = self.start(*arguments)
        await_file(when, process, timeout)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start a run in a session of its own; its output is dropped."""
        return subprocess.Popen(
            self._command(("--cores", "2", *arguments), None), cwd=self.folder, env=_environment(),
            start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def plan(self, *targets: str, config: str | None = None) -> list[Job]:
        """The jobs that a run would make now."""
        done = self.snakemake("--dry-run", "--cores", "2", *targets, config=config)
        assert done.returncode == 0, done.stdout
        return [_job(match) for match in JOB.finditer(done.stdout)]

    def _command(self, arguments: tuple[str, ...], config: str | None) -> list[str]:
        command = [sys.executable, "-m", "snakemake", *arguments, "--configfile", *self.configfiles]
        return command + (["--config", config] if config else [])


def await_file(path: Path, process: subprocess.Popen, timeout: float = 600, text: bytes = b"") -> None:
    """Wait for a file, and for a text in it, while the process goes on."""
    end = time.monotonic() + timeout
    while not path.exists() or text not in path.read_bytes():
        assert process.poll() is None, f"the run ended before {path} was there"
        assert time.monotonic() < end, f"{path} did not appear within {timeout} s"
        time.sleep(0.05)


def _job(match: re.Match) -> Job:
    found = WILDCARDS.search(match["body"])
    pairs = [pair.split("=") for pair in found["wildcards"].split(", ")] if found else []
    return Job(match["rule"], dict(pairs))


def _ignored() -> dict:
    return {"ignore": shutil.ignore_patterns("__pycache__", "*.pyc")}


def _environment() -> dict[str, str]:
    """The rules call `python`: it must be the one that runs the tests."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
