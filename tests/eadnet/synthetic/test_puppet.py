"""The drawn face: deterministic, found by MediaPipe, true to what was asked of it, and distinct."""

from dataclasses import replace

import numpy as np
import pytest

from eadnet.config.corpora import Movement
from eadnet.faces.alignment import align, warp_frame
from eadnet.faces.landmarks import eye_opening, mouth_opening
from eadnet.faces.mesh import detect_landmarks
from eadnet.faces.regions import region_mask
from eadnet.synthetic.expressions import EMOTION_UNITS, action_units, expression
from eadnet.synthetic.motion import Motion, animate
from eadnet.synthetic.people import Person, sample_person
from eadnet.synthetic.puppet import Framing, Puppet
from eadnet.synthetic.speech import Speech, fit, pauses, prosody, speak
from eadnet.tables import EMOTIONS

SIZE = 192
FRAMING = Framing(SIZE, SIZE, 0.2 * SIZE, SIZE / 2 - 0.5, 0.44 * SIZE)
SECONDS = 2.2
# First moments of the curves of `speech` before gestures existed: the default must keep them.
DEFAULT_MOMENTS = {"opening": 221.39, "width": 1428.36, "rounding": 244.86, "blink": 202.64, "brow": 6.11}


@pytest.fixture(scope="module")
def people() -> list[Person]:
    return [sample_person(f"P{index}", 0, female=index % 2 == 0, index=index) for index in range(20)]


@pytest.fixture(scope="module")
def speech() -> Speech:
    return fit(speak("Well, my father bought a farm.", "en-us+f3", prosody("neutral", 1)), SECONDS, lead=0.12)


def _motion(speech: Speech, emotion: str, step: int = 1) -> Motion:
    worn = expression(emotion, 3)
    return animate(speech, np.arange(0, round(25 * SECONDS), step) / 25, worn.speech_gain, worn.rest_opening, 1)


def _moving(nod: np.ndarray | None = None, beat: np.ndarray | None = None) -> Motion:
    """A face that does nothing but nod, or beat its brows."""
    still = np.zeros(len(nod if beat is None else beat))
    sway = np.tile([0, 0, 0, 1], (len(still), 1)).astype(np.float32)
    return Motion(still, still + 1, still, still, still, still.astype(int), sway, beat=beat, nod=nod)


def _aligned(people: list[Person], motion: Motion, smoothing: float) -> np.ndarray:
    frames = list(Puppet(people[6], FRAMING).wear(expression("neutral", 1)).frames(motion))
    transforms = align(detect_landmarks(frames), 96, smoothing)
    return np.stack([warp_frame(*pair, 96) for pair in zip(frames, transforms, strict=True)]).astype(float)


def _still(opening: float = 0.0, blink: float = 0.0) -> Motion:
    one = np.ones(1)
    sway = np.array([[0, 0, 0, 1]], np.float32)
    return Motion(opening * one, one, 0 * one, blink * one, 0 * one, np.zeros(1, int), sway)


def test_the_same_person_and_speech_give_the_same_frames(people: list[Person], speech: Speech) -> None:
    motion = _motion(speech, "happy", step=11)
    first, second = (
        np.stack(list(Puppet(people[1], FRAMING).wear(expression("happy", 2)).frames(motion))) for _ in range(2)
    )
    assert np.array_equal(first, second)
    assert first.shape == (len(motion), SIZE, SIZE, 3) and first.dtype == np.uint8


def test_faces_are_found_and_lips_follow_the_true_opening(people: list[Person], speech: Speech) -> None:
    found, correlations = [], []
    for index, person in enumerate(people):
        emotion = EMOTIONS[index % len(EMOTIONS)]
        motion = _motion(speech, emotion, step=3)
        landmarks = detect_landmarks(Puppet(person, FRAMING).wear(expression(emotion, 3)).frames(motion))
        seen = ~np.isnan(landmarks[:, 0, 0])
        found.append(seen)
        correlations.append(np.corrcoef(mouth_opening(landmarks)[seen], motion.opening[seen])[0, 1])
    assert np.concatenate(found).mean() >= 0.99
    assert min(correlations) > 0.85 and np.median(correlations) > 0.95


