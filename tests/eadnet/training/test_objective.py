"""SyncNet and TREPA's video networks, trained here or adopted from published files."""

import json
from pathlib import Path

import pytest
import torch
from pyarrow import parquet
from torch import Tensor
from torch.nn import functional
from transformers import VideoMAEConfig, VideoMAEModel

from eadnet.checkpoint import CheckpointError, save_model
from eadnet.config import networks
from eadnet.config.section import parse
from eadnet.data.clip_set import ClipSet
from eadnet.device import Device
from eadnet.models.loading import load_syncnet, load_videomae
from eadnet.models.syncnet import SyncNet, make_syncnet
from eadnet.models.videomae import make_videomae
from eadnet.published.resizing import resized
from eadnet.published.stable_syncnet import StableSyncNet
from eadnet.published.videomae_v2 import VideoMAEv2, sinusoids
from eadnet.training.adoption import load_published, read_published
from eadnet.training.losses import trepa_pooled_mse, trepa_tubelet_difference
from eadnet.training.syncnet import accuracy, adopt_syncnet, train_syncnet
from eadnet.training.videomae import adopt_videomae, standardise, train_videomae
from tests.support.published_weights import write_mirror
from tests.support.talking_clips import write_talking_clips

OPTIMISER = networks.Optimiser(steps=40, batch_size=16, learning_rate=3e-3, warmup=10)
FRAMEWISE = networks.SyncNet(width=8, embedding=64, optimiser=OPTIMISER)
STABLE = networks.SyncNet(kind="stable", width=4, embedding=256)
V2 = networks.VideoMAE(kind="v2", weights="videomae-v2-g", width=32, depth=2, heads=4, mlp=70, patch=8, size=24)
SIZES = {"v2": V2, "small": V2.model_copy(update={"kind": "small", "weights": None})}


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> str:
    return write_talking_clips(tmp_path_factory.mktemp("clips"), train=12, test=6)


@pytest.fixture(scope="module")
def few_clips(tmp_path_factory) -> str:
    return write_talking_clips(tmp_path_factory.mktemp("few_clips"), train=2, test=1)


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> tuple[Path, networks.SyncNet, networks.VideoMAE]:
    """Files with the published names, and settings with the sizes of these."""
    folder = tmp_path_factory.mktemp("published")
    sizes = write_mirror(folder, "small", ["latentsync-syncnet", "videomae-v2-g"])
    return folder, parse(networks.SyncNet, sizes["syncnet"]), parse(networks.VideoMAE, sizes["videomae"])


