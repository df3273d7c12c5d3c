"""The shared training loop: exact resume, damaged checkpoints, EMA, phases, guards, log; and the losses."""

import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

from eadnet import progress
from eadnet.checkpoint import CheckpointError, TrainingState, inputs_digest, load_weights, read_config, save_model
from eadnet.config.machine import Compute
from eadnet.config.networks import Optimiser, VideoMAE
from eadnet.device import open_device
from eadnet.models.videomae import VideoMaskedAutoencoder
from eadnet.training.log import TrainingLog
from eadnet.training.loop import Loop, Phase, TrainingError, learning_rate, step_generator
from eadnet.training.losses import (
    attention_map,
    contrastive_loss,
    perceptual_loss,
    sync_loss,
    trepa_pooled_mse,
    trepa_tubelet_difference,
    velocity_loss,
)
from tests.support.forked import forked

SETTINGS = Optimiser(steps=12, batch_size=4, learning_rate=0.05, warmup=3)


def _train(folder, stop_after: int | None = None, settings: Optimiser = SETTINGS, **options) -> nn.Module | None:
    torch.manual_seed(0)
    loop = Loop(nn.Linear(3, 1), settings, folder, seed=7, ema=0.9, checkpoint_every=5, **options)
    for step, generator in loop:
        if stop_after is not None and step >= stop_after:
            return None
        inputs = torch.randn(settings.batch_size, 3, generator=generator)
        loop.update({"fit": (1.0, (loop.module(inputs) - inputs.sum(1, keepdim=True)).square().mean())})
    loop.finish({"name": "test"})
    return loop.averaged()


def test_resumed_training_equals_uninterrupted_bit_for_bit(tmp_path):
    whole = _train(tmp_path / "whole")
    assert _train(tmp_path / "cut", stop_after=8) is None
    assert (tmp_path / "cut/checkpoint/state.pt").exists()
    resumed = _train(tmp_path / "cut")
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))
    assert not (tmp_path / "cut/checkpoint").exists()
    tables = [pd.read_parquet(tmp_path / name / "train.parquet") for name in ("whole", "cut")]
    pd.testing.assert_frame_equal(*tables)
    assert tables[0].step.tolist()[-1] == 11


def test_checkpoint_of_other_settings_is_reported_and_ignored(tmp_path, capsys):
    _train(tmp_path / "a", stop_after=8)
    other = SETTINGS.model_copy(update={"learning_rate": 0.01})
    fresh = _train(tmp_path / "fresh", settings=other)
    resumed = _train(tmp_path / "a", settings=other)
    assert torch.equal(fresh.weight, resumed.weight)
    assert "state.pt: of other settings or inputs; starting over" in capsys.readouterr().err


def test_damaged_checkpoint_is_reported_and_training_starts_over(tmp_path, capsys):
    whole = _train(tmp_path / "whole")
    _train(tmp_path / "cut", stop_after=8)
    (tmp_path / "cut/checkpoint/state.pt").write_bytes(b"not a checkpoint")
    assert torch.equal(_train(tmp_path / "cut").weight, whole.weight)
    assert re.search(r"state.pt: damaged checkpoint \(\w+\); starting over", capsys.readouterr().err)


@pytest.mark.parametrize("damage", ["cut short", "absent"])
def test_training_goes_on_from_the_state_before_a_damaged_one(tmp_path, capsys, damage):
    whole = _train(tmp_path / "whole")
    _train(tmp_path / "cut", stop_after=11)  # stored before steps 5 and 10
    state = tmp_path / "cut/checkpoint/state.pt"
    if damage == "absent":  # killed between the renames
        state.unlink()
    else:
        state.write_bytes(state.read_bytes()[:900])
    assert torch.equal(_train(tmp_path / "cut").weight, whole.weight)
    said = "".join(line for line in capsys.readouterr().err.splitlines(True) if not line.startswith("step "))
    line = r"\S+state.pt: damaged checkpoint \(\w+\); going on from the one before, earlier.pt\n"
    assert re.fullmatch(("" if damage == "absent" else line) + "resuming at step 5\n", said)
    steps = [json.loads(line)["step"] for line in (tmp_path / "cut/scalars.jsonl").read_text().splitlines()]
    assert steps == list(range(12))


