"""Both stages of training on the toy set: exact resume, processes, phases, gradients, validation, guards."""

import json
import os
import shutil
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import Image
from pyarrow import parquet
from torch._dynamo.utils import counters

from eadnet.config.machine import Compute
from eadnet.config.training import Backbone, Dropout
from eadnet.data.clip_set import ClipSet
from eadnet.device import Device, DeviceError, open_device
from eadnet.models.loading import load_backbone, read_backbone
from eadnet.models.unet.levels import Modules
from eadnet.training.backbone import train_backbone
from eadnet.training.batches import Batch, BatchSampler, BatchSpec
from eadnet.training.loop import Loop, TrainingError, step_generator
from eadnet.training.objective import Objective, Supervisors
from tests.golden.losses import GOLDEN, TOLERANCE, train_golden
from tests.support.toy_training import (
    CPU,
    NETWORK,
    SIDE,
    TOY,
    Toy,
    backbone_settings,
    logged_losses,
    logged_steps,
    poisoned,
    same_bits,
    saved_weights,
    train_toy,
    training_settings,
    write_toy,
)

CHEAP = {"perceptual": 0, "sync": 0, "trepa": 0}
PREFETCHING = CPU.model_copy(update={"prefetch": 2})
OPTIMISER = {"steps": 6, "batch_size": 1, "learning_rate": 1e-3, "warmup": 2}
CPU_JSON = PREFETCHING.model_dump_json()


class Stopped(Exception):
    """The power is gone."""


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> Toy:
    torch.set_num_threads(1)  # as many as the processes that are compared with this one
    return write_toy(tmp_path_factory.mktemp("toy"))


@pytest.fixture
def stop_after(monkeypatch):
    """A context in which drawing fails after so many training batches."""

    def stopping(draws: int, train) -> None:
        draw, left = BatchSampler.__call__, [draws]

        def failing(self: BatchSampler, count: int, generator: torch.Generator) -> Batch:
            if self.spec.split == "train":
                left[0] -= 1
                if left[0] < 0:
                    raise Stopped
            return draw(self, count, generator)

        with monkeypatch.context() as patch, pytest.raises(Stopped):
            patch.setattr(BatchSampler, "__call__", failing)
            train()

    return stopping


def _train_backbone(toy: Toy, output: Path, compute: Compute = CPU, **delta) -> Path:
    settings = backbone_settings(**delta)
    train_backbone(toy.inputs, settings, compute, 0, toy.supervisors.autoencoder, None, str(output))
    return output


# -------------------------------------------------------------------------------------------------------- resume
@pytest.mark.parametrize(
    ("compute", "delta", "draws"),
    [
        (CPU, {"losses": CHEAP}, 5),
        (PREFETCHING, {"losses": {"sync": 0}}, 5),
        (PREFETCHING, {"losses": CHEAP, "optimiser": OPTIMISER | {"accumulate": 2}}, 9),  # amid the fifth step
        (PREFETCHING, {"losses": CHEAP, "adaptation": OPTIMISER | {"steps": 4}}, 5),
    ],
    ids=["drawn in the step", "prefetched, decoded losses", "accumulated", "two phases"],
)
def test_a_run_that_was_stopped_ends_as_one_that_was_not(toy, tmp_path, stop_after, capsys, compute, delta, draws):
    delta = {"optimiser": OPTIMISER, "validation": {"every": 2}} | delta
    settings = training_settings(**delta)
    whole = train_toy(toy, tmp_path / "whole", settings, CPU)
    stop_after(draws, lambda: train_toy(toy, tmp_path / "cut", settings, compute))
    assert not (tmp_path / "cut/model.safetensors").exists()
    cut = train_toy(toy, tmp_path / "cut", settings, compute)
    assert "resuming at step 4" in capsys.readouterr().err
    same_bits(whole, cut, "graphs.parquet")
    total = settings.optimiser.steps + (settings.adaptation.steps if settings.adaptation else 0)
    assert logged_steps(cut) == list(range(total))
    assert (
        logged_steps(cut, "validation") == list(range(1, total, 2)) == [s for s, _ in logged_losses(cut)["validation"]]
    )


