"""Imports point one way, and the leaves that the workflow reads while it is parsed stay light."""

import ast
import json
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGES = ("eadnet", "metrics", "reports")
FLOORS = {
    "eadnet": (
        "jobs", "progress", "provenance", "digests", "assets", "tables", "fetched", "media", "config", "data",
        "checkpoint", "diffusion", "device", "faces", "published", "corpora", "synthetic", "preprocessing", "captions",
        "models", "features", "training", "inference", "pipeline", "cli", "__main__",
    ),
    "metrics": (
        "networks", "specs", "tables", "functional", "spec", "documentation", "scoring", "summary", "judges",
        "measuring", "captions", "families", "external", "interface", "comparison", "resolution", "calibration", "cli",
        "__main__",
    ),
    "reports": (
        "registry", "numbers", "style", "load", "sources", "published", "tables", "figures", "readme", "published_page",
        "gallery", "evidence", "cli", "__main__",
    ),
}  # fmt: skip
"""The folders and single modules of each package, lowest first: each imports only what stands before it."""
ROOT_MODULES = 10
"""Modules that may stand at the root of `eadnet`, beside its entry point."""
# What each package may import of the others.
ALLOWED = {
    "eadnet": (),
    "metrics": tuple(f"eadnet.{name}" for name in (
        "tables", "config", "provenance", "assets", "device", "media", "faces", "data", "published", "captions.schema",
        "captions.measures", "corpora.files", "cli.packages", "cli.options", "checkpoint",
        "training.adoption",
    )),
    "reports": tuple(f"eadnet.{name}" for name in (
        "tables", "config", "provenance", "media", "faces.landmarks", "data", "corpora.sources", "captions.measures",
        "cli.packages", "jobs.processor",
    ))
    + tuple(f"metrics.{name}" for name in (
        "calibration.damage", "calibration.responses", "functional.clip_notes", "functional.statistics",
        "functional.trajectories", "resolution.table", "spec", "specs", "summary", "tables",
    )),
}  # fmt: skip
LEAVES = (
    "eadnet.config.configuration",
    "eadnet.config.section",
    "eadnet.assets",
    "eadnet.faces.detectors.interface",
    "eadnet.config.captions",
    "eadnet.captions.grammar.sentences",
    "eadnet.captions.prompt",
    "eadnet.config.corpora",
    "eadnet.config.evaluation",
    "eadnet.config.experiment",
    "eadnet.config.resources",
    "eadnet.data.selection",
    "eadnet.config.methods",
    "eadnet.config.networks",
    "eadnet.config.training",
    "eadnet.training.ranks",
    "eadnet.tables",
    "eadnet.provenance",
    "eadnet.jobs.gpus",
    "eadnet.jobs.ownership",
    "eadnet.data.clips",
    "eadnet.media.spectrogram",
    "eadnet.faces.landmarks",
    "eadnet.faces.regions",
    "eadnet.corpora.annotations",
    "eadnet.corpora.files",
    "eadnet.corpora.listing",
    "eadnet.corpora.shards",
    "metrics.documentation",
    "metrics.spec",
    "metrics.tables",
    "reports.registry",
    "workflow.caption_python",
    "workflow.config_values",
    "workflow.controller",
    "workflow.options",
    "workflow.plan",
    "workflow.report_plan",
    "workflow.requests",
    "workflow.stages",
    "workflow.weights",
)
ELSEWHERE = (
    "eadnet.training.run", "eadnet.training.backbone", "eadnet.inference.test_clips", "eadnet.inference.latent_errors",
)  # fmt: skip
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


@pytest.mark.parametrize("package", PACKAGES)
def test_no_folder_imports_a_higher_one(root: Path, package: str):
    floors = FLOORS[package]
    standing = {
        path.stem for path in (root / package).iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert standing - {"__init__"} == set(floors)
    wrong = [
        f"{name} imports {other}"
        for name, others in modules_of(root, package).items()
        for other in sorted(others)
        if floor_of(name) != floor_of(other) and floors.index(floor_of(name)) < floors.index(floor_of(other))
    ]
    assert wrong == []


@pytest.mark.parametrize("package", PACKAGES)
def test_modules_import_each_other_in_no_circle(root: Path, package: str):
    try:
        list(TopologicalSorter(modules_of(root, package)).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_few_modules_stand_at_the_root(root: Path):
    modules = {path.stem for path in (root / "eadnet").glob("*.py")} - {"__init__", "__main__"}
    assert len(modules) <= ROOT_MODULES, sorted(modules)


def modules_of(root: Path, package: str) -> dict[str, set[str]]:
    """The modules of a package, each with the other modules of the package that it imports, wherever in its file."""
    paths = {module_name(path.relative_to(root)): path for path in (root / package).rglob("*.py")}
    found = {}
    for name, path in paths.items():
        nodes = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ImportFrom)]
        named = {(f"{node.module}.{alias.name}", node.module) for node in nodes for alias in node.names}
        found[name] = {next((part for part in pair if part in paths), name) for pair in named} - {name, package}
    return found


def module_name(path: Path) -> str:
    """``eadnet/media/__init__.py`` is eadnet.media."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def floor_of(name: str) -> str:
    """The folder or single module of a package that a module belongs to."""
    return name.split(".")[1] if "." in name else name


def is_allowed(package: str, name: str) -> bool:
    """Whether the package may import the module."""
    return any(name == allowed or name.startswith(f"{allowed}.") for allowed in ALLOWED[package])


def test_metrics_and_reports_know_nothing_of_the_networks(root: Path):
    for package in ("metrics", "reports"):
        for path in (root / package).rglob("*.py"):
            assert not any(name.startswith("eadnet.models") for name in project_imports(path)), path


def test_the_rules_and_their_plan_import_leaves_only(root: Path):
    read = [
        path for path in (root / "workflow").glob("*.py") if "__main__" not in path.read_text("utf-8")
    ]  # no commands
    files = [root / "Snakefile", *(root / "workflow/rules").glob("*.smk"), *read]
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
