"""Expressions by landmarks and by blendshapes: identity, pose, direction, and the official file on a real clip."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from eadnet.config.machine import Assets
from metrics.families import blendshapes, expression
from metrics.functional.distances import frechet_distance, plain_moments
from metrics.scoring.score import score_pairs
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from metrics.scoring.values import Value
from metrics.spec import FAMILIES, REGISTRY
from metrics.tables import Unscorable
from tests.support.metrics_fixture import FRAMES, RESOLUTION, landmarks_of

CLIP = "mead_M003_happy_L1_024.mp4"
NOWHERE = ScoringSettings(None, "face", RESOLUTION, 16)


def wobbling(seed: int) -> np.ndarray:
    """(55, 478, 2) points of a face that moves everywhere by a few per cent of the inter-ocular distance."""
    rng = np.random.default_rng(seed)
    return landmarks_of(rng.random(FRAMES), np.ones(FRAMES)) + rng.normal(0, 0.3, (FRAMES, 478, 2)).astype(np.float32)


def pair_of(clip_id: str, generated: np.ndarray, truth: np.ndarray) -> SimpleNamespace:
    return SimpleNamespace(
        clip_id=clip_id, status="ok", n_frames=len(truth), timed_landmarks=generated, true_landmarks=truth,
        timed_features=lambda name: generated, true_features=lambda name: truth,
    )  # fmt: skip


def by_key(values: list[Value]) -> dict[tuple[str, str | None], Value]:
    return {(value.metric, value.clip_id): value for value in values}


# ----------------------------------------------------------------------------------------------- landmarks
def test_a_face_and_itself() -> None:
    faces = [wobbling(seed) for seed in range(4)]
    found = by_key(score_pairs("expression", [pair_of(str(i), face, face) for i, face in enumerate(faces)], NOWHERE))
    assert found["aed@mesh-v1", "0"].value == 0 and found["efid@mesh-v1", None].value < 1e-9
    assert found["efid@mesh-v1", None].n == 4 and "220 frames of 18 coefficients" in found["efid@mesh-v1", None].notes
    assert "fewer than" not in found["efid@mesh-v1", None].notes
    assert "warning: 4 clips" in found["efid@mesh-v1", None].notes


def test_pose_and_size_do_not_matter_but_expression_does() -> None:
    truth = [wobbling(seed) for seed in range(3)]
    turn = np.array([[1.3, -0.4], [0.4, 1.3]], np.float32)
    posed = [pair_of(str(i), face @ turn + np.float32([90, -40]), face) for i, face in enumerate(truth)]
    smiling = [face.copy() for face in truth]
    for face in smiling:
        face[:, list(expression.MOUTH_CORNERS), 1] -= 3
    found = {
        name: by_key(score_pairs("expression", pairs, NOWHERE))
        for name, pairs in {
            "posed": posed,
            "smiling": [pair_of(str(i), *both) for i, both in enumerate(zip(smiling, truth, strict=True))],
            "swapped": [pair_of(str(i), truth[i - 1], truth[i]) for i in range(3)],
        }.items()
    }
    assert found["posed"]["aed@mesh-v1", "1"].value < 1e-3 and found["posed"]["efid@mesh-v1", None].value < 1e-3
    smile, swapped = (found[name]["efid@mesh-v1", None] for name in ("smiling", "swapped"))
    assert found["smiling"]["aed@mesh-v1", "1"].value > 0.5 and found["swapped"]["aed@mesh-v1", "1"].value > 0.5
    assert smile.value > 100 * swapped.value > 1  # swapped clips have the frames of the set, in the wrong places
    assert smile.ci_low <= smile.value <= smile.ci_high
    reordered = [pair_of(str(i), smiling[i], truth[i]) for i in (2, 0, 1)]
    assert by_key(score_pairs("expression", reordered, NOWHERE))["efid@mesh-v1", None].value == smile.value


def test_coefficients_are_what_they_are_called() -> None:
    face = expression.upright(wobbling(0)).mean(0)
    raised = np.stack([face] * 2)
    raised[1, 14, 1] += 0.2  # the lower lip
    raised[1, list(expression.INNER_BROWS), 1] -= 0.1  # up
    raised[1, 291] += (0.1, -0.05)  # the left corner
    change = dict(zip(expression.COEFFICIENTS, expression.coefficients(raised, face)[1], strict=True))
    assert change["right_inner_brow"] == change["left_inner_brow"] == pytest.approx(10)
    assert change["mouth_opening"] == pytest.approx(20, abs=1) and change["right_outer_brow"] == 0
    assert change["left_corner_height"] == pytest.approx(15) and change["right_corner_height"] == pytest.approx(10)
    assert change["mouth_width"] != 0 and change["jaw_drop"] == change["right_lids"] == 0
    assert expression.coefficients(raised, face)[0] == pytest.approx(0)


def test_too_few_faces_or_clips() -> None:
    blind = wobbling(1)
    blind[5:] = np.nan
    found = by_key(score_pairs("expression", [pair_of("a", blind, wobbling(1)), pair_of("b", wobbling(2), wobbling(2))],
                               NOWHERE))  # fmt: skip
    assert found["aed@mesh-v1", "a"].status == "no_face" and found["aed@mesh-v1", "b"].value == 0
    assert found["efid@mesh-v1", None].status == "too_few"


def test_the_distance_is_frechets_with_its_loading_and_warning() -> None:
    rng = np.random.default_rng(4)
    clips = {str(i): (rng.normal(1, 2, (30, 7)), rng.normal(0, 1, (30, 7))) for i in range(2)}
    value = expression.efid("efid@mesh-v1", clips)
    plain = [plain_moments(np.concatenate([clip[side] for clip in clips.values()])) for side in (0, 1)]
    assert value.value == pytest.approx(frechet_distance(*plain), rel=1e-5) and value.value != frechet_distance(*plain)
    assert "warning: fewer than 10 frames a coefficient" in value.notes and "1e-06 added" in value.notes
    still = {str(i): (np.zeros((30, 7)), np.zeros((30, 7))) for i in range(2)}
    assert expression.efid("efid@mesh-v1", still).value == pytest.approx(0, abs=1e-12)


# --------------------------------------------------------------------------------------------- blendshapes
@pytest.fixture(scope="module")
def official(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> ScoringSettings:
    """Settings that find the official FaceLandmarker, checked against its pinned digest."""
    file = shared / "assets" / "face_landmarker.task"
    folder = tmp_path_factory.mktemp("assets")
    (folder / "face-landmarker").mkdir()
    shutil.copy(file, folder / "face-landmarker" / file.name)
    return ScoringSettings(None, "face", RESOLUTION, 16, Assets(folder=str(folder), offline=True))


def extracted(settings: ScoringSettings, frames: np.ndarray, size: int) -> np.ndarray:
    from metrics.measuring.extractors.blendshapes import Extractor

    extractor = Extractor(settings)
    extractor.begin(len(frames))
    for first in range(0, len(frames), size):
        part = frames[first : first + size]
        extractor.see(part, np.full((len(part), 478, 2), np.nan, np.float32))
    return extractor.finish(lambda: iter(frames), np.zeros(0, np.int16))["blendshapes"]


def test_blendshapes_of_a_real_clip(shared: Path, official: ScoringSettings) -> None:
    from eadnet.media.reading import read_video

    frames = np.stack(read_video(shared / "clips" / CLIP, seconds=1.0))[:, ::2, 480:1440:2]
    found = extracted(official, frames[4:20], 32)
    assert found.shape == (16, 52) and found.dtype == np.float32 and (found >= 0).all() and (found <= 1).all()
    assert (found == extracted(official, frames[4:20][::-1], 5)[::-1]).all()  # frames stand for themselves
    empty = extracted(official, np.zeros((1, 96, 96, 3), np.uint8), 32)
    assert np.isnan(empty).all()
    smile = found[:, 44:46].mean()  # mouthSmileLeft and -Right of a happy man
    assert smile > 0.3 > found[:, 30:32].mean()  # mouthFrownLeft and -Right
    same = [pair_of(name, found, found) for name in "ab"]
    mixed = [pair_of("a", np.roll(found, 5, axis=0), found), pair_of("b", found * 0.5, found)]
    for key in ("aed@blendshapes-v1", "efid@blendshapes-v1"):
        clip_id = "b" if key.startswith("aed") else None
        good, bad = (by_key(score_pairs("blendshapes", pairs, official))[key, clip_id] for pairs in (same, mixed))
        assert good.value == pytest.approx(0, abs=1e-9) and bad.value > 0.01
    assert "32 frames of 51 coefficients" in bad.notes and "warning" in bad.notes


def test_blendshapes_need_weights_and_frames(tmp_path: Path, official: ScoringSettings) -> None:
    from metrics.measuring.extractors.blendshapes import Extractor

    absent = ScoringSettings(None, "face", RESOLUTION, 16, Assets(folder=str(tmp_path), offline=True))
    with pytest.raises(WeightsAbsent, match="weights absent: face-landmarker"):
        Extractor(absent)
    pairs = [pair_of("a", np.zeros((20, 52)), np.zeros((20, 52)))]
    for settings in (absent, NOWHERE):
        values = score_pairs("blendshapes", pairs, settings)
        assert {value.status for value in values} == {"weights_absent"}
        assert {value.metric for value in values} == {"aed@blendshapes-v1", "efid@blendshapes-v1"}
    pairs[0].timed_features = unmeasured
    assert by_key(score_pairs("blendshapes", pairs, official))["aed@blendshapes-v1", "a"].status == "not_measured"
    pairs[0].timed_features = lambda name: np.full((20, 52), np.nan)
    assert by_key(score_pairs("blendshapes", pairs, official))["aed@blendshapes-v1", "a"].status == "no_face"
    assert blendshapes.FIRST == 1


def unmeasured(name: str) -> np.ndarray:
    raise Unscorable("not_measured", f"no {name}")


def test_specs_say_what_they_are_not() -> None:
    assert FAMILIES["expression"].assets == () and FAMILIES["blendshapes"].extractor == "blendshapes"
    assert FAMILIES["blendshapes"].needs_truth and not any(key.startswith("efid@deep3d") for key in REGISTRY)
    assert "no public reference" in REGISTRY["efid@mesh-v1"].disagreement
