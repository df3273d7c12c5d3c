"""Schedule, noise, guidance, windows and the generation loop."""

import pytest
import torch

from eadnet.config import Network, Synthesis
from eadnet.diffusion import add_noise, draw_timesteps, guide, mixed_noise, scheduler
from eadnet.generation import Conditions, blend_weights, generate_latents, window_starts
from eadnet.inpainting import Inpainting
from eadnet.models.unet import EADNet


def test_last_timestep_is_pure_noise_and_first_nearly_clean():
    clean, noise = torch.randn(2, 3, 4, 8, 8), torch.randn(2, 3, 4, 8, 8)
    assert torch.allclose(add_noise(clean, noise, torch.tensor([999, 999])), noise, atol=1e-6)
    assert torch.allclose(add_noise(clean, noise, torch.tensor([0, 0])), clean, atol=0.15)


@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
def test_mixed_noise_has_unit_variance_and_the_asked_correlation(shared):
    noise = mixed_noise((400, 2, 1, 8, 8), shared, torch.Generator().manual_seed(0))
    assert noise.var().item() == pytest.approx(1, abs=0.03)
    assert (noise[:, 0] * noise[:, 1]).mean().item() == pytest.approx(shared, abs=0.03)


def test_ddim_with_true_estimates_returns_the_clean_sample():
    ddim, clean = scheduler(), torch.randn(1, 2, 4, 8, 8)
    ddim.set_timesteps(4)
    sample = torch.randn(clean.shape)
    for timestep in ddim.timesteps:
        sample = ddim.step(clean, timestep, sample, eta=0.0).prev_sample
    assert torch.allclose(sample, clean, atol=1e-5)


def test_timesteps_favour_noise_below_power_one():
    even, noisy = (draw_timesteps(4000, power, torch.Generator().manual_seed(0)) for power in (1.0, 0.6))
    assert even.float().mean() == pytest.approx(500, abs=20) and noisy.float().mean() > 600
    assert noisy.min() >= 0 and noisy.max() <= 999


def test_guidance_of_one_is_the_full_condition():
    null, text, both = torch.randn(3, 4)
    assert torch.allclose(guide(null, text, both, 1.0, 1.0), both)
    assert torch.allclose(guide(null, text, both, 0.0, 0.0), null)


@pytest.mark.parametrize("frames", [1, 16, 17, 40, 100])
def test_windows_cover_every_frame_and_weights_are_positive(frames):
    starts = window_starts(frames, 16, 4)
    length = min(frames, 16)
    assert {f for s in starts for f in range(s, s + length)} == set(range(frames))
    assert (blend_weights(length, 4) > 0).all()


def _studio(frames: int) -> tuple[EADNet, Inpainting, Conditions]:
    torch.manual_seed(0)
    model = EADNet(Network(widths=(24, 48), audio_width=16, text_width=16), 4).eval()
    model.head[3].weight.data.normal_(std=0.05)
    conditions = Conditions(
        masked=torch.randn(frames, 4, 16, 16),
        reference=torch.randn(4, 16, 16),
        mel=torch.randn(frames, 80, 23),
        text=torch.randn(5, 384),
        text_mask=torch.ones(5, dtype=torch.bool),
    )
    return model, Inpainting.make("face", 96, 6), conditions


def test_windowed_generation_of_independent_frames_equals_a_single_pass():
    model, task, conditions = _studio(20)
    windowed = generate_latents(model, task, conditions, Synthesis(window=8, overlap=4, steps=2), seed=3)
    single = generate_latents(model, task, conditions, Synthesis(window=64, overlap=4, steps=2), seed=3)
    assert torch.allclose(windowed, single, atol=0.05)  # bfloat16 rounding differs with the batch


def test_equal_guidance_in_two_passes_equals_three():
    model, task, conditions = _studio(2)
    two = generate_latents(model, task, conditions, Synthesis(steps=2, audio_guidance=1.5, text_guidance=1.5), 0)
    three = generate_latents(model, task, conditions, Synthesis(steps=2, audio_guidance=1.5, text_guidance=1.5001), 0)
    plain = generate_latents(model, task, conditions, Synthesis(steps=2, audio_guidance=1.0, text_guidance=1.0), 0)
    assert torch.allclose(two, three, atol=0.02) and not torch.allclose(two, plain, atol=0.02)


def test_same_seed_same_clip_and_other_seed_another():
    model, task, conditions = _studio(3)
    first, again, other = (generate_latents(model, task, conditions, Synthesis(steps=2), seed) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize("mode", ["lower", "face", "full"])
def test_base_shows_the_reference_exactly_where_it_is_generated_or_touched(mode):
    task = Inpainting.make(mode, 96, 6)
    base = task.base(torch.zeros(1, 1, 2, 16, 16), torch.ones(1, 1, 2, 16, 16))[0, 0, 0]
    assert torch.equal(base.bool(), task.touched) and (task.touched | ~task.cells).all()
    assert task.inputs(*[torch.zeros(1, 1, 2, 16, 16)] * 3).shape == (1, 1, 7, 16, 16)
