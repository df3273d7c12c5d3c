"""S3FD, face tracks and their crops, against the reference's code on the same inputs."""

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from scenedetect import FrameTimecode
from scenedetect.detectors import ContentDetector

from metrics.measuring.extractors.face_tracks import Cuts, follow, overlap, runs, smooth_squares, track_square
from metrics.networks import s3fd
from metrics.networks.s3fd import S3FD, S3FDNetwork, load_s3fd, prior_boxes, suppress
from tests.support.lip_sync_cases import made_boxes, random_s3fd, textures

PUBLISHED_BYTES = 89_844_381


@pytest.fixture(scope="module")
def golden(root: Path) -> dict:
    """What joonson/syncnet_python says; see its provenance."""
    return json.loads((root / "tests/golden/lse.json").read_text())


@pytest.fixture(scope="module")
def detector() -> S3FD:
    return S3FD(random_s3fd())


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return next(textures(256, 9))[:200]


# ------------------------------------------------------------------------------------------------- detector
def test_boxes_of_the_same_random_weights_are_the_reference_s(golden, detector, picture):
    expected, tolerance = np.array(golden["s3fd"]["half"]), golden["tolerances"]["boxes"]
    assert np.allclose(detector.detect(picture, 0.5, 0.5), expected, rtol=1e-4, atol=tolerance) and len(expected) > 5
    whole = detector.detect(picture, 1.0, 0.6)
    assert len(whole) == golden["s3fd"]["whole_count"]
    assert np.allclose(whole[0], golden["s3fd"]["whole_first"], rtol=1e-4, atol=tolerance)


def test_many_frames_at_once_are_as_one_by_one(detector, picture, monkeypatch):
    frames = [np.roll(picture, 40 * number, axis=1) for number in range(3)]
    alone = [detector.detect(frame, 0.25, 0.4) for frame in frames]
    together = detector.detect_all(np.stack(frames), 0.25, 0.4)
    assert all(np.allclose(a, b, atol=1e-3) for a, b in zip(alone, together, strict=True)) and len(alone[0])
    monkeypatch.setattr(s3fd, "AT_ONCE", 1)
    assert all(np.allclose(a, b, atol=1e-3) for a, b in zip(alone, detector.detect_all(frames, 0.25, 0.4), strict=True))
    assert len(detector.detect(picture, 0.25, 1.0)) == 0 and detector.detect_all([]) == []


def test_parameters_are_the_published_ones():
    with torch.device("meta"):
        state = S3FDNetwork().state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    assert shapes["vgg.0.weight"] == (64, 3, 3, 3) and shapes["vgg.28.weight"] == (512, 512, 3, 3)
    assert shapes["vgg.31.weight"] == (1024, 512, 3, 3) and shapes["vgg.33.weight"] == (1024, 1024, 1, 1)
    assert shapes["L2Norm3_3.weight"] == (256,) and shapes["L2Norm5_3.weight"] == (512,)
    assert shapes["extras.1.weight"] == (512, 256, 3, 3) and shapes["extras.3.weight"] == (256, 128, 3, 3)
    assert [shapes[f"conf.{head}.bias"] for head in range(6)] == [(4,), *[(2,)] * 5]
    assert [shapes[f"loc.{head}.weight"][1] for head in range(6)] == [256, 512, 512, 1024, 512, 256]
    size = sum(tensor.numel() * 4 for tensor in state.values())
    assert 0 < PUBLISHED_BYTES - size < 300 * len(state)  # names and places


@pytest.mark.parametrize("content", [b"", b"no weights"])
def test_damaged_weights_are_one_line(tmp_path, content):
    path = tmp_path / "sfd_face.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="does not hold S3FD .*; fetch it again") as fault:
        load_s3fd(path)
    assert "\n" not in str(fault.value)


def test_priors_stand_in_the_middle_of_their_cells():
    priors = prior_boxes((64, 128), ((16, 32), (8, 16), (4, 8), (2, 4), (1, 2), (1, 1)))
    assert len(priors) == 512 + 128 + 32 + 8 + 2 + 1
    assert np.allclose(priors[0], (2 / 128, 2 / 64, 16 / 128, 16 / 64))
    assert np.allclose(priors[-1], (0.5, 1, 4, 8))


def test_the_better_of_two_boxes_that_overlap_remains():
    boxes = np.array([(0, 0, 10, 10), (1, 0, 11, 10), (20, 0, 30, 10)], float)
    assert suppress(boxes, np.array([0.5, 0.9, 0.7]), 0.3).tolist() == [1, 2]
    assert suppress(boxes, np.array([0.5, 0.9, 0.7]), 0.9).tolist() == [1, 2, 0]
    assert len(suppress(np.empty((0, 4)), np.empty(0), 0.3)) == 0