@pytest.fixture(scope="module")
def trained_syncnet(clips, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("syncnet")
    train_syncnet(clips, FRAMEWISE, 0, str(folder), Device())
    return folder


def _crops(batch: int = 1, side: int = 64) -> Tensor:
    return torch.rand(batch, 16, 3, side, side, generator=torch.Generator().manual_seed(side)) * 2 - 1


def _moving_clips(batch: int = 4) -> Tensor:
    """(B, 16, 3, 48, 48): on each clip's own backdrop, a bright square that goes its own way at an uneven pace."""
    generator = torch.Generator().manual_seed(0)
    clips = 0.4 * functional.interpolate(torch.randn(batch, 3, 6, 6, generator=generator), size=(48, 48))
    clips = clips[:, None].repeat(1, 16, 1, 1, 1)
    for clip in range(batch):
        for frame in range(16):
            place = 2 * clip + (frame * (clip + 2) * (1 + frame % 3)) % 32
            clips[clip, frame, :, 10 + clip : 22 + clip, place : place + 12] = 0.9
    return clips


def _unwritten(folder: Path) -> list[str]:
    return [
        name
        for name in ("model.safetensors", "config.json", "train.parquet", "report.json")
        if not (folder / name).exists()
    ]


# ------------------------------------------------------------------------------------------------------- SyncNet
def test_trained_syncnet_tells_order_and_time(trained_syncnet: Path):
    report = json.loads((trained_syncnet / "report.json").read_text())
    assert report["order_accuracy"] > 0.8 and report["accuracy"] > 0.7
    by_offset = {int(offset): cosine for offset, cosine in report["cosine_by_offset"].items()}
    assert list(by_offset) == list(range(-6, 7))
    assert max(by_offset, key=by_offset.get) == 0 and by_offset[0] > 2 * max(by_offset[-6], by_offset[6])


def test_loaded_syncnet_reports_what_the_trained_one_did(trained_syncnet: Path, clips: str):
    report = json.loads((trained_syncnet / "report.json").read_text())
    again = accuracy(load_syncnet(trained_syncnet), ClipSet.read(clips, "test"))
    assert again["cosine_true"] == pytest.approx(report["cosine_true"], abs=1e-5)
    assert again["cosine_by_offset"] == pytest.approx(report["cosine_by_offset"], abs=1e-5)


def test_syncnet_of_short_clips_has_no_cosine_by_offset(tmp_path: Path):
    short = ClipSet.read(write_talking_clips(tmp_path, train=0, test=2, frames=27))
    assert accuracy(SyncNet(FRAMEWISE), short)["cosine_by_offset"] == {}


def test_stable_syncnet_trains_in_the_same_stage(few_clips: str, tmp_path: Path):
    optimiser = OPTIMISER.model_copy(update={"steps": 4, "batch_size": 4, "learning_rate": 1e-4})
    train_syncnet(few_clips, STABLE.model_copy(update={"optimiser": optimiser}), 0, str(tmp_path), Device())
    assert isinstance(load_syncnet(tmp_path), StableSyncNet)
    losses = parquet.read_table(tmp_path / "train.parquet").to_pydict()["loss"]
    assert {"contrastive", "calibration"} <= set(losses)


@pytest.mark.parametrize("settings", [FRAMEWISE, STABLE], ids=["framewise", "stable"])
def test_syncnet_supervises_the_lower_half_and_stays_frozen(settings: networks.SyncNet):
    torch.manual_seed(0)
    model = make_syncnet(settings).requires_grad_(False)
    crops = _crops().requires_grad_()
    cosine = model(crops, torch.randn(1, 80, 52))
    assert cosine.shape == (1,) and 0 <= cosine.item() <= 1 + 1e-6
    cosine.sum().backward()
    assert crops.grad[..., 32:, :].abs().sum() > 0 and crops.grad[..., :28, :].abs().sum() == 0
    assert all(parameter.grad is None for parameter in model.parameters())


def test_stable_syncnet_resizes_before_it_cuts():
    crops = _crops(side=64)
    whole = functional.interpolate(crops[0], size=(256, 256), mode="bicubic")
    assert torch.allclose(StableSyncNet.mouth_region(crops)[0], whole[..., 128:, :], atol=1e-5)
    large = _crops(side=256)
    assert torch.equal(StableSyncNet.mouth_region(large), large[..., 128:, :])


def test_checkpointed_stable_syncnet_has_the_same_gradients():
    gradients = []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        model, crops = make_syncnet(STABLE, checkpointing), _crops().requires_grad_()
        model(crops, torch.ones(1, 80, 52)).sum().backward()
        gradients.append(crops.grad)
    assert gradients[0].any() and torch.equal(*gradients)


def test_wrong_sizes_of_syncnet_are_told():
    model = StableSyncNet(STABLE)
    with pytest.raises(ValueError, match=r"mouth regions: expected \(16, 3, 128, 256\) a clip, got \(8, 3, 128, 256\)"):
        model.embed_video(torch.zeros(1, 8, 3, 128, 256))
    with pytest.raises(ValueError, match=r"mel windows: expected \(80, 52\) a clip, got \(80, 50\)"):
        model.embed_audio(torch.zeros(1, 80, 50))
    with pytest.raises(ValueError, match="syncnet.embedding: expected 256, 64 times syncnet.width, got 128"):
        StableSyncNet(STABLE.model_copy(update={"embedding": 128}))


def test_published_syncnet_is_adopted_whole(published, few_clips: str, tmp_path: Path):
    folder, syncnet, videomae = published
    adopt_syncnet(folder / "latentsync-syncnet", syncnet, str(tmp_path), few_clips)
    assert not _unwritten(tmp_path)
    assert parquet.read_table(tmp_path / "train.parquet").num_rows == 0
    stored = read_published(folder / "latentsync-syncnet/stable_syncnet.pt")
    loaded = load_syncnet(tmp_path).state_dict()
    assert loaded.keys() == stored.keys()
    assert all(torch.equal(loaded[name], stored[name].float()) for name in stored)
    assert len(json.loads((tmp_path / "report.json").read_text())["cosine_by_offset"]) == 13


# --------------------------------------------------------------------------------------------------------- TREPA
@pytest.fixture(scope="module")
def trained_videomae(clips, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("videomae")
    optimiser = OPTIMISER.model_copy(update={"steps": 3, "batch_size": 2})
    settings = networks.VideoMAE(width=16, depth=1, heads=2, mlp=32, optimiser=optimiser)
    train_videomae(clips, settings, 0, str(folder), Device())
    return folder


@pytest.fixture(scope="module")
def adopted_videomae(published, clips, tmp_path_factory) -> Path:
    folder, syncnet, videomae = published
    output = tmp_path_factory.mktemp("videomae_v2")
    adopt_videomae(folder / "videomae-v2-g", videomae, str(output), clips)
    return output


@pytest.fixture(params=["trained_videomae", "adopted_videomae"])
def videomae(request) -> Path:
    return request.getfixturevalue(request.param)


def test_video_networks_are_written_whole_and_report_both_forms_of_trepa(videomae: Path):
    assert not _unwritten(videomae)
    report = json.loads((videomae / "report.json").read_text())
    assert set(report) == {"tubelet_diff", "pooled_mse"}
    assert all(value > 0 for form in report.values() for value in form.values())


def test_trepa_is_zero_for_equal_clips_and_sees_damage(videomae: Path):
    model, real = load_videomae(videomae).float(), _crops(2, 32)
    frozen, flickering = real[:, :1].expand_as(real), real + 0.1 * (torch.arange(16) % 2 * 2 - 1).view(1, 16, 1, 1, 1)
    shuffled = real[:, torch.randperm(16, generator=torch.Generator().manual_seed(0))]
    forms = ((model.tubelet_features, trepa_tubelet_difference, 1e-4), (model.pooled, trepa_pooled_mse, 1e-9))
    for features, distance, seen in forms:
        target = features(real)
        assert distance(features(real.clone()), target).item() == pytest.approx(0, abs=seen / 100)
        assert min(distance(features(clip), target).item() for clip in (shuffled, frozen, flickering)) > seen


def test_the_tubelet_form_sees_order_and_stillness_as_well_as_another_clip(videomae: Path):
    moved = json.loads((videomae / "report.json").read_text())["tubelet_diff"]
    assert moved["shuffled_frames"] > 0.2 and moved["frozen_frame"] > 0.1 and moved["flicker"] > 0.02
    assert 0.5 < moved["another_clip"] < 1.5


def test_without_deviations_order_would_be_lost(videomae: Path, clips: str):
    model, train = load_videomae(videomae).float(), ClipSet.read(clips, "train")
    real = train.windows(torch.arange(3), torch.zeros(3).long(), 16)
    shuffled = real[:, torch.randperm(16, generator=torch.Generator().manual_seed(0))]
    seen = trepa_tubelet_difference(*map(model.tubelet_features, (shuffled, real)))
    model.feature_std.fill_(1)
    assert trepa_tubelet_difference(*map(model.tubelet_features, (shuffled, real))) < seen / 2


@pytest.mark.parametrize("kind", ["small", "v2"])
def test_statistics_are_saved_and_loaded_in_full_precision(kind: str, tmp_path: Path):
    model, real = make_videomae(SIZES[kind], 48).eval().requires_grad_(False), _moving_clips()
    standardise(model, real)
    save_model(tmp_path, model, {"videomae": SIZES[kind].model_dump(mode="json"), "resolution": 48})
    loaded = load_videomae(tmp_path)
    for name in ("feature_mean", "feature_std"):
        assert torch.equal(getattr(loaded, name), getattr(model, name)) and getattr(loaded, name).dtype == torch.float32
    assert torch.allclose(loaded.tubelet_features(real), model.tubelet_features(real), atol=1e-3)


def test_trepa_reaches_every_frame_and_no_parameter(videomae: Path):
    model, video = load_videomae(videomae).float(), _crops(1, 32).requires_grad_()
    trepa_tubelet_difference(model.tubelet_features(video), torch.ones(1, 1)).backward()
    assert (video.grad.abs().sum((0, 2, 3, 4)) > 0).all()
    assert all(parameter.grad is None for parameter in model.parameters())


def test_small_video_network_reconstructs_every_pixel_once():
    model, video = make_videomae(networks.VideoMAE(width=16, depth=1, heads=2, mlp=32), 48), _crops(2, 48)
    tubelets = model.tubelets(video)
    assert tubelets.shape == (2, 512, 3 * 2 * 36)
    assert torch.allclose(tubelets.flatten(1).sort().values, (video / 2 + 0.5).flatten(1).sort().values)
    assert model.tubelet_features(video).shape == (2, 15 * 16)


def test_large_video_network_equals_that_of_transformers():
    torch.manual_seed(0)
    ours = VideoMAEv2(V2).requires_grad_(False)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 70}
    theirs = VideoMAEModel(VideoMAEConfig(image_size=24, patch_size=8, layer_norm_eps=1e-6, **sizes)).eval()
    theirs.layernorm = None  # as with use_mean_pooling, whose norm follows the mean
    for parameter in theirs.parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape)
    load_published(ours, _published_names(theirs.state_dict()), "transformers")
    video = _crops(2, 24)
    states = theirs(video / 2 + 0.5).last_hidden_state
    assert torch.allclose(ours(video), states, atol=1e-4)
    assert torch.allclose(ours.pooled(video), ours.norm(states.mean(1)), atol=1e-4)