@pytest.mark.parametrize("compute", [CPU, PREFETCHING], ids=["drawn in the step", "prefetched"])
def test_a_backbone_that_was_stopped_ends_as_one_that_was_not(toy, tmp_path, stop_after, compute):
    delta = {"processes": 2, "ema": 0.9, "validation": {"every": 2, "batches": 1, "steps": 2}}
    whole = _train_backbone(toy, tmp_path / "whole", **delta)
    stop_after(9, lambda: _train_backbone(toy, tmp_path / "cut", compute, **delta))  # two shares a step: in the fifth
    cut = _train_backbone(toy, tmp_path / "cut", compute, **delta)
    same_bits(whole, cut)
    assert logged_steps(cut) == list(range(6)) and logged_steps(cut, "validation") == [1, 3, 5]


def test_state_of_other_inputs_is_not_taken_up(toy, tmp_path, stop_after, capsys):
    settings = training_settings(losses=CHEAP)
    stop_after(5, lambda: train_toy(toy, tmp_path / "run", settings))
    other = poisoned(toy, tmp_path, value=0.5)
    train_toy(other, tmp_path / "run", settings)
    assert "of other settings or inputs; starting over" in capsys.readouterr().err
    assert logged_steps(tmp_path / "run") == list(range(6))


# ----------------------------------------------------------------------------------------------------- processes
def test_averaged_gradients_of_two_shares_are_those_of_the_joined_batch(toy, tmp_path):
    stage_one = _without_dropout(toy)
    settings = training_settings(losses={"lpips": 0.1})
    draw = BatchSampler(
        toy.inputs, stage_one, BatchSpec(16, 0.5, with_crops=True, with_mel=True), TOY.autoencoder.factor
    )
    objective = Objective(stage_one, settings, draw.task, toy.supervisors, torch.device("cpu"))
    halves = [draw(1, step_generator(0, share, 0)) for share in (0, 1)]
    gradients = []
    for number, batches in enumerate((halves, [_joined(halves)])):
        model = _model(toy)
        optimiser = settings.optimiser.model_copy(update={"batch_size": len(batches[0].which)})
        loop = Loop(model, optimiser, tmp_path / str(number), seed=0, shares=len(batches))
        for (_, _), batch in zip(loop, batches, strict=False):
            loop.update(objective(model, batch, _predict(model, batch)))
        gradients.append([parameter.grad for parameter in model.parameters() if parameter.grad is not None])
    assert len(gradients[0]) > 200
    for apart, joined in zip(*gradients, strict=True):
        assert torch.allclose(apart, joined, rtol=1e-3, atol=1e-6)


def test_a_number_of_processes_that_does_not_divide_the_shares_is_refused(tmp_path):
    settings = backbone_settings().optimiser
    loop = Loop(torch.nn.Linear(1, 1), settings, tmp_path, 0, shares=2, device=Device(world=3))
    with pytest.raises(TrainingError, match="3 processes cannot divide the 2 shares.*start as many as divide 2"):
        next(iter(loop))


# -------------------------------------------------------------------------------------------------------- phases
def test_adaptation_moves_the_new_modules_alone_and_main_phase_what_is_trainable(toy, tmp_path, stop_after):
    phase = OPTIMISER | {"steps": 4}
    settings = training_settings(adaptation=phase, optimiser=OPTIMISER | {"steps": 2}, trainable="attention", ema=0.9)
    stop_after(5, lambda: train_toy(toy, tmp_path / "run", settings))
    start = _model(toy).state_dict()
    adapted = torch.load(tmp_path / "run/checkpoint/state.pt", weights_only=True)
    assert adapted["step"] == 4
    new = {name for name in start if any(part in name for part in ("stda.", "tfrm.", "text_fusion."))}
    assert _moved(start, adapted["module"]) <= new
    for part in ("stda.", "tfrm.", "text_fusion."):
        assert any(part in name for name in _moved(start, adapted["module"])), part
    run = train_toy(toy, tmp_path / "run", settings)
    moved = _moved(start, saved_weights(run))
    still = {name for name in start if "attentions." in name or "motion_modules." in name}
    assert moved <= new | still and all(any(part in name for name in moved - new) for part in ("attentions", "motion"))
    steps = {name: [step for step, _ in values] for name, values in logged_losses(run).items()}
    assert steps["simple"] == steps["velocity"] == list(range(6))
    assert steps["sync"] == steps["trepa"] == steps["perceptual"] == [4, 5]


