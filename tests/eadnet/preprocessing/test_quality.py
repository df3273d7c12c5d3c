"""HyperIQA as published, what a clip shows it, and the gate: on, off, and without the weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from eadnet.config.machine import Assets
from eadnet.config.preprocessing import Preprocess
from eadnet.preprocessing.parts import Parts
from eadnet.preprocessing.quality import QualityJudge
from eadnet.preprocessing.shard import preprocess_shard
from eadnet.provenance import sha256_file
from eadnet.published.hyperiqa import FILE, HyperIQA, load_hyperiqa
from tests.support.made_footage import clips_in, folder_reader, sources_of, write_talk

PUBLISHED_BYTES = 109_768_650
DEPTHS = (3, 4, 6, 3)
ABSENT = "quality not measured: weights absent: hyperiqa"


# --------------------------------------------------------------------------------------------- the network
def norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.{part}": (width,) for part in ("weight", "bias", "running_mean", "running_var")}


def layer(name: str, *shape: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def published_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of ``koniq_pretrained.pkl``, as SSL92/hyperIQA `models.py` makes them."""
    shapes, inputs = {"res.conv1.weight": (64, 3, 7, 7)} | norm("res.bn1", 64), 64
    for stage, depth in enumerate(DEPTHS, start=1):
        width = 32 * 2**stage
        for block in range(depth):
            at = f"res.layer{stage}.{block}"
            sizes = ((width, inputs, 1, 1), (width, width, 3, 3), (4 * width, width, 1, 1))
            for number, size in enumerate(sizes, start=1):
                shapes |= {f"{at}.conv{number}.weight": size} | norm(f"{at}.bn{number}", size[0])
            if block == 0:
                shapes |= {f"{at}.downsample.0.weight": (4 * width, inputs, 1, 1)}
                shapes |= norm(f"{at}.downsample.1", 4 * width)
            inputs = 4 * width
    for stage, kept, read in ((1, 16, 1024), (2, 32, 512), (3, 64, 256)):
        shapes |= {f"res.lda{stage}_pool.0.weight": (kept, 128 * 2**stage, 1, 1)}
        shapes |= layer(f"res.lda{stage}_fc", 16, read)
    shapes |= layer("res.lda4_fc", 176, 2048)
    shapes |= layer("conv1.0", 1024, 2048, 1, 1) | layer("conv1.2", 512, 1024, 1, 1) | layer("conv1.4", 112, 512, 1, 1)
    for number, (made, width) in enumerate(((512, 112), (128, 56), (32, 28), (8, 14)), start=1):
        shapes |= layer(f"fc{number}w_conv", made, 112, 3, 3) | layer(f"fc{number}b_fc", width, 112)
    return shapes | layer("fc5w_fc", 14, 112) | layer("fc5b_fc", 1, 112)


@pytest.fixture(scope="module")
def published() -> dict[str, Tensor]:
    """Random tensors under the published names, so large that pictures get different scores."""
    noise = torch.Generator().manual_seed(0)
    weights = {}
    for name, shape in published_shapes().items():
        value = torch.randn(shape, generator=noise)
        if name.endswith("running_var"):
            weights[name] = value.abs() + 0.5
        elif len(shape) > 1:
            weights[name] = value * (3 if "layer" not in name else 1) / value[0].numel() ** 0.5
        else:
            weights[name] = 0.3 * value + (0.5 if name.endswith("weight") else 0)
    return weights


