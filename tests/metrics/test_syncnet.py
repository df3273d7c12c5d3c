"""Lip sync by SyncNet v2: the reference's numbers, the bias of short clips, variants, and what the extractor leaves."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from python_speech_features import mfcc

from eadnet.config.machine import Assets
from eadnet.faces.detectors.interface import Face
from eadnet.provenance import sha256_file
from eadnet.published import syncnet_v2
from eadnet.published.syncnet_v2 import Eyes, Film, SyncNetV2, features, hear
from metrics.families.syncnet import RECIPES, score, shifted
from metrics.functional.sync import sync_values
from metrics.measuring.extractors.syncnet import Extractor, _Faces
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from metrics.scoring.values import Value
from metrics.specs.syncnet import FAMILY, SPECS
from metrics.tables import Unscorable
from tests.support.lip_sync_cases import CLIPS, random_syncnet, real_crops, real_wave, textures

KEYS = {spec.key for spec in SPECS}
TRACKED = {f"{name}@{variant}" for name in ("lse_c", "lse_d", "sync_offset") for variant in ("ref-v1", "ref-valid-v1")}
TRACKED |= {"lse_c@latentsync"}


@pytest.fixture(scope="module")
def golden(root: Path) -> dict:
    """What joonson/syncnet_python says; see its provenance."""
    return json.loads((root / "tests/golden/lse.json").read_text())


@pytest.fixture(scope="module")
def network() -> SyncNetV2:
    return random_syncnet()


@pytest.fixture(scope="module")
def eyes(network) -> Eyes:
    return Eyes(network)


# --------------------------------------------------------------------------------- numbers of the reference
@pytest.mark.parametrize("name", CLIPS)
def test_scores_of_real_clips_are_the_reference_s(golden, network, eyes, shared, name):
    crops, wave = real_crops(shared / "clips" / name), real_wave(shared / "clips" / name)
    inputs = hashlib.sha256(crops.tobytes() + wave.tobytes()).hexdigest()[:16]
    expected, tolerances = golden["clips"][name], golden["tolerances"]
    assert inputs == expected["inputs"], "the decoder gives other pictures than those the values were made from"
    seen, heard = features(network, crops, wave, eyes)
    assert (seen[3, 7], heard[3, 7]) == pytest.approx((expected["see"], expected["hear"]), abs=tolerances["features"])
    values = shifted(seen.numpy(), heard.numpy())
    assert values.offset == expected["offset"]
    assert values.confidence == pytest.approx(expected["lse_c"], abs=tolerances["clips"])
    assert values.distance == pytest.approx(expected["lse_d"], abs=tolerances["clips"])
    assert values.mean == pytest.approx(expected["mean"], abs=tolerances["clips"])


def test_the_sound_is_heard_in_mfccs_of_unscaled_integers_at_four_columns_a_frame():
    class Ear:
        def hear(self, sound: torch.Tensor) -> torch.Tensor:
            return sound.flatten(1)

    wave = np.random.default_rng(0).integers(-9000, 9000, 30 * 640).astype(np.int16)
    heard, columns = hear(Ear(), wave, 25).view(25, 13, 20), mfcc(wave, 16000)
    for start in (0, 7, 24):
        assert np.allclose(heard[start], columns[4 * start : 4 * start + 20].T, atol=1e-4)
    assert np.abs(mfcc(wave / 32768, 16000)[5, 0] - columns[5, 0]) > 5  # log energy: the scale matters


def test_windows_do_not_depend_on_the_pieces_of_the_film_or_on_threads(network, eyes, monkeypatch):
    crops = np.stack(list(textures(224, 3, 14)))
    whole = eyes.see(crops)
    film = torch.from_numpy(crops[..., ::-1].copy()).permute(3, 0, 1, 2).float()
    with torch.inference_mode():
        expected = network.see(torch.stack([film[:, start : start + 5] for start in range(10)]))
    assert torch.allclose(whole, expected, atol=1e-4) and whole.std(0).mean() > 0.1
    monkeypatch.setattr(syncnet_v2, "BATCH", 3)
    pieces = Film(eyes)
    for crop in crops:
        pieces.push(crop)
    assert torch.allclose(pieces.features(), whole, atol=1e-4) and len(pieces.held) < 7
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        assert torch.allclose(eyes.see(crops), whole, atol=1e-4)
    finally:
        torch.set_num_threads(threads)


def test_fewer_than_six_frames_have_no_window(network, eyes):
    crops = np.zeros((5, 224, 224, 3), np.uint8)
    assert [len(part) for part in features(network, crops, np.ones(6400, np.int16), eyes)] == [0, 0]
    with pytest.raises(Unscorable) as fault:
        shifted(np.empty((0, 1024)), np.empty((0, 1024)))
    assert fault.value.status == "too_short"


# ------------------------------------------------------------------------------------ the bias of short clips
def made(windows: int, seed: int, correlation: float = 0.75, late: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features of length 10; what is heard `late` windows later correlates with what is seen."""
    generator = np.random.default_rng(seed)
    both = generator.normal(size=(2, windows + 40, 1024))
    seen, other = 10 * both / np.linalg.norm(both, axis=2, keepdims=True)
    heard = correlation * seen + (1 - correlation**2) ** 0.5 * other
    return seen[20 : 20 + windows], heard[20 - late : 20 - late + windows]


