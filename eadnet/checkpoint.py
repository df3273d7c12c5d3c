"""Models on disk: safetensors weights beside the JSON that rebuilds them, and resumable training states.

A finished stage leaves ``model.safetensors`` and ``config.json``; a running one keeps ``checkpoint/state.pt``
and, should that be damaged, ``earlier.pt``. They carry the digest of the settings that they belong to and are ignored
under any other.
"""

import hashlib
import json
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from eadnet.data.tensor_files import TensorFile, TensorFileError
from eadnet.digests import file_digest
from eadnet.jobs.ownership import check_owned
from eadnet.provenance import atomic_path

EXPORTS = "exports"
"""Folder of the weights that a stage exports while it trains, in the stage's own."""


class CheckpointError(ValueError):
    """A model that is absent, damaged or of another shape; the message names the file and the fix."""


def save_model(folder: str | Path, module: torch.nn.Module, config: dict[str, Any]) -> None:
    """Write a module's weights and its config, each all or nothing.

    Raises:
        eadnet.jobs.ownership.OwnershipError: the folder was this job's and is another's now.
    """
    folder = Path(folder)
    check_owned(folder)
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
        missing, unexpected = module.load_state_dict(TensorFile(path).tensors(), strict=False)
    except (TensorFileError, RuntimeError) as error:
        reason = " ".join(str(error).split()[:30])  # PyTorch lists every tensor that does not fit
        raise CheckpointError(f"{path}: {reason}; delete {folder} and run again") from None
    unexpected = [name for name in unexpected if not name.startswith(unused)]
    if unexpected or (missing and not allow_new):
        names = ", ".join(sorted(unexpected + missing)[:3])
        raise CheckpointError(f"{path}: weights do not fit the model ({names} ...); delete {folder} and run again")


def results_of(run: str | Path) -> Path:
    """The results folder of a run, ``{results}/runs/{run}/{seed}``, or of an export in it (``exports/step_000500``)."""
    folder = Path(run).resolve()
    return (folder.parents[1] if folder.parent.name == EXPORTS else folder).parents[2]


def inputs_digest(paths: Iterable[str | Path]) -> str:
    """Short name of the contents of input files, each hashed once; a folder stands for its ``model.safetensors``."""
    files = [Path(path) / "model.safetensors" if Path(path).is_dir() else Path(path) for path in paths]
    return digest({str(number): file_digest(file) for number, file in enumerate(files)})


def digest(settings: dict[str, Any]) -> str:
    """Short name of a set of settings, stable across processes."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


class TrainingState:
    """The resumable states of one stage in ``{folder}/checkpoint``: the last, and the one before should it be damaged.

    Args:
        folder: of the stage.
        settings_digest: of all that the states depend on; those of others are of no use.
    """

    def __init__(self, folder: str | Path, settings_digest: str) -> None:
        self.folder = Path(folder) / "checkpoint"
        self.newest, self.earlier = self.folder / "state.pt", self.folder / "earlier.pt"
        self.digest = settings_digest
        self.good: Path | None = None  # the last state that was read or written

    def save(self, state: dict[str, Any]) -> None:
        """Store a state, all or nothing; the last good one becomes the earlier one.

        There are never more than two states on the disk, and at any moment one that is whole.

        Raises:
            eadnet.jobs.ownership.OwnershipError: the stage's folder was this job's and is another's now.
        """
        check_owned(self.folder)
        for path in list(self.folder.glob("*.pt")):
            if path != self.good:  # the earlier state, a useless one, or what a killed process was writing
                path.unlink()
        with atomic_path(self.newest) as temporary:
            torch.save({"digest": self.digest, **state}, temporary)
            if self.good == self.newest:
                self.newest.replace(self.earlier)
        self.good = self.newest

    def load(self) -> dict[str, Any] | None:
        """The last good state on the CPU, or None where there is none for these settings; a useless one is reported."""
        faults = []
        for path in filter(Path.exists, (self.newest, self.earlier)):
            try:
                state = self._read(path)
            except CheckpointError as error:
                faults.append(str(error))
                continue
            if faults:
                print(f"{faults[0]}; going on from the one before, {path.name}", file=sys.stderr)
            self.good = path
            return state
        if faults:
            print(f"{faults[0]}; starting over", file=sys.stderr)
        return None

    def discard(self) -> None:
        """Remove the states once the stage is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            # on the CPU: else every process would fill the GPU that the state was stored from
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # damaged bytes can raise anything; PyTorch's own advice is to load them unsafely
            raise CheckpointError(f"{path}: damaged checkpoint ({type(error).__name__})") from None
        if not isinstance(state, dict) or state.get("digest") != self.digest:
            raise CheckpointError(f"{path}: of other settings or inputs")
        return state