def test_a_shifted_seed_trains_what_that_seed_trains(toy, tmp_path):
    short = {"losses": CHEAP, "optimiser": OPTIMISER | {"steps": 2}}
    plain, shifted = training_settings(**short), training_settings(**short, seed_shift=2)
    first, second, third = (
        saved_weights(train_toy(toy, tmp_path / name, chosen, seed=seed))
        for name, chosen, seed in (("a", plain, 3), ("b", shifted, 1), ("c", plain, 1))
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], third[name]) for name in first)


def test_everything_learns_where_everything_is_trainable(toy, tmp_path):
    settings = training_settings(losses=CHEAP, optimiser=OPTIMISER | {"steps": 4}, ema=0)
    run = train_toy(toy, tmp_path / "run", settings)
    assert {name for name, _ in _model(toy).named_parameters()} <= _moved(_model(toy).state_dict(), saved_weights(run))


def _moved(before: dict, after: dict) -> set[str]:
    return {name for name, value in before.items() if not torch.equal(value, after[name])}


# ----------------------------------------------------------------------------------------------- how it computes
def test_gradient_checkpointing_changes_no_gradient(toy):
    stage_one = _without_dropout(toy)
    draw = BatchSampler(toy.inputs, stage_one, BatchSpec(16, 0.5), TOY.autoencoder.factor)
    batch, gradients = draw(1, step_generator(0, 0, 0)), []
    for switch in (False, True):
        model = _model(toy)
        model.train().checkpoint_gradients(switch)
        (_predict(model, batch).square().mean() + model.graph_regulariser()).backward()
        gradients.append({name: value.grad for name, value in model.named_parameters() if value.grad is not None})
    assert gradients[0].keys() == gradients[1].keys() and len(gradients[0]) > 200
    assert all(torch.equal(value, gradients[1][name]) for name, value in gradients[0].items())


def test_float16_on_a_cpu_and_a_gpu_that_is_not_there_are_refused():
    with pytest.raises(DeviceError, match="compute.precision float16 needs a GPU; use bfloat16, float32 or auto"):
        open_device(Compute(device="cpu", precision="float16"))
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="compute.device is cuda, but torch sees no GPU"):
            open_device(Compute(device="cuda"))


@pytest.mark.parametrize(
    "backend",
    [
        "aot_eager",  # traced and differentiated as for any backend, but run by torch's own kernels
        pytest.param(
            "inductor",
            marks=pytest.mark.skipif(
                (os.cpu_count() or 1) < 8 or not shutil.which("g++"),
                reason="needs a C++ compiler and 8 cores: on two, compiling the smallest U-Net takes three minutes",
            ),
        ),
    ],
)
def test_compiled_training_gives_the_same_logged_losses(toy, tmp_path, monkeypatch, backend):
    compiled = CPU.model_copy(update={"compile": True, "gradient_checkpointing": True})
    small = NETWORK | {"widths": [24], "attention_levels": 1}
    single = replace(
        toy, backbone=str(_train_backbone(toy, tmp_path / "backbone", network=small, optimiser={"steps": 1}))
    )
    settings = training_settings(losses=CHEAP, optimiser=OPTIMISER | {"steps": 2})
    eager = logged_losses(train_toy(single, tmp_path / "eager", settings))
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))
    counters.clear()
    losses = logged_losses(train_toy(single, tmp_path / "compiled", settings, compiled))
    assert counters["stats"]["calls_captured"] > 100 and losses.keys() == eager.keys()
    for name, values in eager.items():
        assert [value for _, value in losses[name]] == pytest.approx([value for _, value in values], rel=1e-4), name


def test_bfloat16_trains_to_nearly_the_same_logged_losses(toy, tmp_path):
    settings = training_settings(losses=CHEAP, optimiser={"steps": 3})
    exact = logged_losses(train_toy(toy, tmp_path / "float32", settings))["total"]
    half = CPU.model_copy(update={"precision": "bfloat16"})
    rounded = logged_losses(train_toy(toy, tmp_path / "bfloat16", settings, half))["total"]
    assert rounded != exact
    assert [value for _, value in rounded] == pytest.approx([value for _, value in exact], rel=0.05)


