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
        "tables", "config", "provenance", "media", "faces", "detectors", "landmarks", "regions", "spectrogram", "clips",
        "assets", "captions.schema", "captions.settings", "captions.true_units", "corpora.files", "experiment",
        "device", "face_crops",
        "mapped_tensors", "method_settings", "packages", "published", "resizing", "selection",
        "streamed_tensors", "syncnet_v2",
    )),
    "reports": tuple(f"eadnet.{name}" for name in (
        "tables", "config", "provenance", "media", "clips", "spectrogram", "corpora.sources", "captions.settings",
        "captions.descriptor_table", "captions.true_units", "experiment", "packages", "selection",
    ))
    + tuple(f"metrics.{name}" for name in (
        "calibration.damage", "calibration.responses", "paper_columns", "paper_values", "resolution.table", "spec",
        "statistics", "tables",
    )),
}  # fmt: skip
LEAVES = (
    "eadnet.config.configuration",
    "eadnet.config.section",
    "eadnet.assets",
    "eadnet.config.captions",
    "eadnet.captions.grammar.sentences",
    "eadnet.captions.prompt",
    "eadnet.config.corpora",
    "eadnet.config.evaluation",
    "eadnet.config.experiment",
    "eadnet.data.selection",
    "eadnet.config.methods",
    "eadnet.config.networks",
    "eadnet.config.training",
    "eadnet.tables",
    "eadnet.provenance",
    "eadnet.data.clips",
    "eadnet.media.spectrogram",
    "eadnet.faces.landmarks",
    "eadnet.faces.regions",
    "eadnet.corpora.annotations",
    "eadnet.corpora.files",
    "eadnet.corpora.shards",
    "eadnet.corpora.shards",
    "metrics.specs.documentation",
    "metrics.spec",
    "metrics.tables",
    "reports.registry",
    "workflow.options",
    "workflow.plan",
    "workflow.report_plan",
    "workflow.stages",
)
ELSEWHERE = ("eadnet.training.run", "eadnet.training.backbone", "eadnet.inference.test_clips")
"""What also runs on a GPU node that has no library for pictures and videos."""
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


def test_the_rules_and_their_plan_import_leaves_only(root: Path):
    files = [root / "Snakefile", *(root / "workflow/rules").glob("*.smk"), *(root / "workflow").glob("*.py")]
    lines = [line.split() for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    own = (*PACKAGES, "workflow")
    modules = {words[1] for words in lines if words[:1] == ["from"] and words[1].partition(".")[0] in own}
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


@pytest.mark.parametrize("start", ELSEWHERE)
def test_training_and_generation_load_no_video_library(root: Path, start: str):
    code = f"import {start}, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert "torch" in loaded and not loaded & {"cv2", "av", "mediapipe"}