def _published_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Our parameters from transformers' names, by hand."""
    ours = {f"embed.{kind}": state[f"embeddings.patch_embeddings.projection.{kind}"] for kind in ("weight", "bias")}
    ours |= {"norm.weight": torch.ones(32), "norm.bias": torch.zeros(32)}
    pairs = {
        "norm1": "layernorm_before", "norm2": "layernorm_after", "project": "attention.output.dense",
        "expand": "intermediate.dense", "contract": "output.dense",
    }  # fmt: skip
    for block in range(2):
        layer, own = f"encoder.layer.{block}", f"blocks.{block}"
        for name, other in pairs.items():
            ours |= {f"{own}.{name}.{kind}": state[f"{layer}.{other}.{kind}"] for kind in ("weight", "bias")}
        heads = f"{layer}.attention.attention"
        ours[f"{own}.qkv.weight"] = torch.cat([state[f"{heads}.{name}.weight"] for name in ("query", "key", "value")])
        no_bias = torch.zeros(32)
        ours[f"{own}.qkv.bias"] = torch.cat([state[f"{heads}.query.bias"], no_bias, state[f"{heads}.value.bias"]])
    return ours


def test_large_video_network_clamps_and_computes_in_its_own_type():
    torch.manual_seed(0)
    model = VideoMAEv2(V2).bfloat16()
    with torch.autocast("cpu", dtype=torch.float16):
        bright, brighter = (
            model.pooled(torch.full((1, 16, 3, 24, 24), 1.0)),
            model.pooled(torch.full((1, 16, 3, 24, 24), 5.0)),
        )
    assert torch.equal(bright, brighter) and bright.dtype == torch.float32
    assert model(_crops(1, 24)).dtype == torch.bfloat16


