"""Paths of the face: outliers, reach, steps and memory of known series, and of a drawn face whose motion is known."""

import numpy as np
import pytest

from eadnet.config.corpora import Movement
from eadnet.faces.alignment import align, apply
from eadnet.faces.landmarks import eye_opening, interocular
from eadnet.faces.mesh import detect_landmarks
from eadnet.synthetic.expressions import expression
from eadnet.synthetic.motion import Motion, animate
from eadnet.synthetic.people import sample_person
from eadnet.synthetic.puppet import Framing, Puppet
from eadnet.synthetic.speech import silence
from metrics.families import gaze as gaze_family
from metrics.families import landmarks as landmark_family
from metrics.families import paths as path_family
from metrics.functional.path_shapes import (
    LEAST_RATIO,
    autocorrelation,
    excursions,
    mean_step,
    spread,
    structure_distance,
)
from metrics.functional.trajectories import gaze, path_correlation, roughness
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.spec import REGISTRY, family_specs
from metrics.specs.paths import OVERALL, REACHES
from tests.support.face_motion import face, motion_pair

NOWHERE = ScoringSettings(None, "face", 96, 16)
TIME = np.arange(400.0)


def filtered(path: np.ndarray) -> np.ndarray:
    padded = np.concatenate([path[:1], path, path[-1:]])
    return (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4


def wandering(generator: np.random.Generator, count: int, memory: float) -> np.ndarray:
    """A path of variance 1 whose autocorrelation at lag k is memory ** k."""
    path = generator.standard_normal(count)
    for place in range(1, count):
        path[place] = memory * path[place - 1] + np.sqrt(1 - memory**2) * path[place]
    return path


# ----------------------------------------------------------------------------------------------------- known series
def test_an_outlier_is_away_from_both_neighbours_on_one_side() -> None:
    spike, plateau, step = np.zeros(20), np.zeros(20), (np.arange(20) > 9) * 1.0
    spike[7], plateau[7:9] = 0.1, 0.1
    assert excursions(spike, 0.06) == (1, 18) and excursions(-spike, 0.06)[0] == 1
    assert [excursions(path, 0.06)[0] for path in (plateau, step)] == [0, 0]
    assert excursions(spike, 0.1)[0] == 0
    plane = np.zeros((20, 2))
    plane[7] = 0.06, 0.06
    assert excursions(plane, 0.08)[0] == 1
    plane[8:] = (0.13, 0.05)  # now it passes on: the ways in and out point to opposite sides
    assert excursions(plane, 0.06)[0] == 0
    spike[6] = np.nan
    assert excursions(spike, 0.06) == (0, 15)


def test_a_sine_has_its_own_reach_steps_and_memory() -> None:
    sine = 3 * np.sin(2 * np.pi * TIME / 40)
    assert spread(sine) == pytest.approx(3 / np.sqrt(2)) and excursions(sine, 0.01)[0] <= 20  # peaks are no jumps
    for lag in (1, 4, 8, 20):
        assert mean_step(sine, lag) == pytest.approx(12 / np.pi * np.sin(np.pi * lag / 40), rel=0.03)
        assert autocorrelation(sine, lag)[0] == pytest.approx(np.cos(2 * np.pi * lag / 40), abs=0.02)
    assert structure_distance(2 * sine, sine) == pytest.approx(np.log(2))
    assert structure_distance(-sine, sine) == 0 and structure_distance(sine[::-1], sine) == pytest.approx(0)
    assert structure_distance(np.zeros(400), sine) == pytest.approx(-np.log(LEAST_RATIO))
    assert np.isinf(structure_distance(sine, np.zeros(400))) and np.isnan(structure_distance(sine[:8], sine[:8]))


def test_white_noise_forgets_and_steps_as_far_at_every_lag() -> None:
    noise = np.random.default_rng(0).standard_normal((4000, 2))
    steps = [mean_step(noise, lag) for lag in (1, 2, 4, 8)]
    assert steps == pytest.approx([np.sqrt(np.pi)] * 4, rel=0.04)
    assert abs(autocorrelation(noise, 1)[0]) < 0.05 and spread(noise) == pytest.approx(np.sqrt(2), rel=0.04)


def test_a_filter_lowers_roughness_but_brings_no_path_to_the_true_steps() -> None:
    generator = np.random.default_rng(1)
    truth, other = (wandering(generator, 4000, 0.9) for _ in range(2))
    half = truth / 2 + generator.permutation(truth) / 2
    for path in (other, half):
        smooth = filtered(path)
        assert roughness(smooth)[0] < 0.6 * roughness(path)[0]
        assert structure_distance(smooth, truth) > structure_distance(path, truth)
    path, distances = generator.permutation(truth), []
    for _ in range(8):  # wholly independent frames: a filter helps, but does not arrive
        distances.append(structure_distance(path, truth))
        path = filtered(path)
    assert min(distances) > 2 * structure_distance(other, truth) and distances[0] > min(distances)


# ------------------------------------------------------------------------------------------------------- the family
def path_pair(own: np.ndarray, truth: np.ndarray, **changes: object) -> object:
    """A pair whose crops are its frames."""
    pair = motion_pair("a", own, truth, generated_landmarks=own, **changes)
    pair.truth.transforms = np.tile(np.eye(2, 3, dtype=np.float32), (len(truth), 1, 1))
    return pair


def scored(own: np.ndarray, truth: np.ndarray, **changes: object) -> dict[str, Value]:
    values = {value.metric: value for value in path_family.score([path_pair(own, truth, **changes)], NOWHERE)}
    assert set(values) == {spec.key for spec in family_specs("paths")}
    return values


def moving(seed: int, frames: int = 100) -> np.ndarray:
    """A face whose irises, lids, lips and place wander, each for itself."""
    generator, points = np.random.default_rng(seed), face(frames)
    for iris in (468, 473):
        points[:, iris, 0] += wandering(generator, frames, 0.9)
    points[:, [145, 374], 1] -= np.clip(wandering(generator, frames, 0.8), -1, 1)[:, None]
    points[:, 14, 1] += 4 + wandering(generator, frames, 0.8)
    return points + np.stack([wandering(generator, frames, 0.9) for _ in range(2)], 1)[:, None]


def test_the_truth_reads_its_targets_and_another_size_has_no_place_in_the_crop() -> None:
    truth = moving(2)
    for key, value in scored(truth, truth).items():
        assert value.value == pytest.approx(REGISTRY[key].target or 0, abs=1e-9), key
    wide = scored(truth / 2, truth, status="wrong_size", reason="another aspect")
    lost = {key for key, value in wide.items() if value.value is None}
    assert lost == {key for key in wide if key.startswith(("nod_", "path_"))}
    assert {wide[key].status for key in lost} == {"wrong_size"}


def test_frames_in_random_order_jump_and_forget_and_the_mean_is_over_four_paths() -> None:
    truth = moving(3)
    own = truth[np.random.default_rng(0).permutation(100)]
    found = {key: value.value for key, value in scored(own, truth).items()}
    for name in REACHES:
        assert found[f"{name}_excursions@mediapipe"] > 1 and found[f"{name}_struct@mediapipe"] > 0.2, name
        assert found[f"{name}_autocorrelation_1@mediapipe"] < -0.5, name
    assert found["nod_amplitude@mediapipe"] == pytest.approx(1) and found["nod_roughness@mediapipe"] > 2
    pair = path_pair(own, truth, timed_landmarks=own)
    others = {value.metric: value.value for value in gaze_family.score([pair], NOWHERE)}
    others |= {value.metric: value.value for value in landmark_family.score([pair], NOWHERE)} | found
    for measure in OVERALL:
        of_paths = [others[f"{name}_{measure}@mediapipe"] for name in REACHES]
        assert found[f"path_{measure}@mediapipe"] == pytest.approx(np.mean(of_paths)), measure


def test_a_frozen_face_a_still_truth_a_short_clip_and_frames_without_a_face() -> None:
    truth = moving(4)
    frozen = scored(np.repeat(truth[:1], 100, axis=0), truth)
    assert frozen["path_struct@mediapipe"].value == pytest.approx(-np.log(LEAST_RATIO))
    assert frozen["path_amplitude@mediapipe"].value == pytest.approx(0, abs=1e-9)
    assert frozen["lid_excursions@mediapipe"].value <= 0 < frozen["lid_autocorrelation_4@mediapipe"].value
    still = scored(truth, face(100))
    assert {value.status for key, value in still.items() if "excursions" not in key} == {"still_truth"}
    short = scored(truth[:14], truth[:14])
    assert short["gaze_autocorrelation_8@mediapipe"].status == "too_short"
    blind = truth.copy()
    blind[40:50] = np.nan
    value = scored(blind, truth)["path_roughness@mediapipe"]
    assert value.value == pytest.approx(1, rel=0.2) and (value.n, value.n_wanted) == (86, 98)


# ----------------------------------------------------------------------------------------------------- a drawn face
@pytest.fixture(scope="module")
def drawn() -> tuple[Motion, np.ndarray]:
    """Two seconds of a drawn person who looks about, blinks and nods in silence, and the landmarks of the frames."""
    movement = Movement(spontaneous_blinks=40.0, gaze_shifts=90.0, nods=0.06)
    motion = animate(silence(2.4), np.arange(60) / 25, 1.0, 0.0, 7, movement)
    puppet = Puppet(sample_person("W009", 0, female=True, index=1), Framing(192, 192, 38.4, 95.5, 84.5))
    frames = list(puppet.wear(expression("neutral", 1)).frames(motion))
    return motion, detect_landmarks(frames)


def test_paths_of_a_drawn_face_follow_what_was_drawn(drawn: tuple[Motion, np.ndarray]) -> None:
    motion, points = drawn
    assert np.isfinite(points).all() and motion.blink.max() > 0.9
    transforms = align(points, 96, 6.0)
    unit = float(interocular(apply(transforms, points)).mean())
    assert path_correlation(gaze(points), motion.gaze) > 0.7
    assert path_correlation(eye_opening(points), motion.blink) < -0.8
    place = path_family.nod(points, transforms, unit)
    assert path_correlation(place, motion.nod) > 0.8 and spread(place) == pytest.approx(spread(motion.nod), rel=0.25)
    assert path_correlation(place[:, :1], motion.nod[:, 1:]) < 0.5  # right is not down
