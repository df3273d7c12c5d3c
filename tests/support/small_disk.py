"""A disk that runs full: a file system in memory, of a size that the test chooses."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a disk of `size` (200k, 2m) at a new folder; skips where this user may not mount one."""
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("only root may mount the small disk that is to run full")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
