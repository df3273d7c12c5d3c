"""STDA and TFRM: identity at birth, locality, any length, gradients (reference/METHOD acceptance tests)."""

import pytest
import torch
from torch import nn

from eadnet.models.stda import STDA
from eadnet.models.tfrm import TFRM, graph_penalty


def _awakened(module: nn.Module) -> nn.Module:
    """The module with all-random weights, so that zero-initialised outputs do not hide anything."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return module


def _maps(frames: int, channels: int = 24, side: int = 4) -> torch.Tensor:
    return torch.randn(2, frames, channels, side, side, generator=torch.Generator().manual_seed(frames))


@pytest.mark.parametrize("make", [lambda: STDA(24, 3), lambda: TFRM(24, 3, 4)], ids=["stda", "tfrm"])
@pytest.mark.parametrize("frames", [1, 7, 48])
def test_new_module_is_the_identity_at_any_length(make, frames):
    maps = _maps(frames)
    assert torch.allclose(make()(maps), maps, atol=1e-5)


def test_stda_rejects_indivisible_channels():
    with pytest.raises(ValueError, match="multiple of 6"):
        STDA(20, 3)


def test_stda_time_strip_reaches_no_further_than_its_radius():
    module, maps = _awakened(STDA(24, 3)), _maps(12)
    module.gate[2].weight.data.zero_()  # a constant gate: motion of neighbours must not leak through it
    moved = maps.clone()
    moved[:, 9] += torch.linspace(-1, 1, 24)[:, None, None]
    changed = (module(moved) - module(maps)).abs().amax((0, 2, 3, 4)) > 1e-6
    assert changed.tolist() == [abs(frame - 9) <= 3 for frame in range(12)]


def test_stda_sees_only_the_cross_of_a_pixel_within_a_frame():
    module, maps = _awakened(STDA(24, 3)), _maps(1, side=5)
    module.gate[2].weight.data.zero_()
    moved = maps.clone()
    moved[:, 0, :, 1, 2] += torch.linspace(-1, 1, 24)
    changed = (module(moved) - module(maps)).abs().amax((0, 1, 2)) > 1e-6
    expected = torch.zeros(5, 5, dtype=torch.bool)
    expected[1], expected[:, 2] = True, True
    assert torch.equal(changed, expected)


def test_stda_gate_is_positive_and_sums_to_three():
    weights = _awakened(STDA(24, 3)).direction_weights(torch.randn(2, 5, 4, 4, 24))
    assert torch.allclose(weights.sum(-1), torch.full((2, 5), 3.0)) and (weights > 0).all()


def test_tfrm_graph_is_row_stochastic_sparse_banded_and_keeps_itself():
    module = _awakened(TFRM(24, radius=3, neighbours=4))
    edges = module.edges(torch.randn(2, 20, 32))
    dense = module.adjacency(edges)
    assert torch.allclose(dense.sum(-1), torch.ones(2, 20), atol=1e-5)
    assert ((dense > 0).sum(-1) <= 4).all() and (dense.diagonal(dim1=1, dim2=2) > 0).all()
    far = (torch.arange(20)[:, None] - torch.arange(20)).abs() > 3
    assert (dense[:, far] == 0).all()


def test_tfrm_of_identical_frames_follows_the_temporal_prior():
    module = TFRM(24, radius=3, neighbours=7)
    edges = module.edges(torch.ones(1, 20, 32))[0, 10]
    assert edges.argmax() == 3 and torch.allclose(edges, edges.flip(0), atol=1e-6) and edges[3] > edges[2] > edges[0]


def test_gradients_reach_every_parameter():
    for module in (_awakened(STDA(24, 3)), _awakened(TFRM(24, 3, 4))):
        penalty = module.regulariser if isinstance(module, TFRM) else 0
        (module(_maps(6)).square().mean() + penalty).backward()
        silent = [name for name, p in module.named_parameters() if p.grad is None or not p.grad.abs().any()]
        assert not silent


def test_graph_penalty_prefers_edges_between_similar_frames():
    nodes = torch.zeros(1, 3, 2)
    neighbours = torch.stack([torch.zeros(1, 3, 2), torch.zeros(1, 3, 2), torch.ones(1, 3, 2)], 2)
    similar = graph_penalty(torch.tensor([0.5, 0.5, 0.0]).expand(1, 3, 3), nodes, neighbours)
    different = graph_penalty(torch.tensor([0.0, 0.5, 0.5]).expand(1, 3, 3), nodes, neighbours)
    assert different > similar
