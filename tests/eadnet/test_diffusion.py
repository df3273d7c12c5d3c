"""The diffusion process: schedules, targets, one-step estimates, noise, solvers, guidance; and what is generated."""

import pytest
import torch

from eadnet.config.synthesis import Synthesis
from eadnet.config.training import Diffusion
from eadnet.device import Device
from eadnet.diffusion import Process, guide, mixed_noise
from eadnet.inference.sampler import Conditions, WindowedSampler
from eadnet.models.inpainting import Inpainting
from tests.support.tiny_models import tiny_unet

STABLE_DIFFUSION = Diffusion(prediction="noise", zero_terminal_snr=False, timestep_power=1.0)
FORMS = [Diffusion(), STABLE_DIFFUSION, Diffusion(prediction="velocity")]
NAMES = [form.prediction for form in FORMS]


def _draw(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 3, 4, 8, 8, generator=torch.Generator().manual_seed(seed))


def test_last_timestep_is_pure_noise_and_first_nearly_clean():
    clean, noise, process = _draw(2), _draw(2, seed=1), Process(Diffusion())
    assert torch.allclose(process.add_noise(clean, noise, torch.tensor([999, 999])), noise, atol=1e-6)
    assert torch.allclose(process.add_noise(clean, noise, torch.tensor([0, 0])), clean, atol=0.15)


def test_schedule_without_zero_terminal_snr_is_stable_diffusions():
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64).square()
    alphas = Process(STABLE_DIFFUSION).signal_share(torch.arange(1000))
    assert torch.allclose(alphas.double(), (1 - betas).cumprod(0), rtol=1e-4)


@pytest.mark.parametrize("form", FORMS, ids=NAMES)
def test_a_perfect_prediction_gives_back_the_clean_latent(form):
    process, timesteps = Process(form), torch.tensor([0, 500, 999])
    clean, noise, base = _draw(3), _draw(3, seed=1), _draw(3, seed=2)
    noisy = process.add_noise(clean, noise, timesteps)
    estimate = process.clean(process.target(clean, noise, base, timesteps), noisy, base, timesteps)
    if form.prediction == "velocity":  # at zero terminal SNR the noisy latent holds nothing, the velocity all
        assert torch.allclose(process.target(clean, noise, base, timesteps)[2], -clean[2], atol=1e-5)
    spread = 1 / process.signal_share(timesteps).sqrt() if form.prediction == "noise" else torch.ones(3)
    assert ((estimate - clean).abs().amax((1, 2, 3, 4)) < 2e-6 * spread + 2e-6).all()


def test_a_wrong_prediction_moves_the_estimate():
    for form in FORMS:
        process, timesteps = Process(form), torch.tensor([300])
        clean, noise, base = _draw(1), _draw(1, seed=1), _draw(1, seed=2)
        noisy, target = process.add_noise(clean, noise, timesteps), process.target(clean, noise, base, timesteps)
        assert (process.clean(target + 1, noisy, base, timesteps) - clean).abs().min() > 0.1


@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
def test_mixed_noise_has_unit_variance_and_the_asked_correlation(shared):
    noise = mixed_noise((400, 2, 1, 8, 8), shared, torch.Generator().manual_seed(0))
    assert noise.var().item() == pytest.approx(1, abs=0.03)
    assert (noise[:, 0] * noise[:, 1]).mean().item() == pytest.approx(shared, abs=0.03)


@pytest.mark.parametrize("name", ["ddim", "dpmsolver++"])
@pytest.mark.parametrize("form", FORMS, ids=NAMES)
def test_solvers_with_true_estimates_end_at_the_clean_sample(form, name):
    solver, clean, sample = Process(form).solver(name, 4), _draw(1), _draw(1, seed=1)
    for timestep in solver.timesteps:
        sample = solver.step(clean, timestep, sample).prev_sample
    residue = 0.05 if name == "ddim" and not form.zero_terminal_snr else 1e-3  # Stable Diffusion's ends at alpha-bar_0
    assert torch.allclose(sample, clean, atol=residue * sample.abs().max().item())


