"""TFRM, extended: identity at birth, a sparse stochastic banded graph, any length at linear cost, variants, health."""

import math
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_model, save_model
from torch.utils.flop_counter import FlopCounterMode

from eadnet.models.extended import frame_graph
from eadnet.models.extended.frame_graph import Band, Graph, band
from eadnet.models.extended.tfrm import VARIANTS, ExtendedTFRM, make_tfrm

CHANNELS, RADIUS, NEIGHBOURS = 24, 3, 4


def _module(variant: str = "extended", **settings) -> ExtendedTFRM:
    """A module with all-random weights, so that zero-initialised outputs do not hide anything."""
    module = ExtendedTFRM(CHANNELS, RADIUS, NEIGHBOURS, variant, **settings)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return module


def _maps(frames: int, side: int = 4) -> torch.Tensor:
    return torch.randn(2, frames, CHANNELS, side, side, generator=torch.Generator().manual_seed(frames))


def _far_sighted(**settings) -> ExtendedTFRM:
    """A module for which only likeness counts, not what is near."""
    module = _module(**settings)
    with torch.no_grad():
        module.similarity.decay.fill_(-20)
        module.similarity.offset_bias.zero_()
        module.similarity.log_scale.fill_(4)
    return module


def _recurring(frames: int) -> torch.Tensor:
    """Maps in which every frame has equals within reach."""
    return _maps(3).repeat(1, -(-frames // 3), 1, 1, 1)[:, :frames]


def _still(frames: int) -> torch.Tensor:
    """Maps of a clip in which nothing moves."""
    return _maps(1).repeat(1, frames, 1, 1, 1)


def _kept(graph: Graph) -> torch.Tensor:
    """(B, T, K) whether an edge leads to the candidate."""
    return graph.weights_BTK > 0


def _distances(frames: int) -> torch.Tensor:
    return (torch.arange(frames)[:, None] - torch.arange(frames)).abs()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("frames", [1, 7, 16, 48, 128])
def test_new_module_is_the_identity_at_any_length(variant, frames):
    maps = _maps(frames)
    assert torch.equal(ExtendedTFRM(CHANNELS, RADIUS, NEIGHBOURS, variant)(maps), maps)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("frames", [1, 7, 16, 48, 128])
def test_awakened_module_changes_maps_at_any_length(variant, frames):
    maps = _maps(frames)
    changed = _module(variant)(maps)
    assert changed.shape == maps.shape and changed.isfinite().all() and not torch.allclose(changed, maps, atol=1e-2)


@pytest.mark.parametrize("frames", [1, 2, 7, 16, 48, 150])
def test_rows_sum_to_one_with_few_edges_the_frame_itself_and_none_beyond_the_radius(frames):
    graph = _module().graph(_maps(frames))
    dense = graph.dense()
    assert torch.allclose(dense.sum(-1), torch.ones(2, frames), atol=1e-5)
    assert ((dense > 0).sum(-1) <= NEIGHBOURS).all() and (dense.diagonal(dim1=1, dim2=2) > 0).all()
    assert (dense[:, _distances(frames) > RADIUS] == 0).all()
    if frames > RADIUS:
        assert ((dense > 0).sum(-1) == NEIGHBOURS).all()


def test_identical_frames_follow_the_prior_only():
    module = ExtendedTFRM(CHANNELS, RADIUS, 2 * RADIUS + 1)
    frame = torch.randn(1, 1, CHANNELS, 4, 4).expand(-1, 20, -1, -1, -1)
    row = module.graph(frame).dense()[0, 10]
    expected = (-math.log(2) * _distances(20)[10] / RADIUS).masked_fill(_distances(20)[10] > RADIUS, -math.inf)
    assert torch.allclose(row, expected.softmax(0), atol=1e-5)


def test_edges_go_to_the_most_alike_frames():
    module = ExtendedTFRM(CHANNELS, RADIUS, 2)
    with torch.no_grad():
        module.similarity.decay.fill_(-20)  # no preference for what is near
    maps = _maps(9)
    maps[:, 2] = maps[:, 5]
    dense = module.graph(maps).dense()
    assert (dense[:, 5, 2] > 0.3).all() and torch.allclose(dense[:, 5, 2], dense[:, 5, 5])


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradients_reach_every_parameter(variant):
    module = _module(variant)
    (module(_maps(6)).square().mean() + module.regulariser).backward()
    silent = [name for name, p in module.named_parameters() if p.grad is None or not p.grad.abs().any()]
    assert not silent


def test_regulariser_alone_teaches_the_similarity():
    module = _module()
    module(_maps(6))
    assert torch.allclose(module.regulariser, torch.stack(list(module.penalties.values())).sum())
    module.regulariser.backward()
    assert all(parameter.grad.abs().any() for parameter in module.similarity.parameters())


def test_travelling_values_are_the_dense_graph_s():
    for frames in (5, 28, 29, 150):  # one run and several
        graph, values = _far_sighted().graph(_maps(frames)), torch.randn(2, frames, 6)
        dense = torch.zeros(2, frames, frames)
        for frame, candidate in graph.band.inside_TK.nonzero().tolist():
            dense[:, frame, frame + candidate - RADIUS] = graph.weights_BTK[:, frame, candidate]
        assert graph.band.runs == (1 if frames < 29 else -(-frames // 7))
        assert torch.equal(graph.dense(), dense) and torch.allclose(graph.mix(values), dense @ values, atol=1e-5)


@pytest.mark.parametrize("frames", [1, 3, 28, 29, 150])
def test_candidates_are_compared_with_their_own_frame(frames):
    values, candidates = torch.randn(2, frames, 6), band(torch.empty(0), frames, RADIUS)
    expected = values @ values.mT
    found = candidates.compare(values)
    for frame, place in candidates.inside_TK.nonzero().tolist():
        key = frame + int(candidates.offsets_K[place])
        assert torch.allclose(found[:, frame, place], expected[:, frame, key], atol=1e-5)
    assert torch.equal(candidates.inside_TK.sum(1), (_distances(frames) <= RADIUS).sum(1))


@pytest.mark.parametrize("make", [_recurring, _still, _maps])
def test_several_runs_agree_with_one(monkeypatch, make):
    module, maps = _far_sighted(), make(150)
    several = module.graph(maps)
    expected, runs = several.dense(), several.band.runs
    monkeypatch.setattr(frame_graph, "FEW", 100)
    one = module.graph(maps)
    assert runs > 1 and one.band.runs == 1
    assert torch.equal(_kept(one), _kept(several))
    # a logit is up to 55 times a cosine, whose float32 sum of 32 products leaves some 1e-7
    assert torch.allclose(one.dense(), expected, atol=1e-5)


@pytest.mark.parametrize("variant", ["extended", "extended_chain"])
def test_cost_is_linear_in_the_length(variant):
    module = _module(variant)

    def cost(frames: int) -> int:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            module(torch.zeros(1, frames, CHANNELS, 4, 4))
        return counter.get_total_flops()

    lengths = [cost(frames) for frames in (256, 512, 1024)]
    assert lengths[1] / lengths[0] == pytest.approx(2, rel=0.02)
    assert lengths[2] / lengths[1] == pytest.approx(2, rel=0.02)


# --------------------------------------------------------------------------------------------------------- ties
def _nearest(candidates: Band) -> torch.Tensor:
    """(T, K) the candidates of each frame that would be kept if all were equal: nearer first, then earlier."""
    kept = torch.zeros_like(candidates.inside_TK)
    for frame, inside in enumerate(candidates.inside_TK.tolist()):
        offsets = candidates.offsets_K.tolist()
        order = sorted((abs(offset), offset > 0, place) for place, offset in enumerate(offsets) if inside[place])
        kept[frame, [place for *_, place in order[:NEIGHBOURS]]] = True
    return kept


@pytest.mark.parametrize("frames", [7, 16, 48, 150])
def test_frames_that_repeat_are_chosen_by_nearness_then_the_earlier(frames):
    graph = _far_sighted().graph(_still(frames))
    assert torch.equal(_kept(graph), _nearest(graph.band).expand(2, -1, -1))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_equal_logits_of_any_precision_are_chosen_so(dtype):
    reach = band(torch.empty(0), 150, RADIUS)
    logits = torch.full((1, 150, 7), 30.0, dtype=dtype).masked_fill(~reach.inside_TK, -math.inf)
    weights = _far_sighted().similarity._strongest(logits, reach)
    assert weights.dtype == dtype and torch.equal(weights[0] > 0, _nearest(reach))


def test_a_tie_of_two_goes_to_the_nearer_then_the_earlier():
    module = ExtendedTFRM(CHANNELS, 8, 2)
    module.similarity = _far_sighted(perspectives=1).similarity
    module.similarity.radius, module.similarity.neighbours = 8, 2
    module.similarity.offset_bias = torch.nn.Parameter(torch.zeros(17))
    for again, chosen in (([4, 12], 4), ([3, 12], 12), ([3, 11, 14], 11), ([7, 9], 7)):
        maps = _maps(17)
        maps[:, again] = maps[:, 8:9]
        edges = module.graph(maps).dense()[:, 8] > 0
        assert edges.nonzero()[:, 1].tolist() == 2 * sorted([8, chosen])


def test_rounding_never_chooses_among_equals_and_rarely_elsewhere():
    module, generator = _far_sighted(), torch.Generator().manual_seed(5)

    def changes(maps: torch.Tensor) -> tuple[int, int]:
        """Edges that differ, of how many, when errors ten times those of float32 are laid on the logits."""
        graph, similarity = module.graph(maps), module.similarity
        logits = similarity.alike(module.to_node(module._pooled(maps)), graph.band) * similarity.log_scale.exp()
        errors = 1e-4 * (2 * torch.rand(20, *logits.shape, generator=generator) - 1)
        moved = (logits + errors).masked_fill(~graph.band.inside_TK, -math.inf).flatten(0, 1)
        found = similarity._strongest(moved, graph.band).view_as(errors) > 0
        return int((found & ~_kept(graph)).sum()), int(found.sum())

    assert changes(_still(150))[0] == 0
    for maps in (_recurring(150), _maps(150)):
        changed, edges = changes(maps)
        # what no rule can promise, for a choice has to change somewhere: two values that happen to meet
        assert changed <= 1e-3 * edges


# ----------------------------------------------------------------------------------------------------- variants
def test_chain_is_the_tridiagonal_and_has_no_similarity():
    module = _module("extended_chain")
    band = (_distances(40) <= 1).float()
    assert torch.allclose(module.graph(_maps(40)).dense(), (band / band.sum(-1, keepdim=True)).expand(2, -1, -1))
    assert not any("similarity" in name for name in module.state_dict())


def test_dense_reaches_every_frame_of_a_clip():
    assert (_module("dense").graph(_maps(40)).dense() > 0).all()


def test_dense_and_banded_agree_where_the_band_and_the_edges_hold_the_clip():
    everything = ExtendedTFRM(CHANNELS, 8, 17)
    dense = ExtendedTFRM(CHANNELS, 8, 17, "dense")
    dense.load_state_dict(everything.state_dict())
    assert torch.allclose(everything.graph(_maps(8)).dense(), dense.graph(_maps(8)).dense(), atol=1e-6)


def test_factory_takes_the_sizes_from_the_network():
    network = SimpleNamespace(graph_radius=5, graph_neighbours=3, graph_nodes=None, graph_map_side=2)
    module = make_tfrm(48, network, "extended")
    assert (module.radius, module.similarity.neighbours, module.map_side) == (5, 3, 2)
    assert module.film.in_features == 12 and make_tfrm(24, network, "extended_chain").film.in_features == 8


def test_maps_travel_only_on_small_grids():
    small, large = _module(map_side=4), _module(map_side=3)
    maps = _maps(6)
    still = _maps(1).expand(-1, 6, -1, -1, -1)
    assert not torch.allclose(small(maps), large(maps), atol=1e-3)
    assert torch.allclose(small(still) - large(still), (small(still) - large(still))[:, :1], atol=1e-4)


# ---------------------------------------------------------------------------------------------- health and use
def test_health_tells_spread_and_distance_of_the_edges():
    module = _module("extended_chain")
    module(_maps(3))
    health = module.health()
    assert health["entropy"] == pytest.approx((2 * math.log(2) + math.log(3)) / 3)
    assert health["distance"] == pytest.approx((0.5 + 2 / 3 + 0.5) / 3)
    assert set(health) == {"entropy", "distance", "smooth", "connected", "sparse"}
    assert health["connected"] == pytest.approx(-(2 * math.log(0.5) + math.log(2 / 3)) / 3, abs=1e-3)
    assert health["sparse"] == pytest.approx((0.5 + 1 / 3 + 0.5) / 3)


def test_smoothness_is_the_difference_along_edges():
    nodes = torch.tensor([[[0.0, 0.0], [0.0, 0.0], [1.0, 3.0]]])
    edges = torch.tensor([[[0.0, 0.5, 0.5], [0.0, 0.5, 0.5], [0.0, 1.0, 0.0]]])  # of frames before, at and after
    assert Graph(band(nodes, 3, 1), edges).penalties(nodes)["smooth"].item() == pytest.approx(0.5 * (1 + 9) / 2 / 3)


def test_the_last_graph_is_kept_on_demand_and_without_gradient():
    module, maps = _module(), _maps(20)
    module(maps)
    assert module.recorded is None
    module.record = True
    module(maps)
    assert not module.recorded.weights_BTK.requires_grad
    assert torch.equal(module.recorded.dense(), module.graph(maps).dense().detach())


def test_saved_and_loaded_it_is_the_same(tmp_path):
    module, other = _module(), ExtendedTFRM(CHANNELS, RADIUS, NEIGHBOURS)
    save_model(module, str(tmp_path / "tfrm.safetensors"))
    load_model(other, str(tmp_path / "tfrm.safetensors"))
    assert torch.equal(other(_maps(40)), module(_maps(40)))


def test_precisions_agree():
    module, maps = _module(), _maps(40)
    exact = module(maps)
    assert torch.allclose(_module().double()(maps.double()).float(), exact, atol=1e-4)
    graph = module.graph(maps).dense()
    with torch.autocast("cpu", torch.bfloat16):
        rounded = module(maps)
    assert rounded.dtype == torch.float32 and (rounded - exact).abs().mean() < 0.05 * exact.abs().mean()
    assert graph.dtype == torch.float32


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ExtendedTFRM(24, 3, 8), "keeps 1 to 7 edges"),
        (lambda: ExtendedTFRM(24, 3, 0), "got 0 neighbours"),
        (lambda: ExtendedTFRM(24, 0, 1), "radius is at least 1"),
        (lambda: ExtendedTFRM(24, 3, 4, "mesh"), "no TFRM variant 'mesh'"),
        (
            lambda: ExtendedTFRM(24, 3, 4)(torch.zeros(6, 24, 4, 4)),
            r"expects maps \(B, T, 24, H, W\), got \(6, 24, 4, 4\)",
        ),
        (lambda: ExtendedTFRM(24, 3, 4)(torch.zeros(1, 6, 12, 4, 4)), r"got \(1, 6, 12, 4, 4\)"),
    ],
)
def test_wrong_sizes_are_told_in_one_line(make, message):
    with pytest.raises(ValueError, match=message):
        make()