@pytest.mark.parametrize(
    ("windows", "reference", "valid"), [(20, 5.33, 6.98), (45, 6.38, 7.12), (95, 6.75, 7.10), (245, 6.92, 7.07)]
)
def test_zero_padding_lowers_the_confidence_of_short_clips(windows, reference, valid):
    trials = [made(windows, seed) for seed in range(4)]
    ours = [shifted(*trial) for trial in trials]
    free = [sync_values(*trial) for trial in trials]
    assert np.mean([values.confidence for values in ours]) == pytest.approx(reference, abs=0.1)
    assert np.mean([values.confidence for values in free]) == pytest.approx(valid, abs=0.1)
    for values in (*ours, *free):
        assert values.distance == pytest.approx(7.07, abs=0.06) and values.offset == 0


@pytest.mark.parametrize("late", [-10, -1, 3, 10])
def test_sound_that_is_late_has_a_negative_offset_and_the_same_distance(late):
    valid = sync_values(*made(80, 1, late=late))
    assert valid.offset == -late == shifted(*made(80, 1, late=late)).offset
    assert valid.distance == pytest.approx(sync_values(*made(80, 1)).distance, abs=0.05)


def test_a_wave_moved_by_frames_moves_what_is_heard(network):
    wave = np.random.default_rng(2).integers(-9000, 9000, 24 * 640).astype(np.int16)
    moved = np.concatenate([np.zeros(3 * 640, np.int16), wave])
    assert torch.allclose(hear(network, moved, 18)[4:], hear(network, wave, 15)[1:], atol=1e-3)


def test_wrong_sound_is_far_off_at_every_shift():
    seen, _ = made(100, 1)
    _, heard = made(100, 2)
    valid = sync_values(seen, heard)
    assert valid.distance > 14 and valid.confidence < 0.2


# ------------------------------------------------------------------------------------------------ the family
@dataclass
class MadePair:
    """A pair whose features are given."""

    arrays: dict
    true: dict = field(default_factory=dict)
    n_frames: int = 130
    clip_id: str = "clip"
    status: str = "ok"
    reason: str | None = None
    sound: bool = True
    own_landmarks_25: np.ndarray = field(default_factory=lambda: np.zeros((130, 478, 2)))

    @property
    def seen(self) -> np.ndarray:
        return np.ones(self.n_frames, bool)

    @property
    def own_audio(self) -> np.ndarray:
        if not self.sound:
            raise Unscorable("silent", "the video has no sound")
        return np.ones(640, np.float32)

    def features(self, name: str) -> np.ndarray:
        if name not in self.arrays:
            raise Unscorable("not_measured", f"no {name}")
        return self.arrays[name]

    def true_features(self, name: str) -> np.ndarray:
        return self.true[name]


class MadeSettings:
    def __init__(self, *absent: str) -> None:
        self.absent = absent

    def weights(self, asset: str) -> Path:
        if asset in self.absent:
            raise WeightsAbsent(asset)
        return Path(asset)


def measured(late: tuple[int, ...] = (2, 0), detections: tuple[int, ...] = (120, 70)) -> dict:
    """Arrays of a video of 125 windows with two tracks."""
    (seen, heard), parts = made(125, 0), [made(n - 10, 5 + n, late=k) for n, k in zip((125, 75), late, strict=True)]
    table = np.array([(0, n - 5, n - 10, d, 130) for n, d in zip((125, 75), detections, strict=True)])
    arrays = {
        "syncnet_frames": np.array([130]),
        "syncnet_heard": heard,
        "syncnet_mesh_seen": seen,
        "syncnet_frame_seen": seen,
    }
    for name, rows in (("track", "syncnet_tracks"), ("verse", "syncnet_verse_tracks")):
        arrays |= {f"syncnet_{name}_seen": np.concatenate([part[0] for part in parts]), rows: table}
        arrays[f"syncnet_{name}_heard"] = np.concatenate([part[1] for part in parts])
    return arrays


