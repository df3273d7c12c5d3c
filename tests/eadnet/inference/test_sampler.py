"""Windows, blocks, noise and solvers: clips of any length from one network."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from eadnet.config.synthesis import Synthesis
from eadnet.config.training import Diffusion
from eadnet.device import Device
from eadnet.diffusion import Process
from eadnet.inference import sampler
from eadnet.inference.sampler import Conditions, WindowedSampler, blend_weights, blocks, frame_noise, window_starts
from eadnet.models.inpainting import Inpainting
from tests.support.tiny_models import tiny_unet

UNGUIDED = {"audio_guidance": 1.0, "text_guidance": 1.0}
SIDE = 48


@pytest.mark.parametrize("frames", [1, 7, 16, 17, 40, 101])
@pytest.mark.parametrize("shift", [0, 5, 12, 19])
def test_windows_cover_every_frame_and_lie_inside_the_clip(frames, shift):
    starts = window_starts(frames, 16, 4, shift)
    length = min(frames, 16)
    assert {frame for start in starts for frame in range(start, start + length)} == set(range(frames))
    assert starts == sorted(set(starts))


def test_shifting_moves_every_inner_seam():
    still, moved = (set(window_starts(100, 16, 4, shift)) - {0, 84} for shift in (0, 5))
    assert still and moved and not still & moved


def test_weights_of_neighbouring_windows_cross_fade():
    weights = blend_weights(16, 4)
    falling, rising = weights[-4:], weights[:4]
    share = rising / (rising + falling)
    assert (weights > 0).all() and (share.diff() > 0).all()
    assert torch.allclose(share + share.flip(0), torch.ones(4))


@pytest.mark.parametrize("frames", [1, 256, 257, 600, 3000])
def test_blocks_keep_every_frame_once_and_share_a_margin(frames):
    spans = list(blocks(frames, 256, 24))
    starts = [0, *(keep for _, _, keep in spans)]
    assert starts[-1] == frames and all(last - first <= 256 for first, last, _ in spans)
    assert all(low < high for low, high in pairwise(starts))
    assert all(later[0] == earlier[2] and earlier[1] - later[0] == 24 for earlier, later in pairwise(spans))


@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
def test_noise_of_a_frame_does_not_depend_on_its_block(shared):
    whole = frame_noise((1, 40, 4, 8, 8), shared, seed=3)
    part = frame_noise((1, 10, 4, 8, 8), shared, seed=3, first=25)
    assert torch.equal(whole[:, 25:35], part)
    assert not torch.equal(whole, frame_noise((1, 40, 4, 8, 8), shared, seed=4))


class Echo(nn.Module):
    """Predicts from the noise of each frame alone."""

    def forward(self, inputs: Tensor, *_: Tensor) -> Tensor:
        return 0.5 * inputs[:, :, :4]


def test_a_stretch_is_made_with_the_noise_and_the_conditions_of_its_frames_numbers():
    task, asked, whole = Inpainting.make("face", SIDE, 6), [], conditions_of(300)
    maker = WindowedSampler(Echo(), task, Diffusion(), Synthesis(steps=2, **UNGUIDED), Device(), shared_noise=0.5)

    def conditions(first: int, last: int) -> Conditions:
        asked.append((first, last))
        return stretch(whole, first, last)

    def made(first: int, last: int) -> Tensor:
        return torch.cat(list(maker.stream(last - first, conditions, 3, begin=first)))

    everything = made(0, 300)
    assert torch.allclose(everything[20:27], made(20, 27), atol=1e-5) and asked[-1] == (20, 27)
    assert torch.allclose(everything[5:], made(5, 300), atol=1e-5)  # two blocks, which meet elsewhere
    assert not torch.allclose(everything[:7], everything[20:27], atol=0.1)


# ------------------------------------------------------------------------------------------------- solvers
class Exact(nn.Module):
    """Predicts the target of a known clean latent: the first audio feature of each frame, everywhere."""

    def __init__(self, task: Inpainting, diffusion: Diffusion) -> None:
        super().__init__()
        self.task, self.process = task, Process(diffusion)

    def forward(self, inputs: Tensor, times: Tensor, audio: Tensor, text: Tensor, mask: Tensor) -> Tensor:
        noisy, masked, reference = inputs[:, :, :4], inputs[:, :, 5:9], inputs[:, :, 9:]
        clean = clean_latents(audio).expand_as(noisy)
        alpha = self.process.signal_share(times).view(-1, 1, 1, 1, 1)
        noise = (noisy - alpha.sqrt() * clean) / (1 - alpha).sqrt()
        return self.process.target(clean, noise, self.task.base(masked, reference), times)


def clean_latents(audio_BTSC: Tensor) -> Tensor:
    return audio_BTSC[..., 0, 0][:, :, None, None, None]


def conditions_of(frames: int, side: int = 8) -> Conditions:
    """Slowly moving masked frames and audio, a fixed reference and text."""
    draw = torch.Generator().manual_seed(0)
    phase = torch.arange(frames)[:, None] / 25
    audio = torch.sin(phase[..., None] * (1 + torch.rand(23, 80, generator=draw)) + torch.rand(80, generator=draw) * 6)
    base, drift = torch.randn(2, 1, 4, side, side, generator=draw)
    return Conditions(
        masked=base + 0.3 * drift * torch.sin(phase)[..., None, None],
        reference=torch.randn(4, side, side, generator=draw),
        audio=audio,
        text=torch.randn(5, 384, generator=draw),
        text_mask=torch.ones(5, dtype=torch.bool),
    )


def stretch(conditions: Conditions, first: int, last: int) -> Conditions:
    span = slice(first, last)
    fixed = {"reference": conditions.reference, "text": conditions.text, "text_mask": conditions.text_mask}
    return Conditions(masked=conditions.masked[span], audio=conditions.audio[span], **fixed)


def generate(model: nn.Module, frames: int, seed: int = 0, **settings) -> Tensor:
    """(T, C, H, H) latents of the whole clip."""
    task = Inpainting.make("face", SIDE, 6)
    generator = WindowedSampler(model, task, Diffusion(), Synthesis(**settings), Device(), shared_noise=1.0)
    whole = conditions_of(frames)
    return torch.cat(list(generator.stream(frames, lambda *span: stretch(whole, *span), seed)))


@pytest.mark.parametrize("solver", ["ddim", "dpmsolver++"])
@pytest.mark.parametrize(
    ("prediction", "steps"),
    [("clean", 1), ("clean", 12), ("velocity", 1), ("velocity", 12), ("noise", 2), ("noise", 12)],
)
def test_solvers_denoise_an_exact_model_to_its_clean_latent(solver, prediction, steps):
    diffusion = Diffusion(prediction=prediction, zero_terminal_snr=prediction != "noise")
    task, whole = Inpainting.make("face", SIDE, 6), conditions_of(20)
    settings = Synthesis(solver=solver, steps=steps, window=16, overlap=4, shift=5, **UNGUIDED)
    made = WindowedSampler(Exact(task, diffusion), task, diffusion, settings, Device(), shared_noise=1.0).latents(
        whole, seed=1
    )
    # without zero terminal SNR, diffusers' DDIM ends at the schedule's first alpha, which leaves 3 % of noise
    tolerance = 0.15 if prediction == "noise" else 2e-3
    assert torch.allclose(made, clean_latents(whole.audio[None])[0].expand_as(made), atol=tolerance)


@pytest.mark.parametrize("frames", [1, 7, 16, 48, 128])
def test_any_length_is_generated(frames):
    made = generate(tiny_unet(), frames, steps=1, window=16, overlap=4)
    assert made.shape == (frames, 4, 8, 8) and made.isfinite().all()


class Near(nn.Module):
    """A network whose frames see those at most `reach` away: a framewise one, averaged over its neighbours."""

    def __init__(self, reach: int) -> None:
        super().__init__()
        self.model, self.reach = tiny_unet("none", "none"), reach

    def forward(self, inputs: Tensor, times: Tensor, audio: Tensor, text: Tensor, mask: Tensor) -> Tensor:
        each, count = (inputs, audio), inputs.shape[1]
        inputs, audio = (value.flatten(0, 1)[:, None] for value in each)
        made = self.model(inputs, *(value.repeat_interleave(count, 0) for value in (times,)), audio,
                          *(value.repeat_interleave(count, 0) for value in (text, mask)))  # fmt: skip
        made = made.unflatten(0, (-1, count))[:, :, 0]
        places = torch.arange(count)
        near = [made[:, (places + step).clamp(0, count - 1)] for step in range(-self.reach, self.reach + 1)]
        return torch.stack(near).mean(0)


def test_blocks_of_a_framewise_model_equal_a_single_pass(monkeypatch):
    monkeypatch.setattr(sampler, "BLOCK", 32)
    model = Near(0)
    streamed = generate(model, 90, steps=2, window=16, overlap=4)
    single = generate(model, 90, steps=2, window=None)
    assert torch.allclose(streamed, single, atol=1e-3)
    assert (streamed - generate(model, 90, seed=1, steps=2, window=16, overlap=4)).abs().mean() > 0.01


def test_windows_agree_with_a_single_pass_where_the_network_sees_no_seam():
    model, frames, window, overlap = Near(3), 60, 20, 6
    assert reach_of(model, 2 * overlap) == 3
    windowed = generate(model, frames, steps=1, window=window, overlap=overlap)
    single = generate(model, frames, steps=1, window=None)
    starts = window_starts(frames, window, overlap)
    inner = [t for t in range(frames) if sum(start <= t < start + window for start in starts) == 1]
    assert len(inner) > 10
    assert torch.allclose(windowed[inner], single[inner], atol=1e-3)
    assert not torch.allclose(windowed, single, atol=1e-3)


def reach_of(model: nn.Module, frames: int) -> int:
    """Frames over which a change of one frame's sound is felt."""
    inputs = torch.randn(1, 2 * frames + 1, 13, 8, 8, generator=torch.Generator().manual_seed(0))
    audio = torch.randn(1, 2 * frames + 1, 23, 80, generator=torch.Generator().manual_seed(1))
    others = torch.tensor([500]), torch.zeros(1, 5, 384), torch.zeros(1, 5, dtype=torch.bool)
    changed = audio.clone()
    changed[:, frames] += 1
    before, after = (model(inputs, others[0], heard, *others[1:]) for heard in (audio, changed))
    felt = ((before - after).abs().amax((0, 2, 3, 4)) > 1e-5).nonzero()[:, 0]
    return int((felt - frames).abs().max())


