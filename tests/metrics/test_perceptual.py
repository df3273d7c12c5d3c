"""LPIPS and tLP: against the published package, on equal clips, in pieces, and without weights."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from eadnet.media.reading import iterate_video
from eadnet.media.writing import write_video
from eadnet.published.lpips import ALEX_WIDTHS, LPIPS, VGG16, WIDTHS, AlexNet
from metrics.families import perceptual
from metrics.families.perceptual import distances, load
from metrics.families.pictures import FRAMES, region_of
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from metrics.tables import Unscorable
from tests.golden import pictures as golden

GOLDEN = json.loads(golden.STORED.read_text())
STORED, TOLERANCE = GOLDEN["lpips"], GOLDEN["tolerances"]["lpips"]
TRUNKS = {"alex": (AlexNet, ALEX_WIDTHS), "vgg": (VGG16, WIDTHS)}
FILES = {"alexnet": "alexnet-owt-7be5be79.pth", "vgg16": "vgg16-397923af.pth"}


@pytest.fixture(scope="module")
def trunks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of random trunks, with a classifier as the published ones have."""
    folder = tmp_path_factory.mktemp("trunks")
    for net, (make, _) in TRUNKS.items():
        shapes = {name: value.shape for name, value in make().state_dict().items()}
        made = golden.weights(shapes, golden.TRUNK_SEEDS[net])
        torch.save(made | {"classifier.6.bias": torch.zeros(3)}, folder / f"{net}.pth")
    return {net: folder / f"{net}.pth" for net in TRUNKS}


@pytest.fixture(scope="module")
def alex(trunks: dict[str, Path]) -> LPIPS:
    return load("alex", trunks["alex"], write_heads("alex", trunks["alex"].parent))


def write_heads(net: str, folder: Path) -> Path:
    torch.save(golden.heads(TRUNKS[net][1]), folder / f"{net}_heads.pth")
    return folder / f"{net}_heads.pth"


def clips() -> tuple[np.ndarray, np.ndarray]:
    return golden.pictures(3, 64, 80, 1), golden.pictures(3, 64, 80, 2)


@pytest.mark.parametrize("net", TRUNKS)
def test_lpips_equals_the_published_package(net: str, trunks: dict[str, Path], tmp_path: Path) -> None:
    found = distances(load(net, trunks[net], write_heads(net, tmp_path)), *clips())[0]
    assert found == pytest.approx(STORED[net]["random_heads"], abs=TOLERANCE)


@pytest.mark.parametrize("net", TRUNKS)
def test_lpips_with_the_official_heads_equals_the_package(net: str, trunks: dict[str, Path], shared: Path) -> None:
    network = load(net, trunks[net], shared / f"assets/lpips_v0.1_{net}.pth")
    assert distances(network, *clips())[0] == pytest.approx(STORED[net]["official_heads"], abs=TOLERANCE)


def test_equal_clips_are_at_no_distance(alex: LPIPS) -> None:
    found = distances(alex, clips()[0], clips()[0])
    assert not found[0].any() and np.array_equal(found[1], found[2]) and found[1, 1:].all()


