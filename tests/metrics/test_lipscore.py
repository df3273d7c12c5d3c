"""LipScore's slot: mouths, and a lip reader that the user brings as ONNX."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from eadnet.config.machine import Assets
from metrics.families.lipscore import KEY, REACH, LipReader, cut_mouths, mouth_squares, score
from metrics.scoring.settings import ScoringSettings, WeightsAbsent

SAME = np.float32([[1, 0, 0], [0, 1, 0]])


def write_reader(path: Path, width: int = 88) -> Path:
    """A network that projects each mouth to 6 numbers."""
    weights = np.random.default_rng(0).normal(size=(width * width, 6)).astype(np.float32) / width
    nodes = [
        helper.make_node("Reshape", ["mouths", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["features"]),
    ]
    shape = np.array([1, -1, width * width])
    graph = helper.make_graph(
        nodes, "reader",
        [helper.make_tensor_value_info("mouths", TensorProto.FLOAT, [1, "T", 1, width, width])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, "T", 6])],
        [numpy_helper.from_array(shape, "shape"), numpy_helper.from_array(weights, "weights")],
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def face_points(count: int) -> np.ndarray:
    """(T, 478, 2) landmarks: eyes 40 pixels apart, the mouth at (64, 90)."""
    points = np.full((count, 478, 2), 60.0, np.float32)
    points[:, [33, 133]], points[:, [362, 263]] = (44, 50), (84, 50)
    points[:, [61, 291, 0, 17, 13, 14]] = (64, 90)
    return points


@dataclass
class Truth:
    transforms: np.ndarray


@dataclass
class MadePair:
    """A pair of crops of 128 pixels."""

    generated_crops: np.ndarray
    true_crops: np.ndarray
    true_landmarks: np.ndarray
    status: str = "ok"
    reason: str | None = None
    clip_id: str = "clip"
    generated_digest: str = "aa"
    true_digest: str = "bb"

    @property
    def n_frames(self) -> int:
        return len(self.generated_crops)

    @property
    def seen(self) -> np.ndarray:
        return np.isfinite(self.true_landmarks[:, 0, 0])

    @property
    def truth(self) -> Truth:
        return Truth(np.repeat(SAME[None], self.n_frames, axis=0))


def settings(folder: Path) -> ScoringSettings:
    return ScoringSettings(
        None, "mouth", 128, 16, assets=Assets(folder=str(folder), offline=True), cache=folder / "cache"
    )


def crops(seed: int, count: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (count, 128, 128, 3), dtype=np.uint8)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    write_reader(tmp_path / "auto-avsr-onnx/auto_avsr_visual.onnx")
    return tmp_path


def test_the_same_mouths_read_one_and_others_less(weights):
    true, points = crops(0), face_points(7)
    (same,) = score([MadePair(true, true, points)], settings(weights))
    assert same.metric == KEY and same.value == pytest.approx(1, abs=1e-6) and same.n == 7
    (other,) = score([MadePair(crops(1), true, points, generated_digest="cc")], settings(weights))
    assert -1 <= other.value < 0.99
    elsewhere = true.copy()
    elsewhere[:, :40] = 0  # the brow is no part of the mouth
    (again,) = score([MadePair(elsewhere, true, points, generated_digest="dd")], settings(weights))
    assert again.value == pytest.approx(1, abs=1e-6)


def test_the_square_lies_about_the_mouth_and_bridges_gaps():
    points = face_points(9)
    points[4] = np.nan
    squares = mouth_squares(points, np.repeat(SAME[None], 9, axis=0))
    assert np.allclose(squares, (40 * REACH, 64, 90))
    picture = np.zeros((9, 128, 128, 3), np.uint8)
    picture[:, 89:92, 63:66] = 255
    mouths = cut_mouths(picture, squares)
    assert mouths.shape == (9, 88, 88) and mouths[0, 44, 44] == 255 and mouths[0, :20].max() == 0


def test_a_clip_without_a_face_is_a_row(weights):
    (row,) = score([MadePair(crops(0), crops(0), np.full((7, 478, 2), np.nan))], settings(weights))
    assert row.status == "no_face" and row.value is None


def test_an_absent_or_strange_network_is_one_line(tmp_path):
    with pytest.raises(WeightsAbsent, match="weights absent: auto-avsr-onnx .*auto_avsr_visual.onnx"):
        score([], settings(tmp_path))
    with pytest.raises(WeightsAbsent, match="give --assets"):
        score([], ScoringSettings(None, "mouth", 128, 16))
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no network")
    with pytest.raises(ValueError, match="no ONNX network .*; get or export it again"):
        LipReader(broken)
    with pytest.raises(ValueError, match=r"not \(1, T, 1, 88, 88\)"):
        LipReader(write_reader(tmp_path / "wide.onnx", 96)).read(np.zeros((3, 88, 88), np.uint8))
