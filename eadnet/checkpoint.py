"""Models on disk: safetensors weights beside the JSON that rebuilds them, and resumable training states.

A finished stage leaves ``model.safetensors`` and ``config.json``; a running one keeps ``checkpoint/state.pt``, which
carries the digest of the settings that it belongs to and is ignored under any other.
"""

import hashlib
import json
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from eadnet.provenance import atomic_path, sha256_file


class CheckpointError(ValueError):
    """A model that is absent, damaged or of another shape; the message names the file and the mend."""


def save_model(folder: str | Path, module: torch.nn.Module, config: dict[str, Any]) -> None:
    """Write a module's weights and its config, each all or nothing."""
    folder = Path(folder)
    with atomic_path(folder / "config.json") as temporary:
        temporary.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    with atomic_path(folder / "model.safetensors") as temporary:
        save_file({name: value.contiguous() for name, value in module.state_dict().items()}, temporary)


def read_config(folder: str | Path, *keys: str) -> dict[str, Any]:
    """The JSON config of a saved model, which holds at least the given keys.

    Raises:
        CheckpointError: absent, not JSON, or a key is missing.
    """
    path = Path(folder) / "config.json"
    try:
        config = json.loads(path.read_text())
    except FileNotFoundError:
        raise CheckpointError(f"{path}: not there; run the stage that makes {folder}") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: {error}; delete {folder} and run again") from None
    absent = [key for key in keys if key not in config] if isinstance(config, dict) else ["an object"]
    if absent:
        raise CheckpointError(f"{path}: lacks {', '.join(absent)}; delete {folder} and run again")
    return config


def load_weights(
    folder: str | Path, module: torch.nn.Module, allow_new: bool = False, unused: tuple[str, ...] = ()
) -> None:
    """Load weights into a module.

    Args:
        folder: of the saved model.
        module: of the same shape.
        allow_new: whether parameters that the file lacks keep their values.
        unused: beginnings of the names of what the module may do without.

    Raises:
        CheckpointError: absent, damaged, or of another shape.
    """
    path = Path(folder) / "model.safetensors"
    try:
        missing, unexpected = module.load_state_dict(load_file(path), strict=False)
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split()[:30])  # PyTorch lists every tensor that does not fit
        raise CheckpointError(f"{path}: {reason}; delete {folder} and run again") from None
    unexpected = [name for name in unexpected if not name.startswith(unused)]
    if unexpected or (missing and not allow_new):
        names = ", ".join(sorted(unexpected + missing)[:3])
        raise CheckpointError(f"{path}: weights do not fit the model ({names} ...); delete {folder} and run again")


def inputs_digest(paths: Iterable[str | Path]) -> str:
    """Short name of the contents of input files; a folder stands for its ``model.safetensors``."""
    files = [Path(path) / "model.safetensors" if Path(path).is_dir() else Path(path) for path in paths]
    return digest({str(number): sha256_file(file) for number, file in enumerate(files)})


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
        """The stored state on the CPU, or None where there is none for these settings; a useless one is reported."""
        path = self.folder / "state.pt"
        if not path.exists():
            return None
        try:
            # on the CPU: else every process would fill the GPU that the state was stored from
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # damaged bytes can raise anything; PyTorch's own advice is to load them unsafely
            print(f"{path}: damaged checkpoint ({type(error).__name__}); starting over", file=sys.stderr)
            return None
        if not isinstance(state, dict) or state.get("digest") != self.digest:
            print(f"{path}: of other settings or inputs; starting over", file=sys.stderr)
            return None
        return state

    def discard(self) -> None:
        """Remove the state once the stage is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)
