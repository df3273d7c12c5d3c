"""FID and KID: the network and the resize against the packages that define them, and the rows of a run."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from metrics.families import inception
from metrics.families.inception import FILE, clean_resize, features, load
from metrics.functional.distances import kernel_distance, plain_frechet
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
                           true_digest=digests[1])  # fmt: skip


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
