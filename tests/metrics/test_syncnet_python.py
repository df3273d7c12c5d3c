"""syncnet-python: the oracle of ``@ref-v1`` on the same crops and weights, and a family in its own environment."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from eadnet.media.decoding import MediaError
from eadnet.media.reading import read_audio, read_video
from eadnet.media.writing import write_audio, write_video
from eadnet.published.syncnet_v2 import SyncNetV2, features
from metrics.families.syncnet import shifted
from metrics.families.syncnet_python import score
from metrics.networks.s3fd import S3FD
from metrics.scoring.score import score_pairs
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from metrics.scoring.values import Value
from metrics.specs.syncnet_python import SPECS
from metrics.tables import Unscorable
from tests.support.lip_sync_cases import random_s3fd, random_syncnet, real_crops, real_wave, textures
from tests.support.syncnet_package import network_modules, whole_package

KEYS = [spec.key for spec in SPECS]


@pytest.fixture(scope="module")
def network() -> SyncNetV2:
    return random_syncnet()


@pytest.fixture(scope="module")
def weights(network: SyncNetV2, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made weights in the published files' form."""
    folder = tmp_path_factory.mktemp("weights")
    for asset, file, made in (("syncnet-v2", "syncnet_v2.model", network), ("sfd-face", "sfd_face.pth", random_s3fd())):
        (folder / asset).mkdir()
        torch.save(made.state_dict(), folder / asset / file)
    return folder


# ------------------------------------------------------------------------ the oracle: same crops, same weights
def packaged(weights: Path, crops: np.ndarray, wave: np.ndarray, folder: Path) -> tuple[int, float, float, np.ndarray]:
    """Offset, confidence and distance of the package's own evaluation, and the crops as it reads them (JPEG)."""
    model, evaluation, _ = network_modules()
    theirs = model.S()
    theirs.load_state_dict(torch.load(weights / "syncnet-v2/syncnet_v2.model", weights_only=True))
    for number, crop in enumerate(crops):
        cv2.imwrite(str(folder / f"{number:06d}.jpg"), crop[..., ::-1])
    write_audio(folder / "audio.wav", wave.astype(np.float32) / 32768, 16000)
    options = SimpleNamespace(tmp_dir=str(folder), batch_size=20, vshift=15)
    found = evaluation.SyncNetInstance(theirs, device="cpu").evaluate(options)
    read = np.stack([cv2.imread(str(path))[..., ::-1] for path in sorted(folder.glob("*.jpg"))])
    return *found, read


def assert_alike(network: SyncNetV2, theirs: tuple, wave: np.ndarray) -> None:
    offset, confidence, distance, crops = theirs
    ours = shifted(*(part.numpy() for part in features(network, crops, wave)))
    assert ours.offset == offset
    assert (ours.confidence, ours.distance) == pytest.approx((confidence, distance), abs=1e-4)


@pytest.mark.parametrize("name", ["hdtf_WDA_EdMarkey0_000.mp4", "mead_W040_happy_L3_029.mp4"])
def test_the_package_scores_crops_of_real_clips_as_ref_v1(network, weights, shared, tmp_path, name):
    crops, wave = real_crops(shared / "clips" / name), real_wave(shared / "clips" / name)
    assert_alike(network, packaged(weights, crops, wave, tmp_path), wave)


@pytest.mark.parametrize(("frames", "heard"), [(30, 30), (24, 20), (18, 40)])
def test_the_package_scores_drifting_blobs_and_noise_as_ref_v1_whichever_is_longer(
    network, weights, tmp_path, frames, heard
):
    crops = np.stack(list(textures(224, frames, frames)))
    wave = np.random.default_rng(frames).normal(0, 3000, heard * 640).astype(np.int16)
    assert_alike(network, packaged(weights, crops, wave, tmp_path), wave)


def test_the_package_s_detector_finds_the_same_boxes(weights):
    _, _, s3fd = network_modules()
    nets = sys.modules[f"{s3fd.__name__}.nets"]
    theirs = nets.S3FDNet(device="cpu")
    theirs.load_state_dict(torch.load(weights / "sfd-face/sfd_face.pth", weights_only=True))
    picture = next(textures(256, 9))[:200]
    expected = s3fd.S3FD(net=theirs, device="cpu").detect_faces(picture, conf_th=0.5, scales=[0.5])
    found = S3FD(random_s3fd()).detect(picture, 0.5, 0.5)
    assert len(expected) > 5 and np.allclose(found, expected, rtol=1e-4, atol=1e-2)


# ------------------------------------------------------------------------------ the whole package, in its Python
@dataclass
class Video:
    """A pair of which only the video's own file matters."""

    video: str
    status: str = "ok"
    reason: str | None = None

    @property
    def clip_id(self) -> str:
        return Path(self.video).stem

    @property
    def row(self) -> dict:
        return {"clip_id": self.clip_id}

    @property
    def own_audio(self) -> np.ndarray:
        if self.status == "missing":
            raise Unscorable(self.status, self.reason)
        try:
            return read_audio(self.video)
        except MediaError as fault:
            raise Unscorable(fault.status, str(fault)) from None


class Weights(ScoringSettings):
    """Settings with the made weights in `judges`."""

    def weights(self, asset: str) -> Path:
        if self.judges is None:
            raise WeightsAbsent(asset)
        return self.judges / asset


