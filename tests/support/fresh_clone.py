"""What a new user has: the project's files as git knows them, and the environment that `make environment` makes."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from eadnet.config.reference import config_yaml

# What belongs to the environment that runs the tests, or to the make above them, is no part of a new user's shell.
OTHERS = (
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "PYTHONHOME",
    "VENV",
    "CORES",
    "MAKEFLAGS",
    "MFLAGS",
    "MAKEOVERRIDES",
    "MAKELEVEL",
)


class FreshClone:
    """A folder with the project's files and, once `make_environment` was called, its own environment."""

    def __init__(self, root: Path, folder: Path) -> None:
        """Copy the files of the working tree, with the default ``config.yaml`` for a user's own."""
        self.folder = folder
        for name in project_files(root):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name)
        (folder / "config.yaml").write_text(config_yaml(), encoding="utf-8")

    def make_environment(self) -> None:
        """`make environment`, as it is printed; minutes."""
        done = self.run("make environment", activated=False, timeout=1200)
        assert done.returncode == 0, done.stdout[-4000:]

    def run(self, command: str, activated: bool = True, timeout: float = 300) -> subprocess.CompletedProcess:
        """Run a line in a shell of its own in the clone; standard error is part of the output."""
        script = f"source .venv/bin/activate\n{command}" if activated else command
        return subprocess.run(
            ["bash", "-c", script], cwd=self.folder, env=plain_environment(), timeout=timeout,
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def remove_environment(self) -> None:
        """Free the disk (pytest keeps the folders of three sessions) in the background: a busy disk takes minutes."""
        subprocess.Popen(["rm", "-rf", str(self.folder / ".venv")], start_new_session=True)


def project_files(root: Path) -> list[str]:
    """The files that git tracks and those that it would; all but the ignored ones where there is no checkout."""
    command = ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
        return [name for name in listed if (root / name).is_file()]
    except (FileNotFoundError, subprocess.CalledProcessError):
        return _without_ignored(root, shutil.ignore_patterns(*_ignored(root), ".git"))


def _without_ignored(root: Path, ignored: Callable) -> list[str]:
    found = []
    for folder, folders, names in os.walk(root):
        left_out = ignored(folder, [*folders, *names])
        folders[:] = [name for name in folders if name not in left_out]
        found += [str((Path(folder) / name).relative_to(root)) for name in names if name not in left_out]
    return found


def _ignored(root: Path) -> list[str]:
    return [line.strip("/") for line in (root / ".gitignore").read_text(encoding="utf-8").split()]


def plain_environment() -> dict[str, str]:
    """The variables of a shell in which nothing is activated; the Python behind the tests' own comes last."""
    kept = {name: value for name, value in os.environ.items() if name not in OTHERS}
    own = Path(sys.prefix, "bin")
    folders = [folder for folder in os.environ["PATH"].split(os.pathsep) if folder and Path(folder) != own]
    base = str(Path(sys._base_executable).parent)
    return {**kept, "PATH": os.pathsep.join([*folders, base]), "OMP_NUM_THREADS": "1"}
