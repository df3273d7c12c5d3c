"""Models on disk: safetensors weights beside the JSON that rebuilds them, and resumable training states.

A finished stage leaves ``model.safetensors`` and ``config.json``; a running one keeps ``checkpoint/state.pt``, which
carries the digest of the settings that it belongs to and is ignored under any other.
"""

import hashlib
import json
import pickle
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from eadnet.provenance import atomic_path


class CheckpointError(ValueError):
    """A model that is absent, damaged or of another shape; the message names the file and the mend."""


def save_model(folder: str | Path, module: torch.nn.Module, config: dict[str, Any]) -> None:
    """Write a module's weights and its config, each all or nothing."""
    folder = Path(folder)
    with atomic_path(folder / "config.json") as temporary:
        temporary.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    with atomic_path(folder / "model.safetensors") as temporary:
        save_file({name: value.contiguous() for name, value in module.state_dict().items()}, temporary)


def read_config(folder: str | Path) -> dict[str, Any]:
    """The JSON config of a saved model.

    Raises:
        CheckpointError: absent or not JSON.
    """
    path = Path(folder) / "config.json"
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: {error}; delete {folder} and run again") from None


def load_weights(folder: str | Path, module: torch.nn.Module, allow_new: bool = False) -> None:
    """Load weights into a module; with `allow_new`, parameters that the file lacks keep their values.

    Raises:
        CheckpointError: absent, damaged, or of another shape.
    """
    path = Path(folder) / "model.safetensors"
    try:
        missing, unexpected = module.load_state_dict(load_file(path), strict=False)
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path}: {reason}; delete {folder} and run again") from None
    if unexpected or (missing and not allow_new):
        names = ", ".join(sorted(unexpected + missing)[:3])
        raise CheckpointError(f"{path}: weights do not fit the model ({names} ...); delete {folder} and run again")


def digest(settings: dict[str, Any]) -> str:
    """Short name of a set of settings, stable across processes."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


class TrainingState:
    """The resumable state of one stage in ``{folder}/checkpoint``."""

    def __init__(self, folder: str | Path, settings_digest: str) -> None:
        self.folder = Path(folder) / "checkpoint"
        self.digest = settings_digest

    def save(self, state: dict[str, Any]) -> None:
        """Replace the stored state, all or nothing."""
        with atomic_path(self.folder / "state.pt") as temporary:
            torch.save({"digest": self.digest, **state}, temporary)

    def load(self) -> dict[str, Any] | None:
        """The stored state, or None where there is none for these settings; a damaged one is reported."""
        path = self.folder / "state.pt"
        if not path.exists():
            return None
        try:
            state = torch.load(path, weights_only=True)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            print(f"{path}: damaged checkpoint ({str(error).splitlines()[0]}); starting over", file=sys.stderr)
            return None
        return state if state.get("digest") == self.digest else None

    def discard(self) -> None:
        """Remove the state once the stage is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)
