"""STDA and its variants: identity at birth, reach, any length, linear cost, agreement with plain attention."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from eadnet.models.attention import rotary
from eadnet.models.extended import strips
from eadnet.models.extended.stda import VARIANTS, ExtendedSTDA, make_stda

LENGTHS = (1, 7, 16, 48, 128)
LINEAR = pytest.approx(1, abs=0.03)
"""Slope of a cost that is linear in T, in logarithms."""


def settings(radius: int = 3, chunk: int = 5, head: int = 4) -> SimpleNamespace:
    return SimpleNamespace(temporal_radius=radius, temporal_chunk=chunk, strip_head=head, rotary_base=100.0)


def awakened(module: nn.Module) -> nn.Module:
    """The module with all-random weights, so that zero-initialised outputs do not hide anything."""
    generator = torch.Generator().manual_seed(1)
    for parameter in module.parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator)
    return module


def variant_of(name: str, **sizes: int) -> nn.Module:
    return awakened(make_stda(24, settings(**sizes), name))


def maps(frames: int, channels: int = 24, height: int = 4, width: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(frames)
    return torch.randn(2, frames, channels, height, width, generator=generator)


def changed_by(module: nn.Module, clip: Tensor, *place: int | slice) -> Tensor:
    """(B, T, C, H, W): where the output moves when the input does at a place (B, T, C, H, W)."""
    moved = clip.clone()
    moved[place] += torch.randn_like(moved[place])
    return (module(moved) - module(clip)).abs() > 1e-6


def slope(costs: dict[int, float]) -> float:
    """Least-squares slope of log cost over log length."""
    x, y = (torch.tensor([math.log(value) for value in values]) for values in (costs.keys(), costs.values()))
    return float(((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum())


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("frames", [1, 7, 48])
def test_new_module_is_the_identity(variant, frames):
    clip = maps(frames)
    assert torch.equal(make_stda(24, settings(), variant)(clip), clip)


@pytest.mark.parametrize("variant", VARIANTS)
def test_same_weights_run_at_any_length(variant):
    module = variant_of(variant, radius=15, chunk=64)
    for frames in LENGTHS:
        moved = module(maps(frames)) - maps(frames)
        assert moved.shape == (2, frames, 24, 4, 3) and moved.isfinite().all() and moved.abs().mean() > 0.01


def test_a_frame_far_from_the_ends_does_not_know_the_length_of_the_clip():
    module, clip = variant_of("extended"), maps(128)
    short, long = module(clip[:, 40:56]), module(clip)
    assert torch.allclose(short[:, 4:-4], long[:, 44:52], atol=1e-5)
    assert not torch.allclose(short[:, 0], long[:, 40], atol=1e-2)


@pytest.mark.parametrize("variant", ["extended", "extended_temporal_only", "extended_no_gate", "extended_light"])
@pytest.mark.parametrize("chunk", [2, 5, 64])
@pytest.mark.parametrize("frame", [0, 4, 9, 15])
def test_a_frame_changes_those_within_the_radius_and_no_other(variant, chunk, frame):
    module, clip = variant_of(variant, chunk=chunk), maps(17)
    reached = changed_by(module, clip, slice(None), frame).any(4).any(3).any(2)
    expected = torch.tensor([abs(other - frame) <= 3 for other in range(17)])
    assert torch.equal(reached, expected.expand(2, -1))


@pytest.mark.parametrize("axis", ["width", "height"])
def test_spatial_strip_stays_in_its_row_or_column(axis):
    strip = awakened(strips.Strip(axis, 2, 4, 100.0))
    parts = torch.randn(1, 3, 4, 5, 3, 2, 4)
    moved = parts.clone()
    moved[0, 1, 2, 3] += torch.randn(3, 2, 4)
    expected = torch.zeros(3, 4, 5, dtype=torch.bool)
    expected[1, 2 if axis == "width" else slice(None), 3 if axis == "height" else slice(None)] = True
    assert torch.equal((strip(moved) != strip(parts)).any(-1)[0], expected)


def test_a_pixel_changes_its_cross_and_no_other():
    module, clip = variant_of("extended_no_gate"), maps(9, height=5, width=6)
    reached = changed_by(module, clip, 0, 4, slice(None), 1, 2)[0].any(1)
    expected = torch.zeros(9, 5, 6, dtype=torch.bool)
    expected[4, 1], expected[4, :, 2], expected[1:8, 1, 2] = True, True, True
    assert torch.equal(reached, expected)


@pytest.mark.parametrize("frames", [1, 7, 16, 33, 50])
@pytest.mark.parametrize("chunk", [1, 6, 16, 64])
def test_banded_strip_equals_dense_attention_and_convolution(frames, chunk):
    """Reference: one (T, T) softmax a pixel, and torch's grouped convolution; radius above and below the chunk."""
    strip = awakened(strips.BandedStrip(2, 4, 100.0, radius=5, chunk=chunk)).double()
    parts = torch.randn(1, frames, 2, 3, 3, 2, 4, dtype=torch.float64)
    query, key, value = parts.permute(4, 0, 2, 3, 5, 1, 6)  # (B, H, W, N, T, D)
    positions = torch.arange(frames)
    distance = (positions[:, None] - positions).abs()
    bias = strip.distance_bias[:, distance.clamp(max=5)].masked_fill(distance > 5, float("-inf"))
    logits = rotary(query) @ rotary(key).transpose(-1, -2) / 2 + bias
    kernel = strip.local.permute(1, 3, 2, 0).flatten(0, 1)  # (N * D, 1, 3)
    local = functional.conv1d(value.transpose(-1, -2).reshape(6, 8, frames), kernel, padding=1, groups=8)
    expected = logits.softmax(-1) @ value + local.view(1, 2, 3, 2, 4, frames).transpose(-1, -2)
    assert torch.allclose(strip(parts), expected.permute(0, 4, 1, 2, 3, 5).flatten(-2), atol=1e-10)


