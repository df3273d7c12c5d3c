"""The Python of a caption job, chosen on the machine that runs it: ``python -m workflow.caption_python``.

vLLM has an environment for GPUs and one for CPUs. The machine that runs Snakemake may be another one than the job's (a
cluster's login node), so the job itself asks. Light: nothing is imported but the standard library and
`eadnet.jobs.gpus`.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eadnet.jobs.gpus import count_all, visible

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: list[str] | None = None) -> None:
    """Print the interpreter that the options describe; exits with one line if it does not exist."""
    parser = argparse.ArgumentParser(description="Print the Python interpreter that writes captions on this machine.")
    parser.add_argument("--environment", choices=("core", "vllm"), help="The main environment, or one of vLLM's.")
    parser.add_argument("--machine", default="{}", help="JSON of the section `compute.captioning`.")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs that the job was given.")
    chosen = parser.parse_args(arguments)
    print("python" if chosen.environment == "core" else vllm_python(json.loads(chosen.machine), chosen.gpus))


def vllm_python(machine: Mapping[str, Any], gpus: int, root: Path = ROOT) -> str:
    """Path of the interpreter that has vLLM.

    Args:
        machine: Section `compute.captioning`: `interpreter` names one, `environment` names an environment.
        gpus: GPUs that the job was given; `auto` takes the environment for GPUs if there are some and they are seen.
        root: Folder that holds the environments.

    Raises:
        SystemExit: there is none; one line with the command that makes it.
    """
    if machine.get("interpreter"):
        return str(machine["interpreter"])
    kind = machine.get("environment", "auto")
    if kind == "auto":
        kind = "gpu" if gpus and sees_gpu() else "cpu"
    found = root / f".venv-caption-{kind}/bin/python"
    if not found.exists():
        sys.exit(f"error: {found}: no such interpreter on {os.uname().nodename}; run `make caption-{kind}`")
    return str(found)


def sees_gpu() -> bool:
    """Whether this process may use an NVIDIA GPU that the driver lists."""
    return bool(visible() and count_all())


if __name__ == "__main__":
    main()