def test_no_seam_shows_in_the_motion(monkeypatch):
    monkeypatch.setattr(sampler, "BLOCK", 64)
    model = tiny_unet()
    single = motion(generate(model, 150, steps=2, window=None))
    faded, cut = (motion(generate(model, 150, steps=2, window=16, overlap=overlap)) for overlap in (8, 0))
    # what moves by itself moves in both, so that the ratio shows the seams alone
    assert (faded / single).max() <= 1.5 < 2 < (cut / single).max()


def motion(latents_TCHH: Tensor) -> Tensor:
    """(T - 1,) root-mean-square change from frame to frame."""
    return latents_TCHH.diff(dim=0).square().mean((1, 2, 3)).sqrt()


class Counting(nn.Module):
    """A network that notes how many windows and passes each of its forwards takes."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.taken = model, []

    def forward(self, inputs: Tensor, *conditions: Tensor) -> Tensor:
        self.taken.append(len(inputs))
        return self.model(inputs, *conditions)


@pytest.mark.parametrize("modules", [("published", "published"), ("extended", "extended"), ("none", "none")])
@pytest.mark.parametrize(("text", "passes"), [(1.5, 2), (3.0, 3)])
def test_windows_and_passes_in_one_forward_give_what_each_gives_alone(modules, text, passes):
    model, task, whole = Counting(tiny_unet(*modules)), Inpainting.make("face", SIDE, 6), conditions_of(40)
    settings = Synthesis(steps=2, shift=5, audio_guidance=1.5, text_guidance=text)

    def made(batch: int) -> Tensor:
        model.taken.clear()
        return WindowedSampler(model, task, Diffusion(), settings, Device(), 0.5, batch).latents(whole, seed=0)

    alone, once = made(1), [1] * (passes * (3 + 4))  # the shifted step has four windows
    assert model.taken == once
    together = made(5)
    assert max(model.taken) == 5 and sum(model.taken) == len(once)
    assert torch.allclose(together, alone, atol=1e-4) and alone.std() > 0.5


def test_a_single_pass_is_not_batched_since_its_memory_grows_with_the_clip():
    model, task = Counting(tiny_unet()), Inpainting.make("face", SIDE, 6)
    settings = Synthesis(steps=1, window=None)
    WindowedSampler(model, task, Diffusion(), settings, Device(), 0.5, batch=16).latents(conditions_of(20), seed=0)
    assert model.taken == [1, 1]


def test_progress_adds_up_to_the_frames(monkeypatch):
    monkeypatch.setattr(sampler, "BLOCK", 32)
    shares, whole = [], conditions_of(70)
    task = Inpainting.make("face", SIDE, 6)
    generator = WindowedSampler(
        tiny_unet(), task, Diffusion(), Synthesis(steps=3, window=16), Device(), shared_noise=1.0
    )
    list(generator.stream(70, lambda *span: stretch(whole, *span), 0, shares.append))
    assert len(shares) > 6 and sum(shares) == pytest.approx(70)
