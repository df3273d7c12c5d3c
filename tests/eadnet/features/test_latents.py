"""The latent autoencoders, trained or adopted, and the file of cached latents, written row by row."""

import json
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from eadnet.checkpoint import CheckpointError, save_model
from eadnet.config.networks import Autoencoder, Optimiser
from eadnet.config.section import parse
from eadnet.data.clip_set import ClipSet
from eadnet.data.tensor_files import streamed_tensors
from eadnet.device import Device
from eadnet.features.latents import FULL, MASKED, Latents, cache_latents
from eadnet.models.autoencoder import make_autoencoder
from eadnet.models.inpainting import Inpainting
from eadnet.models.kl_autoencoder import PART, SCALING, KLAutoencoder
from eadnet.models.loading import load_autoencoder
from eadnet.training.autoencoder import adopt_autoencoder, train_autoencoder
from tests.support.published_weights import write_mirror
from tests.support.talking_clips import write_talking_clips

KL = Autoencoder(kind="kl", weights="sd-vae-ft-mse", factor=2, channels=4, widths=(8, 16), layers=1)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> str:
    return write_talking_clips(tmp_path_factory.mktemp("clips"), train=3, test=2, frames=40)


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> tuple[Path, Autoencoder]:
    folder = tmp_path_factory.mktemp("published")
    sizes = write_mirror(folder, "small", ["sd-vae-ft-mse"])["autoencoder"]
    return folder / "sd-vae-ft-mse", parse(Autoencoder, sizes)


@pytest.fixture(scope="module")
def adopted(published, clips, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("adopted")
    adopt_autoencoder(*published, str(output), clips, "face")
    return output


def _frames(count: int, side: int = 16) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(count)) * 2 - 1


# -------------------------------------------------------------------------------------------------- the networks
def test_adopted_autoencoder_equals_diffusers_on_the_published_folder(published, adopted: Path):
    theirs, ours = AutoencoderKL.from_pretrained(published[0]).float().eval(), load_autoencoder(adopted)
    frames = _frames(PART + 3, 32)
    with torch.no_grad():
        latents = theirs.encode(frames).latent_dist.mode() * SCALING
        assert torch.allclose(ours.encode(frames), latents, atol=1e-5)
        assert torch.allclose(ours.decode(latents), theirs.decode(latents / SCALING).sample, atol=1e-4)
    assert ours.encode(frames).shape == (PART + 3, 4, 4, 4) and (ours.factor, ours.channels) == (8, 4)


def test_adoption_writes_what_a_trained_stage_does_and_reports_the_error(adopted: Path):
    written = {path.name for path in adopted.iterdir()}
    assert written == {"model.safetensors", "config.json", "train.parquet", "report.json"}
    report = json.loads((adopted / "report.json").read_text())["held_out"]
    assert set(report) == {"psnr", "psnr_region"} and all(0 < value < 60 for value in report.values())


def test_todays_names_of_attention_are_adopted_too(published, adopted: Path, clips: str, tmp_path: Path):
    AutoencoderKL.from_pretrained(published[0]).save_pretrained(tmp_path / "today")
    names = load_file(tmp_path / "today/diffusion_pytorch_model.safetensors")
    assert any(".to_q." in name for name in names)
    adopt_autoencoder(tmp_path / "today", published[1], str(tmp_path / "adopted"), clips, "face")
    one, other = load_file(adopted / "model.safetensors"), load_file(tmp_path / "adopted/model.safetensors")
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_trained_autoencoder_is_loaded_as_its_kind(clips: str, tmp_path: Path):
    optimiser = Optimiser(steps=30, batch_size=8, learning_rate=3e-3, warmup=5, weight_decay=0.0)
    sizes = {"factor": 4, "channels": 6, "encoder_width": 16, "decoder_width": 16, "detail_width": 8}
    settings = Autoencoder(**sizes, optimiser=optimiser)
    train_autoencoder(clips, settings, "face", 0, str(tmp_path), Device())
    assert json.loads((tmp_path / "report.json").read_text())["held_out"]["psnr"] > 20
    model = load_autoencoder(tmp_path)
    assert model.encode(_frames(2)).shape == (2, 6, 4, 4)
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_small_autoencoder_is_linear_at_first_and_scales_its_latents():
    torch.manual_seed(0)
    ramp = torch.linspace(-0.8, 0.8, 24)
    frames = torch.stack([(a * ramp[:, None] + b * ramp[None]).expand(3, 24, 24) for a, b in torch.rand(64, 2)])
    sizes = Autoencoder(factor=6, channels=8, encoder_width=8, decoder_width=8, detail_width=8)
    model = make_autoencoder(sizes)
    assert model.initialise_linear(frames) < 0.01
    model.calibrate(frames)
    latents = model.encode(frames)
    assert latents.shape == (64, 8, 4, 4) and latents.mean().abs() < 0.01
    assert model.scale.isfinite().all() and (model.decode(latents) - frames).abs().mean() < 0.02


def test_checkpointed_decoding_has_the_same_gradients_whatever_the_part():
    latents, gradients = torch.randn(PART + 1, 4, 8, 8), []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        model = make_autoencoder(KL, checkpointing).requires_grad_(False)
        given = latents.clone().requires_grad_()
        model.decode(given).square().mean().backward()
        gradients.append(given.grad)
    assert gradients[0][-1].any() and torch.allclose(*gradients, atol=1e-8)


