"""The lock on versions: a change of code is seen in the stages that run it, until it has a version or a reason."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from workflow.closures import PACKAGES
from workflow.stages import STAGE_VERSIONS


class Copy:
    """A copy of the project's code, whose lock is in step when the test begins."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder, self.lock = folder, folder / "workflow/stages.lock.json"
        for name in (*PACKAGES, "workflow"):
            shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "logger"))
        self.lock.unlink()
        assert self.run("--write", "--all") == ""
        self.in_step = self.lock.read_text(encoding="utf-8")

    def run(self, *words: str) -> str:
        """What the command prints; nothing if all is well."""
        command = [sys.executable, "-m", "workflow.stage_lock", *words]
        environment = os.environ | {"PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)
        assert (done.returncode == 0) == (done.stderr == ""), done.stderr
        return done.stderr

    def named(self) -> dict[str, str]:
        """The line of each stage that the check names."""
        lines = self.run("--check").splitlines()
        return {re.match(r"error: ([\w/]+): ", line)[1]: line for line in lines}

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace the first of a text in a file."""
        text = (self.folder / path).read_text(encoding="utf-8")
        assert old in text, (path, old)
        (self.folder / path).write_text(text.replace(old, new, 1), encoding="utf-8")

    def stages(self) -> dict[str, dict]:
        """The entries of the lock."""
        return json.loads(self.lock.read_text(encoding="utf-8"))["stages"]


@pytest.fixture(scope="module")
def pristine(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(root, tmp_path_factory.mktemp("lock") / "project")


@pytest.fixture
def project(pristine: Copy) -> Copy:
    """A copy to spoil: what a test adds to a module, and the lock, are put back."""
    before = {path: path.read_bytes() for name in ("eadnet", "metrics", "workflow") for path in files(pristine, name)}
    yield pristine
    for path in (path for name in ("eadnet", "metrics", "workflow") for path in files(pristine, name)):
        if path not in before:
            path.unlink()
    for path, content in before.items():
        path.write_bytes(content)


def files(project: Copy, name: str) -> list[Path]:
    return [path for path in (project.folder / name).rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def source_of(project: Copy, definition: str) -> str:
    """The one file of `eadnet` in which a definition stands, wherever that is."""
    found = [path for path in files(project, "eadnet") if f"\n{definition}" in path.read_text(encoding="utf-8")]
    (path,) = [path for path in found if path.suffix == ".py"]
    return str(path.relative_to(project.folder))


def append(project: Copy, path: str, text: str) -> None:
    with open(project.folder / path, "a", encoding="utf-8") as file:
        file.write(text)


def change(project: Copy, path: str, function: str) -> None:
    """Put a statement into a function, before its last one."""
    lines = (project.folder / path).read_text(encoding="utf-8").splitlines()
    (node,) = [node for node in ast.parse("\n".join(lines)).body if getattr(node, "name", "") == function]
    lines.insert(node.body[-1].lineno - 1, "    further = 1")
    (project.folder / path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_changed_function_is_named_until_the_version_is_bumped(project: Copy):
    path = source_of(project, "def velocity_loss(")
    change(project, path, "velocity_loss")
    named = project.named()
    assert {"train"} <= set(named) and not {"render", "acquire", "family/image"} & set(named)
    assert path.removesuffix(".py").replace("/", ".") in named["train"]
    assert "STAGE_VERSIONS in workflow/stages.py" in named["train"]
    assert "its code changed under version" in project.run("--write", "train")
    was = STAGE_VERSIONS["train"]
    project.edit("workflow/stages.py", f'"train": {was},', f'"train": {was + 1},')
    assert f"version {was + 1}, {was} in the lock" in project.named()["train"]
    assert project.run("--write", "train") == ""
    assert project.stages()["train"]["version"] == was + 1 and "accepted" not in project.stages()["train"]
    rest = project.named()
    assert "train" not in rest and set(rest) == set(named) - {"train"}
    assert all(path.removesuffix(".py").replace("/", ".") in line for line in rest.values())


def test_a_change_that_moves_no_number_is_accepted_with_its_reason(project: Copy):
    append(project, "metrics/families/image.py", "\n\nFURTHER = 1\n")
    assert set(project.named()) >= {"family/image"}
    assert "metrics.families.image" in project.named()["family/image"]
    assert project.run("--write", "--all", "--because", "a constant that\nnothing reads") == ""
    assert project.named() == {}
    assert project.stages()["family/image"]["accepted"] == f"{date.today()}: a constant that nothing reads"
    assert "accepted" not in project.stages()["render"]


def test_what_code_does_not_do_changes_nothing(project: Copy):
    path = project.folder / source_of(project, "def velocity_loss(")
    rewritten = ast.unparse(ast.parse(path.read_text(encoding="utf-8")))  # no comments, another layout
    path.write_text(
        re.sub(r'^"""', '"""Another beginning. ', rewritten) + "\n\nUNUSED = 1  # a comment\n", encoding="utf-8"
    )
    project.edit("eadnet/config/training.py", 'description="', 'description="In other words: ')
    assert project.run("--check") == ""


def test_a_module_may_move_to_another_folder(project: Copy):
    path = project.folder / source_of(project, "def velocity_loss(")
    old = ".".join(path.relative_to(project.folder).with_suffix("").parts)
    moved = project.folder / "eadnet/models/moved_losses.py"
    path.rename(moved)
    package, _, name = old.rpartition(".")
    for other in [path for path in files(project, "eadnet") if path.suffix == ".py"]:
        written = other.read_text(encoding="utf-8")
        text = written.replace(f"from {old} import", "from eadnet.models.moved_losses import")
        text = text.replace(f"from {package} import {name}\n", f"from eadnet.models import moved_losses as {name}\n")
        if text != written:
            other.write_text(text, encoding="utf-8")
    assert project.run("--check") == ""
    moved.rename(path)


def test_a_name_from_another_module_is_seen(project: Copy):
    """Nothing changes but the module that gives a name."""
    append(
        project,
        "metrics/families/image.py",
        "\n\nfrom eadnet.provenance import sha256_file as further\n\nUSED = further\n",
    )
    append(project, "eadnet/tables.py", "\n\ndef sha256_file(path):\n    return str(path)\n")
    assert project.run("--write", "--all", "--because", "another import") == ""
    project.edit("metrics/families/image.py", "from eadnet.provenance import", "from eadnet.tables import")
    assert set(project.named()) == {"family/image"}
    assert "a name that refers to something else" in project.named()["family/image"]


def test_what_a_module_does_when_loaded_is_seen(project: Copy):
    append(project, "eadnet/diffusion.py", "\n\nfor _name in ():\n    print(_name)\n")
    assert "eadnet.diffusion" in project.named()["train"]


def test_a_module_chosen_by_name_is_seen(project: Copy):
    append(project, "metrics/judges/video.py", "\n\nFURTHER = 1\n")
    append(project, "metrics/measuring/extractors/identity.py", "\n\nFURTHER = 1\n")
    named = project.named()
    assert (
        "metrics.judges.video" in named["judge"]
        and "metrics.measuring.extractors.identity" in named["extractor/identity"]
    )
    assert "measure" not in named, "extractors have versions of their own"


def test_stages_and_entries_belong_together(project: Copy):
    held = json.loads(project.in_step)
    held["stages"]["mystery"] = held["stages"].pop("train")
    project.lock.write_text(json.dumps(held), encoding="utf-8")
    named = project.named()
    assert set(named) == {"train", "mystery"}
    assert "has no entry" in named["train"] and "no stage any more" in named["mystery"]
    assert project.run("--write", "train", "mystery") == ""
    assert project.lock.read_text(encoding="utf-8") == project.in_step
    assert "no such stage; there are render" in project.run("--write", "mystery")
    project.lock.write_text("{", encoding="utf-8")
    assert "not a lock" in project.run("--check")


def test_a_version_that_no_rule_has_is_named(project: Copy):
    project.edit("workflow/stages.py", '    "train": ', '    "mystery": 1,\n    "train": ')
    assert "error: mystery: a version without a rule" in project.run("--check")
