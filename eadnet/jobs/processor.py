"""The processor of this machine, for records of where something was made."""

import platform
from pathlib import Path


def processor_name() -> str:
    """The processor's model; its architecture where the system does not report one."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
