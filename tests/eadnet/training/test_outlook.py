"""What can be looked at and used while a stage trains: TensorBoard's files, and exported weights."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from eadnet.models.loading import load_run
from eadnet.training.loop import Loop
from tests.support.toy_training import CPU, saved_weights, train_toy, training_settings, write_toy

SHOWN = CPU.model_copy(update={"tensorboard": True})
OPTIMISER = {"steps": 7, "batch_size": 1, "learning_rate": 1e-3, "warmup": 2}
CHEAP = {"perceptual": 0, "sync": 0, "trepa": 0}


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    torch.set_num_threads(1)
    return write_toy(tmp_path_factory.mktemp("toy"))


def _scalars(folder: Path) -> dict[str, list[int]]:
    """Steps of every scalar that TensorBoard shows, and of the pictures."""
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="tensorboard is not installed"
    ).EventAccumulator(str(folder / "tensorboard"))
    accumulator.Reload()
    shown = {name: [event.step for event in accumulator.Scalars(name)] for name in accumulator.Tags()["scalars"]}
    return shown | {name: [event.step for event in accumulator.Images(name)] for name in accumulator.Tags()["images"]}


def test_an_interrupted_run_shows_each_step_once_and_its_exports_are_models(toy, tmp_path, monkeypatch):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    delta = {"losses": CHEAP, "optimiser": OPTIMISER, "checkpoint_every": 2, "export_every": 3}
    settings = training_settings(**delta, validation={"every": 3})
    plain = train_toy(toy, tmp_path / "plain", settings.model_copy(update={"export_every": 0}))
    _stop_at(monkeypatch, 5, lambda: train_toy(toy, tmp_path / "run", settings, SHOWN))
    run = train_toy(toy, tmp_path / "run", settings, SHOWN)
    assert _bytes(run) == _bytes(plain)  # looking changes nothing
    shown = _scalars(run)
    assert shown["total"] == shown["seconds"] == list(range(7)) and shown["validation"] == [2, 5, 6]
    assert len(list((run / "tensorboard").iterdir())) == 2
    assert sorted(path.name for path in (run / "exports").iterdir()) == ["step_000003", "step_000006"]
    early, _ = load_run(run / "exports/step_000003")
    late, config = load_run(run / "exports/step_000006")
    assert config["steps"] == 6 and config["run"] == "toy"
    final = saved_weights(run)
    distance = [
        sum((value - final[name]).square().sum() for name, value in model.state_dict().items())
        for model in (early, late)
    ]
    assert distance[0] > distance[1] > 0


def test_another_training_in_the_folder_removes_what_the_first_one_showed(toy, tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    short = {"losses": CHEAP, "optimiser": OPTIMISER | {"steps": 2}, "export_every": 1}
    train_toy(toy, tmp_path, training_settings(**short), SHOWN)
    assert (tmp_path / "exports").exists() and (tmp_path / "tensorboard").exists()
    train_toy(toy, tmp_path, training_settings(**short | {"export_every": 0}, ema=0.5))
    assert not (tmp_path / "exports").exists() and not (tmp_path / "tensorboard").exists()


def test_a_missing_tensorboard_is_one_line(tmp_path):
    code = (
        "import sys; sys.modules['tensorboard'] = None\n"
        "from pathlib import Path\n"
        "from eadnet.cli.packages import run_reporting\n"
        "from eadnet.training.log import TrainingLog\n"
        f"run_reporting(lambda: TrainingLog(Path({str(tmp_path)!r}), 1, tensorboard=True))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: the package tensorboard is not installed: pip install 'eadnet[tensorboard]'\n"


def _bytes(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in ("model.safetensors", "train.parquet", "graphs.parquet")]


class Stopped(Exception):
    """The power is gone."""


def _stop_at(monkeypatch: pytest.MonkeyPatch, step: int, train) -> None:
    """Train until a step, before which the process is gone."""

    def stopping(loop: Loop) -> None:
        if loop.step == step:
            raise Stopped
        take(loop)

    take = Loop._take_step
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(Loop, "_take_step", stopping)
        train()