def test_a_clip_in_pieces_reads_the_same(alex: LPIPS, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = golden.pictures(6, 64, 64, 1), golden.pictures(6, 64, 64, 2)
    whole = distances(alex, one, other)
    for frames in (1, 5):
        monkeypatch.setattr(perceptual, "FRAMES", frames)
        assert distances(alex, one, other) == pytest.approx(whole, abs=1e-6)
    steps = [distances(alex, one[t - 1 : t], one[t : t + 1])[0, 0] for t in range(1, 6)]
    assert whole[1, 0] == 0 and whole[1, 1:] == pytest.approx(steps, abs=1e-6)


def test_more_noise_is_further_away(alex: LPIPS) -> None:
    clip, random = golden.pictures(2, 64, 64), np.random.RandomState(0)
    found = [
        distances(alex, np.clip(clip + random.normal(0, sigma, clip.shape), 0, 255).astype(np.uint8), clip)[0].mean()
        for sigma in (5, 20, 60)
    ]
    assert 0 < found[0] < found[1] < found[2]


class Weights(ScoringSettings):
    """Settings that have the weights of AlexNet only."""

    def weights(self, asset: str) -> Path:
        if asset not in ("alexnet", "lpips-alex"):
            raise WeightsAbsent(asset)
        return self.judges / asset


def pair(generated: np.ndarray, truth: np.ndarray) -> SimpleNamespace:
    return SimpleNamespace(clip_id="a", status="ok", generated_crops=generated, true_crops=truth,
                           n_frames=len(truth), video=None, row={"source": None}, generated_digest="1",
                           true_digest="2", seen=np.ones(len(truth), bool))  # fmt: skip


def test_values_of_a_clip_and_rows_for_absent_weights(trunks: dict[str, Path], alex: LPIPS, tmp_path: Path) -> None:
    for asset, file, source in (("alexnet", FILES["alexnet"], trunks["alex"]),
                                ("lpips-alex", "alex.pth", write_heads("alex", tmp_path))):  # fmt: skip
        (tmp_path / asset).mkdir()
        (tmp_path / asset / file).write_bytes(source.read_bytes())
    generated, truth = clips()
    values = list(perceptual.score([pair(generated, truth)], Weights(tmp_path, "face", 64, 16, cache=tmp_path / "c")))
    found = {value.metric: value for value in values}
    assert set(found) == {"lpips@alex", "tlp@alex", "lpips@alex-frame", "lpips@alex-region", "lpips@vgg"}
    assert found["lpips@alex-frame"].status == "missing" and found["lpips@alex-region"].status == "wrong_size"
    expected = distances(alex, generated, truth)
    assert found["lpips@alex"].value == pytest.approx(expected[0].mean())
    assert found["tlp@alex"].value == pytest.approx(100 * np.abs(expected[1, 1:] - expected[2, 1:]).mean(), rel=1e-4)
    assert found["lpips@vgg"].status == "weights_absent" and "vgg16" in found["lpips@vgg"].reason
    assert len(list((tmp_path / "c").rglob("*.npy"))) == 1
    short = pair(generated[:1], truth[:1])
    short.generated_digest = "3"
    alone = {value.metric: value for value in perceptual.score([short], Weights(tmp_path, "face", 64, 16))}
    assert alone["tlp@alex"].status == "too_short" and alone["lpips@alex"].n == 1


def test_weights_of_another_network_are_refused(trunks: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="LPIPS"):
        load("alex", trunks["vgg"], write_heads("alex", tmp_path))


def test_frames_of_another_size_are_refused_and_lost_ones_counted(alex: LPIPS) -> None:
    one, other = golden.pictures(5, 64, 64, 1), golden.pictures(3, 64, 64, 2)
    assert distances(alex, iter(one), iter(other)) == pytest.approx(distances(alex, one[:3], other), abs=1e-6)
    with pytest.raises(Unscorable, match="equal ones of 64 pixels"):
        distances(alex, one, golden.pictures(5, 64, 80, 2))


def test_lpips_of_whole_frames_and_of_the_region(alex: LPIPS, tmp_path: Path) -> None:
    made, real = golden.pictures(3, 128, 128, 1), golden.pictures(3, 128, 128, 2)
    for name, frames in (("made", made), ("real", real)):
        write_video(tmp_path / f"{name}.mp4", frames)
    one = pair(made, real)
    one.video, one.row, one.n_frames = str(tmp_path / "made.mp4"), {"source": "kept"}, 4
    one.true_frames = lambda: iterate_video(tmp_path / "real.mp4")
    settings = ScoringSettings(None, "lower", 128, 16)
    mask = settings.region()
    found = [
        next(perceptual._scored(alex, "x", pictures, (key,), [one], settings))
        for pictures, key in ((FRAMES, "lpips@alex-frame"), (region_of(mask), "lpips@alex-region"))
    ]
    read = [np.stack(list(iterate_video(tmp_path / f"{name}.mp4"))) for name in ("made", "real")]
    assert found[0].value == pytest.approx(distances(alex, *read)[0].mean(), rel=1e-6)
    assert (found[0].n, found[0].n_wanted) == (3, 4)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    cut = [clip[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] for clip in (made, real)]
    assert found[1].value == pytest.approx(distances(alex, *cut)[0].mean(), rel=1e-6)