def test_a_state_is_whole_wherever_storing_the_next_one_stops(tmp_path, monkeypatch):
    state = TrainingState(tmp_path, "x")
    for step in range(3):
        state.save({"step": step})
    assert [path.name for path in sorted(state.folder.iterdir())] == ["earlier.pt", "state.pt"]
    survivors = []
    for stop in range(1, 9):
        resumed = TrainingState(tmp_path, "x")
        before = resumed.load()["step"]
        with monkeypatch.context() as patch:
            _stop_at(patch, stop)
            with suppress(KeyboardInterrupt):
                resumed.save({"step": before + 1})
        assert len(list(state.folder.iterdir())) <= 3  # a killed process may leave what it was writing
        survivors.append(TrainingState(tmp_path, "x").load()["step"] - before)
    assert set(survivors) == {0, 1} and survivors[-1] == 1
    resumed = TrainingState(tmp_path, "x")
    resumed.load()
    resumed.save({"step": 99})
    assert [path.name for path in sorted(state.folder.iterdir())] == ["earlier.pt", "state.pt"]


def test_a_killed_process_leaves_a_whole_state_wherever_it_was(tmp_path):
    payload = torch.arange(2**22, dtype=torch.float32)  # 16 MB: most kills fall into a write

    def store_for_ever() -> None:
        state = TrainingState(tmp_path, "x")
        step = (state.load() or {"step": -1})["step"]
        while True:
            step += 1
            state.save({"step": step, "payload": payload + step})

    TrainingState(tmp_path, "x").save({"step": 0, "payload": payload})
    seen, left_over = [0], 0
    for number in range(8):
        before, until = _being_written(tmp_path), time.monotonic() + 60
        process = forked(store_for_ever)
        while not _being_written(tmp_path) - before:
            assert time.monotonic() < until
        time.sleep(0.02 * number)
        process.kill()
        process.join()
        left_over += bool(_being_written(tmp_path) - before)
        stored = TrainingState(tmp_path, "x").load()
        assert torch.equal(stored["payload"], payload + stored["step"])
        seen.append(stored["step"])
    assert seen == sorted(seen) and seen[-1] > 0
    assert left_over, "no process was killed while it wrote"
    state = TrainingState(tmp_path, "x")
    state.load()
    state.save({"step": 0, "payload": payload})
    assert sorted(path.name for path in state.folder.iterdir()) == ["earlier.pt", "state.pt"]


def _being_written(folder: Path) -> set[Path]:
    return set((folder / "checkpoint").glob(".*"))


def test_a_good_state_outlives_the_damaged_one_that_came_after_it(tmp_path):
    state = TrainingState(tmp_path, "x")
    state.save({"step": 1})
    state.save({"step": 2})
    state.newest.write_bytes(b"damaged")
    resumed = TrainingState(tmp_path, "x")
    assert resumed.load()["step"] == 1
    resumed.save({"step": 3})
    resumed.newest.write_bytes(b"damaged again")
    assert TrainingState(tmp_path, "x").load()["step"] == 1


def _stop_at(patch: pytest.MonkeyPatch, operation: int) -> None:
    """Interrupt before this deletion or renaming, counted from 1, as a kill would: nothing after it happens."""
    done = [0]

    def stopping(function: Callable) -> Callable:
        def stopped(*arguments: object, **options: object) -> object:
            done[0] += 1
            if done[0] >= operation:
                raise KeyboardInterrupt
            return function(*arguments, **options)

        return stopped

    patch.setattr(Path, "replace", stopping(Path.replace))
    patch.setattr(Path, "unlink", stopping(Path.unlink))


