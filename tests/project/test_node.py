"""The stages of a bare node, in an environment that holds nothing but what such a node has."""

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from pyarrow import parquet
from safetensors import safe_open

from eadnet.config.machine import Compute
from eadnet.config.synthesis import Synthesis
from eadnet.config.view import plain
from eadnet.data.selection import write_test_clips
from eadnet.node import NodeError, complete
from eadnet.tables import GENERATED, read_rows
from tests.support.toy_training import Toy, backbone_settings, training_settings, write_toy

PACKAGES = ("torch", "numpy", "safetensors", "pyarrow", "transformers", "diffusers")
NEVER = ("pydantic", "pydantic-core", "typer")
"""Newer releases of the packages bring these, older ones do not."""
NO_SITE = """import sys
sys.path[:] = [place for place in sys.path if not {"site-packages", "dist-packages"} & set(place.split("/"))]
"""
STEPS = {"steps": 2, "batch_size": 1}


@pytest.fixture(scope="module")
def node(tmp_path_factory, root) -> Path:
    """A folder with the packages, all that they require, and eadnet; all else that is installed is absent from it."""
    folder = tmp_path_factory.mktemp("node")
    for name in _required(*PACKAGES):
        for top in {file.parts[0] for file in importlib.metadata.distribution(name).files or ()} - {
            "..",
            "__pycache__",
        }:
            target = Path(importlib.metadata.distribution(name).locate_file(top))
            if target.exists() and not (folder / top).exists():
                (folder / top).symlink_to(target)
    (folder / "sitecustomize.py").write_text(NO_SITE)  # also in the processes that torchrun starts
    for name in ("eadnet", "workflow"):
        (folder / name).symlink_to(root / name)
    return folder


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> Toy:
    return write_toy(tmp_path_factory.mktemp("toy"))


def _required(*names: str) -> set[str]:
    """Names of the distributions and of all that they require, without extras."""
    found, wanted = set(), list(names)
    while wanted:
        name = wanted.pop().lower().replace("_", "-")
        if name in found or name in NEVER:
            continue
        try:
            lines = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        found.add(name)
        requirements = [Requirement(line) for line in lines]
        wanted += [r.name for r in requirements if r.marker is None or r.marker.evaluate({"extra": ""})]
    return found


def _run(node: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run Python without site-packages and without the programs of this machine (git, for one)."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"PYTHONPATH": str(node), "PATH": "/nowhere", "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *arguments], cwd=node, env=environment, capture_output=True, text=True)


def _options(toy: Toy, output: Path, settings, **more: str) -> list[str]:
    compute = plain(Compute(device="cpu", precision="float32"))
    given = {"settings": json.dumps(plain(settings)), "compute": json.dumps(compute), "output": str(output)}
    paths = {name: path for name, path in vars(toy.inputs).items() if name != "corpora"}
    given |= {"seed": "0", "autoencoder": toy.supervisors.autoencoder} | paths | more
    return [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", value)]


def test_the_node_has_no_more_than_it_should(node):
    absent = ("pandas", "scipy", "cv2", "av", "mediapipe", "snakemake", "matplotlib", *NEVER[::2])
    code = f"import importlib.util as u; assert not [n for n in {absent} if u.find_spec(n)]; import torch, diffusers"
    done = _run(node, "-c", code)
    assert done.returncode == 0, done.stderr


def test_a_run_is_trained_and_generated_on_a_bare_node(node, toy, tmp_path):
    backbone, run, crops = tmp_path / "backbone", tmp_path / "run", tmp_path / "crops"
    settings = backbone_settings(optimiser=STEPS, validation={"every": 1, "batches": 1, "steps": 1})
    done = _run(node, "-m", "eadnet.node", "pretrain-backbone", *_options(toy, backbone, settings))
    assert done.returncode == 0, done.stderr
    networks = {name: getattr(toy.supervisors, name) for name in ("syncnet", "videomae", "lpips")}
    settings = training_settings(losses={"lpips": 0.1}, optimiser=STEPS)
    options = _options(toy, run, settings, run="toy", backbone=str(backbone), **networks)
    done = _run(node, "-m", "eadnet.node", "train", *options)
    assert done.returncode == 0, done.stderr
    losses = parquet.read_table(run / "train.parquet").to_pydict()
    assert {"sync", "trepa", "lpips", "validation"} <= set(losses["loss"]) and max(losses["step"]) == 1
    assert json.loads((run / "config.json").read_text())["commit"] == "unknown"  # no git on the node
    write_test_clips(toy.inputs.clips, 2, False, 0, tmp_path / "test_clips.parquet")
    chosen = str(tmp_path / "test_clips.parquet")
    options = _options(toy, crops, Synthesis(steps=1), run="toy", model=str(run), test_clips=chosen)
    options = options[: options.index("--latents")] + options[options.index("--latents") + 2 :]
    done = _run(node, "-m", "eadnet.node", "generate", *options)
    assert done.returncode == 0, done.stderr
    rows = read_rows(crops / "generated.parquet", GENERATED)
    assert [row["status"] for row in rows] == ["ok", "ok"], rows
    with safe_open(crops / "crops.safetensors", framework="pt") as store:
        assert store.get_tensor(rows[0]["clip_id"]).float().std() > 1


def test_two_processes_train_on_a_bare_node(node, toy, tmp_path):
    options = _options(toy, tmp_path, backbone_settings(processes=2, optimiser=STEPS), processes="2")
    done = _run(node, "-m", "eadnet.node", "pretrain-backbone", *options)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "model.safetensors").exists()


def test_incomplete_and_unknown_settings_are_named(node, toy, tmp_path):
    values = plain(training_settings())
    del values["losses"]["sync"]
    done = _run(node, "-m", "eadnet.node", "train", *_options(toy, tmp_path, values, run="toy", backbone=toy.backbone))
    assert done.returncode == 1
    expected = "error: settings.losses: lacks sync; give all settings, as `snakemake -n -p` prints them\n"
    assert done.stderr == expected


def test_sections_are_checked_key_by_key():
    compute = plain(Compute())
    assert complete("Compute", json.dumps(compute), "compute").prefetch == compute["prefetch"]
    with pytest.raises(NodeError, match="compute: unknown key devise; there are captioning, compile, device"):
        complete("Compute", json.dumps(compute | {"devise": "cpu"}), "compute")
    with pytest.raises(NodeError, match="compute: not JSON"):
        complete("Compute", "{", "compute")
    with pytest.raises(NodeError, match="compute: expected an object, got 3"):
        complete("Compute", "3", "compute")
    phases = plain(training_settings(adaptation={"steps": 1, "batch_size": 1, "learning_rate": 1e-3}))
    del phases["adaptation"]["beta2"]
    with pytest.raises(NodeError, match="settings.adaptation: lacks beta2"):
        complete("Training", json.dumps(phases), "settings")
