"""The networks' benchmarks: one set of LatentSync's weights in all designs, time in turn, ratios, slopes, tables."""

import math
from pathlib import Path

import pandas as pd
import pytest
import torch

from benchmarks import machine, modules, paper_networks, scaling, training_tables
from benchmarks.paper_networks import EADNET, FRAMEWISE, LATENTSYNC, Size
from eadnet.config.machine import Compute
from eadnet.device import open_device
from tests.support.unet_cases import LATENT_CHANNELS, TEXT, TINY

SMALL = modules.Scale(TINY, LATENT_CHANNELS, "mel", (5, TEXT), Size(1, 2, 8))


@pytest.fixture(scope="module")
def cpu():
    return open_device(Compute(device="cpu", precision="float32"))


def test_designs_share_latentsyncs_tensors_and_bring_only_what_is_theirs(cpu):
    models = modules.make_models(SMALL, cpu)
    base = dict(models[modules.BASE].named_parameters())
    for design, model in models.items():
        own = dict(model.named_parameters())
        assert all(own[name] is value for name, value in base.items()), design
        assert not any(value.is_meta for value in own.values())
        assert (len(own) == len(base)) == (design == modules.BASE)


def test_every_design_is_measured_in_both_passes_over_latentsync(cpu):
    rows = pd.DataFrame(modules.measure("tiny", SMALL, cpu, rounds=2))
    assert list(rows["pass"]) == ["step"] * len(modules.DESIGNS) + ["frame"] * len(modules.DESIGNS)
    assert (rows.loc[rows["design"] == modules.BASE, "over_latentsync"] == 1).all()
    assert (rows["milliseconds"].astype(float) > 0).all()


def test_rows_of_other_scales_stay(tmp_path: Path):
    path = tmp_path / "modules.csv"
    modules.write(path, pd.DataFrame({"scale": ["full", "tiny"], "over_latentsync": [1.5, 1.6]}))
    modules.write(path, pd.DataFrame({"scale": ["tiny", "cut"], "over_latentsync": [1.1, 1.2]}))
    assert pd.read_csv(path).values.tolist() == [["tiny", 1.1], ["cut", 1.2], ["full", 1.5]]


def test_works_take_turns_and_the_first_round_does_not_count():
    calls: list[str] = []
    works = {name: lambda name=name: calls.append(name) for name in "abc"}
    rows = machine.in_turn(works, 2, "cpu")
    assert calls == [*"cba", *"abc", *"cba"] and [list(row) for row in rows] == [[*"abc"]] * 2


def test_ratios_are_taken_within_a_round():
    rows = [{"own": 2.0, "base": 1.0}, {"own": 30.0, "base": 10.0}, {"own": 400.0, "base": 100.0}]
    assert machine.ratios(rows, "own", "base") == (3.0, 2.5, 3.5)


@pytest.mark.parametrize("design", scaling.DESIGNS)
def test_modules_that_are_compared_keep_the_shape_of_a_clip(design: str):
    maps = torch.randn(1, 3, scaling.CHANNELS, 4, 4)
    assert scaling.DESIGNS[design]()(maps).shape == maps.shape


def test_the_slope_of_a_power_is_its_exponent():
    assert math.isclose(scaling.slope([(x, 5 * x**1.25) for x in (2, 8, 64)]), 1.25)


def test_a_frame_wise_network_moves_no_motion_module_and_costs_less():
    size = Size(1, 4, 8)
    latentsync, framewise = (
        paper_networks.unet_operations(design, size, cut=True) for design in (LATENTSYNC, FRAMEWISE)
    )
    assert framewise.operations < latentsync.operations
    assert framewise.learning < framewise.parameters and latentsync.learning == latentsync.parameters


def test_what_does_not_learn_costs_less_and_checkpointing_more():
    count = lambda *how: paper_networks.unet_operations(EADNET, Size(1, 4, 8), True, *how)  # noqa: E731
    everything, modules_alone, twice = count("all"), count("modules"), count("all", True)
    assert modules_alone.operations < everything.operations < twice.operations < 4 / 3 * everything.operations
    assert 0 < modules_alone.learning < 0.05 * everything.learning
    assert modules_alone.gibibytes < everything.gibibytes == 16 * everything.parameters / 2**30


def test_the_paper_scale_trains_stage_1_frame_wise_and_then_all_of_the_papers_modules():
    phases = paper_networks.phases()
    assert [phase.design for phase in phases.values()] == [FRAMEWISE, EADNET, EADNET]
    assert [phase.supervised for phase in phases.values()] == [False, False, True]


def test_the_page_compares_with_latentsync_on_the_same_terms():
    how = {"precision": "bfloat16", "threads": 1, "megabytes": 10.0, "tflop": 1.0, "mfu": 0.5}
    rows = [
        training_tables.Row("paper", "cpu", LATENTSYNC, "1 x 16 x 16²", seconds=2.0, **how),
        training_tables.Row("paper", "cpu", EADNET, "1 x 16 x 16²", seconds=3.0, **how),
    ]
    page = training_tables.page(rows)
    assert "| 1.50 | 1.00 |" in page and "| 1.00 | 1.00 |" in page