def test_frames_pass_in_parts():
    model, sizes = KLAutoencoder(KL), []
    model.network.encoder.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    model.encode(_frames(2 * PART + 1))
    assert sizes == [PART, PART, 1]


def test_wrong_sizes_of_the_autoencoder_are_told(published, clips: str, tmp_path: Path):
    with pytest.raises(ValueError, match=r"autoencoder.factor: expected 2 with widths \(8, 16\), got 8"):
        KLAutoencoder(KL.model_copy(update={"factor": 8}))
    with pytest.raises(ValueError, match=r"frames: expected sides that are multiples of 2, got \(1, 3, 15, 15\)"):
        KLAutoencoder(KL).encode(_frames(1, 15))
    folder, settings = published
    thinner = settings.model_copy(update={"widths": (32, 32, 32, 64)})
    with pytest.raises(CheckpointError, match="diffusion_pytorch_model.safetensors: .*size mismatch.*sizes"):
        adopt_autoencoder(folder, thinner, str(tmp_path), clips, "face")


# ------------------------------------------------------------------------------------------------ cached latents
def test_cached_latents_are_those_of_every_frame(adopted: Path, clips: str, tmp_path: Path, capsys):
    cache_latents([clips], str(adopted), "face", tmp_path / "0.json")
    assert "5/5" in capsys.readouterr().err
    latents, everything = Latents.read([tmp_path / "0.json"]), ClipSet.read(clips)
    model, rows = load_autoencoder(adopted), torch.arange(120, 160)
    assert latents.shape == (4, 4, 4) and latents.take(FULL, rows).dtype == torch.float16
    assert latents.offsets(everything).tolist() == [0, 40, 80, 120, 160]
    task, frames = Inpainting.make("face", 32, 8), everything.pixels(3, slice(None))
    assert torch.allclose(latents.take(FULL, rows).float(), model.encode(frames), atol=2e-3)
    assert torch.allclose(latents.take(MASKED, rows).float(), model.encode(task.hide(frames)), atol=2e-3)
    assert not torch.equal(latents.take(FULL, rows), latents.take(MASKED, rows))


def test_small_autoencoder_caches_the_same_way(clips: str, tmp_path: Path):
    settings = Autoencoder(factor=4, channels=6, encoder_width=8, decoder_width=8, detail_width=8)
    save_model(tmp_path / "model", make_autoencoder(settings), {"autoencoder": settings.model_dump(mode="json")})
    cache_latents([clips], str(tmp_path / "model"), "lower", tmp_path / "0.json")
    frames = ClipSet.read(clips).pixels(4, slice(33, 40))
    expected = load_autoencoder(tmp_path / "model").encode(frames)
    latents = Latents.read([tmp_path / "0.json"]).take(FULL, torch.arange(193, 200))
    assert torch.allclose(latents.float(), expected, atol=2e-3)


def test_interrupted_caching_leaves_nothing(adopted: Path, clips: str, tmp_path: Path, monkeypatch):
    calls = iter(range(3))
    monkeypatch.setattr(KLAutoencoder, "encode", lambda self, frames: torch.zeros(len(frames), 4, 4, 4) + next(calls))
    with pytest.raises(StopIteration):
        cache_latents([clips], str(adopted), "face", tmp_path / "0.json")
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------------------------------------- streamed tensors
TENSORS = {
    "wide": torch.randn(7, 2, 3, generator=torch.Generator().manual_seed(0)),
    "half": torch.arange(35).view(7, 5).half(),
    "text": torch.tensor(list(b"some bytes, an odd number"), dtype=torch.uint8),
    "none": torch.zeros(0, 4, dtype=torch.int64),
}
SPECS = {name: (tuple(value.shape), value.dtype) for name, value in TENSORS.items()}


def test_streamed_file_is_byte_for_byte_that_of_safetensors(tmp_path: Path):
    with streamed_tensors(tmp_path / "streamed.safetensors", SPECS) as store:
        for part in torch.arange(7).split(3):
            store.append("half", TENSORS["half"][part])
            store.append("wide", TENSORS["wide"][part])
        store.append("text", TENSORS["text"])
    save_file(TENSORS, tmp_path / "whole.safetensors")
    assert (tmp_path / "streamed.safetensors").read_bytes() == (tmp_path / "whole.safetensors").read_bytes()
    with safe_open(tmp_path / "streamed.safetensors", framework="pt") as store:
        assert all(torch.equal(store.get_tensor(name), value) for name, value in TENSORS.items())


def test_views_are_written_by_value(tmp_path: Path):
    values = torch.arange(24).float().view(2, 3, 4).transpose(1, 2)
    with streamed_tensors(tmp_path / "a.safetensors", {"a": ((2, 4, 3), torch.float32)}) as store:
        store.append("a", values)
    assert torch.equal(load_file(tmp_path / "a.safetensors")["a"], values)


def test_streamed_rows_must_fit(tmp_path: Path):
    fault = r"half: expected rows of \(5,\) torch.float16, 7 in all"
    for rows in (torch.zeros(1, 4).half(), torch.zeros(1, 5), torch.zeros(8, 5).half()):
        with pytest.raises(ValueError, match=fault), streamed_tensors(tmp_path / "a.safetensors", SPECS) as store:
            store.append("half", rows)
    with (
        pytest.raises(ValueError, match="half, text: fewer rows than announced"),
        streamed_tensors(tmp_path / "a.safetensors", SPECS) as store,
    ):
        store.append("wide", TENSORS["wide"])
    assert not list(tmp_path.iterdir())
