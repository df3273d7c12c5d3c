"""Detectors: three backends name the same face, one face is followed, and absent weights are one line."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from skimage.data import astronaut

from eadnet.assets import AssetError
from eadnet.faces.detectors import opened_detector
from eadnet.faces.detectors.interface import Detector, Face, sorted_faces
from eadnet.faces.mesh import detect_landmarks, mesh_anchors
from eadnet.faces.search import FaceSearch, video_view
from eadnet.faces.tracking import follow, window_around
from eadnet.media.decoding import Window
from eadnet.media.reading import iterate_video

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


@pytest.fixture
def backends(weights: dict[str, Path]) -> Iterator[dict[str, Detector]]:
    """All real backends, opened."""
    with ExitStack() as stack:
        opened = {"mediapipe": stack.enter_context(opened_detector("mediapipe"))}
        for name, folder in weights.items():
            opened[name] = stack.enter_context(opened_detector("yunet" if name == "yunet" else "scrfd", folder))
        yield opened


# -------------------------------------------------------------------------------------------------- backends
def test_mediapipe_finds_the_astronaut_and_nothing_in_noise():
    with opened_detector("mediapipe") as detector:
        (found,) = detector.detect(astronaut())
        noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
        assert detector.detect(noise) == []
    left, right, nose, *_ = found.points
    assert left[0] < nose[0] < right[0] and found.score > 0.5
    assert (found.points > found.box[:2]).all() and (found.points < found.box[2:]).all()


def test_all_backends_find_the_same_face(shared, backends):
    """Measured on three frames of 31 clips: overlaps from 0.63, points up to 0.37 of the eyes' distance apart."""
    places = {"mead_W015_neutral_L1_030.mp4": 1, "grid_swiz3n.mpg": 1, "hdtf_RD_Radio2_000.mp4": 1}
    places["edtalk_pose_source2_60s.mp4"] = 4  # a face that fills the picture: SCRFD misses it at 640 pixels alone
    pictures = [next(iterate_video(shared / "clips" / name, 25, start=at)) for name, at in places.items()]
    for picture in (astronaut(), *pictures):
        found = {name: detector.detect(picture)[0] for name, detector in backends.items()}
        first = found["mediapipe"]
        eyes = np.linalg.norm(first.points[0] - first.points[1])
        for name, other in found.items():
            assert overlap(first.box, other.box) > 0.5, name
            assert np.linalg.norm(other.points - first.points, axis=1).max() < 0.4 * eyes, name


def test_detection_is_repeatable_and_says_nothing(backends, capfd):
    for detector in backends.values():
        first, second = detector.detect(astronaut()), detector.detect(astronaut())
        assert [face.box.tolist() for face in first] == [face.box.tolist() for face in second]
    assert capfd.readouterr().out == ""


def test_the_detectors_silence_is_not_the_callers(capfd):
    with opened_detector("mediapipe") as detector:
        detector.detect(astronaut())
        print("heard", file=sys.stderr)
    assert capfd.readouterr().err == "heard\n"


def test_boxes_stay_inside_the_picture_and_the_largest_comes_first():
    found = sorted_faces([face(10, 10, 40), face(-50, 0, 60), face(60, 60, 80)], (100, 120, 3))
    assert [one.box.tolist() for one in found] == [[60, 60, 120, 100], [10, 10, 50, 50], [0, 0, 10, 60]]


def test_anchors_of_2d106_come_from_a_network_of_its_shape(shared, weights):
    """InsightFace tells its networks apart by shape; this one answers 0 everywhere: the middle of the face."""
    folder = weights["det_500m.onnx"]
    write_constant_network(folder / "2d106det.onnx")
    landmarks = detect_landmarks([astronaut()])[0]
    with opened_detector("scrfd", folder) as detector:
        anchors = detector.anchors(astronaut(), landmarks)
        tip = detector.detect(astronaut())[0].points[2]
    assert landmarks[4] == pytest.approx(tip, abs=4)  # point 4 of the mesh is InsightFace's tip of the nose
    middle = (landmarks.min(axis=0) + landmarks.max(axis=0)) / 2
    assert anchors == pytest.approx(np.tile(middle, (3, 1)), abs=1.5)


