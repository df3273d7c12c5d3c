"""Published U-Nets inside ours: every tensor accounted for, the same first output, and faults in one line."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from eadnet.checkpoint import CheckpointError, read_config
from eadnet.config.networks import Network
from eadnet.config.section import parse
from eadnet.models.loading import make_unet
from eadnet.models.unet.levels import LATENTSYNC, Modules
from eadnet.models.unet.unet import EADNet
from eadnet.training import backbone
from eadnet.training.adoption import read_published
from eadnet.training.backbone import train_backbone
from eadnet.training.unet_weights import FILES, fitted, load_published_unet
from tests.support import published_weights
from tests.support.toy_training import CPU, backbone_settings, saved_weights, write_toy
from tests.support.unet_cases import PAPER, stable_diffusion

TENSORS, CROSS_ATTENTIONS, MOTION = 684, 16, 560
"""Tensors of Stable Diffusion's U-Net with these widths, and how many more LatentSync's motion modules have."""
TEXT = 24


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Both published U-Nets at a narrow width (`folder`), and the network's settings that fit (`network`)."""
    folder = tmp_path_factory.mktemp("mirror")
    settings = published_weights.write_mirror(folder, only=["sd15-unet", "latentsync-unet"])
    return SimpleNamespace(folder=folder, network=parse(Network, settings["backbone"]["network"]))


def published(folder: Path) -> dict[str, Tensor]:
    """The tensors of a published U-Net, as float32."""
    path = next(folder / name for name in FILES if (folder / name).exists())
    return {name: value.float() for name, value in read_published(path).items()}


def make(network: Network, audio: str = "whisper", modules: Modules = LATENTSYNC) -> EADNet:
    """A newly made network for four latent channels."""
    torch.manual_seed(0)
    return EADNet(network, 4, audio, TEXT, modules).eval()


# --------------------------------------------------------------------------------------------------------- accounting
@pytest.mark.parametrize("asset", ["sd15-unet", "latentsync-unet"])
def test_every_published_tensor_is_taken_or_listed(mirror: SimpleNamespace, asset: str):
    theirs, model = published(mirror.folder / asset), make(mirror.network)
    taken, dropped = fitted(theirs, model)
    assert not set(taken) & set(dropped)
    assert set(taken) | set(dropped) == set(theirs)
    if asset == "latentsync-unet":
        assert not dropped and sum(".motion_modules." in name for name in taken) == MOTION
    else:  # CLIP's tokens are of another width than Whisper's
        assert len(dropped) == 2 * CROSS_ATTENTIONS
        assert all(name.endswith(("attn2.to_k.weight", "attn2.to_v.weight")) for name in dropped)
    for name, value in taken.items():
        if name != "conv_in.weight":
            assert torch.equal(value.float(), theirs[name])


def test_what_was_taken_dropped_and_is_new_is_told(mirror: SimpleNamespace):
    model = make(mirror.network, modules=PAPER)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    told, new = load_published_unet(model, mirror.folder / "sd15-unet")
    kept = [name for name, value in model.state_dict().items() if torch.equal(value, before[name])]
    anew = 2 * CROSS_ATTENTIONS
    assert told.endswith(f"took {TENSORS - anew} tensors, dropped {anew}, {len(before) - TENSORS + anew} are new")
    assert len(kept) == len(before) - TENSORS + anew and new == set(kept)
    assert sum(".attn2.to_" in name and "out" not in name for name in kept) == anew
    told, _ = load_published_unet(model, mirror.folder / "latentsync-unet")
    assert told.endswith(f"took {TENSORS + MOTION} tensors, dropped 0, {len(before) - TENSORS - MOTION} are new")


def test_a_text_to_image_input_is_widened_with_zeros(mirror: SimpleNamespace):
    model = make(mirror.network)
    load_published_unet(model, mirror.folder / "sd15-unet")
    kernel = published(mirror.folder / "sd15-unet")["conv_in.weight"]
    assert kernel.shape[1] == 4 and model.conv_in.weight.shape[1] == 13
    assert torch.equal(model.conv_in.weight[:, :4], kernel) and not model.conv_in.weight[:, 4:].any()


def test_layers_that_published_weights_lack_learn_at_a_rate_of_their_own(tmp_path: Path, monkeypatch):
    toy, new = write_toy(tmp_path / "toy"), {"conv_out.weight"}
    monkeypatch.setattr(backbone, "load_published_unet", lambda model, folder: ("taken", new))
    optimiser = {"steps": 1, "batch_size": 1, "learning_rate": 1e-3, "warmup": 1, "weight_decay": 0.0}
    torch.manual_seed(0)
    before, moved = make_unet(read_config(toy.backbone), Modules(fusion="added")).state_dict(), []
    for rate in (1.0, 5.0):
        settings, output = backbone_settings(new_layer_rate=rate, optimiser=optimiser, ema=0), tmp_path / str(rate)
        train_backbone(toy.inputs, settings, CPU, 0, toy.supervisors.autoencoder, "published", str(output))
        moved.append({name: value - before[name] for name, value in saved_weights(output).items()})
    assert all(moved[0][name].abs().max() > 1e-4 for name in ("conv_out.weight", "conv_out.bias"))
    for name, step in moved[0].items():  # AdamW's first step is as long as the rate says
        assert torch.allclose(moved[1][name], step * (5 if name in new else 1), rtol=1e-2, atol=1e-6), name