def scored(pair: MadePair, *absent: str) -> dict[str, Value]:
    return {value.metric: value for value in score([pair], MadeSettings(*absent))}


def test_every_key_has_a_row_and_recipes_name_the_weights():
    assert {key for recipe in RECIPES for key in recipe.keys} == KEYS
    assert {asset for recipe in RECIPES for asset in recipe.assets} == set(FAMILY.assets)
    assert set(scored(MadePair(measured(), {"syncnet_mesh_seen": made(130, 0)[0]}))) == KEYS


def test_variants_choose_tracks_shifts_and_means():
    arrays = measured()
    values = scored(MadePair(arrays, {"syncnet_mesh_seen": arrays["syncnet_mesh_seen"]}))
    first = shifted(arrays["syncnet_track_seen"][:115], arrays["syncnet_track_heard"][:115])
    second = shifted(arrays["syncnet_track_seen"][115:], arrays["syncnet_track_heard"][115:])
    assert values["sync_offset@ref-v1"].value == -2 and values["lse_c@ref-v1"].n == 115
    assert values["lse_c@ref-v1"].value == first.confidence and values["lse_d@ref-v1"].value == first.distance
    assert values["lse_c@latentsync"].value == pytest.approx((first.confidence + second.confidence) / 2)
    assert values["lse_c@latentsync"].reason == "mean of 2 tracks" and values["lse_c@latentsync"].n == 180
    assert values["lse_d@versebench"].value == pytest.approx((first.mean + second.mean) / 2) and first.mean > 12
    assert values["lse_c@valid-v1"].value > values["lse_c@wav2lip-fullframe"].value
    assert values["sync_offset@valid-v1"].value == 0 and values["lip_cosine@syncnet-v2"].value == pytest.approx(1)


def test_what_needs_s3fd_says_so_and_the_rest_is_scored():
    arrays = {name: array for name, array in measured().items() if "track" not in name or "verse" in name}
    values = scored(MadePair(arrays, {"syncnet_mesh_seen": arrays["syncnet_mesh_seen"]}), "sfd-face")
    for key in KEYS:
        absent = key in TRACKED
        assert (values[key].status, values[key].value is None) == (("weights_absent" if absent else "ok"), absent), key
        assert not absent or values[key].reason == "weights absent: sfd-face"


def test_without_syncnet_all_rows_name_it_and_unmeasured_is_told_apart():
    values = scored(MadePair({}), "syncnet-v2", "sfd-face", "insightface-buffalo-l")
    assert {value.reason for value in values.values()} == {"weights absent: syncnet-v2"}
    assert {value.status for value in scored(MadePair({})).values()} == {"not_measured"}


def test_clips_without_a_track_are_rows_with_a_reason():
    arrays = measured(detections=(100, 40))
    values = scored(MadePair(arrays, {"syncnet_mesh_seen": arrays["syncnet_mesh_seen"]}))
    assert values["lse_c@ref-v1"].status == "no_track" and "over 100 frames" in values["lse_c@ref-v1"].reason
    assert values["lse_c@latentsync"].status == "ok"
    short = scored(MadePair(arrays | {"syncnet_frames": np.array([90])}, {"syncnet_mesh_seen": np.empty((0, 1024))}))
    assert short["lse_d@ref-v1"].status == "too_short" and "90 frames" in short["lse_d@ref-v1"].reason
    assert short["lip_cosine@syncnet-v2"].status == "no_face"


def test_silence_no_face_and_far_offsets_are_rows_with_a_reason():
    arrays = measured(late=(15, 0)) | {"syncnet_mesh_seen": np.empty((0, 1024))}
    values = scored(MadePair(arrays, own_landmarks_25=np.full((130, 478, 2), np.nan)))
    assert values["lse_c@versebench"].status == "out_of_sync" and "-15 frames" in values["lse_c@versebench"].reason
    assert values["lse_c@valid-v1"].status == "no_face"
    assert values["sync_offset@ref-v1"].value is None and values["sync_offset@ref-v1"].status == "beyond_range"
    assert values["lse_d@ref-v1"].value > 0 and "15 frames either way" in values["lse_d@ref-v1"].notes
    silent = scored(MadePair(measured(), {"syncnet_mesh_seen": made(9, 0)[0]}, sound=False))
    assert {value.status for key, value in silent.items() if key != "lip_cosine@syncnet-v2"} == {"silent"}


