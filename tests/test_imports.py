"""Imports point one way, and the leaves that the workflow reads while it is parsed stay light."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = ("eadnet", "metrics", "reports")
# What each package may import of the others.
ALLOWED = {
    "eadnet": (),
    "metrics": tuple(f"eadnet.{name}" for name in (
        "tables", "config", "provenance", "media", "faces", "landmarks", "regions", "spectrogram", "clips",
    )),
    "reports": tuple(f"eadnet.{name}" for name in ("tables", "config", "provenance", "media", "clips", "spectrogram"))
    + ("metrics.spec", "metrics.tables"),
}  # fmt: skip
LEAVES = (
    "eadnet.config",
    "eadnet.section",
    "eadnet.corpora.settings",
    "eadnet.tables",
    "eadnet.provenance",
    "eadnet.clips",
    "eadnet.spectrogram",
    "eadnet.corpora.shards",
    "eadnet.corpora.listing",
    "metrics.spec",
    "metrics.tables",
)
HEAVY = ("torch", "cv2", "mediapipe", "vllm", "transformers", "matplotlib", "scipy", "sklearn", "skimage", "av")


def project_imports(path: Path) -> set[str]:
    """Modules of the project that a file imports, wherever in the file; `from a import b` counts as a.b too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found |= {node.module} if "." in node.module else {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.partition(".")[0] in (*PACKAGES, "workflow", "snakemake")}


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_one_way(root: Path, package: str):
    wrong = [
        f"{path.relative_to(root)} imports {name}"
        for path in sorted((root / package).rglob("*.py"))
        for name in sorted(project_imports(path))
        if not name.startswith(f"{package}.") and not is_allowed(package, name)
    ]
    assert wrong == []


def is_allowed(package: str, name: str) -> bool:
    """Whether the package may import the module."""
    return any(name == allowed or name.startswith(f"{allowed}.") for allowed in ALLOWED[package])


def test_metrics_and_reports_know_nothing_of_the_networks(root: Path):
    for package in ("metrics", "reports"):
        for path in (root / package).rglob("*.py"):
            assert not any(name.startswith("eadnet.models") for name in project_imports(path)), path


def test_the_rule_files_import_leaves_only(root: Path):
    files = [root / "Snakefile", *(root / "workflow").rglob("*.smk")]
    lines = [line.split() for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    modules = {words[1] for words in lines if words[:1] == ["from"] and words[1].partition(".")[0] in PACKAGES}
    assert modules
    assert modules <= set(LEAVES)


@pytest.mark.parametrize("module", LEAVES)
def test_leaf_is_light(root: Path, module: str):
    code = f"import {module}, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert not set(json.loads(done.stdout)) & set(HEAVY)


@pytest.mark.parametrize("package", ["eadnet", "metrics", "reports"])
def test_command_line_starts_light(root: Path, package: str):
    code = (
        f"import runpy, sys, json; sys.argv = ['{package}', '--help']\n"
        f"try: runpy.run_module('{package}', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert not loaded & {"torch", "cv2", "mediapipe", "transformers"}
