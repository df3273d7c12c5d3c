"""THEval's measures on inputs whose values are known, its score, silence and speech, and mouths against loudness."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from eadnet.media.reading import read_audio
from eadnet.provenance import sha256_file
from metrics.families import theval as family
from metrics.families import voice
from metrics.functional import theval
from metrics.functional.loudness import best_correlation, frame_levels, shuffled_correlation
from metrics.functional.poses import euler_angles
from metrics.functional.trajectories import LEFT_BROW, LIPS, RIGHT_BROW
from metrics.networks import silero
from metrics.scoring.score import evaluators
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.spec import REGISTRY, family_specs
from tests.support.face_motion import face, motion_pair

NOWHERE = ScoringSettings(None, "face", 96, 16)
SPEECH = "hdtf_WDA_KatieHill_000.mp4"
PERIODS = 40
WAVE = np.sin(2 * np.pi * np.arange(10 * PERIODS) / 10)  # whole periods of 10 frames


# --------------------------------------------------------------------------------------------------- known values
def test_brows_that_alternate() -> None:
    points = face(20)
    distance = 30.0  # of the eyes' centres
    points[1::2, list(LEFT_BROW + RIGHT_BROW), 1] -= 0.2 * distance  # 0.1 either way of their mean
    assert theval.eyebrow(points) == pytest.approx(0.2)
    assert theval.eyebrow(face(20)) == 0 and theval.eyebrow(face(0)) == 0


def test_lips_that_breathe() -> None:
    points = face(len(WAVE))
    still = points[0, list(LIPS)]
    centre = still.mean(0)
    points[:, list(LIPS)] = centre + (still - centre) * (1 + 0.1 * WAVE)[:, None, None]
    distances = [np.linalg.norm(still[i] - still[j]) for i in range(40) for j in range(i)]
    assert len(distances) == 780
    assert theval.lip_dynamics(points) == pytest.approx(0.1 / np.sqrt(2) * np.mean(distances))
    assert theval.lip_dynamics(points[:0]) == 0


def test_frames_are_squashed_to_a_square() -> None:
    assert theval.squashed(np.full((1, 478, 2), (640.0, 90.0)), (360, 1280))[0, 0].tolist() == [128, 64]


def test_silent_openings_about_their_mean() -> None:
    assert theval.silent_stability(np.array([0.0, 0, 0, 1])) == 0.25  # about the median it would be 0
    points = face(4)
    for first, second in zip(theval.UPPER_LIP, theval.LOWER_LIP, strict=True):
        points[:, first], points[:, second] = (48, 60), (48, 64)
    assert theval.silent_openings(points) == pytest.approx(4 / 40)  # 40 px between the outer corners


def test_lip_sync_of_affine_openness() -> None:
    volume = np.random.default_rng(0).random(60)
    normal = (volume - volume.min()) / np.ptp(volume)
    assert theval.lip_sync(3 * volume + 2, volume) == pytest.approx(0, abs=1e-12)
    assert theval.lip_sync(1 - volume, volume) == pytest.approx(np.abs(1 - 2 * normal).mean())
    assert theval.lip_sync(np.ones(60), volume) == pytest.approx(normal.mean())


def test_head_motion_of_a_swing_and_of_a_nod() -> None:
    swing = np.stack([7 * WAVE, np.zeros(len(WAVE))], 1)
    assert theval.head_motion(np.zeros((50, 3)), swing) == pytest.approx(3.5)
    amplitude, frequency = 20.0, 0.1
    angles = np.zeros((len(WAVE) + 1, 3))
    angles[1:, 0] = amplitude * np.sin(2 * np.pi * frequency * np.arange(1, len(WAVE) + 1))
    spread, speed = amplitude / (3 * np.sqrt(2)), (2 * amplitude * np.sin(np.pi * frequency)) ** 2 / 6
    assert theval.head_rotation(angles) == pytest.approx(spread * speed, rel=0.01)
    poses = np.tile(np.eye(4), (len(angles), 1, 1))
    poses[:, :3, :3] = 1.1 * Rotation.from_euler("YXZ", angles, degrees=True).as_matrix()
    assert euler_angles(poses) == pytest.approx(angles, abs=1e-9)


def test_the_score_of_the_published_rows() -> None:
    names = "abcdefgh"
    method = dict(zip(names, (12, 5, 10, 15, 10, 5, 10, 0), strict=True))
    assert theval.relative_score(method, dict.fromkeys(names, 10.0)) == pytest.approx(0.6625)
    ones = dict.fromkeys(names, 1.0)
    assert theval.relative_score(ones | {"a": 2.0}, ones) == pytest.approx(0.875)
    twice = ones | {"a": 2.0, "b": 2.0}
    assert theval.relative_score(twice, ones, {"a": 2.0, "b": 0.0}) == pytest.approx(0.75)
    assert theval.relative_score(ones, ones) == 1
    assert theval.relative_score({"a": 4.0}, {"a": 1.0}) == -2
    with pytest.raises(ValueError, match="truth's mean of a is 0"):
        theval.relative_score({"a": 1.0}, {"a": 0.0})


def test_frames_of_speech_and_of_silence() -> None:
    speaks = theval.speech_frames([(0.4, 1.0), (1.2, 1.6)], 25, 50)
    assert np.flatnonzero(speaks).tolist() == [*range(10, 26), *range(30, 41)]
    silent = np.flatnonzero(theval.silent_frames(speaks, 25))  # the gap of 4 frames is shorter than 0.3 s
    assert silent.tolist() == [*range(10), *range(41, 50)]
    assert theval.silent_frames(np.zeros(8, bool), 25).all() and not theval.silent_frames(np.ones(8, bool), 25).any()


def test_loudness_is_read_at_the_frames() -> None:
    rate = 16000
    wave = np.linspace(0, 1, 2 * rate)  # root mean squares of 50 ms of a ramp are the ramp itself
    read = theval.loudness(wave, rate, 25, 50)
    assert read[5:45] == pytest.approx(np.arange(5, 45) / 25 / 2, abs=2e-3)


# -------------------------------------------------------------------------------------------------- whole families
def lively(frames: int, seed: int) -> np.ndarray:
    """A face of which all points tremble and the mouth opens and closes."""
    points = face(frames) + np.random.default_rng(seed).normal(0, 0.1, (frames, 478, 2))
    points[:, [14, *theval.LOWER_LIP], 1] += 4 + 3 * np.sin(np.arange(frames) / 3)[:, None]
    return points


def by_key(module: object, pairs: list) -> dict[tuple[str, str | None], Value]:
    return {(value.metric, value.clip_id): value for value in module.score(pairs, NOWHERE)}


def test_the_truth_reads_one_in_any_size() -> None:
    pytest.importorskip("silero_vad", reason="needs the package silero-vad")
    pairs = [motion_pair(name, truth * 1.7, truth) for name, truth in (("a", lively(60, 1)), ("b", lively(60, 2)))]
    found = by_key(family, pairs)
    assert {key for key, _ in found} == {spec.key for spec in family_specs("theval")}
    for key in ("lip_dynamics_ratio@theval-normalised", "eyebrow_ratio@theval", "silent_lip_ratio@theval"):
        assert found[key, "a"].value == pytest.approx(1, abs=1e-6) and REGISTRY[key].target == 1
    assert found["lip_dynamics@theval", "a"].value > 0 and found["lip_sync@theval", "a"].status == "no_speech"
    same = by_key(
        family, [motion_pair(name, truth, truth) for name, truth in (("a", lively(60, 1)), ("b", lively(60, 2)))]
    )
    score = same["score@theval-4of8", None]
    assert score.value == pytest.approx(1) and "lip_sync" not in score.reason and "silent_lip (2 clips)" in score.reason


def test_frozen_lips_and_videos_without_face_or_sound() -> None:
    truth = lively(60, 3)
    frozen = by_key(family, [motion_pair("a", np.repeat(truth[:1], 60, axis=0), truth)])
    for key in ("lip_dynamics_ratio@theval-normalised", "eyebrow_ratio@theval"):
        assert frozen[key, "a"].value == pytest.approx(0, abs=1e-9)
    assert frozen["score@theval-4of8", None].status == "too_few"
    blind = by_key(family, [motion_pair("a", np.full_like(truth, np.nan), truth)])
    assert blind["lip_dynamics@theval", "a"].status == "no_face"
    unnamed = by_key(family, [motion_pair("a", truth, truth, video=None)])
    assert unnamed["eyebrow@theval", "a"].status == "not_measured"


def test_open_mouths_in_silence() -> None:
    pytest.importorskip("silero_vad", reason="needs the package silero-vad")
    points = face(80)
    points[:, [61, 291]] = [(40, 60), (56, 60)]
    points[20:, 14, 1] = points[20:, 13, 1] + 6  # 6 of 16 px
    points[:20, 14] = points[:20, 13]
    points[76:] = np.nan
    value = by_key(voice, [motion_pair("a", points, points)])["open_in_silence@mar25", "a"]
    assert value.value == pytest.approx(56 / 76) and (value.n, value.n_wanted) == (76, 80)


def test_mouth_speed_follows_loudness_within_the_lags() -> None:
    rng = np.random.default_rng(5)
    levels = rng.normal(size=150)
    assert best_correlation(np.roll(levels, -4), levels) == pytest.approx(1, abs=1e-9)
    assert best_correlation(np.roll(levels, 9), levels) < 0.5
    assert shuffled_correlation(levels, levels) < 0.3
    assert np.isnan(best_correlation(levels[:30], levels[:30]))
    assert frame_levels(np.zeros(16000, np.float32), 16000, 25, 25) == pytest.approx(-80)
    still = by_key(voice, [motion_pair("a", face(80), face(80))])
    assert still["mouth_speed_loudness@lag6", "a"].value == 0


# ------------------------------------------------------------------------------------------------------ real speech
def test_speech_of_a_real_clip(shared) -> None:
    pytest.importorskip("silero_vad", reason="needs the package silero-vad")
    import torch

    before = torch.get_num_threads()
    wave = read_audio(shared / "clips" / SPEECH, silero.RATE)
    spans = silero.speech_spans(wave)
    share = sum(end - start for start, end in spans) / (len(wave) / silero.RATE)
    assert 0.5 < share < 1 and torch.get_num_threads() == before
    padded = silero.speech_spans(np.concatenate([np.zeros(32000, np.float32), wave]))
    assert padded[0][0] == pytest.approx(2 + spans[0][0], abs=0.15)
    assert silero.speech_spans(np.zeros(16000, np.float32)) == []
    assert all(time == round(time, 1) for span in silero.speech_spans(wave, rounded=True) for time in span)


def test_without_the_detector_the_other_measures_remain(monkeypatch: pytest.MonkeyPatch) -> None:
    silero.detector.cache_clear()
    monkeypatch.setattr(silero, "weights_path", lambda: None)
    found = by_key(family, [motion_pair("a", lively(60, 1), lively(60, 1))])
    assert found["silent_lip@theval", "a"].status == found["lip_sync@theval", "a"].status == "package_absent"
    assert found["eyebrow@theval", "a"].value > 0 and "silero-vad" in found["silent_lip@theval", "a"].reason


def test_the_detectors_weights_are_named() -> None:
    pytest.importorskip("silero_vad", reason="needs the package silero-vad")
    named = evaluators("theval", NOWHERE)
    assert named["lip_sync@theval"] == sha256_file(silero.weights_path()) != named["eyebrow@theval"]