def settings(weights: Path | None, python: str | None = None) -> Weights:
    return Weights(weights, "face", 64, 8, syncnet_python=python)


@pytest.fixture(scope="module")
def scored(shared: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Value]]:
    """What the package says of a real clip, of one too short for a track, of a silent and of a broken one."""
    python, folder = whole_package(), tmp_path_factory.mktemp("videos")
    source = shared / "clips/grid_lwbsza.mpg"
    frames, wave = read_video(source), read_audio(source)
    write_video(folder / "whole.mp4", frames, audio=wave)
    write_video(folder / "short.mp4", frames[:40], audio=wave[: 40 * 640])
    write_video(folder / "mute.mp4", frames[:10])
    write_video(folder / "silent.mp4", frames[:10], audio=np.zeros(6400, np.float32))
    write_video(folder / "sound_only_at_first.mp4", frames, audio=wave[:6400])
    write_audio(folder / "only_sound.wav", wave, 16000)
    pairs = [Video(str(path)) for path in sorted(folder.iterdir())]
    pairs += [Video(str(folder / "refused.mp4"), "missing", "no video is named refused")]
    (folder / "another_sound.mp4").symlink_to(folder / "whole.mp4")
    pairs += [Video(str(folder / "another_sound.mp4"), "wrong_audio", "its sound is not the clip's")]
    rows: dict[str, list[Value]] = {}
    for value in score(pairs, settings(weights, python)):
        rows.setdefault(value.clip_id, []).append(value)
    return rows


def test_every_video_has_a_row_of_every_key(scored):
    assert {name: [value.metric for value in values] for name, values in scored.items()} == dict.fromkeys(
        ("whole", "short", "mute", "silent", "sound_only_at_first", "only_sound", "refused", "another_sound"), KEYS
    )


def test_a_track_s_values_are_the_package_s_and_the_notes_give_every_track(scored, shared, weights):
    confidence, distance, offset = scored["whole"]
    assert confidence.status == "ok" and confidence.value > 0 and distance.value > 0
    tracks = [note for note in confidence.notes.split("; ") if note.startswith("track")]
    assert max(float(track.split("LSE-C ")[1].split(",")[0]) for track in tracks) == pytest.approx(
        confidence.value, abs=6e-4
    )
    if offset.status == "beyond_range":  # weights made at random
        assert offset.value is None and tracks[0].endswith(("offset +15", "offset -15"))
    else:
        assert abs(offset.value) < 15 and tracks[0].endswith(f"offset {int(offset.value):+d}")
    assert 0 < confidence.n <= 75 * len(tracks) and confidence.n_wanted >= confidence.n
    heard = scored["sound_only_at_first"][0]
    assert heard.n <= 10 * len(tracks) and heard.n_wanted > 50, "ten frames of sound are no whole clip"


def test_a_video_that_does_not_fit_its_clip_is_scored_all_the_same(scored):
    assert [value.value for value in scored["another_sound"]] == [value.value for value in scored["whole"]]


def test_videos_without_a_score_have_rows_with_the_reason(scored):
    reasons = {name: (values[0].value, values[0].status, values[0].reason) for name, values in scored.items()}
    assert reasons["short"][:2] == (None, "no_track") and "frames; it needs a face" in reasons["short"][2]
    assert reasons["silent"][:2] == (None, "silent")
    assert reasons["mute"][:2] == (None, "no_audio")
    assert reasons["only_sound"][:2] == (None, "failed") and "syncnet-python:" in reasons["only_sound"][2]
    assert reasons["refused"] == (None, "missing", "no video is named refused")


def test_the_environment_can_score_the_family_itself(root):
    """`snakemake --sdm conda` runs the whole job there."""
    code = "import metrics.families.syncnet_python, metrics.cli, metrics.scoring.score"
    done = subprocess.run([whole_package(), "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# ----------------------------------------------------------------------------------- what is absent has a fix
@pytest.fixture
def pair(tmp_path: Path) -> Video:
    sound = np.random.default_rng(0).normal(0, 0.1, 6400).astype(np.float32)
    write_video(tmp_path / "clip.mp4", np.zeros((10, 64, 64, 3), np.uint8), audio=sound)
    return Video(str(tmp_path / "clip.mp4"))


def test_absent_weights_are_named_before_any_process_is_started(pair):
    rows = score_pairs("syncnet_python", [pair], settings(None, "/nowhere"))
    assert [(row.metric, row.status) for row in rows] == [(key, "weights_absent") for key in KEYS]


def test_a_python_without_the_package_is_named_with_the_fix(pair, weights, tmp_path):
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    for python in (str(bare / "bin/python"), str(tmp_path / "no-such-python")):
        rows = score_pairs("syncnet_python", [pair], settings(weights, python))
        assert [row.status for row in rows] == ["package_absent"] * 3
        assert python in rows[0].reason and "make syncnet" in rows[0].reason


def test_a_process_that_dies_leaves_rows_with_its_last_words(pair, weights, tmp_path):
    dying = tmp_path / "dying"
    dying.write_text("#!/bin/sh\necho out of memory >&2\nexit 9\n")
    dying.chmod(0o755)
    (first, *_) = score_pairs("syncnet_python", [pair], settings(weights, str(dying)))
    assert first.status == "failed" and "status 9" in first.reason and "out of memory" in first.reason
