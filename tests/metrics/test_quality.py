"""Judges of single pictures: against the published packages, in the right order, and their ratios to the truth."""

import hashlib
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from skimage.data import astronaut

from eadnet.media.reading import iterate_video
from eadnet.published.hyperiqa import HyperIQA
from metrics.families import pyiqa, quality
from metrics.families.face_squares import FRAMES, face_squares
from metrics.functional import blind_quality
from metrics.functional.blind_quality import brisque, brisque_features, cpbd, open_brisque, piqe
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from metrics.scoring.values import Value
from metrics.spec import REGISTRY, family_specs
from metrics.tables import Unscorable
from tests.support.lossless import write_lossless

PHOTO = np.ascontiguousarray(astronaut()[30:222, 130:322])
SOFT = cv2.GaussianBlur(PHOTO, (0, 0), 2)
NOISY = np.clip(PHOTO + np.random.default_rng(0).normal(0, 20, PHOTO.shape), 0, 255).astype(np.uint8)
# By the features of brisque 0.2.0 and the SVM of libsvm-official 3.37.0, on these very pictures.
STORED = {"sharp": (PHOTO, -6.21738), "soft": (SOFT, 62.90975), "noisy": (NOISY, 40.28020)}


# ------------------------------------------------------------------------------------------------------ the judges
@pytest.mark.parametrize("name", STORED)
def test_brisque_equals_the_package(name: str) -> None:
    picture, expected = STORED[name]
    assert brisque(picture) == pytest.approx(expected, abs=0.01)


def test_support_vectors_are_all_there() -> None:
    vectors = open_brisque()
    assert vectors.vectors.shape == (770, 36) and vectors.weights.shape == (770,)
    assert np.abs(vectors.weights).max() <= 1024 and abs(vectors.weights.sum()) < 1  # C, and the dual's constraint
    far = replace(vectors, vectors=vectors.vectors + 1e3)
    assert far.predict(brisque_features(PHOTO)) == pytest.approx(-vectors.rho)  # no vector is near


def test_sharp_soft_and_noisy_come_in_the_order_of_each_judge() -> None:
    assert brisque(PHOTO) < brisque(NOISY) < brisque(SOFT)
    assert piqe(PHOTO) < piqe(NOISY) < piqe(SOFT)
    assert cpbd(SOFT) < 0.05 < cpbd(PHOTO) < cpbd(NOISY)  # noise reads as sharpness: the specification says so
    assert "noise" in REGISTRY["cpbd@face192"].avoid.lower()


def test_a_flat_picture_has_no_brisque() -> None:
    with pytest.raises(Unscorable, match="no texture"):
        brisque(np.full((192, 192, 3), 90, np.uint8))


def test_brisque_refuses_other_files(monkeypatch: pytest.MonkeyPatch) -> None:
    open_brisque.cache_clear()
    monkeypatch.setattr(blind_quality, "BRISQUE_SHA256", "0" * 64)
    with pytest.raises(Unscorable, match="svm.txt: sha256 is 19526fb7.*expected 000"):
        open_brisque()
    open_brisque.cache_clear()


# ----------------------------------------------------------------------------------------------------- the squares
def faces(count: int, centre: tuple[float, float] = (140, 110), width: float = 100) -> np.ndarray:
    """(count, 478, 2) points around a centre."""
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (478, 2))
    points = (points - points.mean(0)) / np.ptp(points, axis=0) * width + centre
    return np.repeat(points[None].astype(np.float32), count, axis=0)


def test_squares_are_cut_not_scaled_and_stay_inside() -> None:
    frames = np.random.default_rng(0).integers(0, 255, (3, 240, 320, 3), np.uint8)
    landmarks = faces(3)
    landmarks[1] = np.nan
    landmarks[2] += 500
    found = face_squares(frames, landmarks, [0, 1, 2, 7], 192)
    assert list(found) == [0, 2]
    assert np.array_equal(found[0], frames[0, 14:206, 44:236])
    assert np.array_equal(found[2], frames[2, 48:240, 128:320])
    with pytest.raises(Unscorable, match="320x240.*256 pixels.*never scaled"):
        face_squares(frames, landmarks, [0], 256)


