"""Fixtures of all tests (where the project and the real media stand, the workflow after a whole run), and how many
examples a property test tries."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.support.paths import ROOT
from tests.support.workflow_project import Project

# A video takes longer to write than hypothesis expects of an example. No database: one run must not depend on another.
# Without the phase `explain`, which traces every line that runs.
_COMMON = {
    "deadline": None,
    "database": None,
    "print_blob": True,
    "suppress_health_check": [HealthCheck.too_slow],
    "phases": [Phase.explicit, Phase.generate, Phase.shrink],
}
settings.register_profile("ci", max_examples=200, derandomize=True, **_COMMON)
settings.register_profile("fuzz", max_examples=5000, derandomize=False, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


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
def failing(shared: Path) -> Path:
    """Small inputs of public bug reports, which lie beside the real clips; tests make their own ones besides."""
    return shared / "failing"


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
