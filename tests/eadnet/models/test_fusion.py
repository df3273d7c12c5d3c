"""Fusion as published: f_c = f_a + lambda * mean(W f_t + b), against a loop; nulls, start, gradients."""

import torch
from torch import Tensor

from eadnet.models.unet.fusion import INITIAL_SCALE, AddedText

TEXT, AUDIO = 5, 4


def awake() -> AddedText:
    torch.manual_seed(0)
    module = AddedText(TEXT, AUDIO)
    module.project.weight.data.normal_()
    module.project.bias.data.normal_()
    return module.double()


def given() -> tuple[Tensor, Tensor, Tensor]:
    """Two clips of three frames; the second has no text."""
    generator = torch.Generator().manual_seed(1)
    audio, text = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((2, 3, 10, 4), (2, 6, 5)))
    return audio, text, torch.tensor([[True, True, False, True, False, False], [False] * 6])


def test_equals_a_loop_over_tokens():
    module, (audio, text, mask) = awake(), given()
    tokens = [module.project.weight @ text[0, s] + module.project.bias for s in range(6) if mask[0, s]]
    expected = audio.clone()
    for t in range(3):
        for a in range(10):
            expected[0, t, a] += module.scale.detach() * (sum(tokens) / len(tokens)).detach()
    torch.testing.assert_close(module(audio, text, mask).detach(), expected)


def test_no_text_adds_nothing_whatever_its_states_are():
    module, (audio, text, mask) = awake(), given()
    assert torch.equal(module(audio, text + 1, mask)[1], audio[1])
    assert not torch.equal(module(audio, text, mask)[0], audio[0])


def test_a_new_fusion_hears_what_latentsync_hears():
    audio, text, mask = (each.float() if each.is_floating_point() else each for each in given())
    module = AddedText(TEXT, AUDIO)
    assert torch.equal(module(audio, text, mask), audio)
    assert module.scale.item() == torch.tensor(INITIAL_SCALE).item() == torch.tensor(0.3).item()


def test_gradients_reach_the_projection_at_once_and_lambda_after_a_step():
    audio, text, mask = (each.float() if each.is_floating_point() else each for each in given())
    module = AddedText(TEXT, AUDIO)
    module(audio, text, mask).square().sum().backward()
    assert module.project.weight.grad.abs().max() > 0 and module.project.bias.grad.abs().max() > 0
    torch.optim.SGD(module.parameters(), 1e-2).step()
    module.zero_grad()
    module(audio, text, mask).square().sum().backward()
    assert module.scale.grad.abs() > 0
