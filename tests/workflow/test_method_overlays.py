"""The ready overlays for other people's methods: what they say, plan, and run on stand-ins of the official scripts."""

import copy
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from eadnet.config.configuration import load
from eadnet.data.clips import Clip
from eadnet.faces.alignment import warp_frame
from eadnet.media.reading import read_video
from eadnet.tables import CLIPS, EMOTIONS, VIDEOS, read_rows
from metrics.external.methods import collect_method
from tests.support.method_stand_ins import DARKER, SCRIPTS, photographed_clip, write_clone, write_ffmpeg
from tests.support.metrics_fixture import write_chosen
from tests.support.paths import ROOT
from tests.support.workflow_project import Project

OVERLAYS = {path.stem: path for path in sorted((ROOT / "config/methods").glob("*.yaml"))}


@pytest.fixture(scope="module")
def photographed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photographed_clip(tmp_path_factory.mktemp("photographed"))


def overlay(name: str) -> tuple[str, dict]:
    """Name and section of the method in a ready overlay."""
    content = yaml.safe_load(OVERLAYS[name].read_text(encoding="utf-8"))
    assert list(content) == ["methods"]
    ((method, section),) = content["methods"].items()
    return method, section


def test_every_overlay_has_its_stand_in_and_its_line_in_the_docs() -> None:
    assert list(OVERLAYS) == sorted(SCRIPTS)
    table = (ROOT / "docs/methods.md").read_text(encoding="utf-8")
    for name in OVERLAYS:
        repository, commit = overlay(name)[1]["repository"].split("@")
        (line,) = [line for line in table.splitlines() if f"{repository}@{commit[:7]}" in line and line.startswith("|")]
        assert f"`snakemake --cores all {overlay(name)[0]} --configfile config/methods/{name}.yaml`" in line


@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_says_what_it_runs(name: str) -> None:
    method, section = overlay(name)
    checked = load({"methods": {method: section}}).methods[method]
    assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", checked.repository)
    head = OVERLAYS[name].read_text(encoding="utf-8").partition("methods:\n")[0]
    repository, commit = checked.repository.split("@")
    assert (
        f"git clone https://github.com/{repository} {checked.folder}" in head and f"{repository}@{commit[:7]}" in head
    )
    assert "Not run here: no GPU, no weights." in " ".join(head.replace("#", "").split())
    assert set(checked.emotions) <= set(EMOTIONS)


@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_runs_a_script_with_the_official_arguments(
    photographed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    if not shutil.which("ffmpeg"):
        monkeypatch.setenv("PATH", f"{write_ffmpeg(tmp_path / 'bin')}{os.pathsep}{os.environ['PATH']}")
    method, section = overlay(name)
    write_clone(name, tmp_path / "clone")
    before = listing(tmp_path / "clone")
    given = load({"methods": {method: section | {"folder": str(tmp_path / "clone"), "python": sys.executable}}})
    collect_method(
        method, given.methods[method], photographed, write_chosen(photographed), 0, tmp_path / "out", lambda line: None
    )
    (row,) = read_rows(tmp_path / "out/videos.parquet", VIDEOS)
    assert row["status"] == "ok", row["reason"]
    clip = Clip(read_rows(photographed, CLIPS)[0])
    made = read_video(row["video"])
    assert made.shape[1:] == (240, 320, 3) and len(made) >= clip.row["n_frames"] - 3
    crop = warp_frame(made[0], clip.transforms[0], 128).astype(float)
    assert np.abs(crop - DARKER * clip.crops[0])[8:-8, 8:-8].mean() < 12
    new = listing(tmp_path / "clone") - before
    assert {path for path in new if "__pycache__" not in path} <= {"temp/result.avi.mp4"}
    assert sorted(path.suffix for path in Path(row["video"]).parent.iterdir()) == [".mp4"]


def listing(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(ROOT, tmp_path_factory.mktemp("methods") / "project")


@pytest.mark.workflow
@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_is_planned_alone(project: Project, name: str) -> None:
    method, section = overlay(name)
    alone = copy.copy(project)
    alone.configfiles = ("config/smoke.yaml", f"config/methods/{name}.yaml")
    done = alone.snakemake("--dry-run", "--cores", "2", method)
    assert done.returncode == 1 and f"methods.{method}.folder: {section['folder']}: no such folder" in done.stdout
    write_clone(name, project.folder / section["folder"])
    jobs = alone.plan(method)
    assert [job.wildcards for job in jobs if job.rule == "collect_method"] == [{"source": method, "seed": "0"}]
    assert not {"pretrain_backbone", "train_run"} & {job.rule for job in jobs}
    if name == min(OVERLAYS):  # the folder is set in the same way for all
        os.rename(project.folder / section["folder"], project.folder / f"moved-{name}")
        jobs = alone.plan(method, config=f"methods={{{method}: {{folder: moved-{name}}}}}")
        assert "collect_method" in {job.rule for job in jobs}
