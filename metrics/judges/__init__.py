"""Judges on disk: networks trained on the corpus's real train clips only, which score but never supervise.

``results/judges/{judge}/`` holds ``model.safetensors`` (weights), ``config.json`` (what rebuilds the network) and
``report.json`` (how well it does on held-out real clips; `usable` and `reason` where the corpus cannot train one).
Imports torch only where a network is built.
"""

import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eadnet.data.clips import save_shard
from eadnet.data.tensor_files import TensorFile, TensorFileError
from eadnet.provenance import atomic_path

if TYPE_CHECKING:
    from torch import nn

MODULES = {"sync": "metrics.judges.sync", "emotion": "metrics.judges.emotion", "video": "metrics.judges.video"}


class JudgeError(ValueError):
    """A judge that cannot be trained or read; the message names its folder and the fix."""


class UnusableCorpus(JudgeError):
    """The corpus lacks what a judge needs; the judge is then skipped, with this reason."""


def module(judge: str) -> Any:
    """Python module of a judge: its `Network`, its `Task` and its `VERSION`.

    Raises:
        JudgeError: there is no such judge.
    """
    if judge not in MODULES:
        raise JudgeError(f"no judge '{judge}'; there are: {', '.join(MODULES)}")
    return importlib.import_module(MODULES[judge])


def save(folder: str | Path, judge: str, network: "nn.Module | None", report: dict[str, Any]) -> None:
    """Write a judge's three files; a judge that could not be trained has no weights and an unusable report."""
    weights = {} if network is None else {name: value.numpy() for name, value in network.state_dict().items()}
    config = {"judge": judge, "version": module(judge).VERSION, "network": network.config if network else {}}
    save_shard(folder, "model", weights)
    for name, content in (("config", config), ("report", report)):
        with atomic_path(Path(folder) / f"{name}.json") as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n")


def read_report(folder: str | Path) -> dict[str, Any]:
    """Report of a judge: always `usable` and `reason`, and its held-out accuracies where it is usable.

    Raises:
        JudgeError: there is none, or it is not readable.
    """
    return _read_json(Path(folder) / "report.json", "usable", "reason")


def load(folder: str | Path) -> "nn.Module":
    """Rebuild a judge's network, in evaluation mode, single precision.

    Raises:
        JudgeError: a file is absent, is not of this version, or does not fit the network.
    """
    folder = Path(folder)
    config = _read_json(folder / "config.json", "judge", "version", "network")
    code = module(config["judge"])
    if config["version"] != code.VERSION:
        raise JudgeError(f"{folder}: version {config['version']}, expected {code.VERSION}; delete it and train again")
    network = code.Network(**config["network"])
    try:
        network.load_state_dict(TensorFile(folder / "model.safetensors").tensors())
    except (TensorFileError, RuntimeError) as error:
        fault = " ".join(str(error).split()[:30])  # PyTorch lists every tensor that does not fit
        raise JudgeError(f"{folder}/model.safetensors: {fault}; delete it and train again") from None
    return network.eval()


def _read_json(path: Path, *keys: str) -> dict[str, Any]:
    """A JSON file that holds at least the given keys."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise JudgeError(f"{path}: not readable ({error}); delete the folder and train the judge again") from None
    absent = [key for key in keys if key not in content] if isinstance(content, dict) else keys
    if absent:
        raise JudgeError(f"{path}: lacks {', '.join(absent)}; delete the folder and train the judge again")
    return content