# ------------------------------------------------------------------------------------------------------- first output
def first_outputs(model: EADNet, theirs: dict[str, Tensor], context: int) -> tuple[Tensor, Tensor]:
    """Outputs (F, 4, H, W) of our network and of diffusers' with the published weights, on the same frames."""
    channels = theirs["conv_in.weight"].shape[1]
    independent = stable_diffusion(model.network, channels, context)
    independent.load_state_dict({name: value for name, value in theirs.items() if "motion_modules" not in name})
    generator = torch.Generator().manual_seed(0)
    frames = torch.randn(3, 1, 13, 16, 16, generator=generator)
    steps, features = (10, 5 * 384) if model.audio_encoder.tokens == 50 else (23, 80)
    audio, text = torch.randn(3, 1, steps, features, generator=generator), torch.randn(3, 5, TEXT, generator=generator)
    model.framewise = True  # diffusers' network has no motion modules
    with torch.no_grad():
        tokens = model.audio_encoder(audio[:, 0])
        expected = independent(frames[:, 0, :channels], torch.tensor(500), encoder_hidden_states=tokens).sample
        mask = torch.ones(3, 5, dtype=torch.bool)
        return model(frames, torch.full((3,), 500), audio, text, mask)[:, 0], expected


def test_latentsync_s_first_output_is_that_of_its_weights(mirror: SimpleNamespace):
    model = make(mirror.network, modules=PAPER)
    load_published_unet(model, mirror.folder / "latentsync-unet")
    ours, expected = first_outputs(model, published(mirror.folder / "latentsync-unet"), context=384)
    assert expected.std() > 0.1
    torch.testing.assert_close(ours, expected, atol=1e-4, rtol=0)


def test_stable_diffusion_s_first_output_is_that_of_its_weights(mirror: SimpleNamespace):
    theirs = published(mirror.folder / "sd15-unet")
    width = theirs["mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight"].shape[1]
    model = make(mirror.network.model_copy(update={"audio_width": width}), audio="mel")
    assert "dropped 0," in load_published_unet(model, mirror.folder / "sd15-unet")[0]
    ours, expected = first_outputs(model, theirs, context=width)
    assert expected.std() > 0.1
    torch.testing.assert_close(ours, expected, atol=1e-4, rtol=0)


# ------------------------------------------------------------------------------------------------------------- faults
def rewritten(change: Callable[[dict[str, Tensor]], None]) -> Callable[[Path, Path], Path]:
    """A maker of folders: the published weights with a change."""

    def write(source: Path, target: Path) -> Path:
        weights = read_published(source / FILES[0])
        change(weights)
        save_file(weights, target / FILES[0])
        return target

    return write


@pytest.mark.parametrize(
    ("settings", "folder", "words"),
    [
        ({"widths": (48, 96, 96, 192)}, None, "tensor down_blocks.3.*make backbone.network's sizes those of"),
        ({"layers": 1}, None, "tensor down_blocks.0.*is unknown to the U-Net"),
        ({"layers": 3}, None, "tensor up_blocks.*make backbone.network's sizes"),
        ({"feed_forward": 2}, None, "tensor .*ff.net.0.proj.*make backbone.network's sizes"),
        ({"patch": 2}, None, r"tensor conv_out.* is .*make backbone.network's sizes"),
        ({}, lambda source, target: target, "holds none of .*; fetch the asset again"),
        ({}, rewritten(lambda weights: weights.pop("mid_block.resnets.0.conv1.bias")), "lacks 1 tensors of the U-Net"),
        ({}, rewritten(lambda weights: weights.update(extra=torch.zeros(1))), "tensor extra is unknown to the U-Net"),
        (
            {},
            rewritten(lambda weights: weights.update({"conv_in.weight": torch.zeros(48, 17, 3, 3)})),
            r"tensor conv_in.weight is \(48, 17, 3, 3\), expected \(48, 13, 3, 3\)",
        ),
    ],
)
def test_what_does_not_fit_is_one_line(
    mirror: SimpleNamespace, tmp_path: Path, settings: dict, folder: Callable | None, words: str
):
    source = mirror.folder / "sd15-unet"
    model = make(mirror.network.model_copy(update=settings))
    with pytest.raises(CheckpointError, match=words) as fault:
        load_published_unet(model, folder(source, tmp_path) if folder else source)
    assert "\n" not in str(fault.value) and len(str(fault.value)) < 300
