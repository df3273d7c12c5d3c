"""The package syncnet-python in tests: its network without its pipeline, and a Python that can run all of it."""

import importlib.util
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.paths import ROOT

PROGRAM = "import syncnet_python"


def network_modules() -> tuple[ModuleType, ModuleType, ModuleType]:
    """SyncNet, its evaluation and S3FD, read as single files: the whole package asks for an old PySceneDetect."""
    found = importlib.util.find_spec("syncnet_python")  # finds the folder, imports nothing
    assert found is not None, "syncnet-python is in the lock of the environment: make environment"
    folder = Path(found.submodule_search_locations[0])
    return tuple(
        _load(folder / name) for name in ("SyncNetModel.py", "SyncNetInstance.py", "detectors/s3fd/__init__.py")
    )


def _load(path: Path) -> ModuleType:
    name = f"packaged_{path.stem}" if path.stem != "__init__" else f"packaged_{path.parent.name}"
    places = [str(path.parent)] if path.stem == "__init__" else None
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=places)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # a folder's module imports its neighbours by this name
    spec.loader.exec_module(module)
    return module


@cache
def whole_package() -> str:
    """A Python that can import all of the package: `SYNCNET_PYTHON`, or that of `make syncnet`."""
    python = os.environ.get("SYNCNET_PYTHON", str(ROOT / ".venv-syncnet/bin/python"))
    if not Path(python).exists() or subprocess.run([python, "-P", "-c", PROGRAM], capture_output=True).returncode:
        pytest.skip("syncnet-python needs an older PySceneDetect, so an environment of its own (1.8 GB): make syncnet")
    return python
