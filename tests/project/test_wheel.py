"""The project as a package: the wheel works in an environment that holds nothing else, from any folder."""

import subprocess
import sys
import venv
from pathlib import Path

import pandas as pd
import pytest

from eadnet.cli.packages import NO_DEPS

pytestmark = pytest.mark.workflow

PACKAGE_DATA = """
from jinja2.exceptions import UndefinedError
from eadnet.corpora.splits import DIGESTS, read_manifest
from reports.gallery.page import render

assert all(read_manifest(name) for name in DIGESTS)
try:
    render({})
except UndefinedError:
    pass  # the template is there and wants its values
"""
PIP = ("-m", "pip", "--disable-pip-version-check")


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that `pip wheel .` builds, with the build system of this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, *PIP, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([*build, str(root)], check=True)
    (made,) = folder.glob("eadnet-*-py3-none-any.whl")
    return made


@pytest.fixture(scope="module")
def programs(root: Path, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment into which pip has resolved the wheel, at the lock's versions."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder, with_pip=True)
    install = [str(folder / "bin/python"), *PIP, "install", "--quiet"]
    subprocess.run([*install, str(wheel), "--constraint", str(root / "envs/core/requirements.txt")], check=True)
    return folder / "bin"


def run(folder: Path, *command: str | Path) -> subprocess.CompletedProcess:
    """Run a command in a folder that has nothing to do with the project."""
    return subprocess.run(
        [*map(str, command)], cwd=folder, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}
    )


def test_commands_find_their_tables_schemas_and_templates(programs: Path, tmp_path: Path):
    commands = [
        ("eadnet", "--help"),
        ("eadnet", "assets"),
        ("eadnet", "splits", "--check"),
        ("eadnet-metrics", "list"),
        ("eadnet-metrics", "document"),
        ("eadnet-reports", "reported", "--metric", "FID", "--dataset", "HDTF"),
    ]
    for name, *arguments in commands:
        done = run(tmp_path, programs / name, *arguments)
        assert done.returncode == 0, done.stderr
    done = run(tmp_path, programs / "python", "-c", PACKAGE_DATA)
    assert done.returncode == 0, done.stderr


def test_what_pip_cannot_resolve_is_asked_for_in_one_line_and_then_works(programs: Path, tmp_path: Path, shared: Path):
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / "clip.mp4").symlink_to(shared / "clips/mimictalk_May_5s.mp4")
    score = [programs / "eadnet-metrics", "score", "videos", "videos"]
    score += ["--metrics", "image,landmarks", "-o", "scores.parquet"]
    done = run(tmp_path, *score)
    advice = f"pip install --no-deps {' '.join(NO_DEPS.values())}"
    assert done.returncode == 1 and done.stderr.splitlines()[-1].startswith("error: the package ")
    assert advice in done.stderr
    subprocess.run([programs / "python", *PIP, "install", "--quiet", "--no-deps", *NO_DEPS.values()], check=True)
    done = run(tmp_path, *score)
    assert done.returncode == 0, done.stderr
    scores = pd.read_parquet(tmp_path / "scores.parquet").set_index("metric")
    assert scores.value["psnr@region"] == 100 and scores.value["mouth_correlation@mediapipe"] == pytest.approx(1)