# --------------------------------------------------------------------------------------------------------- the rows
def pair(video: Path, source: Path | None, fps: float = 25.0, **changes: object) -> SimpleNamespace:
    def true_frames() -> object:
        if source is None:
            raise Unscorable("no_truth", "the clip's source video is not kept; preprocess again")
        return islice(iterate_video(source), 12)

    found = SimpleNamespace(
        clip_id="a", status="ok", reason=None, own_fps=fps, own_landmarks=faces(12), true_landmarks=faces(12),
        own_frames=lambda: iterate_video(video, round(fps)), true_frames=true_frames,
    )  # fmt: skip
    return SimpleNamespace(**{**vars(found), **changes})


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder, photo = tmp_path_factory.mktemp("films"), astronaut()[:240, 90:410]
    changes = {"true": lambda frame: frame, "soft": lambda frame: cv2.GaussianBlur(frame, (0, 0), 2),
               "small": lambda frame: frame[:180]}  # fmt: skip
    for name, change in changes.items():
        write_lossless(folder / f"{name}.mkv", np.stack([change(np.roll(photo, place, 1)) for place in range(12)]))
    return lambda name: folder / f"{name}.mkv"


def values(one: SimpleNamespace) -> dict[str, Value]:
    return {value.metric: value for value in quality.score([one], None)}


def test_values_and_ratios_of_a_clip(films: Callable[[str], Path]) -> None:
    itself = values(pair(films("true"), films("true")))
    assert list(itself) == [spec.key for spec in family_specs("quality")]
    for name in ("piqe", "cpbd"):
        assert itself[f"{name}_ratio@face192"].value == pytest.approx(1, abs=1e-9)
        assert itself[f"{name}@face192"].n == itself[f"{name}_ratio@face192"].n == FRAMES
        assert itself[f"{name}@face192"].n_wanted == FRAMES
    below = itself["brisque_ratio@face192"]  # a clean photograph reads below 0
    assert below.status == "no_ratio" and str(round(itself["brisque@face192"].value))[:2] in below.reason
    soft = values(pair(films("soft"), films("true")))
    assert soft["piqe_ratio@face192"].value > 1.5 and soft["cpbd_ratio@face192"].value < 0.2
    assert soft["brisque@face192"].value > itself["brisque@face192"].value + 30


def test_what_is_missing_is_said(films: Callable[[str], Path]) -> None:
    alone = values(pair(films("true"), None))
    assert alone["piqe@face192"].status == "ok" and alone["piqe_ratio@face192"].status == "no_truth"
    small = values(pair(films("small"), films("true")))
    assert {value.status for value in small.values()} == {"too_small"}
    landmarks = faces(12)
    landmarks[0] = np.nan
    partial = values(pair(films("true"), films("true"), own_landmarks=landmarks))["piqe@face192"]
    assert (partial.n, partial.n_wanted) == (FRAMES - 1, FRAMES)
    landmarks[:] = np.nan
    assert {row.status for row in values(pair(films("true"), None, own_landmarks=landmarks)).values()} == {"no_face"}
    larger = values(pair(films("true"), films("true"), true_landmarks=faces(12, width=150)))
    assert larger["piqe_ratio@face192"].notes == "the face is 100 px across, the true one 150"


def test_moments_of_another_rate_are_matched(films: Callable[[str], Path]) -> None:
    def every_second() -> object:
        return islice(iterate_video(films("true")), 0, None, 2)

    slow = pair(films("true"), films("true"), 12.5, own_landmarks=faces(6), own_frames=every_second)
    found = values(slow)["piqe_ratio@face192"]
    assert found.value == pytest.approx(1, abs=1e-9) and found.n == 6


