"""The path of a step: nothing in it waits for the device, and nothing that is not finite gets into the weights."""

import json
from collections import Counter
from contextlib import nullcontext
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from eadnet.config.networks import Optimiser
from eadnet.config.training import Diffusion
from eadnet.models.loading import load_backbone, read_backbone
from eadnet.models.unet.levels import run_modules
from eadnet.training.batches import BatchSampler, BatchSpec
from eadnet.training.loop import Loop, TrainingError, step_generator
from eadnet.training.objective import Objective
from eadnet.training.pending import Pending
from eadnet.training.transfer import Transfer
from tests.support.toy_training import TOY, Toy, train_toy, training_settings, write_toy

SETTINGS = Optimiser(steps=9, batch_size=1, learning_rate=0.05, warmup=3)
BEHIND = [0, 1, 3]
WAITING = {"_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal", "unique_dim", "_unique2"}
"""Operations whose result, or its shape, the process must read from the device."""
META = torch.device("meta")


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> Toy:
    torch.set_num_threads(1)
    return write_toy(tmp_path_factory.mktemp("toy"))


class Waits(TorchDispatchMode):
    """Counts what would have the process wait for a GPU."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, operation, kinds, arguments=(), options=None):
        name = operation.overloadpacket.__name__
        indices = arguments[1] if name in ("index", "index_put_", "_index_put_impl_") else ()
        masked = any(index is not None and index.dtype == torch.bool for index in indices)
        from_host = name in ("_to_copy", "copy_") and arguments[-1 if name == "copy_" else 0].device.type == "cpu"
        to_device = (options or {}).get("device") == META or (name == "copy_" and arguments[0].device == META)
        if name in WAITING or masked or (from_host and to_device):
            self.counts[name] += 1
        return operation(*arguments, **(options or {}))


def test_the_count_of_waits_sees_them():
    with Waits() as waits:
        values = torch.arange(3.0)
        bool(values[0]), values[1].item(), values.isfinite().all().item(), values[values > 0]
    assert waits.counts == {"_local_scalar_dense": 3, "index": 1}


@pytest.mark.parametrize("tfrm", ["published", "extended"])
def test_no_operation_of_a_step_waits_for_the_device(toy, tmp_path, monkeypatch, tfrm):
    settings = training_settings(losses={"lpips": 0.1}, tfrm=tfrm, x0_gate="snr")
    stage_one, _ = read_backbone(toy.backbone)
    model = load_backbone(toy.backbone, run_modules(settings)).train()
    draw = BatchSampler(
        toy.inputs, stage_one, BatchSpec(16, 0.5, with_crops=True, with_mel=True), TOY.autoencoder.factor
    )
    objective = Objective(stage_one, settings, draw.task, toy.supervisors, torch.device("cpu"))
    loop = Loop(model, settings.optimiser, tmp_path, seed=0, ema=0.9, behind=99)
    batches = iter(loop.batches(draw))
    lists = []
    monkeypatch.setattr(torch.Tensor, "tolist", lambda tensor: lists.append(tensor))  # it is no operation of its own
    for _ in range(2):  # the second one also moves the average
        monkeypatch.undo()
        step, batch = next(batches)
        monkeypatch.setattr(torch.Tensor, "tolist", lambda tensor: lists.append(tensor))
        with Waits() as waits:
            loop.update(objective(model, batch, model(*batch.network_inputs)))
    assert loop.step == 2 and not lists
    assert not waits.counts


@pytest.mark.parametrize("tfrm", ["published", "extended"])
def test_after_a_first_step_losses_bring_nothing_from_the_host(toy, monkeypatch, tfrm):
    """On the meta device, whose tensors have no values: it stands for one whose values are far away."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # there is none for this device
    settings = training_settings(losses={"lpips": 0.1}, tfrm=tfrm, x0_gate="snr")
    stage_one, _ = read_backbone(toy.backbone)
    noise = stage_one.model_copy(update={"diffusion": Diffusion(prediction="noise", zero_terminal_snr=False)})
    model = load_backbone(toy.backbone, run_modules(settings)).train().to(META)
    draw = BatchSampler(
        toy.inputs, stage_one, BatchSpec(16, 0.5, with_crops=True, with_mel=True), TOY.autoencoder.factor
    )
    objective = Objective(noise, settings, draw.task, toy.supervisors, META)
    batch = draw(2, step_generator(0, 0, 0))
    batch = replace(batch, **{field.name: getattr(batch, field.name).to(META) for field in fields(batch)})
    for _ in range(2):  # the first one makes tables
        with Waits() as waits:
            losses = objective(model, batch, model(*batch.network_inputs))
            sum(weight * value for weight, value in losses.values()).backward()
    assert losses.keys() >= {"simple", "lpips", "sync", "trepa", "perceptual"}
    assert not waits.counts


