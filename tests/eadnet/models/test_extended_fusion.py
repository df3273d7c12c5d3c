"""Attention to the text beside the audio, the text's adapter, and the attention that they are made of."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from eadnet.faces.regions import MOUTH_CENTRE, MOUTH_RADII
from eadnet.models import attention as module
from eadnet.models.attention import CrossAttention, attention, rotary
from eadnet.models.extended.fusion import LIPS, TextAdapter, TextAttention, mouth_gate

GRID = (16, 16)


def speaking(strength: float = 0.7) -> TextAttention:
    """A text attention that says something."""
    torch.manual_seed(0)
    made = TextAttention(16, 4, 12, strength)
    torch.nn.init.normal_(made.attention.to_out[0].weight)
    return made


def streams(frames: int = 3) -> tuple[torch.Tensor, ...]:
    """Image tokens of two clips, their text tokens and the text's mask."""
    torch.manual_seed(1)
    mask = torch.tensor([[True, True, True, False], [True, False, False, False]])
    return torch.randn(2 * frames, 256, 16), torch.randn(2, 4, 12), mask


def gate_of(height: int, width: int, strength: float) -> torch.Tensor:
    return mouth_gate(torch.empty(0), height, width, strength)


def on_the_lips() -> torch.Tensor:
    """(256,) whether a cell's centre lies in the ellipse of full gating."""
    rows, columns = ((torch.arange(side) + 0.5) / side for side in GRID)
    rows, columns = (rows - MOUTH_CENTRE[0]) / MOUTH_RADII[0], (columns - MOUTH_CENTRE[1]) / MOUTH_RADII[1]
    return (rows[:, None] ** 2 + columns**2 < LIPS).flatten()


# ---------------------------------------------------------------------------------------------------------- attention
@pytest.mark.parametrize("small", [0, 10**9])
@pytest.mark.parametrize("bias", [None, torch.randn(4, 1, 9)])
def test_both_paths_equal_torch_in_values_and_gradients(
    small: int, bias: torch.Tensor | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "SMALL_SCORES", small)
    given = [torch.randn(2, 4, length, 8, requires_grad=True) for length in (7, 9, 9)]
    ours, expected = attention(*given, bias), scaled_dot_product_attention(*given, attn_mask=bias)
    torch.testing.assert_close(ours, expected)
    gradients = (torch.autograd.grad(result.square().sum(), given) for result in (ours, expected))
    for pair in zip(*gradients, strict=True):
        torch.testing.assert_close(*pair, atol=1e-4, rtol=1e-4)


def test_cross_attention_is_heads_of_torch_s():
    layer = CrossAttention(16, 12, 4)
    tokens, context = torch.randn(2, 5, 16), torch.randn(2, 7, 12)
    query, key, value = layer.to_q(tokens), layer.to_k(context), layer.to_v(context)
    mixed = [
        scaled_dot_product_attention(*(part[..., 4 * head : 4 * head + 4] for part in (query, key, value)))
        for head in range(4)
    ]
    torch.testing.assert_close(layer(tokens, context), layer.to_out[0](torch.cat(mixed, -1)))


def test_rotary_products_depend_on_relative_position_only():
    query, key = torch.randn(2, 1, 8)
    at = lambda values, place: rotary(values.expand(place + 1, -1))[place]  # noqa: E731
    assert torch.allclose((at(query, 3) * at(key, 5)).sum(), (at(query, 13) * at(key, 15)).sum(), atol=1e-5)
    assert not torch.allclose((at(query, 3) * at(key, 5)).sum(), (at(query, 3) * at(key, 9)).sum(), atol=1e-3)


def test_rotary_turns_each_position_by_its_number():
    values = torch.randn(3, 5, 8)
    for place, turned in enumerate(rotary(values).unbind(1)):
        pairs = torch.view_as_complex(torch.stack(values[:, place].chunk(2, -1), -1))
        angles = place * 100.0 ** (-torch.arange(4) / 4)
        expected = pairs * torch.polar(torch.ones(4), angles)
        assert torch.allclose(turned, torch.cat([expected.real, expected.imag], -1), atol=1e-5)