def test_anchors_of_the_mesh_are_brows_above_a_nose():
    landmarks = detect_landmarks([astronaut()])[0]
    left, right, nose = mesh_anchors(landmarks)
    assert left[0] < nose[0] < right[0] and max(left[1], right[1]) < nose[1]
    lower_edges = landmarks[[46, 53, 52, 65, 55]].mean(axis=0), landmarks[[276, 283, 282, 295, 285]].mean(axis=0)
    for brow, lower in zip((left, right), lower_edges, strict=True):
        assert brow[1] < lower[1] - 1  # InsightFace's points lie on the upper edges


@pytest.mark.parametrize("backend", ["scrfd", "yunet"])
def test_absent_and_damaged_weights_are_one_line(backend, tmp_path):
    for folder in (None, tmp_path):
        with (
            pytest.raises(AssetError, match=rf"absent, {backend} needs it; fetch it .*fetch-asset"),
            opened_detector(backend, folder),
        ):
            pass
    for name in ("det_10g.onnx", "face_detection_yunet_2023mar.onnx"):
        (tmp_path / name).write_bytes(b"no network")
    with pytest.raises(AssetError, match="not readable"), opened_detector(backend, tmp_path):
        pass


def test_an_unknown_detector_names_the_known_ones():
    with pytest.raises(AssetError, match="use mediapipe, scrfd, yunet"), opened_detector("s3fd"):
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
    assert track.second_face == 1.0  # beside the followed one, then instead of it


def test_a_cut_to_somebody_else_counts_as_a_second_face():
    track = follow([[face(10, 20, 100)]] * 6 + [[face(300, 20, 90)]] * 2)
    assert np.isnan(track.boxes[6:]).all() and track.second_face == pytest.approx(2 / 8)


def test_two_people_whose_sizes_swap_are_not_confused():
    looks = [[face(10, 20, 100 + 5 * step), face(300, 20, 130 - 5 * step)] for step in range(8)]
    track = follow([sorted_faces(faces, (400, 500)) for faces in looks])
    assert (track.boxes[:, 0] == 10).all() and track.second_face == 1.0


def test_a_face_that_is_away_for_long_is_somebody_new():
    for gap, there in ((2, 8), (3, 5)):
        track = follow([[face(10, 20, 100)]] * 5 + [[]] * gap + [[face(10, 20, 100)]] * 3)
        assert np.isfinite(track.boxes[:, 0]).sum() == there


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
    # 1080p seen 512 high is 910.2 wide, in fact 910: the sides have different zooms
    assert window_around(follow([[face(588, 140, 200)]]), (512, 910), 1080 / 512) == Window(986, 42, 928, 928, 512)


def test_no_face_is_nan_not_an_error():
    picture = np.full((120, 160, 3), 90, np.uint8)
    assert np.isnan(detect_landmarks([picture, picture])).all()
    with opened_detector("mediapipe") as detector:
        assert window_around(follow([detector.detect(picture)]), picture.shape[:2]) is None


def test_the_window_holds_a_small_face_of_a_large_picture(shared):
    path = shared / "clips" / "latentsync_demo1.mp4"
    with opened_detector("mediapipe") as detector:
        window = FaceSearch(video_view(path, 4, 0.0, 1.0), (1080, 1920), 4, 1.0, detector).closer
    assert window.width == window.height and window.scaled_height <= 512
    assert 400 < window.width < 800
    landmarks = detect_landmarks(iterate_video(path, 25, seconds=0.2, window=window))
    assert (landmarks > 0).all() and (landmarks < window.scaled_height).all()