@pytest.fixture(scope="module")
def folder(published: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mirror's folder of the asset, in the format that torch wrote when it was published."""
    folder = tmp_path_factory.mktemp("mirror") / "hyperiqa"
    folder.mkdir()
    torch.save(published, folder / FILE, _use_new_zipfile_serialization=False)
    return folder


def expected_score(weights: dict[str, Tensor], picture: Tensor) -> float:
    """The score of one normalised (3, 224, 224) picture, tensor by tensor, in float64."""
    value = {name: tensor.double() for name, tensor in weights.items()}

    def convolved(x: Tensor, name: str, **options: int) -> Tensor:
        return functional.conv2d(x, value[f"{name}.weight"], value.get(f"{name}.bias"), **options)

    def normed(x: Tensor, name: str) -> Tensor:
        mean, var, scale, shift = (
            value[f"{name}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (var + 1e-5).sqrt() * scale + shift

    def dense(x: Tensor, name: str) -> Tensor:
        return value[f"{name}.weight"] @ x + value[f"{name}.bias"]

    x = normed(convolved(picture.double()[None], "res.conv1", stride=2, padding=3), "res.bn1").relu()
    x, read = functional.max_pool2d(x, 3, 2, 1), []
    for stage, depth in enumerate(DEPTHS, start=1):
        for block in range(depth):
            at, stride = f"res.layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y = normed(convolved(x, f"{at}.conv1"), f"{at}.bn1").relu()
            y = normed(convolved(y, f"{at}.conv2", stride=stride, padding=1), f"{at}.bn2").relu()
            y = normed(convolved(y, f"{at}.conv3"), f"{at}.bn3")
            kept = normed(convolved(x, f"{at}.downsample.0", stride=stride), f"{at}.downsample.1") if block == 0 else x
            x = (y + kept).relu()
        local = convolved(x, f"res.lda{stage}_pool.0") if stage < 4 else x
        read.append(dense(functional.avg_pool2d(local, 7).flatten(), f"res.lda{stage}_fc"))
    for number in (0, 2, 4):
        x = convolved(x, f"conv1.{number}").relu()
    state, summary = torch.cat(read), x.mean((2, 3))[0]
    for number, width in enumerate((112, 56, 28, 14), start=1):
        made = convolved(x, f"fc{number}w_conv", padding=1).reshape(width, len(state))
        state = (made @ state + dense(summary, f"fc{number}b_fc")).sigmoid()
    return float(dense(summary, "fc5w_fc") @ state + dense(summary, "fc5b_fc"))


def test_the_published_file_fits_and_nothing_is_left_over(published: dict[str, Tensor]) -> None:
    size = 4 * sum(value.numel() for value in published.values())
    assert 0 < PUBLISHED_BYTES - size < 250 * len(published)  # names and places of the old format
    own = sum(value.numel() for name, value in HyperIQA().state_dict().items() if "num_batches" not in name)
    assert 4 * own == size


def test_scores_are_those_of_the_formula(published: dict[str, Tensor], folder: Path) -> None:
    pictures = torch.rand(3, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    pictures[1] = functional.avg_pool2d(pictures[1], 9, 1, 4)
    pictures[2, :, :, :100] = 0
    mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    expected = [expected_score(published, (picture - mean) / deviation) for picture in pictures]
    assert np.ptp(expected) > 0.02
    network = load_hyperiqa(folder / FILE)
    with torch.inference_mode():
        assert network(pictures).tolist() == pytest.approx(expected, abs=1e-3)
        with pytest.raises(ValueError, match="224 pixels"):
            network(pictures[..., :200])


@pytest.mark.parametrize("content", [b"", b"no weights", None])
def test_a_file_that_does_not_hold_the_weights_is_one_line(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / FILE
    torch.save(torch.nn.Linear(2, 2).state_dict(), path) if content is None else path.write_bytes(content)
    with pytest.raises(ValueError, match="does not hold HyperIQA .*; fetch it again") as fault:
        load_hyperiqa(path)
    assert str(path) in str(fault.value) and "\n" not in str(fault.value)


# ------------------------------------------------------------------------------------------ what it is shown
def test_three_frames_are_seen_and_only_their_middle(folder: Path) -> None:
    judge = QualityJudge(folder)
    crops = np.random.default_rng(0).integers(0, 255, (9, 256, 256, 3), dtype=np.uint8)
    crops[4] //= 3
    crops[8, ::2] = 0
    score = judge.measure(crops)
    alone = [judge.measure(crops[[place]]) for place in (0, 4, 8)]
    assert score == pytest.approx(np.mean(alone), abs=1e-3) and np.ptp(alone) > 0.02
    unseen = crops.copy()
    unseen[[1, 2, 3, 5, 6, 7]] = 0
    unseen[:, :16] = unseen[:, :, :16] = unseen[:, -16:] = unseen[:, :, -16:] = 0
    assert judge.measure(unseen) == pytest.approx(score, abs=1e-3)


def test_crops_of_another_size_show_as_much_of_the_face(folder: Path) -> None:
    judge = QualityJudge(folder)
    crop = np.random.default_rng(0).integers(0, 255, (1, 256, 256, 3), dtype=np.uint8)
    twice = crop.repeat(2, axis=1).repeat(2, axis=2)
    assert judge.measure(twice) == pytest.approx(judge.measure(crop), abs=1e-3)
    assert np.isfinite(judge.measure(crop[:, ::4, ::4]))


# ------------------------------------------------------------------------------------------ a whole shard
@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for name in "ab":
        write_talk(folder / f"{name}.mp4")
    return folder


def assets(mirror: Path, folder: Path) -> Assets:
    """The ``assets`` section that accepts the stand-in of a mirror, if there is one."""
    path = mirror / "hyperiqa" / FILE
    accepted = {f"hyperiqa/{FILE}": sha256_file(path)} if path.exists() else {}
    return Assets(folder=str(folder / "weights"), mirror=str(mirror), offline=True, sha256=accepted)


def shard(videos: Path, output: Path, mirror: Path, **gates: object) -> tuple[dict[str, dict], list[str]]:
    """Rows by name and the lines of the log."""
    chosen, lines = folder_reader(videos), []
    sources, settings = sources_of(chosen, output), Preprocess(**gates)
    preprocess_shard(chosen, sources, settings, output, assets=assets(mirror, output), report=lines.append)
    return clips_in(output).to_dict("index"), lines


def test_the_gate_refuses_what_scores_less_and_keeps_the_score(videos: Path, folder: Path, tmp_path: Path) -> None:
    rows, _ = shard(videos, tmp_path / "low", folder.parent, quality_weights="hyperiqa", min_quality=-1e6)
    score = rows["a"]["quality"]
    assert np.isfinite(score) and {row["status"] for row in rows.values()} == {"ok"} and not rows["a"]["reason"]
    crops = QualityJudge(folder).measure(load_crops(tmp_path / "low", "folder_a"))
    assert score == pytest.approx(crops, abs=1e-3)
    rows, _ = shard(videos, tmp_path / "high", folder.parent, quality_weights="hyperiqa", min_quality=score + 1)
    assert rows["a"]["status"] == "poor_quality" and rows["a"]["reason"].endswith("(preprocess.min_quality)")
    assert rows["a"]["quality"] == pytest.approx(score, abs=1e-3) and rows["a"]["sha256"] is None


def load_crops(output: Path, clip_id: str) -> np.ndarray:
    from safetensors import safe_open

    with safe_open(output / "crops.safetensors", framework="numpy") as store:
        return store.get_tensor(clip_id)


def test_without_the_weights_every_clip_passes_and_says_so(videos: Path, tmp_path: Path) -> None:
    rows, lines = shard(videos, tmp_path / "out", tmp_path / "mirror", quality_weights="hyperiqa", min_quality=1e6)
    assert {(row["status"], row["reason"]) for row in rows.values()} == {("ok", ABSENT)}
    assert all(np.isnan(row["quality"]) for row in rows.values())
    told = [line for line in lines if line.startswith(ABSENT)]
    assert len(told) == 1 and FILE in told[0] and "\n" not in told[0]


def test_quality_that_is_not_asked_for_is_neither_measured_nor_mentioned(videos: Path, tmp_path: Path) -> None:
    rows, lines = shard(videos, tmp_path / "out", tmp_path / "mirror", min_quality=1e6)
    assert {(row["status"], row["reason"]) for row in rows.values()} == {("ok", None)}
    assert np.isnan(rows["a"]["quality"]) and not any("quality" in line for line in lines)


def test_what_was_finished_without_the_weights_is_made_again_with_them(videos: Path, tmp_path: Path) -> None:
    chosen = folder_reader(videos)
    source, *_ = chosen.clips(sources_of(chosen, tmp_path))
    without, measured = (Parts(tmp_path, Preprocess(), 1, {}, quality) for quality in (False, True))
    without.begin(source)
    without.store_rows(source, [])
    assert without.load(source) == [] and measured.load(source) is None


def test_what_was_finished_with_other_weights_is_made_again(videos: Path, tmp_path: Path) -> None:
    chosen = folder_reader(videos)
    source, *_ = chosen.clips(sources_of(chosen, tmp_path))
    made = Parts(tmp_path, Preprocess(), 1, {}, True, {FILE: "one"})
    made.begin(source)
    made.store_rows(source, [])
    assert made.load(source) == [] and Parts(tmp_path, Preprocess(), 1, {}, True, {FILE: "two"}).load(source) is None