def test_pickled_code_in_a_checkpoint_is_never_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    state = TrainingState(tmp_path, "x")
    state.folder.mkdir()
    torch.save({"digest": "x", "bomb": Bomb()}, state.folder / "state.pt")
    assert state.load() is None and not (tmp_path / "ran").exists()


def test_loss_that_is_not_finite_stops_with_its_name_and_step(tmp_path):
    loop = Loop(nn.Linear(1, 1), SETTINGS, tmp_path, seed=0)
    with pytest.raises(TrainingError, match="step 0.*fit=nan.*learning_rate"):
        loop.update({"fit": (1.0, loop.module(torch.tensor([float("nan")])).sum())})


def test_gradient_that_is_not_finite_stops_before_it_reaches_the_weights(tmp_path):
    model = nn.Linear(1, 1)
    loop = Loop(model, SETTINGS.model_copy(update={"accumulate": 2}), tmp_path, seed=0)
    next(iter(loop))
    loop.update({"fit": (1.0, model(torch.ones(1)).sum())}, lambda: "clip one")
    with pytest.raises(TrainingError, match="gradient is not finite at step 0 on clip one, clip two .*fit="):
        loop.update({"fit": (1.0, (0 * model(torch.ones(1))).sqrt().sum())}, lambda: "clip two")  # 0, of slope inf
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_saved_average_follows_its_definition(tmp_path):
    torch.manual_seed(0)
    loop = Loop(nn.Linear(2, 1, bias=False), SETTINGS, tmp_path, seed=0, ema=0.5)
    average = None
    for _ in loop:
        loop.update({"fit": (1.0, (loop.module(torch.ones(2)) - 3).square().sum())})
        weight, taken = loop.module.weight.detach().clone(), loop.step - 1
        decay = min(0.5, (1 + taken) / (10 + taken))
        average = weight if average is None else decay * average + (1 - decay) * weight
    assert torch.allclose(loop.averaged().weight, average, atol=1e-6)
    assert not torch.allclose(average, weight, atol=1e-4)


def test_every_phase_has_its_own_schedule_and_parameters(tmp_path):
    model = nn.ModuleList(nn.Linear(1, 1, bias=False) for _ in range(2))
    first = Optimiser(steps=3, batch_size=5, learning_rate=0.1, warmup=2, beta2=0.9, weight_decay=0.0, final_rate=0.5)
    second = Optimiser(steps=2, batch_size=7, learning_rate=0.01, warmup=1, beta2=0.99)
    phases = [Phase(first, [model[0].weight]), Phase(second, [model[1].weight])]
    loop = Loop(model, phases, tmp_path, seed=0, faster=[model[0].weight], faster_rate=4.0)
    seen, sizes = [], []
    for _, count in loop.batches(lambda count, generator: count):
        before = [layer.weight.item() for layer in model]
        loop.update({"fit": (1.0, sum(layer(torch.ones(1)).sum() for layer in model))})
        moved = [layer.weight.item() != value for layer, value in zip(model, before, strict=True)]
        group = loop.optimiser.param_groups[0]
        seen.append((moved, group["lr"], group["betas"][1], group["weight_decay"]))
        sizes.append(count)
    rates = [0.05, 0.1 * (0.5 + 0.5 * 0.75), 0.1 * (0.5 + 0.5 * 0.25), 0.01, 0.005]
    assert [rate for _, rate, _, _ in seen] == pytest.approx(rates)
    assert [moved for moved, *_ in seen] == [[True, False]] * 3 + [[False, True]] * 2
    assert [tuple(rest) for _, _, *rest in seen] == [(0.9, 0.0)] * 3 + [(0.99, 0.01)] * 2
    assert sizes == [5, 5, 5, 7, 7] and loop.optimiser.param_groups[1]["lr"] == pytest.approx(4 * 0.005)


