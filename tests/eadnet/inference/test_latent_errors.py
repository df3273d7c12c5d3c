"""The latent error of trained runs: what it is of, that its bits follow from its inputs alone, and its filter."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from eadnet.config.section import parse
from eadnet.config.synthesis import Synthesis
from eadnet.config.training import Diffusion
from eadnet.data.clip_set import ClipSet
from eadnet.device import CPU
from eadnet.diffusion import Process
from eadnet.features.latents import Latents
from eadnet.inference.latent_errors import (
    REGIONS,
    SEED,
    TIMESTEPS,
    ClipReader,
    LatentErrorJob,
    OneStepEstimator,
    error_of,
    measure_latents,
    region_cells,
    windows,
)
from eadnet.inference.sampler import derived_seed, smoothed
from eadnet.models.inpainting import Inpainting
from eadnet.models.loading import load_run
from eadnet.tables import CLIPS, LATENT_ERRORS, read_rows, read_table, write_table
from tests.support.toy_training import CPU as COMPUTE
from tests.support.toy_training import Toy, train_toy, training_settings, write_toy

HELD_OUT = ["clip_06", "clip_07"]
"""The toy set's clips of split val, of 36 frames: two windows of 16 and a rest of 4."""


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    return write_toy(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def run(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_toy(toy, tmp_path_factory.mktemp("run"), training_settings(losses={"sync": 0, "trepa": 0}))


def job_of(toy: Toy, run: Path, **settings: object) -> LatentErrorJob:
    return LatentErrorJob(toy.inputs, Synthesis(**settings), COMPUTE, str(run), "full", 3)


def measured(job: LatentErrorJob, folder: Path) -> pd.DataFrame:
    measure_latents(job, folder / "errors.parquet")
    return read_table(folder / "errors.parquet", LATENT_ERRORS)


def changed(toy: Toy, folder: Path, rows: list[dict]) -> Toy:
    """The toy set with another table of clips."""
    write_table(rows, folder / "clips.parquet", CLIPS)
    return replace(toy, inputs=replace(toy.inputs, clips=str(folder / "clips.parquet")))


def test_only_validation_clips_are_measured_and_twice_to_the_same_bits(toy: Toy, run: Path, tmp_path: Path) -> None:
    table = measured(job_of(toy, run), tmp_path)
    assert sorted(table.clip_id.unique()) == HELD_OUT and len(table) == len(HELD_OUT) * len(REGIONS) * len(TIMESTEPS)
    assert set(table.run) == {"full"} and set(table.seed) == {3} and set(table.n_frames) == {36}
    assert table.error.gt(0).all() and table.variance.gt(0).all() and table.cells.gt(0).all()
    harder = table.pivot(index=["clip_id", "region"], columns="timestep", values="error")
    drawn = harder[harder.index.get_level_values("region") != "eyes"]  # of plain skin in the toy set
    assert (drawn[600] > drawn[300]).all()  # less of the truth is left at 600
    pd.testing.assert_frame_equal(measured(job_of(toy, run), tmp_path), table, check_exact=True)


def test_a_clip_s_error_depends_on_no_other_clip_nor_on_their_order(toy: Toy, run: Path, tmp_path: Path) -> None:
    table, rows = measured(job_of(toy, run), tmp_path), read_rows(toy.inputs.clips, CLIPS)
    backwards = measured(job_of(changed(toy, tmp_path, rows[::-1]), run), tmp_path)
    pd.testing.assert_frame_equal(backwards, table, check_exact=True)
    alone = [row | ({"split": "test"} if row["clip_id"] == HELD_OUT[0] else {}) for row in rows]
    left = measured(job_of(changed(toy, tmp_path, alone), run), tmp_path)
    expected = table[table.clip_id == HELD_OUT[1]].reset_index(drop=True)
    pd.testing.assert_frame_equal(left, expected, check_exact=True)


def test_without_a_validation_clip_the_table_is_empty_and_says_why(
    toy: Toy, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    rows = [row for row in read_rows(toy.inputs.clips, CLIPS) if row["split"] != "val"]
    table = measured(job_of(changed(toy, tmp_path, rows), run), tmp_path)
    assert table.empty and list(table.columns) == LATENT_ERRORS.names
    assert "no latent error: " in (said := capsys.readouterr().out) and "no usable validation clip" in said


# -------------------------------------------------------------------------------------------------- known answers
class Known(nn.Module):
    """Knows the clean latents: its output makes the estimate `wanted` (T, C, H, H), whatever the noise.

    The audio numbers the frames here, so that it shows which window is made.
    """

    def __init__(self, wanted: Tensor, task: Inpainting) -> None:
        super().__init__()
        self.wanted, self.task, self.seen = wanted, task, []

    def forward(self, inputs: Tensor, times: Tensor, audio: Tensor, text: Tensor, mask: Tensor) -> Tensor:
        frames, channels = audio[0, :, 0, 0].long(), self.wanted.shape[1]
        self.seen.append((times.tolist(), frames.tolist(), inputs[:, :, :channels]))
        masked, reference = inputs[:, :, channels + 1 : 2 * channels + 1], inputs[:, :, 2 * channels + 1 :]
        return self.wanted[frames] - self.task.base(masked, reference)


@pytest.fixture(scope="module")
def clip(toy: Toy, run: Path) -> tuple[Tensor, object, dict]:
    """Latents and conditions of a validation clip, whose audio is replaced by the frames' numbers, and the config."""
    config, latents = load_run(run)[1], Latents.read(toy.inputs.latents)
    read = ClipReader(job_of(toy, run), config, latents)
    own = ClipSet.read(toy.inputs.clips).only([HELD_OUT[0]]).clips[0]
    conditions = read.conditions(own)
    assert len(conditions.audio) == 36 and conditions.text_mask.any()
    return read.clean(own), replace(conditions, audio=torch.arange(36.0)[:, None, None]), config


def estimated(clip: tuple, wanted: Tensor) -> tuple[Tensor, Known]:
    clean, conditions, config = clip
    side = clean.shape[-1]
    network = Known(wanted, Inpainting.make(config["mask"], side * config["factor"], config["factor"]))
    return OneStepEstimator(network, config, side, CPU)(clean, conditions, derived_seed(SEED, "clip")), network


def test_a_perfect_network_has_no_error_and_the_mean_one(clip: tuple) -> None:
    clean, _, config = clip
    estimates, network = estimated(clip, clean)
    assert [(times, frames[0], len(frames)) for times, frames, _ in network.seen] == [
        ([300, 600], 0, 16), ([300, 600], 16, 16), ([300, 600], 20, 16),
    ]  # fmt: skip
    side = clean.shape[-1]
    generated = Inpainting.make(config["mask"], side * config["factor"], config["factor"]).cells
    for region in REGIONS:
        cells = region_cells(region, generated)
        mean = clean[:, :, cells].mean((0, 2))[None, :, None, None].expand_as(clean)
        for estimate, middle in zip(estimates, estimated(clip, mean)[0], strict=True):
            assert error_of(estimate, clean, cells)["error"] < 1e-12
            found = error_of(middle, clean, cells)
            assert found["error"] == pytest.approx(found["variance"], rel=1e-5)


def test_noise_is_of_single_frames_and_the_same_however_a_clip_is_cut(clip: tuple) -> None:
    clean, _, config = clip
    _, network = estimated(clip, clean)
    (_, _, second), (_, _, last) = network.seen[1:]
    assert torch.equal(second[:, 4:], last[:, :12])  # frames 20 to 31, in both windows
    process = Process(parse(Diffusion, config["diffusion"]))
    alphas = process.signal_share(torch.tensor(TIMESTEPS))[:, None, None, None, None]
    noise = (second - alphas.sqrt() * clean[16:32]) / (1 - alphas).sqrt()
    assert torch.allclose(noise[0], noise[1], atol=1e-4) and noise.std() == pytest.approx(1, abs=0.05)
    between = np.corrcoef(noise[0].flatten(1)) - np.eye(16)
    assert np.abs(between).max() < 0.4  # 256 values a frame


def test_the_filter_is_that_of_the_estimate_over_the_whole_clip(toy: Toy, run: Path, tmp_path: Path) -> None:
    model, config = load_run(run)
    latents = Latents.read(toy.inputs.latents)
    read = ClipReader(job_of(toy, run), config, latents)
    estimator = OneStepEstimator(model, config, latents.shape[-1], CPU)
    own = ClipSet.read(toy.inputs.clips).only([HELD_OUT[0]]).clips[0]
    clean = read.clean(own)
    estimates = estimator(clean, read.conditions(own), derived_seed(SEED, own.clip_id))
    table = measured(job_of(toy, run, smoothing=0.5), tmp_path).set_index(["clip_id", "timestep", "region"])
    plain = measured(job_of(toy, run), tmp_path).set_index(["clip_id", "timestep", "region"])
    for timestep, estimate in zip(TIMESTEPS, estimates, strict=True):
        cells = region_cells("face", estimator.cells)
        place = own.clip_id, timestep, "face"
        assert plain.error[place] == error_of(estimate, clean, cells)["error"]
        assert table.error[place] == error_of(smoothed(estimate, 0.5), clean, cells)["error"] != plain.error[place]
        assert table.variance[place] == plain.variance[place]


def test_windows_count_every_frame_once() -> None:
    assert list(windows(36, 16)) == [(0, 0, 16), (16, 16, 32), (20, 32, 36)]
    assert list(windows(32, 16)) == [(0, 0, 16), (16, 16, 32)] and list(windows(9, 16)) == [(0, 0, 9)]


def test_regions_are_generated_cells_where_eyes_and_mouth_are() -> None:
    face, lower = (Inpainting.make(mode, 96, 8).cells for mode in ("face", "lower"))
    eyes, mouth, whole = (region_cells(name, face) for name in REGIONS)
    assert eyes.any(1).nonzero().ravel().tolist() == [1, 2, 3, 4] and torch.equal(eyes[2], face[2])
    assert mouth.any(1).nonzero().ravel().tolist() == [6, 7, 8] and mouth[7].nonzero().ravel().tolist() == [4, 5, 6, 7]
    assert torch.equal(whole, face)
    hidden = region_cells("eyes", lower)
    assert error_of(torch.ones(2, 4, 12, 12), torch.zeros(2, 4, 12, 12), hidden) == {
        "cells": 0, "error": None, "variance": None,
    }  # fmt: skip