@pytest.mark.parametrize("behind", BEHIND)
def test_values_that_are_read_late_are_logged_alike(tmp_path, behind):
    logs, weights = [], []
    for name, steps_behind in (("now", None), ("late", behind)):
        loop = _loop(tmp_path / name, ema=0.9, behind=steps_behind, checkpoint_every=2)
        for step, generator in loop:
            loop.update({"fit": (1.0, loop.module(torch.randn(4, 3, generator=generator)).square().mean())})
            if loop.due(4):
                loop.note({"validation": float(step)})
        loop.finish({})
        logs.append((tmp_path / name / "train.parquet").read_bytes())
        weights.append((tmp_path / name / "model.safetensors").read_bytes())
    assert logs[0] == logs[1] and weights[0] == weights[1]


@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize("fault", ["loss", "gradient"])
def test_what_is_not_finite_moves_no_weight_and_is_named_by_its_own_batch(tmp_path, behind, fault):
    loop, moved = _loop(tmp_path, ema=0.9, behind=behind, checkpoint_every=4), []
    with pytest.raises(
        TrainingError, match=rf"{fault} is not finite at step 5 on batch 5 \(total=.*lower learning_rate"
    ):
        for step, generator in loop:
            inputs = torch.randn(4, 3, generator=generator)
            value = loop.module(inputs).square().mean()
            if step == 5:
                value = value * float("inf") if fault == "loss" else value + (0 * value).sqrt()  # 0, its slope infinite
            before = loop.module.weight.detach().clone()
            try:
                loop.update({"fit": (1.0, value)}, lambda step=step: f"batch {step}")
            finally:
                moved.append(not torch.equal(loop.module.weight, before))
    assert moved[:6] == [True] * 5 + [False] and all(moved[6:])
    assert loop.module.weight.isfinite().all() and loop.averaged().weight.isfinite().all()
    stored = torch.load(tmp_path / "checkpoint/state.pt", weights_only=True)
    assert stored["step"] == 4 and stored["module"]["weight"].isfinite().all()
    assert len((tmp_path / "scalars.jsonl").read_text().splitlines()) == 5


@pytest.mark.parametrize("writing", ["export", "finish"])
def test_no_weights_are_written_before_the_values_of_their_step_are_read(tmp_path, writing):
    loop = _loop(tmp_path, behind=9)
    next(iter(loop))
    loop.update({"fit": (1.0, loop.module(torch.ones(1, 3)).sum() * float("nan"))})
    with pytest.raises(TrainingError, match="loss is not finite at step 0"):
        getattr(loop, writing)({})
    assert not list(tmp_path.rglob("model.safetensors"))


def test_another_processs_fault_is_left_to_that_process(tmp_path, monkeypatch):
    from eadnet.training import loop as module

    monkeypatch.setattr(module, "average_values", lambda values, device: values | {"total": torch.tensor(torch.nan)})
    loop = _loop(tmp_path)
    before = loop.module.weight.detach().clone()
    with pytest.raises(TrainingError, match="loss is not finite at step 0 in another process, which names its clips"):
        loop.update({"fit": (1.0, loop.module(torch.ones(1, 3)).sum())})
    assert torch.equal(before, loop.module.weight)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU: only there does a process wait for one")
def test_on_a_gpu_batches_arrive_whole_and_steps_do_not_wait(toy):
    device = torch.device("cuda", 0)
    stage_one, _ = read_backbone(toy.backbone)
    draw = BatchSampler(toy.inputs, stage_one, BatchSpec(16, 0.5, with_crops=True), TOY.autoencoder.factor)
    transfer, drawn = Transfer(device), [draw(2, step_generator(0, share, 0)) for share in range(4)]
    arrived = [transfer.start(batch).here() for batch in drawn]
    for there, here in zip(arrived, drawn, strict=True):
        assert all(torch.equal(one.cpu(), other) for one, other in zip(there.tensors(), here.tensors(), strict=True))
    read, pending = [], Pending(device)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for step in range(3):
            pending.send([torch.full((), float(step), device=device)], read.append)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    pending.flush()
    assert read == [[0.0], [1.0], [2.0]]


def _loop(folder: Path, **options) -> Loop:
    torch.manual_seed(0)
    return Loop(nn.Linear(3, 1, bias=False), SETTINGS, folder, seed=0, **options)


# --------------------------------------------------------------------------------------------------- decoded_every
def test_rarer_losses_on_frames_weigh_more(toy, tmp_path):
    short = {"steps": 5, "batch_size": 1, "learning_rate": 1e-3, "warmup": 2}
    phase = short | {"steps": 2}
    delta = {"losses": {"trepa": 0}, "adaptation": phase, "optimiser": short, "checkpoint_every": 9}
    logged = {}
    for often in (1, 2):
        folder = train_toy(toy, tmp_path / str(often), training_settings(**delta, decoded_every=often))
        lines = [json.loads(line) for line in (folder / "scalars.jsonl").read_text().splitlines()]
        logged[often] = [line for line in lines if "total" in line]
    steps = {often: [line["step"] for line in lines if "sync" in line] for often, lines in logged.items()}
    assert steps == {1: [2, 3, 4, 5, 6], 2: [2, 4, 6]}
    every, second = logged[1][2], logged[2][2]
    assert every["sync"] == second["sync"]
    on_frames = every["total"] - every["simple"] - 0.5 * every["velocity"]
    assert second["total"] - every["total"] == pytest.approx(on_frames, rel=1e-4) and on_frames > 0
