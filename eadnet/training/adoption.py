"""Adopt published weights: read a file as it was published, check it, write it as one of our model folders.

Later stages read our folders alone: ``model.safetensors config.json train.parquet report.json``, where the
table of losses is empty, since nothing was trained here.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch
from torch import Tensor, nn

from eadnet.checkpoint import CheckpointError, save_model
from eadnet.data.tensor_files import TensorFile
from eadnet.provenance import LFS_FAULT, atomic_path, commit, is_lfs_pointer
from eadnet.training.log import SCHEMA

_FIX = "make the section's sizes those of the published network"
WRAPPERS = ("state_dict", "model", "module")


def read_published(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a published file: safetensors, or a PyTorch file read without running code.

    Raises:
        CheckpointError: absent, damaged, or holding anything but named tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: not there; name the folder of the published files")
    if is_lfs_pointer(path):
        raise CheckpointError(f"{path}: {LFS_FAULT}")
    try:
        weights = TensorFile(path).tensors() if path.suffix == ".safetensors" else _load_pickled(path)
    except Exception as error:  # damaged bytes can raise anything; PyTorch's own advice is to load them unsafely
        raise CheckpointError(f"{path}: unreadable ({type(error).__name__}); delete it and fetch it again") from None
    for name in WRAPPERS:
        if isinstance(weights, dict) and isinstance(weights.get(name), dict):
            weights = weights[name]
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise CheckpointError(f"{path}: expected named tensors, got something else; fetch the published file again")
    return weights


def load_published(module: nn.Module, weights: dict[str, Tensor], path: str | Path) -> None:
    """Set all parameters of a module from `weights`; buffers that these lack keep their values.

    Raises:
        CheckpointError: a parameter is missing, unknown or of another shape; the message names `path`.
    """
    try:
        missing, unexpected = module.load_state_dict(weights, strict=False)
    except RuntimeError as error:  # PyTorch lists every tensor that does not fit
        reason = " ".join(str(error).split()[:30])
        raise CheckpointError(f"{path}: {reason}; {_FIX}") from None
    absent = sorted(set(missing) & {name for name, _ in module.named_parameters()})
    if absent or unexpected:
        names = ", ".join((absent + sorted(unexpected))[:3])
        raise CheckpointError(f"{path}: parameters missing or unknown ({names} ...); {_FIX}")


def save_adopted(output: str | Path, module: nn.Module, config: dict[str, Any], report: dict[str, Any]) -> None:
    """Write an adopted network as a finished stage would; the model comes last, so that it stands for the rest."""
    output = Path(output)
    print(json.dumps(report), flush=True)
    with atomic_path(output / "report.json") as temporary:
        temporary.write_text(json.dumps(report, indent=2) + "\n")
    with atomic_path(output / "train.parquet") as temporary:
        pq.write_table(SCHEMA.empty_table(), temporary)
    save_model(output, module, {**config, "steps": 0, "commit": commit()})


def _load_pickled(path: Path) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
