"""The U-Net and its fusion: shapes, null paths, invariances."""

import pytest
import torch

from eadnet.models.attention import attend, rotary
from eadnet.models.fusion import Fusion, mouth_gate
from eadnet.models.settings import Network
from eadnet.models.unet import EADNet

TINY = Network(widths=(24, 48), audio_width=16, text_width=16)


def _inputs(frames: int, batch: int = 2) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(shape, generator=generator)  # noqa: E731
    mask = torch.arange(6)[None] < torch.tensor([[4], [0]])
    return [
        draw(batch, frames, 13, 16, 16),
        torch.tensor([0.2, 0.9]),
        draw(batch, frames, 80, 23),
        draw(batch, 6, 384),
        mask,
    ]


@pytest.fixture
def model() -> EADNet:
    torch.manual_seed(0)
    network = EADNet(TINY, 4, stda=True, tfrm=True)
    for parameter in network.parameters():
        parameter.data += 0.05 * torch.randn(parameter.shape)
    return network


def test_attention_equals_torch():
    query, key, value = torch.randn(3, 2, 4, 7, 8)
    expected = torch.nn.functional.scaled_dot_product_attention(query, key, value)
    assert torch.allclose(attend(query, key, value), expected, atol=1e-6)


def test_rotary_products_depend_on_relative_position_only():
    query, key = torch.randn(2, 1, 8)
    at = lambda values, place: rotary(values, torch.tensor([place]))  # noqa: E731
    assert torch.allclose((at(query, 3) * at(key, 5)).sum(), (at(query, 13) * at(key, 15)).sum(), atol=1e-5)


@pytest.mark.parametrize("frames", [1, 5])
def test_unet_predicts_a_latent_for_every_frame(model, frames):
    assert model(*_inputs(frames)).shape == (2, frames, 4, 16, 16)


def test_backbone_frames_are_independent():
    torch.manual_seed(0)
    network = EADNet(TINY, 4)
    network.head[3].weight.data.normal_()
    inputs = _inputs(4)
    together = network(*inputs)[:, 2:3]
    alone = network(inputs[0][:, 2:3], inputs[1], inputs[2][:, 2:3], *inputs[3:])
    assert torch.allclose(together, alone, atol=1e-4)


def test_text_of_a_masked_row_has_no_influence(model):
    inputs = _inputs(2)
    other = [*inputs[:3], inputs[3].clone(), inputs[4]]
    other[3][1] += 1
    assert torch.equal(model(*inputs), model(*other))


def test_null_audio_is_the_same_whatever_the_encoder_would_say(model):
    inputs = _inputs(2)
    inputs[2] = torch.zeros_like(inputs[2])
    before = model(*inputs)
    model.audio_encoder.norm.bias.data += 5
    assert torch.equal(before, model(*inputs))


def test_temporal_parameters_are_what_the_backbone_lacks(model):
    names = {name for name, _ in model.named_parameters()} - {n for n, _ in EADNet(TINY, 4).named_parameters()}
    assert len(model.temporal_parameters()) == len(names) > 0


def test_fusion_with_zero_scale_equals_audio_alone():
    fusion = Fusion(16, 8, 8, 0.7)
    torch.nn.init.normal_(fusion.text.to_output.weight)
    tokens, audio, text = torch.randn(2, 16, 16), torch.randn(2, 3, 8), torch.randn(2, 4, 8)
    fusion.text_scale.data.zero_()
    fused = fusion(tokens, (4, 4), audio, text, torch.ones(2, 4, dtype=torch.bool))
    assert torch.equal(fused, tokens + fusion.audio(tokens, audio))


def test_full_mouth_gate_lets_no_text_through_at_the_lips():
    gate = mouth_gate(32, 32, 1.0).view(32, 32)
    assert gate[20, 16] < 0.02 and gate[2, 2] > 0.999