# ---------------------------------------------------------------------------------------- what is looked at, saved
def test_validation_logs_losses_and_draws_truth_above_what_is_made(toy, tmp_path):
    settings = training_settings(losses=CHEAP, tfrm="extended", validation={"every": 4, "frames": 5})
    run = train_toy(toy, tmp_path / "run", settings)
    logged = logged_losses(run)
    assert [step for step, _ in logged["validation"]] == [3, 5]
    assert {"middle_entropy", "up_0_distance"} <= logged.keys()
    assert sorted(path.name for path in (run / "validation").iterdir()) == ["step_000004.png", "step_000006.png"]
    strip = torch.frombuffer(bytearray(Image.open(run / "validation/step_000006.png").tobytes()), dtype=torch.uint8)
    truth, made = strip.view(2, SIDE, 5, SIDE, 3).movedim(2, 1)
    held_out = ClipSet.read(toy.inputs.clips, "validation")
    assert any((crops[first] == truth[0]).all() for crops in held_out.crops for first in range(len(crops)))
    assert not torch.equal(truth, made) and torch.equal(truth[:, :, :6], made[:, :, :6])  # beside the mask


def test_frame_graphs_are_written_where_there_are_any(toy, tmp_path):
    one_step = {"losses": CHEAP, "optimiser": OPTIMISER | {"steps": 1}}
    learned = train_toy(toy, tmp_path / "learned", training_settings(tfrm="extended", **one_step))
    edges = parquet.read_table(learned / "graphs.parquet").to_pandas()
    assert set(edges.module) == {"middle", "up_0", "up_1"} and set(edges.clip_id) <= {"clip_06", "clip_07"}
    rows = edges.groupby(["module", "clip_id", "query"]).weight
    assert rows.sum().to_numpy() == pytest.approx(1, abs=1e-5) and rows.count().max() == 3
    assert (edges["query"] - edges["key"]).abs().max() <= 4
    none = train_toy(toy, tmp_path / "none", training_settings(**one_step))
    assert parquet.read_table(none / "graphs.parquet").num_rows == 0


def test_a_loss_of_weight_zero_needs_no_network_and_another_does(toy, tmp_path):
    settings = training_settings(losses={"sync": 0, "trepa": 0}, optimiser=OPTIMISER | {"steps": 1})
    bare = replace(toy, supervisors=Supervisors(toy.supervisors.autoencoder))
    run = train_toy(bare, tmp_path / "bare", settings)
    assert logged_losses(run).keys().isdisjoint({"sync", "trepa", "lpips"}) and "perceptual" in logged_losses(run)
    for name in ("sync", "trepa", "lpips"):
        wanting = training_settings(losses={"sync": 0, "trepa": 0} | {name: 0.1})
        with pytest.raises(ValueError, match=f"the {name.replace('trepa', 'videomae')}.* loss is on but"):
            train_toy(bare, tmp_path / name, wanting)


def test_a_clip_that_is_not_finite_is_named_with_the_step(toy, tmp_path):
    damaged = poisoned(toy, tmp_path, value=float("nan"))
    settings = training_settings(losses=CHEAP, optimiser={"steps": 30})
    with pytest.raises(TrainingError, match=r"loss is not finite at step \d+ on .*clip_01 from frame \d+.*total=nan"):
        train_toy(damaged, tmp_path / "run", settings)


# -------------------------------------------------------------------------------------------------------- golden
def test_losses_of_twenty_steps_are_the_recorded_ones(toy, tmp_path):
    recorded = json.loads(GOLDEN.read_text())
    losses = train_golden(toy, tmp_path / "run")
    assert losses.keys() == recorded["losses"].keys() >= {"simple", "velocity", "perceptual", "lpips", "sync", "trepa"}
    for name, values in recorded["losses"].items():
        assert losses[name] == pytest.approx(values, rel=TOLERANCE, abs=1e-6), (
            f"{name}; if that is meant: {recorded['command']}"
        )


# ------------------------------------------------------------------------------------------------------- helpers
def _model(toy: Toy):
    torch.manual_seed(0)
    return load_backbone(toy.backbone, Modules("published", "published", "added"))


def _predict(model, batch: Batch) -> torch.Tensor:
    return model(batch.inputs, batch.timesteps, batch.audio, batch.text, batch.text_mask)


def _without_dropout(toy: Toy) -> Backbone:
    """The backbone's settings; a share in which the sound is dropped counts less in the sync loss."""
    dropout = Dropout(audio=0.0, text=0.0, both=0.0, reference=0.0)
    return read_backbone(toy.backbone)[0].model_copy(update={"dropout": dropout})


def _joined(batches: list[Batch]) -> Batch:
    return Batch(
        **{field.name: torch.cat([getattr(batch, field.name) for batch in batches]) for field in fields(Batch)}
    )
