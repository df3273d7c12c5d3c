"""However Snakemake is started, jobs run with the Python that runs Snakemake, and the programs beside it."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from tests.support.workflow_project import Project

pytestmark = pytest.mark.workflow

SHARD = "results-smoke/corpora/mead/M003.parquet"
OWN = Path(sys.prefix, "bin")


@dataclass(frozen=True)
class Start:
    """Where a user stands, what is on the PATH before everything else, and how Snakemake is called."""

    folder: Path
    path: str
    command: tuple[str, ...]


@pytest.fixture(scope="module")
def project(root: Path, finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy with nothing but drawn corpora, so that a shard's job is short; its environment is that of the tests."""
    made = Project(root, tmp_path_factory.mktemp("started") / "project")
    shutil.copytree(finished.results / "resources", made.results / "resources")
    (made.folder / ".venv").symlink_to(sys.prefix)
    return made


@pytest.fixture(scope="module")
def other_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a `python` that has none of the packages, as the system's on most machines."""
    folder = tmp_path_factory.mktemp("other") / "venv"
    subprocess.run([sys._base_executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run([folder / "bin/python", "-c", "import torch"], check=True, capture_output=True)
    return folder / "bin"


def starts(project: Project, other: Path, elsewhere: Path) -> dict[str, Start]:
    """Every way by name."""
    smoke = ("--configfile", "config/smoke.yaml")
    far = ("--snakefile", f"{project.folder}/Snakefile", "--configfile", f"{project.folder}/config/smoke.yaml")
    return {
        "activated": Start(project.folder, f"{OWN}:{other}", ("snakemake", *smoke)),
        "relative": Start(project.folder, str(other), (".venv/bin/snakemake", *smoke)),
        "absolute": Start(project.folder, str(other), (str(OWN / "snakemake"), *smoke)),
        "from elsewhere": Start(
            elsewhere, str(other), (str(OWN / "snakemake"), "--directory", str(project.folder), *far)
        ),
        "results elsewhere": Start(
            project.folder, str(other), (".venv/bin/snakemake", "--directory", str(elsewhere), *far)
        ),
    }


@pytest.mark.parametrize("name", ["activated", "relative", "absolute", "from elsewhere", "results elsewhere"])
def test_a_job_succeeds(project: Project, other_python: Path, tmp_path: Path, name: str):
    start = starts(project, other_python, tmp_path)[name]
    written = tmp_path if name == "results elsewhere" else project.folder
    if written == tmp_path:
        shutil.copytree(project.results / "resources", tmp_path / "results-smoke/resources")
    (written / SHARD).unlink(missing_ok=True)
    done = subprocess.run(
        [*start.command, "--cores", "1", "--rerun-triggers", "mtime", "--", SHARD], cwd=start.folder,
        env=environment(start.path), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    assert len(pd.read_parquet(written / SHARD))


def environment(path: str) -> dict[str, str]:
    """The variables of a shell with another PATH, in which nothing helps Python find the project."""
    dropped = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    kept = {key: value for key, value in os.environ.items() if key not in dropped}
    return {**kept, "PATH": f"{path}:/usr/local/bin:/usr/bin:/bin"}
