"""Fusion of audio and text, the text's adapter and pooling, and the attention that they are made of."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from eadnet.models import attention as module
from eadnet.models.attention import CrossAttention, attention, rotary
from eadnet.models.extended.fusion import LIPS, DecoupledFusion, TextAdapter, TextPool, mouth_gate
from eadnet.regions import MOUTH_CENTRE, MOUTH_RADII

GRID = (16, 16)


def fusion(strength: float = 0.7) -> DecoupledFusion:
    """A fusion whose text branch says something."""
    torch.manual_seed(0)
    made = DecoupledFusion(16, 4, 8, 12, strength)
    torch.nn.init.normal_(made.text.to_out[0].weight)
    return made


def streams(frames: int = 2) -> tuple[torch.Tensor, ...]:
    """Image tokens, audio tokens, text tokens and the text's mask."""
    torch.manual_seed(1)
    drawn = torch.randn(frames, 256, 16), torch.randn(frames, 3, 8), torch.randn(frames, 4, 12)
    return *drawn, torch.tensor([[True, True, True, False]]).expand(frames, -1)


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
    at = lambda values, place: rotary(values, torch.tensor([place]))  # noqa: E731
    assert torch.allclose((at(query, 3) * at(key, 5)).sum(), (at(query, 13) * at(key, 15)).sum(), atol=1e-5)
    assert not torch.allclose((at(query, 3) * at(key, 5)).sum(), (at(query, 3) * at(key, 9)).sum(), atol=1e-3)


# ------------------------------------------------------------------------------------------------------------- fusion
def test_text_adds_nothing_at_first():
    tokens, audio, text, mask = streams()
    new = DecoupledFusion(16, 4, 8, 12, 0.7)
    assert torch.equal(new(tokens, GRID, audio, text, mask), new.audio(tokens, audio))


def test_text_is_scaled_and_gated_beside_the_audio():
    made, (tokens, audio, text, mask) = fusion(), streams()
    made.text_scale.data.fill_(0.5)
    kept = made.text(tokens, text[:, :3])
    expected = made.audio(tokens, audio) + 0.5 * mouth_gate(*GRID, 0.7)[:, None] * kept
    torch.testing.assert_close(made(tokens, GRID, audio, text, mask), expected)


def test_of_scale_zero_nothing_is_left_of_the_text():
    made, (tokens, audio, text, mask) = fusion(), streams()
    made.text_scale.data.zero_()
    assert torch.equal(made(tokens, GRID, audio, text, mask), made.audio(tokens, audio))


def test_a_full_gate_gives_the_text_no_gradient_from_the_lips():
    made, (tokens, audio, text, mask) = fusion(strength=1.0), streams()
    text.requires_grad_()
    fused, lips = made(tokens, GRID, audio, text, mask), on_the_lips()
    assert lips.sum() >= 4
    assert not torch.autograd.grad(fused[:, lips].square().sum(), text, retain_graph=True)[0].any()
    assert torch.autograd.grad(fused[:, ~lips].square().sum(), text)[0][:, :3].all()


@pytest.mark.parametrize("strength", [0.0, 0.7, 1.0])
def test_the_gate_is_full_on_the_lips_and_open_far_from_them(strength: float):
    gate, lips = mouth_gate(*GRID, strength), on_the_lips()
    torch.testing.assert_close(gate[lips], torch.full_like(gate[lips], 1 - strength))
    assert gate.view(GRID)[:6].min() > 0.999 and (gate >= 1 - strength - 1e-6).all() and (gate <= 1).all()


def test_the_gate_is_the_same_mouth_at_every_resolution():
    fine = mouth_gate(64, 64, 0.7).view(8, 8, 8, 8).mean((1, 3))
    torch.testing.assert_close(fine, mouth_gate(8, 8, 0.7).view(8, 8), atol=0.1, rtol=0)


# --------------------------------------------------------------------------------------------------------------- text
def test_the_null_token_comes_first_and_is_always_there():
    adapter = TextAdapter(12, 8)
    adapter.null.data.normal_()
    states = torch.randn(2, 4, 12)
    tokens, mask = adapter(states, torch.zeros(2, 4, dtype=torch.bool))
    assert tokens.shape == (2, 5, 8) and torch.equal(tokens[:, 0], adapter.null[0].expand(2, -1))
    assert mask[:, 0].all() and not mask[:, 1:].any()


def test_the_pool_sees_only_what_the_mask_keeps():
    pool, tokens = TextPool(8, 6), torch.randn(2, 5, 8)
    torch.nn.init.normal_(pool.output.weight)
    mask = torch.tensor([True, True, False, False, False]).expand(2, -1)
    moved = tokens.clone()
    moved[:, 2:] += 1
    assert torch.equal(pool(tokens, mask), pool(moved, mask))
    assert not torch.allclose(pool(tokens, mask), pool(tokens.flip(1), mask), atol=1e-3)


def test_a_new_pool_says_nothing():
    assert not TextPool(8, 6)(torch.randn(2, 5, 8), torch.ones(2, 5, dtype=torch.bool)).any()