def test_without_positions_permuted_frames_give_permuted_frames(monkeypatch):
    module, clip = variant_of("extended_no_gate", radius=12, chunk=64), maps(12)
    for strip in module.strips:
        strip.local.data.zero_()
    module.strips[2].distance_bias.data.zero_()
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    assert not torch.allclose(module(clip[:, order]), module(clip)[:, order], atol=1e-2)
    monkeypatch.setattr(strips, "rotary", lambda values, base: values)
    assert torch.allclose(module(clip[:, order]), module(clip)[:, order], atol=1e-5)


@pytest.mark.parametrize(("variant", "directions"), [("extended", 3), ("extended_spatial_only", 2)])
def test_gate_is_positive_sums_to_the_directions_and_follows_motion(variant, directions):
    normed = torch.randn(2, 6, 4, 3, 24)
    still = normed[:, :1].expand(-1, 6, -1, -1, -1)
    new = make_stda(24, settings(), variant).gate
    assert torch.equal(new(normed), torch.ones(2, 6, directions))
    gate = awakened(new)
    assert torch.allclose(gate(normed).sum(-1), torch.full((2, 6), float(directions))) and (gate(normed) > 0).all()
    assert torch.allclose(gate(still), gate(still)[:, :1].expand(-1, 6, -1), atol=1e-6)
    assert not torch.allclose(gate(normed)[:, 1], gate(normed[:, 1:])[:, 0], atol=1e-3), "motion does not count"


@pytest.mark.parametrize("variant", ["extended_no_gate", "extended_temporal_only"])
def test_variant_has_no_gate(variant):
    assert make_stda(24, settings(), variant).gate is None


@pytest.mark.parametrize("variant", ["extended", "extended_light"])
def test_operations_and_memory_are_linear_in_the_length(variant):
    module = make_stda(96, settings(radius=15, chunk=64, head=32), variant)
    operations, kept = {}, {}
    for frames in (64, 128, 256, 512):
        bytes_kept = []
        remember = lambda saved, sizes=bytes_kept: sizes.append(saved.nbytes) or saved  # noqa: E731
        count = FlopCounterMode(display=False)
        with count, torch.autograd.graph.saved_tensors_hooks(remember, lambda saved: saved):
            module(maps(frames, channels=96, width=4))
        operations[frames], kept[frames] = count.get_total_flops(), sum(bytes_kept)
    assert slope(operations) == LINEAR and slope(kept) == LINEAR


@pytest.mark.parametrize("variant", VARIANTS)
def test_soon_after_birth_gradients_reach_every_parameter(variant):
    torch.manual_seed(0)
    module, clip = make_stda(24, settings(chunk=4), variant), maps(9)
    optimiser = torch.optim.SGD(module.parameters(), 1.0)
    for _ in range(3):  # the output wakes first, then what stands before it, then what stands before the gate's end
        optimiser.step()
        optimiser.zero_grad()
        (module(clip) - clip.roll(1, 1)).square().mean().backward()
    silent = [name for name, p in module.named_parameters() if p.grad is None or not p.grad.abs().any()]
    assert not silent and all(p.grad.isfinite().all() for p in module.parameters())


def test_gradients_are_right_across_blocks():
    module = awakened(ExtendedSTDA(6, 2, head_width=2, chunk=2)).double()
    clip = torch.randn(1, 5, 6, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(module, (clip,))


@pytest.mark.parametrize("variant", VARIANTS)
def test_bfloat16_agrees_with_float32(variant):
    module, clip = variant_of(variant), maps(12)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = module(clip)
    assert torch.nn.functional.cosine_similarity((mixed - clip).flatten(), (module(clip) - clip).flatten(), 0) > 0.995


def test_compiles_into_one_graph_at_any_length():
    module = variant_of("extended", chunk=8)
    compiled = torch.compile(module, fullgraph=True, backend="eager")
    for frames in (7, 16, 33):
        assert torch.allclose(compiled(maps(frames)), module(maps(frames)), atol=1e-6)


def test_inner_width_is_the_most_heads_that_fit_into_a_third():
    module = ExtendedSTDA(320, 15, head_width=32)
    assert module.to_query_key_value.weight.shape == (3 * 3 * 96, 320)
    alone = ExtendedSTDA(320, 15, "extended_temporal_only", head_width=32)
    assert alone.to_query_key_value.weight.shape == (3 * 320, 320)
    assert module(torch.randn(1, 2, 320, 2, 2)).shape == (1, 2, 320, 2, 2)


@pytest.mark.parametrize(("channels", "head"), [(20, 8), (48, 32), (24, 3)])
def test_channels_and_head_width_that_do_not_fit_are_named(channels, head):
    with pytest.raises(ValueError, match=f"got channels {channels} and head_width {head}"):
        ExtendedSTDA(channels, 3, head_width=head)


def test_unknown_variant_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="no variant 'stripes'; choose one of extended, .*, extended_light"):
        make_stda(24, settings(), "stripes")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shape", [(2, 5, 20, 4, 4), (5, 24, 4, 4)])
def test_maps_of_another_shape_are_named(variant, shape):
    with pytest.raises(ValueError, match=r"expects maps \(B, T, C, H, W\) with C = 24, got"):
        make_stda(24, settings(), variant)(torch.zeros(shape))
