"""STDA as published: against loops written from the paper's equations, edges, identity, gradients, any size."""

import math

import pytest
import torch
from torch import Tensor

from eadnet.models.temporal.stda import DENSE, STDA, reflected, strip_sum

CHANNELS = 6


def awake(taps: int = 7) -> STDA:
    """A module whose gain hides nothing."""
    torch.manual_seed(0)
    module = STDA(CHANNELS, taps)
    module.gain.data.uniform_(-1, 1)
    return module.double()


def mirrored(place: int, length: int) -> int:
    """Where reflection without repeating the edge leads, step by step."""
    while length > 1 and not 0 <= place < length:
        place = -place if place < 0 else 2 * (length - 1) - place
    return 0 if length == 1 else place


def looped(maps: Tensor, kernel: Tensor, vertical: bool) -> Tensor:
    """One direction by the paper's formula, number by number."""
    summed = torch.zeros_like(maps)
    frames, channels, height, width = maps.shape
    for f in range(frames):
        mean = [sum(maps[f, c].flatten().tolist()) / (height * width) for c in range(channels)]
        taps = [1 / (1 + math.exp(-sum(k * m for k, m in zip(row.tolist(), mean, strict=True)))) for row in kernel]
        for c in range(channels):
            for h in range(height):
                for w in range(width):
                    for k, weight in enumerate(taps):
                        step = k - len(taps) // 2
                        row = mirrored(h + step, height) if vertical else h
                        column = w if vertical else mirrored(w + step, width)
                        summed[f, c, h, w] += weight * maps[f, c, row, column]
    return summed


@pytest.mark.parametrize(("height", "width"), [(8, 8), (5, 9), (1, 1), (2, 3), (1, 7)])
def test_equals_a_loop_over_the_papers_equations(height: int, width: int):
    module, maps = awake(), torch.randn(2, CHANNELS, height, width, dtype=torch.float64)
    rows = looped(maps, module.horizontal.conv.weight.detach().flatten(1), vertical=False)
    both = looped(rows, module.vertical.conv.weight.detach().flatten(1), vertical=True)
    expected = maps + module.gain.detach() * both
    torch.testing.assert_close(module(maps).detach(), expected, atol=1e-5, rtol=1e-5)  # sums run in float32


@pytest.mark.parametrize("length", [1, 2, 3, 6, 7, DENSE, DENSE + 1, 3 * DENSE])
@pytest.mark.parametrize("taps", [1, 3, 7, 11])
def test_reflection_is_numpys_at_any_length(length: int, taps: int):
    import numpy as np

    reach = taps // 2
    strip = np.arange(length)
    padded = np.pad(strip, reach, mode="reflect") if length > 1 else np.zeros(length + 2 * reach, int)
    expected = np.lib.stride_tricks.sliding_window_view(padded, taps)
    assert (reflected(torch.zeros(0), length, taps).numpy() == expected).all()


@pytest.mark.parametrize("length", [9, 15, 40, 41])
def test_long_strips_take_another_way_to_the_same_sums(length: int, monkeypatch: pytest.MonkeyPatch):
    maps, weights = torch.randn(2, 3, 4, length), torch.rand(2, 7)
    by_matrix = strip_sum(maps, weights)
    monkeypatch.setattr("eadnet.models.temporal.stda.DENSE", 8)
    torch.testing.assert_close(strip_sum(maps, weights), by_matrix)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (3, 9)])
def test_small_maps_take_another_way_to_the_same_result(height: int, width: int, monkeypatch: pytest.MonkeyPatch):
    module, maps = awake(), torch.randn(2, CHANNELS, height, width, dtype=torch.float64)
    in_one = module(maps)
    monkeypatch.setattr("eadnet.models.temporal.stda.SMALL", 0)
    torch.testing.assert_close(module(maps), in_one)


def test_a_new_module_is_the_identity():
    maps = torch.randn(3, CHANNELS, 8, 8)
    assert torch.equal(STDA(CHANNELS)(maps), maps)


def test_gradients_reach_the_gain_at_once_and_the_weights_after_a_step():
    module = STDA(CHANNELS)
    maps = torch.randn(2, CHANNELS, 8, 8)
    module(maps).square().sum().backward()
    assert module.gain.grad.abs().min() > 0
    torch.optim.SGD(module.parameters(), 1e-2).step()
    module.zero_grad()
    module(maps).square().sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in module.parameters())


def test_a_pixel_sees_its_surroundings_and_the_mean_alone():
    module, maps = awake(taps=3), torch.randn(1, CHANNELS, 12, 12, dtype=torch.float64)
    changed = maps.clone()
    changed[..., 4, 4] += 1
    changed[..., 8, 9] -= 1  # the mean stays
    differs = (module(changed) - module(maps)).abs().amax((0, 1)) > 1e-5
    expected = torch.zeros(12, 12, dtype=torch.bool)
    expected[3:6, 3:6] = expected[7:10, 8:11] = True
    assert torch.equal(differs, expected)


def test_an_even_number_of_taps_is_refused():
    with pytest.raises(ValueError, match="odd number of taps, got 4"):
        STDA(CHANNELS, 4)


def test_weights_survive_saving():
    module, other, maps = awake(), awake(), torch.randn(1, CHANNELS, 4, 4, dtype=torch.float64)
    other.load_state_dict({name: torch.zeros_like(value) for name, value in other.state_dict().items()})
    other.load_state_dict(module.state_dict())
    assert torch.equal(module(maps), other(maps))
    assert set(module.state_dict()) == {"gain", "horizontal.conv.weight", "vertical.conv.weight"}
