"""Detectors: three backends name the same face, one face is followed, and absent weights are one line."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from skimage.data import astronaut

from eadnet.detectors import DetectorError, Face, opened_detector
from eadnet.detectors.mesh import detect_landmarks, mesh_anchors
from eadnet.detectors.tracking import find_window, follow, window_around
from eadnet.media import Window, iterate_video

SCRFD_FILES = {"det_500m.onnx": "insightface_det_500m.onnx", "det_2.5g.onnx": "insightface_det_2.5g.onnx"}


def face(left: float, top: float, side: float, score: float = 0.9) -> Face:
    return Face(np.float32((left, top, left + side, top + side)), score, np.zeros((5, 2), np.float32))


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    shared = np.prod(np.maximum(high - low, 0))
    return float(shared / (np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]) - shared))


@pytest.fixture
def weights(shared: Path, tmp_path: Path) -> dict[str, Path]:
    """Folders of real weights by backend (two sizes of SCRFD)."""
    folders = {"yunet": shared / "assets"}
    for published, stored in SCRFD_FILES.items():
        folders[published] = tmp_path / published.removesuffix(".onnx")
        folders[published].mkdir()
        (folders[published] / published).symlink_to(shared / "assets" / stored)
    return folders


# -------------------------------------------------------------------------------------------------- backends
def test_mediapipe_finds_the_astronaut_and_nothing_in_noise():
    with opened_detector("mediapipe") as detector:
        (found,) = detector.detect(astronaut())
        noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
        assert detector.detect(noise) == []
    left, right, nose, *_ = found.points
    assert left[0] < nose[0] < right[0] and found.score > 0.5
    assert (found.points > found.box[:2]).all() and (found.points < found.box[2:]).all()


def test_all_backends_find_the_same_face_of_real_clips(shared, weights):
    names = ("mead_W015_neutral_L1_030.mp4", "grid_swiz3n.mpg", "hdtf_RD_Radio2_000.mp4", "latentsync_demo2.mp4")
    backends = [("mediapipe", None), ("yunet", weights["yunet"])]
    backends += [("scrfd", weights[name]) for name in SCRFD_FILES]
    for name in names:
        frame = next(iterate_video(shared / "clips" / name, 25, start=1.0))
        found = []
        for backend, folder in backends:
            with opened_detector(backend, folder) as detector:
                found.append(detector.detect(frame)[0])
        eyes = np.linalg.norm(found[0].points[0] - found[0].points[1])
        for other in found[1:]:
            assert overlap(found[0].box, other.box) > 0.4, name
            # MediaPipe names one point of the mouth: its corners are a guess, so eyes and nose are compared
            assert np.abs(other.points[:3] - found[0].points[:3]).max() < 0.35 * eyes, name


def test_anchors_of_2d106_come_from_a_network_of_its_shape(shared, weights):
    """InsightFace tells its networks apart by shape; this one answers 0 everywhere: the middle of the face."""
    folder = weights["det_500m.onnx"]
    write_constant_network(folder / "2d106det.onnx")
    landmarks = detect_landmarks([astronaut()])[0]
    with opened_detector("scrfd", folder) as detector:
        anchors = detector.anchors(astronaut(), landmarks)
    middle = (landmarks.min(axis=0) + landmarks.max(axis=0)) / 2
    assert anchors == pytest.approx(np.tile(middle, (3, 1)), abs=1.5)


def test_anchors_of_the_mesh_are_brows_above_a_nose():
    left, right, nose = mesh_anchors(detect_landmarks([astronaut()])[0])
    assert left[0] < nose[0] < right[0] and max(left[1], right[1]) < nose[1]


@pytest.mark.parametrize("backend", ["scrfd", "yunet"])
def test_absent_and_damaged_weights_are_one_line(backend, tmp_path):
    for folder in (None, tmp_path):
        with (
            pytest.raises(DetectorError, match=r"absent; fetch the detector's weights"),
            opened_detector(backend, folder),
        ):
            pass
    for name in ("det_10g.onnx", "face_detection_yunet_2023mar.onnx"):
        (tmp_path / name).write_bytes(b"no network")
    with pytest.raises(DetectorError, match="not readable"), opened_detector(backend, tmp_path):
        pass


def test_an_unknown_detector_names_the_known_ones():
    with pytest.raises(DetectorError, match="use mediapipe, scrfd, yunet"), opened_detector("s3fd"):
        pass


def write_constant_network(path: Path) -> None:
    """An ONNX file with the shapes of 2d106det.onnx, whose answer is 0."""
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["data"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weight"], ["fc1"]),
        ],
        "landmarks",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, ["None", 3, 192, 192])],
        [helper.make_tensor_value_info("fc1", TensorProto.FLOAT, [1, 212])],
        [
            helper.make_tensor(
                "weight", TensorProto.FLOAT, [3 * 192 * 192, 212], bytes(4 * 3 * 192 * 192 * 212), raw=True
            )
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


# -------------------------------------------------------------------------------------------------- tracking
def test_the_larger_and_longer_face_is_followed():
    looks = [[face(10 + step, 20, 100), face(300, 20, 80)] for step in range(6)] + [[face(300, 20, 80)]] * 2
    track = follow(looks)
    assert np.isnan(track.boxes[6:]).all() and track.boxes[:6, 0].tolist() == [10, 11, 12, 13, 14, 15]
    assert track.second_face == pytest.approx(6 / 8)


def test_a_passer_by_close_to_the_camera_does_not_take_over():
    looks = [[face(10, 20, 100)]] * 9 + [[face(200, 0, 150), face(10, 20, 100)]] + [[face(10, 20, 100)]] * 2
    track = follow(looks)
    assert np.isfinite(track.boxes).all() and (track.boxes[:, 0] == 10).all()
    assert track.second_face == pytest.approx(1 / 12)


def test_a_missed_look_does_not_break_the_chain_and_a_small_listener_does_not_count():
    looks = [[face(10, 20, 100), face(300, 20, 30)], [], [face(12, 20, 100)]]
    track = follow(looks)
    assert np.isnan(track.boxes[1]).all() and np.isfinite(track.boxes[[0, 2]]).all()
    assert track.second_face == 0


def test_nobody_is_followed_where_nobody_is():
    for looks in ([], [[], []]):
        track = follow(looks)
        assert not track.found and track.second_face == 0
        assert window_around(track, (256, 256)) is None


def test_the_window_is_even_square_and_inside():
    window = window_around(follow([[face(0, 0, 101)], [face(31, 0, 101)]]), (240, 320))
    assert window == Window(0, 0, 240, 240, 256)
    window = window_around(follow([[face(100, 100, 41)]]), (400, 400), zoom=2.0)
    assert (window.width, window.height) == (180, 180) and window.x == 151


def test_no_face_is_nan_not_an_error():
    picture = np.full((120, 160, 3), 90, np.uint8)
    assert np.isnan(detect_landmarks([picture, picture])).all()
    with opened_detector("mediapipe") as detector:
        assert find_window([picture], detector) is None


def test_the_window_holds_a_small_face_of_a_large_picture(shared):
    small = Window(0, 0, 1080, 1920, 512)
    path = shared / "clips" / "latentsync_demo1.mp4"
    with opened_detector("mediapipe") as detector:
        window = find_window(iterate_video(path, 4, seconds=1.0, window=small), detector, zoom=1920 / 512)
    assert window.width == window.height and window.scaled_height <= 512
    assert 400 < window.width < 800
    landmarks = detect_landmarks(iterate_video(path, 25, seconds=0.2, window=window))
    assert (landmarks > 0).all() and (landmarks < window.scaled_height).all()