def test_checkpointed_video_network_has_the_same_gradients():
    gradients = []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        model, video = VideoMAEv2(V2, checkpointing), _crops(1, 24).requires_grad_()
        model.pooled(video).square().sum().backward()
        gradients.append(video.grad)
    assert gradients[0].any() and torch.equal(*gradients)


def test_wrong_sizes_of_video_networks_are_told():
    with pytest.raises(ValueError, match=r"video: expected 16 frames of 3 channels, got \(8, 3\)"):
        VideoMAEv2(V2)(torch.zeros(1, 8, 3, 24, 24))
    with pytest.raises(ValueError, match="videomae: expected size a multiple of patch .* got size 25, patch 8"):
        VideoMAEv2(V2.model_copy(update={"size": 25}))


def test_position_table_takes_sines_and_cosines_in_turn():
    table = sinusoids(5, 6)
    assert table[:, 0].tolist() == pytest.approx(torch.arange(5).sin().tolist())
    assert table[3, 3].item() == pytest.approx(torch.tensor(3 / 10000 ** (2 / 6)).cos().item())


@pytest.mark.parametrize("kind", ["small", "v2"])
def test_features_of_the_clips_that_statistics_come_from_have_mean_zero_and_deviation_one(kind: str):
    torch.manual_seed(0)
    model, real = make_videomae(SIZES[kind], 48).float(), _moving_clips()
    for _ in range(2):  # what was set before does not count
        standardise(model, real)
    features = model.tubelet_features(real).unflatten(1, (15, -1))
    assert features.mean(0).abs().max() < 1e-4
    for steps in features.split([8, 7], 1):
        deviations = steps.square().mean((0, 1)).sqrt()
        assert deviations.max() < 1 + 1e-4 and ((deviations - 1).abs() < 1e-4).float().mean() > 0.9


