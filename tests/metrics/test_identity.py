"""CSIM: alignment against InsightFace's, embeddings of a small made network, and the rows of a run."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from metrics.families import identity
from metrics.functional.face_chips import similarity
from metrics.measuring.extractors.identity import SIDE, TEMPLATE, Extractor, aligned_face, five_points
from metrics.scoring.score import score_pairs
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from tests.support.recognition_network import write_recogniser


class Weights(ScoringSettings):
    """Settings with the weights in `judges`."""

    def weights(self, asset: str) -> Path:
        if self.judges is None or asset != "arcface-r50":
            raise WeightsAbsent(asset)
        return self.judges


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    folder = tmp_path_factory.mktemp("arcface-r50")
    write_recogniser(folder)
    return Weights(folder, "face", 64, 16)


def mesh(transform: np.ndarray) -> np.ndarray:
    """(478, 2) landmarks whose five points lie where `transform` (2, 3) puts the template."""
    places = TEMPLATE @ transform[:, :2].T + transform[:, 2] + 0.5  # pixel centres to continuous places
    points = np.zeros((478, 2), np.float32)
    points[468], points[473], points[61], points[291] = places[[0, 1, 3, 4]]
    points[1], points[4] = places[2] + (1, 2), places[2] - (1, 2)
    return points


def face(seed: int) -> np.ndarray:
    """(112, 112, 3) uint8 of smooth colours."""
    coarse = np.random.RandomState(seed).randint(0, 256, (7, 7, 3)).astype(np.uint8)
    return cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def scene(seed: int, angle: float, scale: float, shift: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """A frame (240, 320, 3) that shows the face turned, scaled and moved, and its landmarks."""
    turn = scale * np.exp(1j * np.radians(angle))
    transform = np.array([[turn.real, -turn.imag, shift[0]], [turn.imag, turn.real, shift[1]]])
    frame = cv2.warpAffine(face(seed), transform, (320, 240), borderMode=cv2.BORDER_REPLICATE, flags=cv2.INTER_CUBIC)
    return frame, mesh(transform)


def extract(settings: ScoringSettings, seeds: list[int], lost: tuple[int, ...] = (), angle: float = 0.0) -> dict:
    frames, points = (np.stack(items) for items in zip(*(scene(s, angle, 1.5, (90, 20)) for s in seeds), strict=True))
    points[list(lost)] = np.nan
    extractor = Extractor(settings)
    extractor.begin(len(seeds), None)
    for start in range(0, len(seeds), 2):
        extractor.see(frames[start : start + 2], points[start : start + 2])
    return extractor.finish(lambda: iter(()), np.zeros(0, np.int16))


def pair(generated: dict, truth: dict) -> SimpleNamespace:
    frames = len(generated["arcface"])
    return SimpleNamespace(clip_id="a", status="ok", n_frames=frames, row={}, features=generated.__getitem__,
                           seen=np.ones(frames, bool),
                           timed_features=generated.__getitem__,
                           true_features=truth.__getitem__)  # fmt: skip


def values(generated: dict, truth: dict, settings: ScoringSettings) -> dict:
    return {value.metric: value for value in identity.score([pair(generated, truth)], settings)}


def test_alignment_undoes_turn_scale_and_shift() -> None:
    for angle, scale, shift in ((0, 1.0, (60, 40)), (25, 1.4, (110, 10)), (-40, 0.7, (90, 120))):
        frame, points = scene(3, angle, scale, shift)
        inner = (slice(25, 90), slice(25, 90))
        error = np.abs(aligned_face(frame, points)[inner].astype(float) - face(3)[inner])
        assert error.mean() < (2 if angle else 0.1), (angle, error.mean())  # a plain shift must be exact


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_alignment_equals_insightface() -> None:
    align = pytest.importorskip("insightface.utils.face_align")
    assert np.allclose(align.arcface_dst, TEMPLATE, atol=1e-5)
    points = TEMPLATE * 1.7 + np.random.RandomState(1).normal(0, 4, (5, 2)) + (200, 90)
    assert similarity(points, TEMPLATE) == pytest.approx(align.estimate_norm(points.astype(np.float32)), abs=1e-3)


def test_five_points_are_left_to_right() -> None:
    points = five_points(mesh(np.eye(2, 3))) - 0.5
    assert points == pytest.approx(TEMPLATE, abs=1e-4)


def test_a_video_and_itself_are_one_person(settings: Weights) -> None:
    same = extract(settings, [5] * 4)
    assert same["arcface"].shape == same["arcface_squashed"].shape == (4, 512)
    found = values(same, same, settings)
    assert set(found) == {"csim@arcface-mesh", "csim@arcface-mesh-first", "csim@vico"}
    assert all(value.value == pytest.approx(1, abs=1e-6) and value.n == 4 for value in found.values())


def test_another_face_and_another_pose_move_the_right_numbers(settings: Weights) -> None:
    truth, turned, other = extract(settings, [5] * 3), extract(settings, [5] * 3, angle=20), extract(settings, [9] * 3)
    by_pose, by_face = values(turned, truth, settings), values(other, truth, settings)
    assert by_pose["csim@arcface-mesh"].value > 0.98 > by_pose["csim@vico"].value
    assert by_face["csim@arcface-mesh"].value < 0.8
    changing = values(extract(settings, [5, 9, 9]), extract(settings, [5, 9, 9]), settings)
    assert changing["csim@arcface-mesh"].value == pytest.approx(1, abs=1e-6)
    expected = (1 + 2 * by_face["csim@arcface-mesh"].value) / 3
    assert changing["csim@arcface-mesh-first"].value == pytest.approx(expected, abs=1e-5)


def test_a_video_of_another_size_or_order_keeps_what_needs_no_pixels_or_no_timing(settings: Weights) -> None:
    truth = extract(settings, [5] * 3)
    found = {}
    for status in ("wrong_size", "wrong_audio"):
        video = pair(truth, truth)
        video.status, video.reason = status, "another"
        found[status] = {value.metric: value.status for value in identity.score([video], settings)}
    assert found["wrong_size"] == {
        "csim@arcface-mesh": "ok",
        "csim@arcface-mesh-first": "ok",
        "csim@vico": "wrong_size",
    }
    assert found["wrong_audio"] == {
        "csim@arcface-mesh": "wrong_audio", "csim@arcface-mesh-first": "ok", "csim@vico": "wrong_audio"
    }  # fmt: skip


def test_frames_without_a_face_are_left_out_and_told(settings: Weights) -> None:
    truth = extract(settings, [5] * 5, lost=(0,))
    found = values(extract(settings, [5] * 4, lost=(2,)), truth, settings)
    assert found["csim@arcface-mesh"].n == 2 and "2 of 4 frames" in found["csim@arcface-mesh"].reason
    assert found["csim@arcface-mesh-first"].n == 3 and found["csim@vico"].n == 4
    none = values(extract(settings, [5] * 2, lost=(0, 1)), truth, settings)
    assert none["csim@arcface-mesh"].status == "no_face" and none["csim@vico"].status == "ok"


def test_absent_weights_give_rows_that_say_so(settings: Weights) -> None:
    nowhere = Weights(None, "face", 64, 16)
    rows = score_pairs("identity", [pair(*(extract(settings, [5]),) * 2)], nowhere)
    assert [value.status for value in rows] == ["weights_absent"] * 3
    assert rows[0].reason == "weights absent: arcface-r50"
    with pytest.raises(WeightsAbsent):
        Extractor(nowhere)