def test_people_differ(people: list[Person]) -> None:
    pictures = np.stack(
        [Puppet(person, FRAMING).wear(expression("neutral", 1)).frame(_still(), 0) for person in people[:10]]
    )
    small = pictures[:, ::4, ::4].astype(float)
    apart = np.abs(small[:, None] - small[None]).mean(axis=(2, 3, 4))
    assert apart[~np.eye(len(small), dtype=bool)].min() > 10


def test_every_emotion_changes_brows_eyes_or_mouth_its_own_way(people: list[Person]) -> None:
    puppet = Puppet(people[2], FRAMING)
    faces = np.stack([puppet.wear(expression(emotion, 3)).frame(_still(), 0) for emotion in EMOTIONS]).astype(float)
    change = 0.0
    for rows in (slice(60, 95), slice(105, 150)):  # brows and eyes; mouth
        region = faces[:, rows, 50:142]
        change = change + np.abs(region[:, None] - region[None]).mean(axis=(2, 3, 4))
    assert change[~np.eye(len(EMOTIONS), dtype=bool)].min() > 5


def test_calm_is_hardly_more_than_neutral(people: list[Person]) -> None:
    puppet = Puppet(people[0], FRAMING)
    neutral = puppet.wear(expression("neutral", 1)).frame(_still(), 0)

    def change(emotion: str, level: int) -> float:
        face = puppet.wear(expression(emotion, level)).frame(_still(), 0)
        return np.abs(np.subtract(face, neutral, dtype=float)[60:150, 50:142]).mean()

    others = [change(emotion, 2) for emotion in EMOTIONS if emotion != "neutral"]
    assert 0 < change("calm", 2) < change("calm", 3) < min(others) / 2


def test_levels_grow(people: list[Person]) -> None:
    puppet = Puppet(people[3], FRAMING)
    neutral = puppet.wear(expression("neutral", 1)).frame(_still(), 0).astype(float)
    change = [
        np.abs(puppet.wear(expression("surprised", level)).frame(_still(), 0) - neutral).mean() for level in (1, 2, 3)
    ]
    assert 0 < change[0] < change[1] < change[2]


def test_a_blink_closes_the_eyes(people: list[Person]) -> None:
    mask = Puppet(people[4], FRAMING).wear(expression("neutral", 1))
    frames = [mask.frame(_still(blink=blink), 0) for blink in (0.0, 0.0, 1.0, 1.0, 1.0)]
    opening = eye_opening(detect_landmarks(frames))
    assert opening[-1] < 0.5 * opening[0]


def test_speech_leaves_the_upper_face_still(people: list[Person]) -> None:
    mask = Puppet(people[5], FRAMING).wear(expression("neutral", 1))
    shut, wide = mask.frame(_still(), 0).astype(int), mask.frame(_still(opening=0.4), 0).astype(int)
    assert np.abs(wide - shut)[:105].max() == 0
    assert np.abs(wide - shut)[105:160, 60:132].mean() > 5


def test_blinks_follow_pauses_by_a_fixed_delay(speech: Speech) -> None:
    times = np.arange(round(200 * SECONDS)) / 200
    blink = animate(speech, times, 1.0, 0.0, 1).blink
    starts = times[1:][(blink[1:] > 0) & (blink[:-1] == 0)]
    expected = [start + 0.04 for start, _ in pauses(speech.phonemes)]
    assert len(expected) == 2
    assert starts == pytest.approx(expected, abs=0.02)


def test_lips_close_in_bilabials_and_open_in_vowels(speech: Speech) -> None:
    times = np.arange(round(200 * SECONDS)) / 200
    motion = animate(speech, times, 1.0, 0.0, 1)
    for phoneme in speech.phonemes:
        during = (times >= phoneme.start) & (times < phoneme.end)
        if phoneme.viseme == "PP":
            assert motion.opening[during].min() < 0.03
    assert motion.opening.max() > 0.3
    assert motion.opening[times < 0.05].max() == 0