def test_learning_rate_warms_up_and_ends_at_its_final_share():
    settings = Optimiser(steps=100, batch_size=1, learning_rate=2.0, warmup=10, final_rate=0.1)
    rates = [learning_rate(settings, step) for step in range(100)]
    assert rates[0] == pytest.approx(0.2) and max(rates) == rates[9] and rates[9] == pytest.approx(2, rel=0.03)
    assert rates[-1] == pytest.approx(0.2, rel=0.01) and rates[9:] == sorted(rates[9:], reverse=True)


def test_every_share_of_every_step_draws_its_own_samples():
    drawn = {
        torch.randn(3, generator=step_generator(seed, share, step)).sum().item()
        for seed in range(3)
        for share in range(4)
        for step in range(50)
    }
    assert len(drawn) == 600


def test_a_batch_that_cannot_be_drawn_stops_training_with_its_own_error(tmp_path):
    def draw(count: int, generator: torch.Generator) -> None:
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        next(Loop(nn.Linear(1, 1), SETTINGS, tmp_path, seed=0, prefetch=3).batches(draw))


def test_lines_that_a_kill_cut_short_or_that_come_again_are_dropped(tmp_path):
    log = TrainingLog(tmp_path, steps=9)
    for step in range(6):
        log.record(step, {"total": 1.0}, log.lap(1, 0.0))
    with (tmp_path / "scalars.jsonl").open("a") as stream:
        stream.write('{"step": 6, "tot')
    TrainingLog(tmp_path, steps=9).continue_from(4, [(0, "total", 1.0)])
    lines = [json.loads(line) for line in (tmp_path / "scalars.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 1, 2, 3]
    assert lines[0].keys() >= {"total", "seconds", "loader_seconds", "samples_per_second"}


def test_progress_in_a_log_is_a_line_every_pause_with_pace_time_left_and_losses(tmp_path, capsys, monkeypatch):
    lines, interrupted = {}, progress.progress_bar("step", 9, "step")
    for pause in (0.0, 1e6):
        monkeypatch.setattr(progress, "PAUSE", pause)
        log = TrainingLog(tmp_path, steps=30)
        log.continue_from(10, [])
        for step in range(10, 30):
            log.record(step, {"total": 0.5}, log.lap(4, 0.0))
        lines[pause] = [line for line in capsys.readouterr().err.splitlines() if "/9 " not in line]
    interrupted.close()
    state = r"step (\d+)/30 \(( *[\d.]+k?step/s|[\d.]+s/step), \d\d:\d\d left\), total 0\.5000"
    taken = [re.fullmatch(state, line) for line in lines[0.0][1:]]
    assert all(taken) and {int(found[1]) for found in taken} == set(range(11, 31)), lines[0.0]
    assert len(lines[1e6]) == 2 and re.fullmatch(state, lines[1e6][1])[1] == "30"


def test_other_processes_show_no_progress(tmp_path, capsys):
    log = TrainingLog(tmp_path, steps=1, writes=False)
    log.record(0, {"total": 0.5}, log.lap(4, 0.0))
    assert capsys.readouterr().err == "" and not list(tmp_path.iterdir())


def test_model_files_round_trip_and_name_their_faults(tmp_path):
    model = nn.Linear(3, 1)
    save_model(tmp_path, model, {"width": 3})
    other = nn.Linear(3, 1)
    load_weights(tmp_path, other)
    assert torch.equal(model.weight, other.weight) and read_config(tmp_path) == {"width": 3}
    with pytest.raises(CheckpointError, match="model.safetensors.*run again"):
        load_weights(tmp_path, nn.Linear(4, 1))
    (tmp_path / "model.safetensors").write_bytes(b"garbage")
    with pytest.raises(CheckpointError, match="model.safetensors"):
        load_weights(tmp_path, other)
    with pytest.raises(CheckpointError, match="config.json"):
        read_config(tmp_path / "absent")


def test_losses_are_zero_for_perfect_and_positive_for_damaged():
    frames, weight = torch.rand(2, 4, 3, 8, 8), torch.ones(8, 8)
    assert perceptual_loss(frames, frames, weight) == 0 and velocity_loss(frames, frames, weight) == 0
    assert (
        velocity_loss(frames, frames.flip(1), weight) > 0 and velocity_loss(frames[:, :1], frames[:, :1], weight) == 0
    )
    assert velocity_loss(frames + 1, frames, weight) == pytest.approx(0, abs=1e-6)
    features = torch.randn(3, 5)
    assert trepa_pooled_mse(2 * features, features) == pytest.approx(0, abs=1e-6)
    assert trepa_pooled_mse(-features, features).item() == pytest.approx(4 / 5, rel=1e-4)


def test_sync_loss_counts_only_clips_with_sound():
    cosine = torch.tensor([0.5, 0.1])
    assert sync_loss(cosine, torch.tensor([1.0, 0.0])).item() == pytest.approx(0.6931, abs=1e-3)


def test_sync_loss_pulls_at_every_cosine_and_more_so_at_smaller_ones():
    cosine = torch.tensor([-0.5, 0.0, 5e-5, 2e-4, 0.5, 0.99995, 1.0], requires_grad=True)
    values = [sync_loss(value[None], torch.ones(1)) for value in cosine.unbind()]
    sum(values).backward()
    assert [value.item() for value in values[3:]] == pytest.approx([8.51719, 0.69315, 5e-5, 0], abs=1e-4)
    assert values[1].item() == pytest.approx(1 + 9.21034, rel=1e-5) and values[0].item() == pytest.approx(
        5010.21, rel=1e-5
    )
    assert cosine.grad.tolist() == pytest.approx([-1e4, -1e4, -1e4, -5e3, -2, -1.00005, -1], rel=1e-4)


def test_contrastive_loss_is_low_for_matching_pairs():
    vectors = torch.eye(6)
    assert contrastive_loss(vectors, vectors) < 0.01 < contrastive_loss(vectors, vectors.roll(1, 0))


def test_attention_map_has_mean_one_and_favours_the_mouth():
    generated = torch.zeros(16, 16, dtype=torch.bool)
    generated[2:15, 2:14] = True
    weight = attention_map(generated, mouth=4.0, eyes=2.0, outside=0.1)
    assert weight.mean().item() == pytest.approx(1, abs=1e-5)
    assert weight[11, 8] / weight[7, 4] == pytest.approx(4) and weight[4, 8] / weight[7, 4] == pytest.approx(2)
    assert weight[0, 0] / weight[7, 4] == pytest.approx(0.1)


def test_inputs_digest_follows_the_content_of_files_and_model_folders(tmp_path):
    model = nn.Linear(2, 1)
    save_model(tmp_path / "model", model, {})
    table = tmp_path / "clips.parquet"
    table.write_bytes(b"one")
    before = inputs_digest([table, tmp_path / "model"])
    assert inputs_digest([table, tmp_path / "model"]) == before
    table.write_bytes(b"two")
    assert inputs_digest([table, tmp_path / "model"]) != before
    table.write_bytes(b"one")
    model.weight.data += 1
    save_model(tmp_path / "model", model, {})
    assert inputs_digest([table, tmp_path / "model"]) != before


def test_trepa_of_equal_pictures_is_zero_with_and_without_gradients():
    device = open_device(Compute(device="cpu"))
    torch.manual_seed(0)
    model = VideoMaskedAutoencoder(VideoMAE(width=32, depth=2), 48).eval().requires_grad_(False)
    real = torch.rand(2, 16, 3, 48, 48) * 2 - 1
    generated = real.clone().requires_grad_()
    with device.autocast():
        with torch.no_grad():
            target = model.tubelet_features(real)
        loss = trepa_tubelet_difference(model.tubelet_features(generated), target)
    assert loss.item() == pytest.approx(0, abs=1e-6)
