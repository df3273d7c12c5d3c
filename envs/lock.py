"""Write the lock files: every version of every environment, resolved against the package index by uv.

Run as ``make lock`` (``make lock UPGRADE=NAME`` for a newer NAME, ``UPGRADE=all`` for everything newer). Reads
pyproject.toml and envs/*/requirements.in; writes envs/*/requirements.txt and envs/*/cuda.txt, and the digests in
envs/*/environment.post-deploy.sh, by which Snakemake notices that a conda environment is out of date. Versions in a
lock are kept while they are valid, so that a run without changed inputs changes nothing.
"""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("core", "caption-cpu", "caption-gpu", "syncnet")
CORE, CPU, GPU, SYNCNET = (ROOT / "envs" / name / "requirements.txt" for name in NAMES)
CORE_CUDA = CORE.with_name("cuda.txt")
HEAD = """# Every version of the environment {name}, for Linux on x86-64 with Python 3.11 or 3.12.
# Written by `make lock` from {source}; do not edit.
"""
CUDA_HEAD = """# What torch needs in the environment {name} where its build is the one for GPUs, as plain PyPI's is.
# Written by `make lock` from {source}; do not edit.
"""
PYTHONS = ("3.11.0", "3.11.14", "3.12.0", "3.12.12")
"""Python versions on which a marker must hold to be left out; some packages require a late 3.11."""
BUILT_TWICE = ("torch", "torchaudio", "torchcodec", "torchvision")
"""Packages with a build for CPUs and one for GPUs under one version."""
NO_GPU = ("torchaudio", "torchcodec", "triton")
"""Packages that vLLM on a CPU must not find: builds that fail with a CPU build of torch, and a compiler."""


def main() -> None:
    """Write all locks; the core's first, since the others use its versions."""
    newer = upgrades(os.environ.get("UPGRADE", ""))
    core = compile_lock(CORE, ["pyproject.toml", "--all-extras", "--group", "dev", "--group", "no-deps", *newer])
    write(CORE, HEAD, "pyproject.toml", core)

    torch = compile_lock(CORE_CUDA, ["-", "--no-config", *newer], stdin=core["torch"])
    cuda = {name: line for name, line in torch.items() if name not in core}
    write(CORE_CUDA, CUDA_HEAD, "what torch itself asks for", cuda)
    lean = {name: line for name, line in cuda.items() if name not in NO_GPU}
    write(CPU.with_name("cuda.txt"), CUDA_HEAD, "envs/core/cuda.txt, without triton", lean)

    left_out = [word for name in NO_GPU for word in ("--no-emit-package", name)]
    cpu = compile_lock(CPU, ["-", *left_out, *newer], stdin=inputs(CPU, core), override=core["torch"])
    write(CPU, HEAD, "envs/caption-cpu/requirements.in", cpu)

    gpu = compile_lock(GPU, ["-", "--no-config", *newer], stdin=inputs(GPU, core))
    # '==' would take 2.13.0+cpu where an index has it; '===' takes no build with a label of its own.
    exact = {name: line.replace("==", "===") if name in BUILT_TWICE else line for name, line in gpu.items()}
    write(GPU, HEAD, "envs/caption-gpu/requirements.in", exact)

    syncnet = compile_lock(SYNCNET, ["-", *newer], stdin=inputs(SYNCNET, core))
    write(SYNCNET, HEAD, "envs/syncnet/requirements.in", syncnet)
    write(SYNCNET.with_name("cuda.txt"), CUDA_HEAD, "what torch itself asks for", cuda)
    for lock in (CORE, CPU, GPU, SYNCNET):
        stamp(lock.parent)


def upgrades(wanted: str) -> list[str]:
    """Options of uv for newer versions of some packages, by space, or of `all`."""
    if wanted == "all":
        return ["--upgrade"]
    return [word for name in wanted.split() for word in ("--upgrade-package", name)]


def compile_lock(lock: Path, arguments: list[str], stdin: str = "", override: str = "") -> dict[str, str]:
    """The pins of one environment by package; several lines of a package are joined by newlines.

    Args:
        lock: the present lock, whose versions are preferred.
        arguments: what uv compiles; ``-`` is `stdin`.
        stdin: requirements, a line each.
        override: a requirement that replaces those of packages.

    Raises:
        SystemExit: no versions fit; uv has said why.
    """
    draft = lock.with_suffix(".draft")
    draft.write_text(lock.read_text(encoding="utf-8").replace("===", "=="), encoding="utf-8")
    overrides = lock.with_suffix(".overrides")
    overrides.write_text(override, encoding="utf-8")
    try:
        command = [
            "uv", "pip", "compile", *arguments, "--override", str(overrides), "--output-file", str(draft),
            "--universal", "--python-version", "3.11", "--no-annotate", "--no-header", "--quiet",
        ]  # fmt: skip
        subprocess.run(command, cwd=ROOT, input=stdin, text=True, check=True, stdout=subprocess.DEVNULL)
        return pins(draft.read_text(encoding="utf-8").splitlines())
    except subprocess.CalledProcessError as error:
        sys.exit(f"error: {lock.relative_to(ROOT)}: uv found no versions that fit (exit {error.returncode}; see above)")
    finally:
        draft.unlink()
        overrides.unlink()


def inputs(lock: Path, core: dict[str, str]) -> str:
    """The lines of ``requirements.in``; a name without a version takes the core environment's."""
    lines = lock.with_suffix(".in").read_text(encoding="utf-8").splitlines()
    named = [line.partition("#")[0].strip() for line in lines]
    return "\n".join(line if "==" in line else core[canonicalize_name(line)] for line in named if line)


def pins(lines: list[str]) -> dict[str, str]:
    """Pins by package, without markers that hold on every supported machine and without lines for other machines."""
    found: dict[str, str] = {}
    for line in lines:
        requirement = Requirement(line)
        holds = {requirement.marker.evaluate(machine(python)) if requirement.marker else True for python in PYTHONS}
        if True in holds:
            pin = line if False in holds else f"{requirement.name}{requirement.specifier}"
            name = canonicalize_name(requirement.name)
            found[name] = "\n".join(filter(None, [found.get(name), pin]))
    return found


def machine(python: str) -> dict[str, str]:
    """Values of markers for the supported machines: CPython on Linux, x86-64."""
    return {
        "implementation_name": "cpython", "implementation_version": python, "os_name": "posix",
        "platform_machine": "x86_64", "platform_python_implementation": "CPython", "platform_system": "Linux",
        "python_full_version": python, "python_version": ".".join(python.split(".")[:2]), "sys_platform": "linux",
    }  # fmt: skip


def write(path: Path, head: str, source: str, lock: dict[str, str]) -> None:
    """Write one lock, sorted by package, and print its number of packages."""
    lines = [f"{lock[name]}\n" for name in sorted(lock)]
    path.write_text(head.format(name=path.parent.name, source=source) + "".join(lines), encoding="utf-8")
    print(f"{path.relative_to(ROOT)}: {len(lock)} packages")


def stamp(folder: Path) -> None:
    """Write the digest of the files that determine an environment's content into its script for conda."""
    files = [ROOT / "envs/install.sh", *sorted(folder.glob("*.txt"), reverse=True), *sorted(folder.glob("support/*.*"))]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    script = folder / "environment.post-deploy.sh"
    text = script.read_text(encoding="utf-8")
    script.write_text(re.sub(r"(?m)^# sha256 \w+$", f"# sha256 {digest}", text), encoding="utf-8")


if __name__ == "__main__":
    main()