# ---------------------------------------------------------------------------------------------- the learned judges
class Weights(ScoringSettings):
    """Settings that have HyperIQA's weights only."""

    def weights(self, asset: str) -> Path:
        if asset != "hyperiqa":
            raise WeightsAbsent(asset)
        return self.judges


def test_hyperiqa_scores_and_others_say_what_they_need(
    films: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    network = HyperIQA().eval()
    torch.save(network.state_dict(), tmp_path / "koniq_pretrained.pkl")
    monkeypatch.setitem(sys.modules, "pyiqa", None)  # as if it were not installed
    landmarks = faces(12, (160, 120))
    landmarks[3:] = np.nan  # two of the frames that are judged are enough
    one = pair(films("true"), films("true"), own_landmarks=landmarks, true_landmarks=landmarks)
    found = {value.metric: value for value in pyiqa.score([one], Weights(tmp_path, "face", 96, 16))}
    assert set(found) == {spec.key for spec in family_specs("pyiqa")}
    square = next(iterate_video(films("true")))[8:232, 48:272]
    with torch.inference_mode():
        expected = float(network(torch.from_numpy(square.copy()).permute(2, 0, 1)[None].float() / 255))
    assert pyiqa.opened("hyperiqa", Weights(tmp_path, "face", 96, 16))(square) == pytest.approx(expected, abs=1e-5)
    assert found["hyperiqa@face224"].value is not None and found["hyperiqa@face224"].n == 2
    for name in ("musiq", "topiq", "niqe"):
        row = found[f"{name}@face224"]
        assert row.status == "package_absent" and "pip install pyiqa==0.1.13" in row.reason


def test_weights_without_a_published_digest_are_refused_until_accepted(tmp_path: Path) -> None:
    from eadnet.assets import AssetError, fetch

    (tmp_path / "niqe").mkdir()
    (tmp_path / "niqe/niqe_modelparameters.mat").write_bytes(b"some parameters")
    digest = hashlib.sha256(b"some parameters").hexdigest()
    settings = SimpleNamespace(folder=str(tmp_path), mirror=None, sha256={}, offline=True)
    with pytest.raises(AssetError, match=f"none is pinned for niqe/niqe_modelparameters.mat; .*{digest}"):
        fetch("niqe", settings)
    settings.sha256 = {"niqe/niqe_modelparameters.mat": digest}
    assert fetch("niqe", settings) == tmp_path / "niqe"


def test_the_toolbox_is_given_local_files(films: Callable[[str], Path], tmp_path: Path) -> None:
    toolbox = pytest.importorskip("pyiqa", reason="pyiqa is no requirement: its licence forbids commercial use")
    metrics = {name: write_stand_in(toolbox, name, tmp_path / name) for name in ("musiq", "topiq", "niqe")}
    settings = SimpleNamespace(weights=lambda asset: tmp_path / asset)
    square = next(iterate_video(films("true")))[8:232, 48:272]
    for name, expected in metrics.items():
        assert pyiqa.opened(name, settings)(square) == pytest.approx(expected(square), abs=1e-4)


def write_stand_in(toolbox: object, name: str, folder: Path) -> Callable[[np.ndarray], float]:
    """Write made weights of a network of the toolbox under their published name; returns what it gives."""
    from scipy.io import savemat

    folder.mkdir()
    path = folder / pyiqa._place(name).partition("/")[2]
    if name == "niqe":
        random = np.random.default_rng(0)
        savemat(path, {"mu_prisparam": random.random((1, 36)), "cov_prisparam": np.eye(36)})
        made = toolbox.create_metric("niqe", device="cpu", pretrained_model_path=str(path))
    else:
        options = {"backbone_pretrain": False} if name == "topiq" else {}
        made = toolbox.create_metric(pyiqa.NAMES.get(name, name), device="cpu", pretrained=False, **options)
        weights = made.net.state_dict()
        torch.save({"params": weights} if name == "topiq" else weights, path)
    return lambda square: float(made(torch.from_numpy(square.copy()).permute(2, 0, 1)[None].float() / 255))
