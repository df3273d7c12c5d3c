"""Frechet video distances in published networks: what each recipe shows the network, and what the rows say."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import VideoMAEConfig, VideoMAEModel

from metrics.families import i3d, videomae
from metrics.families.i3d import RECIPES
from metrics.functional.distances import plain_frechet
from metrics.scoring.score import score_pairs
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from metrics.spec import family_specs
from tests.support.published_weights import SIZES, write_mirror
from tests.support.video_pairs import FakeSettings, pair_of

KEYS = ["fvd@stylegan-v", "fvd@stylegan-v-frame", "fvd@stylegan-v-region", "fvd@latentsync", "fvd@common-metrics"]
OF_CROPS = [key for key in KEYS if not key.endswith("-frame")]


class Stand(nn.Module):
    """Called as the published I3D is; gives 7 x 7 means, early and late, of 3 channels, and what the switches did."""

    def forward(self, x: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False) -> Tensor:
        """(N, 3, T, H, W) to (N, 400)."""
        assert return_features
        if resize:
            x = functional.interpolate(x, [x.shape[2], 224, 224], mode="trilinear", align_corners=False)
        if rescale:
            x = 2 * x / 255 - 1
        means = functional.adaptive_avg_pool3d(x, [2, 7, 7]).flatten(1)
        return torch.cat([means, torch.full([len(x), 400 - means.shape[1]], float(x.shape[2]))], 1)


@pytest.fixture(scope="module")
def stand(tmp_path_factory) -> Path:
    """Folder with a TorchScript program of the published name."""
    folder = tmp_path_factory.mktemp("i3d")
    torch.jit.script(Stand()).save(str(folder / i3d.FILE))
    return folder


def clips(count: int, frames: int = 40, side: int = 32) -> list:
    rng = np.random.default_rng(1)
    return [pair_of(f"c{index}", *rng.integers(0, 256, (2, frames, side, side, 3), np.uint8)) for index in range(count)]


def seen(stand: Path, variant: str, crops: np.ndarray) -> np.ndarray:
    """(n, 400) features of a clip under a recipe."""
    return i3d.features(i3d.load(stand / i3d.FILE), crops, RECIPES[variant])


# ------------------------------------------------------------------------------------------------------------- I3D
def test_recipes_show_the_network_what_the_references_show(stand: Path) -> None:
    crops = clips(1, 40, 64)[0].true_crops
    video = torch.from_numpy(crops).permute(3, 0, 1, 2).double()
    grid = lambda part: functional.adaptive_avg_pool3d(part, (2, 1, 1)).flatten().numpy()  # noqa: E731
    compact = lambda found: found[:, :294].reshape(len(found), 6, 49).mean(2)  # noqa: E731
    usual = seen(stand, "stylegan-v", crops)
    assert usual.shape == (2, 400)
    assert compact(usual)[1] == pytest.approx(grid(video[:, 16:32] / 127.5 - 1), abs=2e-3)
    late = seen(stand, "latentsync", crops)
    assert late.shape == (1, 400)
    assert compact(late)[0] == pytest.approx(grid(video[:, 20:36] / 255), abs=2e-3)
    whole = seen(stand, "common-metrics", crops)
    assert compact(whole)[0] == pytest.approx(grid(video / 127.5 - 1), abs=2e-3)
    assert [found[0, -1] for found in (usual, late, whole)] == [16, 16, 40]


def test_common_metrics_keeps_the_middle_of_a_wide_picture() -> None:
    wide = np.zeros((10, 32, 64, 3), np.uint8)
    wide[:, :, 16:48] = 255
    (video,) = RECIPES["common-metrics"].windows(wide)
    assert video.shape == (3, 10, 224, 224)
    assert video.max() == 1
    assert (video[..., 8:-8] == 1).all()


@pytest.mark.parametrize(("variant", "frames"), [("stylegan-v", 16), ("latentsync", 36), ("common-metrics", 10)])
def test_shortest_clip_of_each_recipe(stand: Path, variant: str, frames: int) -> None:
    assert len(seen(stand, variant, clips(1, frames)[0].true_crops)) == 1
    assert seen(stand, variant, clips(1, frames - 1)[0].true_crops).shape == (0, 400)


def test_values_are_plain_distances_and_warn_below_400(stand: Path) -> None:
    pairs, settings = clips(4), FakeSettings(assets=stand)
    values = list(i3d.score(pairs, settings))
    assert [value.metric for value in values] == KEYS
    of_crops = [value for value in values if value.metric in OF_CROPS]
    assert all(value.status == "ok" and value.n == 4 and value.value > 0 for value in of_crops)
    assert "8 features of 400 dimensions; warning: 8 features do not exceed 400" in values[0].notes
    own, true = (np.concatenate([seen(stand, "stylegan-v", getattr(pair, f"{kind}_crops")) for pair in pairs])
                 for kind in ("generated", "true"))  # fmt: skip
    assert values[0].value == pytest.approx(plain_frechet(own, true, ddof=0))
    assert settings.looked == 4 * 8
    assert values == list(i3d.score(pairs[::-1], settings))
    assert settings.looked == 4 * 8


def test_identity_and_direction(stand: Path) -> None:
    pairs = clips(4)
    same = [pair_of(pair.clip_id, pair.true_crops, pair.true_crops) for pair in pairs]
    found = [value.value for value in i3d.score(same, FakeSettings(assets=stand)) if value.metric in OF_CROPS]
    assert found == pytest.approx([0] * 4, abs=1e-6)
    darker = [
        [pair_of(pair.clip_id, pair.true_crops // divisor, pair.true_crops) for pair in pairs] for divisor in (2, 4)
    ]
    less, more = (
        [value for value in i3d.score(some, FakeSettings(assets=stand)) if value.metric in OF_CROPS] for some in darker
    )
    assert all(one.value < other.value for one, other in zip(less, more, strict=True))


def test_short_clips_are_left_out_and_counted(stand: Path) -> None:
    short = [
        pair_of(f"s{index}", pair.generated_crops[:12], pair.true_crops[:12]) for index, pair in enumerate(clips(3))
    ]
    values = list(i3d.score(short, FakeSettings(assets=stand)))
    assert [value.status for value in values] == ["too_short", "no_truth", "wrong_size", "too_short", "ok"]
    assert values[0].reason == "0 clips have 16 frames; 2 are needed"
    mixed = list(i3d.score(clips(2) + short, FakeSettings(assets=stand)))
    assert "3 clips lack 16 frames" in mixed[0].notes and "warning: 2 clips" in mixed[0].notes
    assert [value.n for value in mixed] == [2, 0, 2, 2, 5]


@pytest.mark.parametrize("family", ["i3d", "videomae"])
def test_rows_without_weights_and_with_too_few_clips(family: str) -> None:
    rows = score_pairs(family, clips(2), ScoringSettings(None, "whole", 32, 4))
    assert {(row.status, row.clip_id, row.value) for row in rows} == {("weights_absent", None, None)}
    assert [row.metric for row in rows] == [spec.key for spec in family_specs(family)]
    assert rows[0].reason.startswith(f"weights absent: {'i3d-torchscript' if family == 'i3d' else 'videomae-v2-g'}")
    assert {row.status for row in score_pairs(family, clips(1), ScoringSettings(None, "whole", 32, 4))} == {"too_few"}


def test_a_file_that_is_no_program_counts_as_absent(tmp_path: Path) -> None:
    for module, name in ((i3d, i3d.FILE), (videomae, videomae.FILE)):
        (tmp_path / name).write_bytes(b"no weights")
        with pytest.raises(WeightsAbsent, match="unreadable"):
            list(module.score(clips(2), FakeSettings(assets=tmp_path)))


# -------------------------------------------------------------------------------------------------------- VideoMAE
@pytest.fixture(scope="module")
def small(tmp_path_factory) -> tuple[Path, videomae.Sizes]:
    """A narrow VideoMAE-v2 in the published form."""
    folder = tmp_path_factory.mktemp("videomae")
    write_mirror(folder, "small", ["videomae-v2-g"])
    numbers = dict(SIZES["small"].videomae)
    return folder / "videomae-v2-g", videomae.Sizes(**{**numbers, "size": 2 * numbers["patch"]})


def test_videomae_features_are_those_of_transformers(small: tuple[Path, videomae.Sizes]) -> None:
    folder, sizes = small
    network = videomae.load(folder / videomae.FILE, sizes)
    crops = clips(1, 33, 40)[0].true_crops
    found = videomae.features(network, crops)
    assert found.shape == (2, sizes.width)
    theirs = _transformers_of(torch.load(folder / videomae.FILE, weights_only=True)["module"], sizes)
    video = torch.from_numpy(crops[16:32]).permute(0, 3, 1, 2).float() / 255
    video = functional.interpolate(video, (sizes.size, sizes.size), mode="bilinear", align_corners=False)
    with torch.no_grad():
        mean = theirs(video[None]).last_hidden_state.mean(1)
        expected = functional.layer_norm(mean, mean.shape[1:], network.norm.weight, network.norm.bias, 1e-6)
    assert found[1] == pytest.approx(expected[0].numpy(), abs=1e-4)


def _transformers_of(weights: dict[str, Tensor], sizes: videomae.Sizes) -> VideoMAEModel:
    """The same network of the transformers package with the published parameters."""
    numbers = {"hidden_size": sizes.width, "num_hidden_layers": sizes.depth, "num_attention_heads": sizes.heads}
    numbers |= {"intermediate_size": sizes.mlp, "image_size": sizes.size, "patch_size": sizes.patch}
    model = VideoMAEModel(VideoMAEConfig(layer_norm_eps=1e-6, **numbers)).eval()
    model.layernorm = None
    weights = {name: value.float() for name, value in weights.items()}
    embed = model.embeddings.patch_embeddings.projection
    embed.weight.data, embed.bias.data = weights["patch_embed.proj.weight"], weights["patch_embed.proj.bias"]
    for index, layer in enumerate(model.encoder.layer):
        own = {name.removeprefix(f"blocks.{index}."): value for name, value in weights.items()}
        parts = {
            "norm1": layer.layernorm_before, "norm2": layer.layernorm_after, "mlp.fc1": layer.intermediate.dense,
            "mlp.fc2": layer.output.dense, "attn.proj": layer.attention.output.dense,
        }  # fmt: skip
        for name, part in parts.items():
            part.weight.data, part.bias.data = own[f"{name}.weight"], own[f"{name}.bias"]
        heads = layer.attention.attention
        for name, value in zip(("query", "key", "value"), own["attn.qkv.weight"].chunk(3), strict=True):
            getattr(heads, name).weight.data = value
        for name, bias in (("query", own["attn.q_bias"]), ("value", own["attn.v_bias"])):
            getattr(heads, name).bias.data = bias
    return model


def test_videomae_value_identity_and_reason(small: tuple[Path, videomae.Sizes]) -> None:
    folder, sizes = small
    pairs = clips(3, 33)
    (value,) = videomae.score(pairs, FakeSettings(assets=folder), sizes)
    assert value.metric == "fvd@videomae"
    assert value.value > 0
    assert "6 features of" in value.notes
    assert "TREPA" in value.notes
    same = [pair_of(pair.clip_id, pair.true_crops, pair.true_crops) for pair in pairs]
    (value,) = videomae.score(same, FakeSettings(assets=folder), sizes)
    assert value.value == pytest.approx(0, abs=1e-6)


def test_videomae_of_other_sizes_is_refused(small: tuple[Path, videomae.Sizes]) -> None:
    folder, sizes = small
    with pytest.raises(WeightsAbsent):
        videomae.load(folder / videomae.FILE, videomae.Sizes(**{**vars(sizes), "depth": sizes.depth + 1}))


def test_whole_frames_and_region_are_windows_too(stand: Path) -> None:
    pairs = clips(2, 33, 32)
    settings = FakeSettings(assets=stand)
    (region,) = i3d.feature_sets(pairs, settings, ["fvd@stylegan-v-region"])
    assert region.generated[0] == pytest.approx(seen(stand, "stylegan-v", pairs[0].generated_crops[:, 16:]), abs=1e-5)
    frames = iter(pairs[0].generated_crops)  # what reads a video gives one frame at a time
    found = i3d.features(i3d.load(stand / i3d.FILE), frames, RECIPES["stylegan-v-frame"])
    assert found == pytest.approx(seen(stand, "stylegan-v", pairs[0].generated_crops), abs=1e-5)
