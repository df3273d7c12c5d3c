"""Imports point one way, and the leaves that the workflow reads while it is parsed stay light."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGES = ("eadnet", "metrics", "reports")
# What each package may import of the others.
ALLOWED = {
    "eadnet": (),
    "metrics": tuple(f"eadnet.{name}" for name in (
        "tables", "config", "provenance", "media", "faces", "detectors", "landmarks", "regions", "spectrogram", "clips",
        "assets", "captions.schema", "captions.settings", "captions.true_units", "corpora.files", "experiment",
        "face_crops",
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
    "eadnet.config",
    "eadnet.section",
    "eadnet.settings",
    "eadnet.assets",
    "eadnet.detectors",
    "eadnet.captions.settings",
    "eadnet.captions.grammar",
    "eadnet.captions.prompt",
    "eadnet.corpora.settings",
    "eadnet.evaluation_settings",
    "eadnet.experiment",
    "eadnet.selection",
    "eadnet.method_settings",
    "eadnet.models.settings",
    "eadnet.training_settings",
    "eadnet.tables",
    "eadnet.provenance",
    "eadnet.clips",
    "eadnet.spectrogram",
    "eadnet.landmarks",
    "eadnet.regions",
    "eadnet.corpora.annotations",
    "eadnet.corpora.files",
    "eadnet.corpora.shards",
    "eadnet.corpora.listing",
    "metrics.documentation",
    "metrics.spec",
    "metrics.tables",
)
BARE = ("eadnet.train", "eadnet.pretraining.backbone", "eadnet.synthesis")
"""What runs on a GPU node where little is installed, and the packages that it may need there with what these bring."""
INSTALLED = {"torch", "numpy", "safetensors", "pyarrow", "transformers", "diffusers", "PIL", "tqdm", "yaml"}
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


@pytest.mark.parametrize("start", BARE)
def test_a_bare_node_can_import_what_it_runs(root: Path, start: str):
    reached = reached_from(root, start)
    assert {"eadnet.models.unet", "eadnet.settings", "eadnet.dataset"} <= set(reached)
    wrong = {
        module: sorted(foreign)
        for module, names in reached.items()
        if (foreign := {name.partition(".")[0] for name in names} - {"eadnet", *INSTALLED, *sys.stdlib_module_names})
    }
    assert wrong == {}


def test_what_needs_more_is_seen_as_such(root: Path):
    assert "pydantic" in set().union(*reached_from(root, "eadnet.training_settings").values())
    assert "cv2" in set().union(*reached_from(root, "eadnet.rendering").values())


def reached_from(root: Path, start: str) -> dict[str, set[str]]:
    """Modules of `eadnet` that are loaded when `start` is, each with what it imports while it is loaded."""
    reached, waiting = {}, [start]
    while waiting:
        module = waiting.pop()
        path = root / module.replace(".", "/")
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if module in reached or not path.is_file():
            continue
        reached[module] = set(loaded_imports(ast.parse(path.read_text(encoding="utf-8")).body))
        inner = [name for name in reached[module] if name.startswith("eadnet.")]
        waiting += inner + [name.rpartition(".")[0] for name in (module, *inner)]
    return reached


def loaded_imports(body: list[ast.stmt]) -> Iterator[str]:
    """Modules that statements import when they run: not those inside functions, nor those for type checkers alone."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for name in ("body", "orelse", "finalbody", "handlers"):
                if not (name == "body" and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
                    yield from loaded_imports(getattr(node, name, []))
