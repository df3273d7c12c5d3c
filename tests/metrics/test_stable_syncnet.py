"""StableSyncNet's accuracy: by hand, and its embeddings of a real clip by a small network with random weights."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from eadnet.checkpoint import CheckpointError
from eadnet.faces.alignment import align, warp_frame
from eadnet.faces.mesh import detect_landmarks
from eadnet.media.reading import read_audio, read_video
from eadnet.media.spectrogram import log_mel
from metrics.families.stable_syncnet import accuracy
from metrics.measuring.extractors.stable_syncnet import FILE, SMOOTHING, Extractor, load_stable_syncnet
from metrics.specs.stable_syncnet import SPECS
from tests.support.published_weights import SIZES, write_syncnet

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("latentsync-syncnet")
    write_syncnet(folder, SIZES["small"])
    return folder


@pytest.fixture(scope="module")
def clip(shared: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(34, H, W, 3) frames of a real speaker, their landmarks and their int16 sound."""
    path = shared / "clips/hdtf_RD_Radio10_clip0.mp4"
    frames = np.stack([cv2.resize(frame, (256, 256)) for frame in read_video(path, seconds=34 / 25)])
    wave = np.round(read_audio(path, seconds=34 / 25)[: 34 * 640] * 32767).astype(np.int16)
    return frames, detect_landmarks(frames), wave


class Settings:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def weights(self, asset: str) -> Path:
        assert asset == "latentsync-syncnet"
        return self.folder


def extracted(weights: Path, frames: np.ndarray, landmarks: np.ndarray, wave: np.ndarray) -> dict[str, np.ndarray]:
    extractor = Extractor(Settings(weights))
    extractor.begin(len(frames), None)
    for first in range(0, len(frames), 10):
        extractor.see(frames[first : first + 10], landmarks[first : first + 10])
    return extractor.finish(lambda: iter(frames), wave)


def test_accuracy_is_balanced_and_by_hand():
    assert accuracy(np.where(np.eye(4) == 1, 0.9, 0.1)) == 1
    assert accuracy(np.full((4, 4), 0.9)) == accuracy(np.full((4, 4), 0.1)) == 0.5
    cosines = np.array([[0.9, 0.6, 0.1], [0.1, 0.4, 0.1], [0.1, 0.1, 0.9]])
    assert accuracy(cosines) == pytest.approx((2 / 3 + 5 / 6) / 2)


def test_windows_are_those_of_the_network_on_latentsync_s_template(weights: Path, clip: tuple):
    frames, landmarks, wave = clip
    found = extracted(weights, *clip)
    assert found["stable_seen"].shape == found["stable_heard"].shape == (3, 256)
    transforms = align(landmarks, 256, SMOOTHING, "latentsync")
    crops = np.stack([warp_frame(frame, matrix, 256) for frame, matrix in zip(frames, transforms, strict=True)])
    network, mel = load_stable_syncnet(weights / FILE), log_mel(wave.astype(np.float32) / 32768)
    pixels = torch.from_numpy(crops[8:24]).movedim(-1, -3).float() / 127.5 - 1
    with torch.inference_mode():
        cosine = network(pixels[None], torch.from_numpy(mel[None, :, 25 : 25 + 52].copy()))[0]
    assert found["stable_seen"][1] @ found["stable_heard"][1] == pytest.approx(float(cosine), abs=TOLERANCE)
    assert np.abs(found["stable_seen"][0] - found["stable_seen"][2]).max() > 10 * TOLERANCE


def test_what_has_no_face_or_no_length_has_no_window(weights: Path, clip: tuple):
    frames, landmarks, wave = clip
    assert len(extracted(weights, frames[:15], landmarks[:15], wave)["stable_seen"]) == 0
    assert len(extracted(weights, frames, np.full_like(landmarks, np.nan), wave)["stable_heard"]) == 0
    assert len(extracted(weights, frames, landmarks, wave[: 17 * 640])["stable_seen"]) == 1  # the sound ends there
    lost = landmarks.copy()
    lost[20:] = np.nan
    assert extracted(weights, frames, lost, wave)["stable_faces"].tolist() == [1, 0.75, 0.25]


def test_another_file_is_refused_in_one_line(tmp_path: Path):
    torch.save({"state_dict": {"conv.weight": torch.zeros(1)}}, tmp_path / FILE)
    with pytest.raises(CheckpointError, match="holds no StableSyncNet"):
        load_stable_syncnet(tmp_path / FILE)


def test_every_key_says_that_it_is_no_evidence():
    assert all("As evidence" in spec.avoid and "supervises training" in spec.avoid for spec in SPECS)