# ---------------------------------------------------------------------------------------------------- tracks
@pytest.mark.parametrize("case", [0, 1])
def test_tracks_and_smoothing_are_the_reference_s(golden, case):
    found, cuts = made_boxes()
    expected = golden["tracks"][case]
    tracks = follow(found, cuts, expected["min_track"])
    assert len(tracks) == len(expected["tracks"])
    for track, values in zip(tracks, expected["tracks"], strict=True):
        smooth = smooth_squares(track.boxes)
        assert (track.first, len(track.boxes)) == (values["first"], values["frames"])
        assert track.boxes.sum() == pytest.approx(values["box_sum"], abs=1e-3)
        assert smooth[10] == pytest.approx([values["half_10"], values["x_10"], values["y_10"]], abs=1e-9)
        assert smooth.sum() == pytest.approx(values["smooth_sum"], abs=1e-3)


def test_longer_tracks_are_those_of_the_shorter_that_are_long_enough():
    found, cuts = made_boxes()
    long, short = follow(found, cuts, 100), follow(found, cuts, 50)
    kept = [track for track in short if track.detections > 100 and track.shot >= 100]
    assert [track.first for track in kept] == [track.first for track in long] and len(short) > len(long)
    assert all(np.array_equal(a.boxes, b.boxes) for a, b in zip(kept, long, strict=True))


def test_small_faces_and_short_appearances_are_no_tracks():
    face = [np.array([[10, 10, 150, 150, 1.0]])]
    assert len(follow(face * 60, [], 50)) == 1
    assert follow(face * 50, [], 50) == [] and follow(face * 60, [30], 50) == []
    assert follow([np.array([[10, 10, 90, 90, 1.0]])] * 60, [], 50) == []
    gone = [np.empty((0, 5))]
    assert len(follow(face * 40 + gone * 20 + face * 40, [], 50)[0].boxes) == 100
    assert follow(face * 40 + gone * 26 + face * 40, [], 50) == []


def test_crops_are_cut_at_the_reference_s_pixels(golden):
    frame = next(textures(300, 11))[:240]
    for case in golden["crops"]:
        crop = track_square(frame, np.array(case["square"]), case["margin"])
        assert hashlib.sha256(crop.tobytes()).hexdigest()[:16] == case["sha256"], case
    with pytest.raises(ValueError, match="outside the picture"):
        track_square(frame, np.array([20.0, 900.0, 100.0]))


def test_overlap_of_boxes():
    assert overlap(np.array([0, 0, 2, 2.0]), np.array([1, 0, 3, 2.0])) == pytest.approx(1 / 3)
    assert overlap(np.array([0, 0, 2, 2.0]), np.array([5, 5, 6, 6.0])) == 0


def test_runs_end_at_each_frame_without_a_face():
    face, gone = np.array([[0, 0, 9, 9.0], [5, 5, 6, 6.0]]), np.empty((0, 4))
    tracks = list(runs([face] * 50 + [gone] + [face] * 49 + [gone] + [face] * 60, 50))
    assert [(track.first, len(track.boxes)) for track in tracks] == [(0, 50), (101, 60)]
    assert np.array_equal(tracks[0].boxes[0], face[0])


# ------------------------------------------------------------------------------------------------------ cuts
def test_cuts_are_those_of_pyscenedetect():
    scenes = [next(textures(220, seed)) for seed in (1, 2)] + [np.full((220, 220, 3), 250, np.uint8)]
    film = [scenes[number] for number in [0] * 20 + [1] * 25 + [2] * 6 + [1] * 30]
    cuts, theirs = Cuts(), ContentDetector(threshold=30.0)
    expected = []
    for number, frame in enumerate(film):
        cuts.push(frame)
        bgr = np.ascontiguousarray(frame[..., ::-1])
        expected += [cut.frame_num for cut in theirs.process_frame(FrameTimecode(number, 25.0), bgr)]
    assert cuts.found == [20, 45]  # 51 comes within 15 frames of the last cut
    assert expected[:2] == cuts.found


def test_cuts_are_sought_in_every_sixth_pixel_of_full_hd():
    first, second = (cv2.resize(next(textures(64, seed)), (1920, 1080)) for seed in (1, 2))
    second[::6, ::6] = first[::6, ::6]
    cuts = Cuts()
    cuts.push(first), cuts.push(second)
    assert cuts.found == []