def test_a_feature_that_never_moves_is_not_magnified():
    torch.manual_seed(0)
    model, real = VideoMAEv2(V2), _moving_clips()
    model.norm.weight.data[3], model.norm.bias.data[3] = 1e-9, 1.0
    standardise(model, real)
    deviations = model.feature_std[[0, -1]]
    assert torch.allclose(deviations[:, 3], 0.1 * deviations.mean(1), rtol=0.1)
    assert model.tubelet_features(real).view(4, 15, -1)[..., 3].abs().max() < 1e-3


def test_statistics_of_clips_without_any_difference_are_finite():
    model, still = VideoMAEv2(V2), torch.zeros(2, 16, 3, 48, 48)
    standardise(model, still)
    assert (model.feature_std > 0).all() and model.tubelet_features(still).isfinite().all()


# ------------------------------------------------------------------------------------------------- what is common
@pytest.mark.parametrize("mode", ["bicubic", "area"])
@pytest.mark.parametrize("size", [(12, 20), (48, 50)])
def test_resizing_equals_torch(mode: str, size: tuple[int, int]):
    frames = _crops(1, 24)
    expected = functional.interpolate(frames[0], size=size, mode=mode)
    assert torch.allclose(resized(frames, size, mode)[0], expected, atol=1e-5)


def test_published_weights_of_other_sizes_are_told_in_one_line(published, clips: str, tmp_path: Path):
    folder, syncnet, videomae = published
    wider = syncnet.model_copy(update={"width": 8, "embedding": 512})
    with pytest.raises(CheckpointError, match="stable_syncnet.pt: .*size mismatch.*sizes") as fault:
        adopt_syncnet(folder / "latentsync-syncnet", wider, str(tmp_path), clips)
    deeper = videomae.model_copy(update={"depth": 3})
    with pytest.raises(CheckpointError, match=r"missing or unknown \(blocks.2") as other:
        adopt_videomae(folder / "videomae-v2-g", deeper, str(tmp_path), clips)
    assert "\n" not in str(fault.value) + str(other.value) and not list(tmp_path.iterdir())


def test_published_files_that_are_not_are_told_in_one_line(tmp_path: Path):
    with pytest.raises(CheckpointError, match="absent.pth: not there"):
        read_published(tmp_path / "absent.pth")
    for name in ("damaged.pth", "damaged.safetensors"):
        (tmp_path / name).write_bytes(b"hello world, this is a page of HTML")
        with pytest.raises(CheckpointError, match=f"{name}: unreadable .*; delete it and fetch it again"):
            read_published(tmp_path / name)
    torch.save({"state_dict": [1, 2]}, tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match="list.pth: expected named tensors"):
        read_published(tmp_path / "list.pth")


def test_code_in_a_published_file_is_never_run(tmp_path: Path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"state_dict": Bomb()}, tmp_path / "bomb.pth")
    with pytest.raises(CheckpointError, match="bomb.pth: unreadable"):
        read_published(tmp_path / "bomb.pth")
    assert not (tmp_path / "ran").exists()
