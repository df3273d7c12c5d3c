"""TFRM as published: against a loop over frames, its chain, identity, gradients, any length, the object branch."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import layer_norm

from eadnet.models.temporal.tfrm import TFRM, ChainNetwork

CHANNELS, OBJECTS = 5, 3


def awake(rounds: int = 2, object_width: int | None = None) -> TFRM:
    """A module whose last layer hides nothing."""
    torch.manual_seed(0)
    module = TFRM(CHANNELS, rounds, object_width)
    for name, parameter in module.named_parameters():
        if "output" in name:
            parameter.data.normal_()
    return module.double()


def clip(frames: int) -> Tensor:
    return torch.randn(2, frames, CHANNELS, 4, 3, dtype=torch.float64)


def looped(network: ChainNetwork, nodes: Tensor) -> Tensor:
    """(T, C) of nodes (T, N), one frame and neighbour at a time."""
    values = [layer_norm(node, node.shape, network.norm.weight, network.norm.bias) for node in nodes]
    for own, heard in zip(network.own, network.heard, strict=True):
        after = []
        for t, value in enumerate(values):
            neighbours = [values[s] for s in (t - 1, t + 1) if 0 <= s < len(values)]
            mean = sum(neighbours) / len(neighbours) if neighbours else torch.zeros_like(value)
            sums = own.weight @ value + own.bias + heard.weight @ mean
            after.append(torch.stack([x / (1 + math.exp(-x)) for x in sums]))
        values = after
    return torch.stack([network.output.weight @ value + network.output.bias for value in values])


@pytest.mark.parametrize("frames", [1, 2, 7, 16, 48])
def test_equals_a_loop_over_frames(frames: int):
    module, maps = awake(), clip(frames)
    with torch.no_grad():
        reasoned = torch.stack([looped(module.frames, each.mean((2, 3))) for each in maps])
        torch.testing.assert_close(module(maps), maps + reasoned[..., None, None])


def test_messages_travel_a_frame_a_round_and_no_further():
    for rounds in (1, 2, 3):
        module, maps = awake(rounds), clip(9)
        changed = maps.clone()
        changed[:, 4] += torch.randn(CHANNELS, 1, 1, dtype=torch.float64)
        moved = (module(changed) - module(maps)).abs().amax((0, 2, 3, 4)) > 1e-12
        assert moved.tolist() == [abs(t - 4) <= rounds for t in range(9)]


def test_the_same_is_added_to_all_pixels_of_a_frame():
    added = awake()(maps := clip(3)) - maps
    assert (added - added.mean((3, 4), keepdim=True)).abs().max() < 1e-12 and added.abs().min() > 0


def test_a_new_module_is_the_identity():
    maps = clip(6).float()
    assert torch.equal(TFRM(CHANNELS)(maps), maps)


def test_gradients_reach_the_graph_network_after_a_step():
    module, maps = TFRM(CHANNELS), clip(6).float()
    module(maps).square().sum().backward()
    assert module.frames.output.weight.grad.abs().max() > 0
    torch.optim.SGD(module.parameters(), 1e-2).step()
    module.zero_grad()
    module(maps).square().sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in module.parameters())


def test_objects_add_the_mean_of_their_own_chains():
    module, maps = awake(object_width=OBJECTS), clip(4)
    features = torch.randn(2, 4, 6, OBJECTS, dtype=torch.float64)
    with torch.no_grad():
        added = module(maps, features) - module(maps)
        chains = [[looped(module.objects, features[b, :, o]) for o in range(6)] for b in range(2)]
        expected = torch.stack([torch.stack(each).mean(0) for each in chains])
    torch.testing.assert_close(added, expected[..., None, None].expand_as(added))


def test_objects_without_a_branch_for_them_are_refused():
    with pytest.raises(ValueError, match="object_features have 3 channels.*set network.graph_object_width"):
        awake()(clip(2), torch.zeros(2, 2, 1, OBJECTS, dtype=torch.float64))


def test_wrong_maps_are_named():
    with pytest.raises(ValueError, match=r"expects maps \(B, T, 5, H, W\), got \(2, 4, 4\)"):
        awake()(torch.zeros(2, 4, 4))
