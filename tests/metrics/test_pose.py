"""Head poses and their beats, and the flicker of whole frames: known turns, known events, and real clips."""

import shutil
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from eadnet.config.machine import Assets
from eadnet.faces.mesh import detect_landmarks
from eadnet.media.reading import iterate_video, read_audio
from metrics.families import flicker, mouth
from metrics.functional import poses as turning
from metrics.functional.beats import agreement, chance, resting_points, sound_onsets
from metrics.scoring.score import score_pairs
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.spec import EXTRACTORS, REGISTRY, extractors_of, family_specs
from metrics.tables import Unscorable
from tests.support.face_motion import face, motion_pair

CLIPS = ("mead_M003_happy_L1_024.mp4", "hdtf_WDA_EdMarkey0_000.mp4")
FRAMES = 50
NOWHERE = ScoringSettings(None, "face", 96, 16)


def swinging(frames: int, seed: int = 0, amplitude: float = 8.0) -> np.ndarray:
    """(T, 4, 4) float32 poses of a head that turns slowly about all axes, 30 cm away and a little larger than life."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None]
    angles = amplitude * np.sin(time / rng.uniform(4, 9, 3) + rng.uniform(0, 6, 3))
    matrices = np.tile(np.eye(4), (frames, 1, 1))
    matrices[:, :3, :3] = 1.08 * Rotation.from_euler("YXZ", angles, degrees=True).as_matrix()
    matrices[:, :3, 3] = (1, -2, -30) + 0.3 * np.cos(time / 5)
    return matrices.astype(np.float32)


def turned(poses: np.ndarray, degrees: float) -> np.ndarray:
    """The same poses, each turned about the vertical, and elsewhere in the picture."""
    more = poses.copy()
    more[:, :3, :3] = Rotation.from_euler("Y", degrees, degrees=True).as_matrix() @ poses[:, :3, :3]
    more[:, :3, 3] += (5, 0, 3)
    return more


def posed_pair(clip_id: str, own: np.ndarray, true: np.ndarray, **changes: object) -> SimpleNamespace:
    """A pair whose videos have these poses."""
    points = face(len(true)) + 3 * np.sin(np.arange(len(true)) / 4)[:, None, None]
    given = {"features": lambda name: own, "true_features": lambda name: true} | changes
    return motion_pair(clip_id, points[: len(own)], points, **given)


@pytest.fixture(scope="module")
def official(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> ScoringSettings:
    """Settings that find the official FaceLandmarker, checked against its pinned digest."""
    folder = tmp_path_factory.mktemp("assets")
    (folder / "face-landmarker").mkdir()
    shutil.copy(shared / "assets" / "face_landmarker.task", folder / "face-landmarker")
    return ScoringSettings(None, "face", 96, 16, Assets(folder=str(folder), offline=True))


def by_key(name: str, pairs: list, settings: ScoringSettings) -> dict[tuple[str, str | None], Value]:
    found = {(value.metric, value.clip_id): value for value in score_pairs(name, pairs, settings)}
    assert {key for key, _ in found} == {spec.key for spec in family_specs(name)}
    return found


# ------------------------------------------------------------------------------------------------------------ poses
def test_a_turn_is_its_angle_about_any_axis() -> None:
    poses = swinging(40)
    assert turning.geodesic_distances(turned(poses, 7), poses) == pytest.approx(7, abs=1e-3)
    slanted = poses.copy()
    slanted[:, :3, :3] = poses[:, :3, :3] @ Rotation.from_rotvec(np.radians(7) * np.array([0.6, 0, 0.8])).as_matrix()
    assert turning.geodesic_distances(slanted, poses) == pytest.approx(7, abs=1e-3)
    assert turning.geodesic_distances(2 * poses, poses) == pytest.approx(0, abs=1e-2)  # size is no turn


def test_angles_are_yaw_pitch_roll() -> None:
    for axis, vector in enumerate(((0, 1, 0), (1, 0, 0), (0, 0, 1))):
        pose_of = np.eye(4)[None].copy()
        pose_of[0, :3, :3] = Rotation.from_rotvec(np.radians(20) * np.array(vector)).as_matrix()
        assert turning.euler_angles(pose_of)[0] == pytest.approx(20 * np.eye(3)[axis], abs=1e-9)
    gap = swinging(5)
    gap[2] = np.nan
    assert np.isnan(turning.euler_angles(gap)).all(1).tolist() == [False, False, True, False, False]
    assert np.isnan(turning.speeds(gap)).tolist() == [False, True, True, False]


def test_diversity_and_speed_of_a_steady_turn() -> None:
    angles = np.zeros((40, 3))
    angles[:, 0] = 0.9 * np.arange(40)
    assert turning.pose_change(angles) == (pytest.approx(0.3), 39)
    assert turning.diversity(angles) == pytest.approx(0.9 * np.arange(40).std() / 3)
    angles[20] = np.nan
    assert turning.pose_change(angles) == (pytest.approx(0.3), 37)


def test_the_truth_a_turned_head_and_a_still_one(official: ScoringSettings) -> None:
    truths = [swinging(60, seed) for seed in range(3)]
    same = by_key("pose", [posed_pair(str(i), truth, truth) for i, truth in enumerate(truths)], official)
    for (key, clip_id), value in same.items():
        if clip_id == "1" and "ratio" in key:
            assert value.value == pytest.approx(REGISTRY[key].target), key
    assert same["apd@mediapipe", "1"].value == pytest.approx(0, abs=1e-2)
    assert same["pfid@mediapipe-yxz", None].value == pytest.approx(0, abs=1e-6)
    shifted = by_key("pose", [posed_pair(str(i), turned(truth, 6), truth) for i, truth in enumerate(truths)], official)
    assert shifted["apd@mediapipe", "1"].value == pytest.approx(6, abs=1e-2)
    assert shifted["pfid@mediapipe-yxz", None].value == pytest.approx(36, rel=0.3)  # framing does not count
    still = [posed_pair(str(i), np.repeat(truth[:1], 60, axis=0), truth) for i, truth in enumerate(truths)]
    frozen = by_key("pose", still, official)
    assert frozen["pose_diversity_ratio@mediapipe-yxz", "0"].value == pytest.approx(0, abs=1e-6)
    assert frozen["delta_p_ratio@mediapipe-yxz", "0"].value == pytest.approx(0, abs=1e-6)
    swapped = by_key("pose", [posed_pair(str(i), truths[i - 1], truths[i]) for i in range(3)], official)
    assert swapped["pfid@mediapipe-yxz", None].value == pytest.approx(0, abs=1e-6)
    assert swapped["apd@mediapipe", "0"].value > 1


def test_what_cannot_be_had_is_a_row(tmp_path: Path, official: ScoringSettings) -> None:
    def unmeasured(name: str) -> np.ndarray:
        raise Unscorable("no_truth", "the true video was not measured")

    truth = swinging(60)
    lone = by_key("pose", [posed_pair("a", truth, truth, true_features=unmeasured)], official)
    assert lone["delta_p@mediapipe-yxz", "a"].value > 0 and lone["apd@mediapipe", "a"].status == "no_truth"
    blind = truth.copy()
    blind[5:] = np.nan
    assert by_key("pose", [posed_pair("a", blind, truth)], official)["delta_p@mediapipe-yxz", "a"].status == "no_face"
    half = truth.copy()
    half[30:] = np.nan
    value = by_key("pose", [posed_pair("a", half, truth)], official)["apd@mediapipe", "a"]
    assert (value.n, value.n_wanted) == (30, 60)
    assert by_key("pose", [posed_pair("a", truth, truth)], official)["beat_align@onsets", "a"].status == "no_beat"
    blind = {value.metric: value.status for value in score_pairs("pose", [posed_pair("a", truth, truth)], NOWHERE)}
    by_mesh = {key for key, status in blind.items() if status == "ok"}
    assert by_mesh == {"head_translation@theval-matrix", "head_translation_ratio@theval-matrix"}
    assert {status for key, status in blind.items() if key not in by_mesh} == {"weights_absent"}
    assert set(blind) == {spec.key for spec in family_specs("pose")}
    squares = [posed_pair(name, truth, truth, status="wrong_size", reason="another aspect") for name in "ab"]
    framed = by_key("pose", squares, official)
    assert framed["apd@mediapipe", "a"].value == 0 and "another framing" in framed["apd@mediapipe", "a"].notes
    assert framed["pfid@mediapipe-yxz", None].status == "too_few"
    assert extractors_of(["pose"], of_truth=True) == {"blendshapes": EXTRACTORS["blendshapes"]}


# ------------------------------------------------------------------------------------------------------------ beats
def test_agreement_of_shifted_events_and_its_chance_level() -> None:
    events = np.arange(1.0, 20.0)
    assert agreement(events, events) == 1
    assert agreement(events, events + 0.1) == pytest.approx(np.exp(-0.5))
    assert agreement(events, events[::2]) == pytest.approx((10 / 19 + 1) / 2)  # both directions count
    rng = np.random.default_rng(0)
    pairs = np.sort(rng.uniform(0, 20, (60, 2, 30)))
    excess = [agreement(first, second) - chance(first, second, 20.0) for first, second in pairs]
    assert np.mean(excess) == pytest.approx(0, abs=0.04)
    first = pairs[0, 0]
    assert agreement(first, first) - chance(first, first, 20.0) > 0.4


def test_onsets_of_clicks_and_rests_of_a_swing() -> None:
    rate, times = 16000, np.array([0.5, 1.2, 1.9, 3.1])
    wave = 1e-4 * np.random.default_rng(1).normal(size=4 * rate)
    for time in times:
        burst = np.arange(1600)
        wave[int(time * rate) : int(time * rate) + 1600] += np.sin(burst / 3) * np.exp(-burst / 600)
    found = sound_onsets(wave, rate)
    assert all(np.abs(found - time).min() < 0.03 for time in times)
    assert len(sound_onsets(np.zeros(rate), rate)) == 0
    speed = 1 + np.cos(2 * np.pi * np.arange(100) / 20)  # slowest at 10, 30, ...
    assert resting_points(speed, 25.0) == pytest.approx((np.array([10, 30, 50, 70, 90]) + 0.5) / 25)
    gap = speed.copy()
    gap[40:44] = np.nan
    assert len(resting_points(gap, 25.0)) == 5 and len(resting_points(np.full(9, np.nan), 25.0)) == 0


# ---------------------------------------------------------------------------------------------------------- flicker
def flickering(frames: list[np.ndarray], truth: list[np.ndarray], **changes: object) -> dict[str, Value]:
    points = face(len(truth))
    given = {"own_frames": lambda: iter(frames), "true_frames": lambda: iter(truth)} | changes
    return {value.metric: value for value in flicker.score([motion_pair("a", points, points, **given)], NOWHERE)}


def test_flicker_of_a_frozen_and_of_an_alternating_video() -> None:
    rng = np.random.default_rng(2)
    noise = list(rng.integers(0, 256, (6, 20, 30, 3), dtype=np.uint8))
    black, white = np.zeros((20, 30, 3), np.uint8), np.full((20, 30, 3), 255, np.uint8)
    frozen, blinking = flickering([noise[0]] * 6, noise), flickering([black, white] * 3, noise)
    assert (frozen["flicker@vbench"].value, frozen["flicker_ratio@vbench"].value) == (1, 0)
    assert blinking["flicker@vbench"].value == 0 and blinking["flicker_ratio@vbench"].value > 2
    expected = np.abs(np.diff(np.array(noise).astype(int), axis=0)).mean()
    same = flickering(noise, noise)
    assert same["flicker@vbench"].value == pytest.approx(1 - expected / 255) and same["flicker_ratio@vbench"].value == 1
    assert flickering(noise, noise, own_fps=30.0)["flicker_ratio@vbench"].status == "wrong_rate"
    assert flickering(noise, [black] * 6)["flicker_ratio@vbench"].status == "still_truth"
    square = flickering(noise, noise, status="wrong_size", reason="another aspect")
    assert square["flicker@vbench"].status == "ok" and square["flicker_ratio@vbench"].status == "wrong_size"
    assert flickering(noise[:1], noise)["flicker@vbench"].status == "too_short"
    assert flickering(noise, noise, video=None)["flicker@vbench"].status == "not_measured"


# ------------------------------------------------------------------------------------------------------- real clips
@pytest.fixture(scope="module")
def real(shared: Path, official: ScoringSettings) -> list[SimpleNamespace]:
    """Two real clips of 2 s: landmarks, poses and sound."""
    from metrics.measuring.extractors.blendshapes import Extractor

    extractor, found = Extractor(official), []
    for name in CLIPS:
        frames = np.stack(list(islice(iterate_video(shared / "clips" / name, 25), FRAMES)))
        extractor.begin(FRAMES)
        extractor.see(frames, np.full((FRAMES, 478, 2), np.nan))
        arrays = extractor.finish(lambda frames=frames: iter(frames), np.zeros(0, np.int16))
        assert arrays["poses"].shape == (FRAMES, 4, 4) and arrays["poses"].dtype == np.float32
        found.append(
            SimpleNamespace(
                name=name,
                size=frames.shape[1:3],
                landmarks=detect_landmarks(frames),
                poses=arrays["poses"],
                audio=read_audio(shared / "clips" / name, 16000)[: FRAMES * 640],
            )  # fmt: skip
        )
    return found


def real_pairs(real: list[SimpleNamespace], order: np.ndarray, swapped: bool = False) -> list[SimpleNamespace]:
    """Pairs of the real clips and themselves, their frames in another order, or each other's."""
    pairs = []
    for clip, shown in zip(real, real[::-1] if swapped else real, strict=True):
        size = {"source": None, "height": clip.size[0], "width": clip.size[1]}
        pairs.append(motion_pair(
            clip.name, shown.landmarks[order], clip.landmarks, own_audio=clip.audio, true_audio=clip.audio,
            own_frames=lambda shown=shown: iter([np.zeros((*shown.size, 3), np.uint8)]),
            truth=SimpleNamespace(row=size), features=lambda name, shown=shown: shown.poses[order],
            true_features=lambda name, clip=clip: clip.poses,
        ))  # fmt: skip
    return pairs