def test_only_the_sway_depends_on_its_seed(speech: Speech) -> None:
    times = np.arange(55) / 25
    first, second = (animate(speech, times, 1.0, 0.0, seed) for seed in (1, 2))
    assert np.array_equal(first.opening, second.opening) and np.array_equal(first.blink, second.blink)
    assert not np.array_equal(first.sway, second.sway)
    assert np.abs(first.sway[:, :2]).max() <= 0.0151 and np.abs(first.sway[:, 2]).max() <= 0.0301


def test_the_iris_follows_the_gaze(people: list[Person]) -> None:
    mask = Puppet(people[4], FRAMING).wear(expression("neutral", 1))
    looks = [(0, 0), (-0.08, 0), (-0.08, 0), (0.08, 0), (0.08, 0)]
    frames = [mask.frame(replace(_still(), gaze=np.array([look])), 0) for look in looks]
    landmarks = detect_landmarks(frames)
    irises, corners = landmarks[:, [468, 473], 0], landmarks[:, [33, 133, 362, 263], 0]
    left, right = irises[2], irises[4]
    assert (right - left > 0.08 * 0.2 * SIZE).all()  # each moves by more than half of what was asked
    assert (corners[:, 0] < irises[:, 0]).all() and (irises[:, 0] < corners[:, 1]).all()
    assert (corners[:, 2] < irises[:, 1]).all() and (irises[:, 1] < corners[:, 3]).all()


def test_nods_and_beats_stay_inside_the_generated_region(people: list[Person]) -> None:
    times = np.arange(50) / 25
    nod = 0.03 * np.stack([np.sin(2 * np.pi * 2.4 * times), np.cos(2 * np.pi * 2.7 * times)], 1)
    beat = 0.055 * (1 - np.cos(2 * np.pi * 2.5 * times)) / 2
    inside = region_mask("face", 96, 16)
    for motion in (_moving(nod=nod), _moving(beat=beat)):
        moved = np.abs(np.diff(_aligned(people, motion, smoothing=6.0), axis=0))
        assert moved[:, inside].mean() > 5 * moved[:, ~inside].mean()


def test_movement_is_off_by_default(speech: Speech) -> None:
    motion = animate(speech, np.arange(55) / 25, 1.0, 0.0, 1)
    assert motion.gaze is None and motion.nod is None and motion.beat is None
    found = {name: float(getattr(motion, name) @ np.arange(55)) for name in DEFAULT_MOMENTS}
    assert found == pytest.approx(DEFAULT_MOMENTS, abs=0.05)


def test_switching_one_gesture_on_leaves_the_others_as_they_are(speech: Speech) -> None:
    times = np.arange(55) / 25
    plain = animate(speech, times, 1.0, 0.0, 1)
    all_on = Movement(spontaneous_blinks=20.0, gaze_shifts=60.0, brow_beats=True, nods=0.03)
    whole = animate(speech, times, 1.0, 0.0, 1, all_on)
    glancing = animate(speech, times, 1.0, 0.0, 1, Movement(gaze_shifts=60.0))
    assert np.array_equal(glancing.gaze, whole.gaze)
    for name in ("opening", "width", "rounding", "viseme", "sway"):
        assert np.array_equal(getattr(plain, name), getattr(whole, name))
    assert np.array_equal(glancing.blink, plain.blink) and (whole.blink >= plain.blink).all()
    assert not whole.brow.any() and whole.beat.max() > 0.04


def test_action_units_scale_with_level() -> None:
    assert action_units("neutral", 1) == {}
    assert action_units("happy", 3) == EMOTION_UNITS["happy"]
    assert action_units("happy", 1)[12] == pytest.approx(0.45)
    contempt = expression("contempt", 3)
    assert contempt.corner_right > 0.1 and contempt.corner_left == 0 and contempt.upper_lid < 0


def test_a_person_depends_on_name_and_seed_alone() -> None:
    person = sample_person("W009", 0, True, 3)
    assert person == sample_person("W009", 0, True, 3)
    assert person != sample_person("W009", 1, True, 3)
    assert replace(person, name="W011") != sample_person("W011", 0, True, 3)
