"""CSIM by the package InsightFace itself: real SCRFD on real faces, and a small made recognition network."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from eadnet.assets import AssetError
from eadnet.faces.detectors.scrfd import insightface_network
from eadnet.media.reading import iterate_video
from metrics.families.insightface import PAIRED, PORTRAIT, nearest_in_time, recogniser, score
from metrics.scoring.score import score_pairs
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from metrics.scoring.values import Value
from tests.support.recognition_network import write_recogniser

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
CLIPS = ("mead_W040_happy_L3_029.mp4", "mead_M003_happy_L1_024.mp4")


class Weights(ScoringSettings):
    """Settings with the weights below `judges`."""

    def weights(self, asset: str) -> Path:
        if self.judges is None or not (self.judges / asset).is_dir():
            raise WeightsAbsent(asset)
        return self.judges / asset


@dataclass
class Frames:
    """A pair whose frames are given."""

    own: list[np.ndarray]
    true: list[np.ndarray]
    own_fps: float = 25.0
    clip_id: str = "clip"
    status: str = "ok"
    reason: str | None = None

    @property
    def generated_digest(self) -> str:
        return "own"

    @property
    def true_digest(self) -> str:
        return "true"

    def own_frames(self) -> Iterator[np.ndarray]:
        return iter(self.own)

    def true_frames(self) -> Iterator[np.ndarray]:
        return iter(self.true)


@pytest.fixture(scope="module")
def settings(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Weights:
    folder = tmp_path_factory.mktemp("weights")
    for asset in ("insightface-buffalo-l", "arcface-r50"):
        (folder / asset).mkdir()
    shutil.copy(shared / "assets/insightface_det_500m.onnx", folder / "insightface-buffalo-l/det_500m.onnx")
    write_recogniser(folder / "arcface-r50")
    return Weights(folder, "face", 64, 16)


@pytest.fixture(scope="module")
def people(shared: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Four frames, one of ten, of each of two people."""
    return tuple(list(islice(iterate_video(shared / "clips" / name), 0, 40, 10)) for name in CLIPS)


@pytest.fixture(scope="module")
def black(people) -> np.ndarray:
    return np.zeros_like(people[0][0])


def values(pair: Frames, settings: Weights) -> dict[str, Value]:
    return {value.metric: value for value in score([pair], settings)}


def test_the_same_person_is_nearer_than_another(settings, people):
    one, other = people
    same, wrong = values(Frames(one, one), settings), values(Frames(other, one), settings)
    assert same[PAIRED].value == pytest.approx(1, abs=1e-6) and same[PAIRED].n == same[PORTRAIT].n == 4
    assert 1 > same[PORTRAIT].value > wrong[PORTRAIT].value + 0.05
    assert same[PAIRED].value > wrong[PAIRED].value + 0.1


def test_the_video_s_own_size_does_not_matter_to_identity(settings, people):
    small = [cv2.resize(frame, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA) for frame in people[0]]
    assert values(Frames(small, people[0]), settings)[PAIRED].value > 0.97


def test_frames_of_another_rate_meet_the_true_frame_at_their_time(settings, people):
    one, other = people
    doubled = [frame for pair in zip(one, other, strict=True) for frame in pair]  # at 50 a second
    assert values(Frames(doubled, one, 50.0), settings)[PAIRED].value == pytest.approx(1, abs=1e-6)
    assert nearest_in_time(5, 30).tolist() == [0, 1, 2, 4, 5] and nearest_in_time(3, 24).tolist() == [0, 1, 2]


def test_frames_without_a_face_are_counted(settings, people, black):
    one, _ = people
    found = values(Frames([black, *one[1:3]], [*one[:2], black, one[3]]), settings)
    assert (found[PAIRED].n, found[PAIRED].n_wanted) == (1, 4)
    assert (found[PORTRAIT].n, found[PORTRAIT].n_wanted) == (2, 3)
    late = values(Frames(one, [black, *one[1:]]), settings)
    assert late[PORTRAIT].n == 4  # the portrait is the first frame with a face
    none = values(Frames([black] * 2, one), settings)
    assert {(value.status, value.value) for value in none.values()} == {("no_face", None)}
    assert values(Frames([], one), settings)[PAIRED].reason == "the video has no frame"


def test_it_is_what_the_package_s_one_call_interface_gives(settings, people, tmp_path):
    """`FaceAnalysis` on a folder with just these two models: the same embedding of the same face."""
    analysis = pytest.importorskip("insightface.app").FaceAnalysis
    for file in (
        settings.judges / "insightface-buffalo-l/det_500m.onnx",
        settings.judges / "arcface-r50/w600k_r50.onnx",
    ):
        shutil.copy(file, tmp_path)
    theirs = analysis(str(tmp_path), providers=["CPUExecutionProvider"])
    theirs.prepare(ctx_id=-1)
    (face,) = theirs.get(np.ascontiguousarray(people[0][0][..., ::-1]))
    with recogniser(settings) as (embed, evaluator):
        ours = embed(people[0][:1])
    assert np.allclose(ours[0], face.embedding, rtol=1e-3, atol=1e-3 * np.abs(face.embedding).max())
    assert evaluator.startswith("insightface-")


def test_embeddings_are_kept_by_content_and_weights(settings, people, tmp_path):
    kept = Weights(settings.judges, "face", 64, 16, cache=tmp_path)
    first = values(Frames(people[0], people[0]), kept)
    again = values(Frames([], []), kept)  # nothing is embedded again
    assert again[PAIRED].value == first[PAIRED].value and len(list(tmp_path.rglob("*.npy"))) == 2


def test_absent_weights_and_foreign_networks_are_named(settings, people, tmp_path):
    rows = score_pairs("insightface", [Frames(people[0], people[0])], Weights(tmp_path, "face", 64, 16))
    assert [(row.metric, row.status) for row in rows] == [(PAIRED, "weights_absent"), (PORTRAIT, "weights_absent")]
    with pytest.raises(AssetError, match="is no InsightFace network for recognition"):
        insightface_network(settings.judges / "insightface-buffalo-l/det_500m.onnx", "recognition")