def test_real_clips_against_themselves_and_worse(real: list[SimpleNamespace], official: ScoringSettings) -> None:
    whole, names = np.arange(FRAMES), ("mouth", "gaze", "pose", "theval")
    orders = {"itself": whole, "late": np.maximum(whole - 2, 0), "reversed": whole[::-1], "frozen": 0 * whole}
    found: dict[str, dict] = {kind: {} for kind in orders}
    for kind, order in orders.items():
        for name in names:
            found[kind] |= by_key(name, real_pairs(real, order), official)
    for (key, clip_id), value in found["itself"].items():
        ideal = REGISTRY[key].target
        if key.startswith(("mouth_", "apd", "mod", "pfid")) and ideal is None:
            ideal = 0.0
        if value.value is not None and ideal is not None:
            assert value.value == pytest.approx(ideal, abs=0.02), (key, clip_id)
    for clip in real:
        values = {
            kind: {key: value.value for (key, of), value in rows.items() if of == clip.name}
            for kind, rows in found.items()
        }
        assert values["itself"]["mouth_dtw@r3"] < values["late"]["mouth_dtw@r3"] < values["reversed"]["mouth_dtw@r3"]
        assert values["late"]["mouth_dtw@r3"] < values["late"]["mouth_frame@r0"] / 2
        assert values["late"]["apd@mediapipe"] < values["reversed"]["apd@mediapipe"]
        assert values["reversed"]["gaze_roughness@mediapipe"] == pytest.approx(1, abs=1e-3)
        assert values["reversed"]["lid_correlation@mediapipe"] < 0.5
        assert values["frozen"]["delta_p_ratio@mediapipe-yxz"] == pytest.approx(0, abs=1e-3)
        assert values["frozen"]["lip_dynamics_ratio@theval-normalised"] == pytest.approx(0, abs=1e-6)
        assert 0.1 < values["itself"]["delta_p@mediapipe-yxz"] < 1 and 0.5 < values["itself"]["lip_dynamics@theval"] < 5
    swapped = {
        (value.metric, value.clip_id): value.value for value in mouth.score(real_pairs(real, whole, True), official)
    }
    assert all(swapped["mouth_dtw@r3", clip.name] > found["late"]["mouth_dtw@r3", clip.name].value for clip in real)
