"""FID and KID: the network and the resize against the packages that define them, and the rows of a run."""

import hashlib
import json
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from eadnet.media.reading import iterate_video
from eadnet.media.writing import write_video
from metrics.families import inception
from metrics.families.inception import FILE, clean_resize, features, load
from metrics.functional.distances import clip_kernel_distance, kernel_distance, plain_frechet
from metrics.networks.inception import Inception
from metrics.scoring.score import score_pairs
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from tests.golden import pictures as golden

STORED = json.loads(golden.STORED.read_text())
TOLERANCES = STORED["tolerances"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in the published file's form, classifier included."""
    shapes = {name: value.shape for name, value in Inception().state_dict().items()}
    made = golden.weights(shapes, golden.INCEPTION_SEED) | {"fc.bias": torch.zeros(1008)}
    folder = tmp_path_factory.mktemp("inception-fid")
    torch.save(made, folder / FILE)
    return folder


@pytest.fixture(scope="module")
def network(weights: Path) -> Inception:
    return load(weights / FILE)


def test_features_equal_pytorch_fid(network: Inception) -> None:
    found = features(network, golden.pictures(2, 96, 96), "pytorch-fid")
    assert found.shape == (2, 2048)
    assert found[:, ::32] == pytest.approx(np.array(STORED["inception"]["features"]), abs=TOLERANCES["inception"])


def test_resize_equals_clean_fid() -> None:
    found = clean_resize(golden.pictures(1, 420, 380)[0])
    assert found.shape == (299, 299, 3) and found.dtype == np.float32
    assert found[::23, ::29].flatten() == pytest.approx(STORED["clean"], abs=TOLERANCES["clean"])


def test_white_is_scaled_as_each_package_scales_it() -> None:
    white = np.full((1, 40, 40, 3), 255, np.uint8)
    assert inception.bilinear(white).numpy() == pytest.approx(1)
    assert inception.antialiased(white).numpy() == pytest.approx(127 / 128)


def test_the_recipes_differ_where_a_picture_shrinks(network: Inception) -> None:
    crop = golden.pictures(1, 420, 380)
    one, other = (features(network, crop, recipe) for recipe in ("pytorch-fid", "clean"))
    assert np.abs(one - other).max() > 0.01


def test_features_do_not_hang_on_the_batch(network: Inception, monkeypatch: pytest.MonkeyPatch) -> None:
    crops = golden.pictures(3, 64, 64)
    whole = features(network, crops, "clean")
    monkeypatch.setattr(inception, "FRAMES", 1)
    assert features(network, crops, "clean") == pytest.approx(whole, abs=1e-4)


def test_kernel_distance_equals_clean_fid() -> None:
    one, other = golden.kernel_features()
    value, low, high = kernel_distance(np.split(one, 4), np.split(other, [10, 15, 40]))
    assert value == pytest.approx(STORED["kid"], rel=TOLERANCES["kid"]) and low < value < high


def test_interval_of_the_kernel_distance_leaves_out_clips() -> None:
    one, other = (np.split(side, [20, 35, 50]) for side in golden.kernel_features())
    value, low, high = kernel_distance(one, other)
    without = [kernel_distance(*([c for i, c in enumerate(side) if i != out] for side in (one, other)))[0]
               for out in range(4)]  # fmt: skip
    assert (high - low) / 2 == pytest.approx(1.959964 * np.sqrt(3 * np.var(without)), rel=1e-6)
    order = [2, 0, 3, 1]
    assert kernel_distance([one[i] for i in order], [other[i] for i in order])[0] == pytest.approx(value)


def pair(clip_id: str, generated: np.ndarray, truth: np.ndarray) -> SimpleNamespace:
    digests = [hashlib.sha256(crops.tobytes()).hexdigest() for crops in (generated, truth)]
    return SimpleNamespace(clip_id=clip_id, status="ok", generated_crops=generated, true_crops=truth,
                           row={"source": None}, video=None, generated_digest=digests[0],
                           true_digest=digests[1], seen=np.ones(len(truth), bool))  # fmt: skip


class Stub(ScoringSettings):
    """Settings with the weights in `judges`."""

    def weights(self, asset: str) -> Path:
        if self.judges is None:
            raise WeightsAbsent(asset)
        return self.judges


def test_rows_of_a_set(weights: Path, tmp_path: Path) -> None:
    same = [pair(name, *(golden.pictures(2, 64, 64, seed),) * 2) for seed, name in enumerate("ab")]
    settings = Stub(weights, "face", 64, 16, cache=tmp_path)
    found = {value.metric: value for value in inception.score(same, settings)}
    assert list(found) == [
        "fid@pytorch-fid", "fid@clean", "kid@clean", "kid@clean-clips", "fid@pytorch-fid-frame",
        "fid@pytorch-fid-region",
    ]  # fmt: skip
    assert found["kid@clean-clips"].value == pytest.approx(0, abs=1e-9)
    assert found["fid@pytorch-fid-frame"].status == "no_truth" and found["fid@pytorch-fid-region"].status == "ok"
    assert found["fid@clean"].value == pytest.approx(0, abs=1e-3) and found["kid@clean"].value <= 0
    assert "4 features of 2048 dimensions; warning: 4 features" in found["fid@clean"].notes
    assert "warning: 2 clips" in found["fid@clean"].notes and "4 frames of 2 clips" in found["kid@clean"].notes
    blurred = [pair(p.clip_id, p.true_crops // 2, p.true_crops) for p in same]
    assert next(iter(inception.score(blurred, settings))).value > 1
    three = [pair(name, pictures // 2, pictures) for seed, name in enumerate("abc")
             for pictures in (golden.pictures(2, 64, 64, seed),)]  # fmt: skip
    fid = next(iter(inception.score(three, settings)))
    sides = next(inception.feature_sets(three, settings, ["fid@pytorch-fid"]))
    without = [
        plain_frechet(*(np.concatenate([clip for place, clip in enumerate(side) if place != left])
                        for side in (sides.generated, sides.truth)))
        for left in range(3)
    ]  # fmt: skip
    reach = 1.96 * np.sqrt(2 * np.var(without))
    assert (fid.ci_high - fid.value, fid.value - fid.ci_low) == pytest.approx((reach, min(reach, fid.value)), rel=1e-3)


def test_rows_without_weights_or_clips(weights: Path) -> None:
    one = [pair("a", *(golden.pictures(1, 64, 64),) * 2)]
    absent = score_pairs("inception", one, Stub(None, "face", 64, 16))
    assert [value.status for value in absent] == ["weights_absent"] * 6 and "inception-fid" in absent[0].reason
    few = score_pairs("inception", one, Stub(weights, "face", 64, 16))
    assert [value.status for value in few] == ["too_few"] * 6


def test_kernel_distance_of_clips_is_unbiased_where_that_of_frames_is_not() -> None:
    """Two draws of one distribution whose frames are alike within a clip: nine tenths of the variance is the clip's."""

    def draw(rng: np.random.Generator) -> list[np.ndarray]:
        return list(np.sqrt(0.9) * rng.standard_normal((12, 1, 32)) + np.sqrt(0.1) * rng.standard_normal((12, 20, 32)))

    draws = [(draw(rng), draw(rng)) for rng in map(np.random.default_rng, range(40))]
    found = np.array([[kernel_distance(*sides)[0], clip_kernel_distance(*sides)[0]] for sides in draws])
    (of_frames, of_clips), spread = found.mean(0), found.std(0)
    assert of_frames > 4 * spread[0] and abs(of_clips) < 3 * spread[1] / np.sqrt(40)
    assert abs(of_clips) < of_frames / 8


def test_whole_frames_and_region_are_what_the_network_is_shown(weights: Path, tmp_path: Path) -> None:
    pairs = []
    for seed, name in enumerate("ab"):
        crops = golden.pictures(3, 64, 64, seed)
        write_video(tmp_path / f"{name}.mp4", np.repeat(np.repeat(crops, 2, 1), 3, 2))
        one = pair(name, crops, crops)
        one.video, one.row, one.n_frames = str(tmp_path / f"{name}.mp4"), {"source": "kept"}, 3
        one.true_frames = lambda path=one.video: islice(iterate_video(path), 3)
        pairs.append(one)
    settings = Stub(weights, "lower", 64, 16, cache=tmp_path / "cache")
    keys = ["fid@pytorch-fid-frame", "fid@pytorch-fid-region"]
    frame, region = inception.feature_sets(pairs, settings, keys)
    network, mask = load(weights / FILE), settings.region()
    read = np.stack(list(iterate_video(pairs[0].video)))
    assert read.shape == (3, 128, 192, 3)
    assert frame.generated[0] == pytest.approx(features(network, read, "pytorch-fid"), abs=1e-4)
    box = np.ix_(range(3), np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0)), range(3))
    assert region.truth[1] == pytest.approx(features(network, pairs[1].true_crops[box], "pytorch-fid"), abs=1e-4)
    found = {value.metric: value for value in inception.score(pairs, settings)}
    assert all(found[key].status == "ok" and found[key].value == pytest.approx(0, abs=1e-3) for key in keys)
    pairs[1].video = str(tmp_path / "nothing.mp4")
    pairs[1].generated_digest = "0" * 64
    lost = {value.metric: value for value in inception.score(pairs, settings)}["fid@pytorch-fid-frame"]
    assert lost.status == "no_truth" and lost.reason.startswith("1 clips have whole frames")