def test_solvers_start_where_the_latent_is_pure_noise():
    assert Process(Diffusion()).solver("ddim", 4).timesteps.tolist() == [999, 749, 499, 249]
    assert Process(STABLE_DIFFUSION).solver("ddim", 4).timesteps.tolist() == [751, 501, 251, 1]  # as Stable Diffusion


def test_timesteps_favour_noise_below_power_one():
    processes = (Process(Diffusion(timestep_power=power)) for power in (1.0, 0.6))
    even, noisy = (process.draw_timesteps(4000, torch.Generator().manual_seed(0)) for process in processes)
    assert even.float().mean() == pytest.approx(500, abs=20) and noisy.float().mean() > 600
    assert noisy.min() >= 0 and noisy.max() <= 999


def test_guidance_of_one_is_the_full_condition():
    null, text, both = torch.randn(3, 4)
    assert torch.allclose(guide(null, text, both, 1.0, 1.0), both)
    assert torch.allclose(guide(null, text, both, 0.0, 0.0), null)
    assert torch.allclose(guide(null, text, both, 2.0, 1.0), both + text - null)


def _generated(seed: int = 0, **settings) -> torch.Tensor:
    """Two frames by a network that hears and reads."""
    draw = torch.Generator().manual_seed(0)
    shapes = {"masked": (2, 4, 8, 8), "reference": (4, 8, 8), "audio": (2, 23, 80), "text": (5, 384)}
    drawn = {name: torch.randn(shape, generator=draw) for name, shape in shapes.items()}
    conditions = Conditions(**drawn, text_mask=torch.ones(5, dtype=torch.bool))
    task = Inpainting.make("face", 48, 6)
    generator = WindowedSampler(
        tiny_unet(), task, Diffusion(), Synthesis(steps=2, **settings), Device(), shared_noise=1.0
    )
    return generator.latents(conditions, seed)


def test_equal_guidance_in_two_passes_is_that_in_three_and_guidance_acts():
    two, three, plain = (
        _generated(audio_guidance=audio, text_guidance=text) for audio, text in ((1.5, 1.5), (1.5, 1.50001), (1, 1))
    )
    assert torch.allclose(two, three, atol=1e-3) and not torch.allclose(two, plain, atol=1e-2)
    assert not torch.allclose(_generated(audio_guidance=2, text_guidance=1), _generated(audio_guidance=1), atol=1e-3)


def test_same_seed_same_clip_and_other_seed_another():
    first, again, other = (_generated(seed) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize("mode", ["lower", "face", "full"])
def test_base_shows_the_reference_exactly_where_it_is_generated_or_touched(mode):
    task = Inpainting.make(mode, 96, 6)
    base = task.base(torch.zeros(1, 1, 2, 16, 16), torch.ones(1, 1, 2, 16, 16))[0, 0, 0]
    assert torch.equal(base.bool(), task.touched) and (task.touched | ~task.cells).all()


@pytest.mark.parametrize("mode", ["face", "full"])
def test_inputs_stand_in_latentsyncs_order_and_a_portrait_shows_its_reference_twice(mode):
    task = Inpainting.make(mode, 96, 6)
    noisy, masked, reference = (torch.full((1, 3, 2, 16, 16), value) for value in (2.0, 3.0, 4.0))
    inputs = task.inputs(noisy, masked, reference)
    assert inputs.shape == (1, 3, 7, 16, 16)
    assert torch.equal(inputs[0, 0, 2].bool(), ~task.cells) and (inputs[:, :, :2] == 2).all()
    assert (inputs[:, :, 3:5] == (4 if mode == "full" else 3)).all() and (inputs[:, :, 5:] == 4).all()


def test_hidden_pixels_are_grey_and_the_box_holds_just_them():
    task = Inpainting.make("face", 96, 6)
    hidden = task.hide(torch.ones(3, 96, 96))
    assert torch.equal(hidden[0] == 0, task.pixels)
    outside = task.pixels.clone()
    outside[task.box] = False
    assert not outside.any() and task.pixels[task.box].all()
