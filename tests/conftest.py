"""Fixtures of all tests: where the project and the real media stand, and the workflow after a whole run."""

import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.workflow_project import Project


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real clips beside the checkout; tests that need them are skipped where they are not."""
    folder = ROOT.parent / "shared"
    if not (folder / "clips").is_dir():
        pytest.skip("needs the real clips in ../shared/clips")
    return folder


@pytest.fixture(scope="session")
def finished(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy in which the whole smoke workflow has run once; minutes."""
    project = Project(root, tmp_path_factory.mktemp("finished"))
    project.run()
    return project


@pytest.fixture(scope="module", autouse=True)
def threads():
    """Restores the number of threads after a module: what its tests call may set it, and it decides how sums round."""
    torch = sys.modules.get("torch")
    before = torch and torch.get_num_threads()
    yield
    if torch:
        torch.set_num_threads(before)
