"""A machine on which nothing can work gets one line, before anything is made: envs/python.sh and make."""

import os
import subprocess
from pathlib import Path

import pytest


def program(folder: Path, name: str, text: str) -> None:
    """A program of that name which prints a text."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


def python(folder: Path, name: str, version: str, ready: bool = True) -> None:
    """A Python of that version; one that is not ready lacks the module that makes environments."""
    minor = version.split(".")[1]
    answers = f"*ensurepip*) exit {int(not ready)} ;; *version_info*) echo {minor} ;; *) echo CPython {version} ;;"
    program(folder, name, f"case $2 in {answers} esac")


def chosen(root: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run the script with the folder's programs and, behind them, only the system's plainest."""
    for name in ("bash", "cut", "sort", "head", "getconf", "uname", "env"):
        if not (folder / name).exists():
            program(folder, name, f'exec {which(name)} "$@"')
    command = [which("bash"), str(root / "envs/python.sh"), *arguments]
    return subprocess.run(command, env={"PATH": str(folder)}, capture_output=True, text=True)


def which(name: str) -> str:
    """Where a program of the system stands."""
    return next(f"{folder}/{name}" for folder in ("/usr/bin", "/bin") if os.path.exists(f"{folder}/{name}"))


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder of programs: Linux on x86-64, and no Python yet."""
    program(tmp_path / "bin", "uname", '[ "$1" = -s ] && echo Linux || echo x86_64')
    program(tmp_path / "bin", "getconf", "echo glibc 2.36")
    return tmp_path / "bin"


def test_the_first_python_that_fits_is_taken(root: Path, machine: Path):
    python(machine, "python3.12", "3.12.4")
    python(machine, "python3", "3.13.0")
    done = chosen(root, machine)
    assert (done.returncode, done.stdout, done.stderr) == (0, "python3.12\n", "")


def test_one_that_makes_no_environments_is_passed_over_for_one_that_does(root: Path, machine: Path):
    python(machine, "python3.11", "3.11.2", ready=False)
    python(machine, "python3.12", "3.12.4")
    assert chosen(root, machine).stdout == "python3.12\n"


@pytest.mark.parametrize(
    ("name", "version", "ready", "words"),
    [
        ("python3", "3.13.1", True, ("3.11 or 3.12 is needed", "python3 is CPython 3.13.1", "uv python install 3.12")),
        ("python3", "3.10.9", True, ("3.11 or 3.12 is needed", "python3 is CPython 3.10.9")),
        ("python3", "3.11.2", False, ("python3 cannot make environments", "apt-get install python3.11-venv")),
        ("pypy", "3.11.2", True, ("3.11 or 3.12 is needed", "uv python install 3.12")),
    ],
)
def test_no_python_that_fits_is_one_line(root: Path, machine: Path, name: str, version: str, ready: bool, words: tuple):
    python(machine, name, version, ready)
    assert_one_line(chosen(root, machine), words)


def test_a_python_that_was_named_is_the_only_one_looked_at(root: Path, machine: Path):
    python(machine, "python3.12", "3.12.4")
    python(machine, "mine and new", "3.14.0")
    assert_one_line(chosen(root, machine, "mine and new"), ("mine and new is CPython 3.14.0",))
    assert_one_line(chosen(root, machine, "nowhere"), ("3.11 or 3.12 is needed",))


@pytest.mark.parametrize(
    ("system", "processor", "words"),
    [
        ("Darwin", "arm64", ("macOS is not supported", "docker run --platform linux/amd64")),
        ("Linux", "aarch64", ("aarch64 is not supported", "MediaPipe", "python -m eadnet train")),
        ("MINGW64_NT-10.0", "x86_64", ("Linux on x86-64", "WSL 2")),
    ],
)
def test_another_system_or_processor_is_one_line(root: Path, machine: Path, system: str, processor: str, words: tuple):
    program(machine, "uname", f'[ "$1" = -s ] && echo {system} || echo {processor}')
    python(machine, "python3.12", "3.12.4")
    assert_one_line(chosen(root, machine), words)


@pytest.mark.parametrize("answer", ["echo glibc 2.27", "exit 1"])
def test_an_old_or_other_c_library_is_one_line(root: Path, machine: Path, answer: str):
    program(machine, "getconf", answer)
    python(machine, "python3.12", "3.12.4")
    assert_one_line(chosen(root, machine), ("glibc 2.28 or newer",))


def assert_one_line(done: subprocess.CompletedProcess, words: tuple) -> None:
    """It failed, with one line on standard error that holds these words and nothing on standard output."""
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and all(word in line for word in words), line


@pytest.mark.parametrize("target", ["environment", "reproduce", "caption-cpu"])
def test_make_stops_at_that_line_and_leaves_nothing(root: Path, tmp_path: Path, target: str):
    python(tmp_path / "bin", "python3", "3.13.0")
    command = ["make", "-f", root / "Makefile", target, f"PYTHON={tmp_path}/bin/python3", f"VENV={tmp_path}/made"]
    (tmp_path / "project").symlink_to(root)
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("envs", "pyproject.toml", "Makefile"):
        (copy / name).symlink_to(root / name)
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run([*map(str, command)], cwd=copy, capture_output=True, text=True, env=outer)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    assert done.returncode == 2 and done.stdout == ""
    assert_one_line(subprocess.CompletedProcess("", 1, "", "\n".join(lines)), ("python3 is CPython 3.13.0",))
    assert not (tmp_path / "made").exists() and sorted(path.name for path in copy.iterdir()) == sorted(
        ("envs", "pyproject.toml", "Makefile")
    )