# ------------------------------------------------------------------------------------------------------------- fusion
def test_text_adds_nothing_at_first_and_may_learn():
    tokens, text, mask = streams()
    new = TextAttention(16, 4, 12, 0.7)
    added = new(tokens, GRID, text, mask)
    assert added.shape == tokens.shape and not added.any()
    (added - 1).square().sum().backward()
    assert new.attention.to_out[0].weight.grad.any()


def test_every_frame_attends_to_the_text_of_its_clip():
    made, (tokens, text, mask) = speaking(), streams()
    made.scale.data.fill_(0.5)
    kept = [made.attention(tokens[:3], text[:1, :3].expand(3, -1, -1))]
    kept += [made.attention(tokens[3:], text[1:, :1].expand(3, -1, -1))]
    expected = 0.5 * gate_of(*GRID, 0.7)[:, None] * torch.cat(kept)
    torch.testing.assert_close(made(tokens, GRID, text, mask), expected)


def test_keys_and_values_are_projected_once_a_clip():
    made, (tokens, text, mask) = speaking(), streams(frames=7)
    seen = []
    for layer in (made.attention.to_k, made.attention.to_v):
        layer.register_forward_hook(lambda _, given, made: seen.append(given[0].shape))
    made(tokens, GRID, text, mask)
    assert seen == [(2, 4, 12), (2, 4, 12)]


def test_of_scale_zero_nothing_is_left_of_the_text():
    made, given = speaking(), streams()
    made.scale.data.zero_()
    assert not made(given[0], GRID, *given[1:]).any()


def test_a_full_gate_gives_the_text_no_gradient_from_the_lips():
    made, (tokens, text, mask) = speaking(strength=1.0), streams()
    text.requires_grad_()
    added, lips = made(tokens, GRID, text, mask), on_the_lips()
    assert lips.sum() >= 4
    assert not torch.autograd.grad(added[:, lips].square().sum(), text, retain_graph=True)[0].any()
    gradient = torch.autograd.grad(added[:, ~lips].square().sum(), text)[0]
    assert torch.equal(gradient.bool().any(-1), mask) and gradient[mask].all()


def test_under_autocast_the_text_is_nearly_the_same():
    made, (tokens, text, mask) = speaking(), streams()
    exact = made(tokens, GRID, text, mask)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = made(tokens, GRID, text, mask)
    assert (rounded - exact).abs().mean() < 0.05 * exact.abs().mean()


@pytest.mark.parametrize("strength", [0.0, 0.7, 1.0])
def test_the_gate_is_full_on_the_lips_and_open_far_from_them(strength: float):
    gate, lips = gate_of(*GRID, strength), on_the_lips()
    torch.testing.assert_close(gate[lips], torch.full_like(gate[lips], 1 - strength))
    assert gate.view(GRID)[:6].min() > 0.999 and (gate >= 1 - strength - 1e-6).all() and (gate <= 1).all()


def test_the_gate_is_the_same_mouth_at_every_resolution():
    fine = gate_of(64, 64, 0.7).view(8, 8, 8, 8).mean((1, 3))
    torch.testing.assert_close(fine, gate_of(8, 8, 0.7).view(8, 8), atol=0.1, rtol=0)


# --------------------------------------------------------------------------------------------------------------- text
def test_the_null_token_comes_first_and_is_always_there():
    adapter = TextAdapter(12, 8)
    adapter.null.data.normal_()
    states = torch.randn(2, 4, 12)
    tokens, mask = adapter(states, torch.zeros(2, 4, dtype=torch.bool))
    assert tokens.shape == (2, 5, 8) and torch.equal(tokens[:, 0], adapter.null[0].expand(2, -1))
    assert mask[:, 0].all() and not mask[:, 1:].any()


def test_text_of_no_token_is_the_null_token_whatever_its_states():
    adapter, made, tokens = TextAdapter(24, 12), speaking(), streams()[0]
    nothing = torch.zeros(2, 4, dtype=torch.bool)
    added = [made(tokens, GRID, *adapter(torch.randn(2, 4, 24), nothing)) for _ in range(2)]
    assert torch.equal(*added) and added[0].isfinite().all()