# --------------------------------------------------------------------------------------------- the extractor
class BrightnessEyes:
    """Sees the mean brightness of a window's middle frame."""

    def see(self, crops: np.ndarray) -> torch.Tensor:
        middle = torch.from_numpy(crops[2:-2].mean(axis=(1, 2, 3)))
        return middle[:, None].expand(-1, 1024).float()


class MadeDetectors:
    """Finds the same large face in every frame, and none in those whose corner is white."""

    BOX = (20.0, 20.0, 140.0, 150.0)

    def detect_all(self, frames: np.ndarray) -> list[np.ndarray]:
        return [np.empty((0, 5)) if frame[0, 0, 0] == 255 else np.array([[*self.BOX, 0.99]]) for frame in frames]

    def detect(self, frame: np.ndarray) -> list[Face]:
        found = self.detect_all(frame[None])[0]
        return [Face(box[:4], float(score), np.zeros((5, 2))) for *box, score in found for box in [np.array(box)]]


def extractor(network: SyncNetV2, detectors: MadeDetectors | None) -> Extractor:
    made = Extractor.__new__(Extractor)
    made.network, made.eyes, made.found = network, BrightnessEyes(), _Faces()
    made.s3fd = made.scrfd = detectors
    return made


def test_arrays_of_a_video_are_windows_of_its_crops(monkeypatch):
    monkeypatch.setattr(
        "metrics.measuring.extractors.syncnet.hear", lambda _, wave, count: torch.zeros(max(count, 0), 1024)
    )
    frames = np.repeat(np.arange(130, dtype=np.uint8), 160 * 160 * 3).reshape(130, 160, 160, 3)
    frames[60, 0, 0] = 255  # no face: S3FD's track goes on, InsightFace's is cut
    landmarks = np.random.default_rng(0).uniform(30, 120, (130, 478, 2))
    made = extractor(None, MadeDetectors())
    for _ in range(2):  # what is left of one video does not reach the next
        made.begin(140, None)
        for first in range(0, 130, 32):
            made.see(frames[first : first + 32], landmarks[first : first + 32])
        arrays = made.finish(lambda: iter(frames), np.zeros(130 * 640, np.int16))
    assert arrays["syncnet_frames"].tolist() == [130] and len(arrays["syncnet_heard"]) == 125
    assert len(arrays["syncnet_mesh_seen"]) == 125
    assert np.array_equal(arrays["syncnet_frame_seen"][:50, 0], np.arange(2, 52))
    assert arrays["syncnet_tracks"].tolist() == [[0, 130, 125, 129, 130]]
    assert len(arrays["syncnet_track_seen"]) == len(arrays["syncnet_track_heard"]) == 125
    assert arrays["syncnet_verse_tracks"].tolist() == [[0, 60, 54, 60, 130], [61, 69, 63, 69, 130]]
    assert len(arrays["syncnet_verse_seen"]) == len(arrays["syncnet_verse_heard"]) == 54 + 63


def test_a_short_video_is_not_searched_for_tracks_and_one_without_a_face_has_no_mesh(network):
    class Unasked(MadeDetectors):
        def detect_all(self, frames: np.ndarray) -> list[np.ndarray]:
            raise AssertionError("no track can come of 50 frames")

    made = extractor(network, Unasked())
    made.scrfd = None
    made.begin(50, None)
    frames = np.zeros((8, 160, 160, 3), np.uint8)
    made.see(frames, np.full((8, 478, 2), np.nan, np.float32))
    arrays = made.finish(lambda: iter(frames), np.ones(8 * 640, np.int16))
    assert arrays["syncnet_mesh_seen"].shape == (0, 1024) and arrays["syncnet_frame_seen"].shape == (3, 1024)
    assert arrays["syncnet_tracks"].shape == (0, 5) and "syncnet_verse_tracks" not in arrays


def test_it_opens_with_syncnet_alone(network, tmp_path):
    path = tmp_path / "mirror/syncnet-v2/syncnet_v2.model"
    path.parent.mkdir(parents=True)
    torch.save(network.state_dict(), path)
    accepted = {"syncnet-v2/syncnet_v2.model": sha256_file(path)}
    assets = Assets(folder=str(tmp_path / "weights"), mirror=str(tmp_path / "mirror"), offline=True, sha256=accepted)
    opened = Extractor(ScoringSettings(None, "mouth", 64, 16, assets=assets))
    assert opened.s3fd is None and opened.scrfd is None
    with pytest.raises(WeightsAbsent, match="weights absent: syncnet-v2"):
        Extractor(ScoringSettings(None, "mouth", 64, 16))
