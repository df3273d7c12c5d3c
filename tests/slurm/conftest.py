"""Fixtures of the tests on a real SLURM: the cluster, and copies of a finished run that go on through it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster, missing, running
from tests.slurm.submission import Submission
from tests.support.workflow_project import Project


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Two nodes of eight pretend GPUs on this machine."""
    if absent := missing():
        pytest.skip(f"no {', '.join(absent)} on this machine; install with: make slurm-test-setup")
    with running() as cluster:
        yield cluster


@pytest.fixture
def after(cluster: Cluster, finished: Project, tmp_path: Path) -> Iterator[Callable[..., Submission]]:
    """A function that returns a copy of the finished local run without some of its folders of results."""

    def without(*folders: str) -> Submission:
        shutil.copytree(finished.folder, tmp_path / "project", symlinks=True)
        made = Submission(cluster, tmp_path / "project")
        for folder in folders:
            shutil.rmtree(made.results / folder)
        return made

    yield without
    cluster.cancel_all()
    shutil.rmtree(tmp_path / "project")  # pytest would keep a quarter of a gigabyte of each
