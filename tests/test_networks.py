"""The U-Net, its fusion, the autoencoder and the supervisors: shapes, null paths, invariances."""

import pytest
import torch

from eadnet.config import Autoencoder, Network, SyncNet, VideoMAE
from eadnet.models.attention import attend, rotary
from eadnet.models.autoencoder import LatentAutoencoder
from eadnet.models.fusion import Fusion, mouth_gate
from eadnet.models.syncnet import SyncNet as SyncNetModel
from eadnet.models.unet import EADNet
from eadnet.models.videomae import VideoMaskedAutoencoder

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


def test_autoencoder_round_trip_and_scale():
    torch.manual_seed(0)
    ramp = torch.linspace(-0.8, 0.8, 24)
    frames = torch.stack([(a * ramp[:, None] + b * ramp[None]).expand(3, 24, 24) for a, b in torch.rand(64, 2)])
    model = LatentAutoencoder(Autoencoder(factor=6, channels=8))
    assert model.initialise_linear(frames) < 0.01
    model.calibrate(frames)
    latents = model.encode(frames)
    assert latents.shape == (64, 8, 4, 4) and latents.mean().abs() < 0.01
    assert torch.allclose(model.scale.isfinite().float(), torch.ones_like(model.scale))
    assert (model.decode(latents) - frames).abs().mean() < 0.02


def test_syncnet_cosines_lie_between_zero_and_one_and_reach_the_pixels():
    model = SyncNetModel(SyncNet()).requires_grad_(False)
    crops = torch.randn(3, 16, 3, 48, 48, requires_grad=True)
    cosine = model(crops, torch.randn(3, 80, 52))
    assert cosine.shape == (3,) and (cosine >= 0).all() and (cosine <= 1 + 1e-6).all()
    cosine.sum().backward()
    assert crops.grad[..., 24:, :].abs().sum() > 0 and crops.grad[..., :24, :].abs().sum() == 0


def test_videomae_tubelets_hold_every_pixel_once():
    model = VideoMaskedAutoencoder(VideoMAE(width=16, depth=1), 48)
    video = torch.rand(2, 16, 3, 48, 48) * 2 - 1
    tubelets = model.tubelets(video)
    assert tubelets.shape == (2, 512, 3 * 2 * 36)
    assert torch.allclose(tubelets.flatten(1).sort().values, (video / 2 + 0.5).flatten(1).sort().values)
    assert model.tubelet_features(video).shape == (2, 15 * 16)
