"""Descriptors: invariance, single movements, baselines, voice, their table, and plausibility on real faces."""

from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from eadnet import tables
from eadnet.captions.grammar.prototypes import PROTOTYPES, nearest_emotions
from eadnet.captions.measures.descriptors import FULL_STRENGTH, Descriptors, describe_shard, unit_strengths
from eadnet.captions.measures.geometry import FACE_MEASURES, MOUTH_MEASURES, head_path, measure_frames
from eadnet.captions.measures.table import (
    DESCRIPTORS,
    UNIT_COLUMNS,
    descriptor_rows,
    read_descriptors,
    write_descriptors,
)
from eadnet.captions.measures.true_units import UNIT_NAMES
from eadnet.captions.measures.voice import Voice, measure_voice
from eadnet.captions.schema import ACTION_UNITS
from eadnet.data.clips import Clip, save_shard
from eadnet.tables import EMOTIONS
from tests.support.paths import SHARED

SILENT_CLIPS = SHARED / "clips_silent"
FRAMES = 60
RATE = 16000

# A schematic face in units of the eye distance, y up; every point that no measure reads stays at the origin.
FACE = {
    33: (-0.72, 0.0), 133: (-0.28, 0.0), 362: (0.28, 0.0), 263: (0.72, 0.0),
    159: (-0.5, 0.09), 386: (0.5, 0.09), 145: (-0.5, -0.08), 374: (0.5, -0.08), 468: (-0.5, 0.0), 473: (0.5, 0.0),
    55: (-0.2, 0.33), 107: (-0.22, 0.38), 285: (0.2, 0.33), 336: (0.22, 0.38),
    46: (-0.85, 0.25), 53: (-0.8, 0.3), 63: (-0.6, 0.4), 70: (-0.75, 0.35),
    276: (0.85, 0.25), 283: (0.8, 0.3), 293: (0.6, 0.4), 300: (0.75, 0.35),
    50: (-0.7, -0.4), 117: (-0.6, -0.35), 280: (0.7, -0.4), 346: (0.6, -0.35),
    129: (-0.2, -0.6), 358: (0.2, -0.6), 2: (0.0, -0.75), 4: (0.0, -0.55),
    61: (-0.4, -1.2), 291: (0.4, -1.2), 0: (0.0, -1.0), 37: (-0.1, -1.0), 267: (0.1, -1.0), 17: (0.0, -1.4),
    13: (0.0, -1.15), 14: (0.0, -1.25),
}  # fmt: skip
BROWS_INNER, BROWS_OUTER = (55, 107, 285, 336), (46, 53, 63, 70, 276, 283, 293, 300)
MOVES = {
    "inner brow raiser": [(BROWS_INNER, 0.08)],
    "outer brow raiser": [(BROWS_OUTER, 0.08)],
    "brow lowerer": [(BROWS_INNER, -0.1), (BROWS_OUTER, -0.08)],
    "upper lid raiser": [((159, 386), 0.05)],
    "lid tightener": [((159, 386), -0.04), ((145, 374), 0.03)],
    "cheek raiser": [((50, 117, 280, 346), 0.06)],
    "nose wrinkler": [((129, 358), 0.09)],
    "upper lip raiser": [((0, 37, 267), 0.08)],
    "lip corner puller": [((61, 291), 0.1)],
    "lip corner depressor": [((61, 291), -0.07)],
    "left lip corner puller": [((291,), 0.1)],
    "jaw drop": [((14,), -0.12)],
}


def landmarks(moves=(), scale: float = 40.0, roll: float = 0.0, place=(200.0, 150.0)) -> np.ndarray:
    """(FRAMES, 478, 2) pixels of the schematic face with points moved up by the given eye distances."""
    points = np.zeros((478, 2))
    points[list(FACE)] = list(FACE.values())
    for chosen, up in moves:
        points[list(chosen), 1] += up
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    pixels = (points * (1, -1)) @ turn.T * scale + place
    return np.repeat(pixels[None], FRAMES, axis=0).astype(np.float32)


def describe(folder: Path, shapes: dict[str, np.ndarray], emotions: dict[str, str | None]) -> dict:
    """Descriptors of clips of one speaker, given as landmarks."""
    stored = {
        "landmarks": save_shard(folder, "landmarks", shapes),
        "audio": save_shard(folder, "audio", {k: np.zeros(len(v) * 640, np.int16) for k, v in shapes.items()}),
    }
    rows = [
        {"clip_id": name, "speaker": name.split("_")[0], "emotion": emotions[name], "split": "train"} | stored
        for name in shapes
    ]
    return describe_shard([Clip(row) for row in rows])


@pytest.mark.parametrize("change", [{"scale": 95.0}, {"roll": 0.4}, {"roll": -2.0}, {"place": (900.0, 20.0)}])
def test_measures_ignore_size_roll_and_place(change: dict) -> None:
    plain, moved = measure_frames(landmarks()), measure_frames(landmarks(**change))
    assert set(plain) == {*FACE_MEASURES, *MOUTH_MEASURES}
    for name in plain:
        np.testing.assert_allclose(moved[name], plain[name], atol=1e-4)


@pytest.mark.parametrize("unit", MOVES)
def test_each_movement_raises_its_unit_most(unit: str, tmp_path: Path) -> None:
    shapes = {"p_neutral": landmarks(), "p_moved": landmarks(MOVES[unit])}
    found = describe(tmp_path, shapes, {"p_neutral": "neutral", "p_moved": None})["p_moved"]
    assert isinstance(found, Descriptors) and found.own_baseline
    assert found.units[unit] > 0.5
    assert max(found.units, key=found.units.__getitem__) == unit


def test_stretched_mouth_is_not_a_smile() -> None:
    still = dict.fromkeys((*FACE_MEASURES, *MOUTH_MEASURES), 0.0)
    stretched = unit_strengths(still | {"width": 0.1})
    assert stretched["lip stretcher"] > stretched["lip corner puller"]
    assert set(stretched) == set(FULL_STRENGTH)


def test_smile_opens_no_jaw_and_wrinkles_no_nose() -> None:
    still = dict.fromkeys((*FACE_MEASURES, *MOUTH_MEASURES), 0.0)
    smile = unit_strengths(still | {"corner_height": 0.1, "lip_gap": 0.03, "nose_brow": -0.03, "width": 0.1})
    assert smile["lip corner puller"] > 1
    assert max(smile[unit] for unit in ("jaw drop", "nose wrinkler", "lip stretcher", "upper lip raiser")) < 0.01


def test_cheek_carries_the_lower_lid() -> None:
    still = dict.fromkeys((*FACE_MEASURES, *MOUTH_MEASURES), 0.0)
    pushed, tightened = (unit_strengths(still | {"lower_lid": 0.02, "cheek": cheek}) for cheek in (0.04, 0.0))
    assert pushed["lid tightener"] < 0.01 < 0.5 < tightened["lid tightener"]


def test_neutral_clip_measures_nothing_and_shard_median_serves_without_one(tmp_path: Path) -> None:
    shapes = {"p_a": landmarks(), "q_b": landmarks(), "q_c": landmarks(MOVES["inner brow raiser"])}
    found = describe(tmp_path, shapes, {"p_a": "neutral", "q_b": None, "q_c": None})
    assert max(found["p_a"].units.values()) == 0
    assert not found["q_c"].own_baseline
    assert found["q_c"].units["inner brow raiser"] > 0.5 > max(found["q_b"].units.values())


def test_speech_does_not_pass_for_expression(tmp_path: Path) -> None:
    talking = landmarks()
    wave = np.maximum(np.sin(np.arange(FRAMES) * 1.3), 0)
    for point, amount in ((14, 10.0), (17, 10.0), (61, 2.0), (291, 2.0)):
        talking[:, point, 1] += (amount * wave).astype(np.float32)
    found = describe(tmp_path, {"p_n": landmarks(), "p_t": talking}, {"p_n": "neutral", "p_t": None})["p_t"]
    assert max(found.units.values()) < 0.3


def test_blinks_are_counted_and_do_not_narrow_the_eyes(tmp_path: Path) -> None:
    blinking = landmarks()
    for start in (10, 40):
        blinking[start : start + 4, [159, 386], 1] = blinking[start : start + 4, [145, 374], 1]
    found = describe(tmp_path, {"p_n": landmarks(), "p_b": blinking}, {"p_n": "neutral", "p_b": None})["p_b"]
    assert found.blink_rate == pytest.approx(2 / (FRAMES / 25) * 60)
    assert max(found.units.values()) < 0.01


def test_course_head_motion_and_tilt(tmp_path: Path) -> None:
    rising = landmarks()
    rising[40:] = landmarks(MOVES["inner brow raiser"])[40:]
    swaying = landmarks(roll=0.2) + (8 * np.sin(np.arange(FRAMES) / 5)).astype(np.float32)[:, None, None]
    shapes = {"p_n": landmarks(), "p_r": rising, "p_s": swaying}
    found = describe(tmp_path, shapes, {"p_n": "neutral", "p_r": None, "p_s": None})
    assert [found[name].dynamics for name in shapes] == ["static", "rising", "static"]
    assert found["p_s"].head_motion > 0.1 > found["p_r"].head_motion
    assert found["p_s"].head_tilt == pytest.approx(0.2, abs=1e-3)


@pytest.mark.parametrize("angle", [-0.2, 0.15])
def test_turn_and_nod_are_angles(angle: float, tmp_path: Path) -> None:
    turned, nodded = landmarks(), landmarks()
    shift = np.float32(0.75 * np.tan(angle) * 40)  # the tip of the nose stands 0.75 eye distances of 40 px in front
    turned[:, 4, 0] += shift
    nodded[:, 4, 1] -= shift
    shapes = {"p_n": landmarks(), "p_t": turned, "p_u": nodded}
    found = describe(tmp_path, shapes, {"p_n": "neutral", "p_t": None, "p_u": None})
    assert (found["p_t"].head_turn, found["p_t"].head_nod) == pytest.approx((angle, 0), abs=1e-5)
    assert (found["p_u"].head_turn, found["p_u"].head_nod) == pytest.approx((0, angle), abs=1e-5)


def test_head_path_does_not_jump_at_half_a_turn() -> None:
    turning = np.concatenate([landmarks(roll=roll)[:1] for roll in np.linspace(3.0, 3.3, 10)])
    assert np.abs(np.diff(head_path(turning)[:, 2])).max() < 0.1


def test_clip_without_face_or_arrays_is_a_reason_not_a_crash(tmp_path: Path) -> None:
    shapes = {"p_a": landmarks(), "p_b": np.full((FRAMES, 478, 2), np.nan, np.float32)}
    found = describe(tmp_path, shapes, {"p_a": None, "p_b": None})
    assert isinstance(found["p_a"], Descriptors)
    assert found["p_b"] == "p_b: a face in only 0 frames, 5 are needed"
    (tmp_path / "landmarks.safetensors").unlink()
    row = {
        "clip_id": "p_c",
        "speaker": "p",
        "emotion": None,
        "split": "train",
        "landmarks": str(tmp_path / "landmarks.safetensors"),
    }
    assert "delete its folder" in describe_shard([Clip(row)])["p_c"]


@pytest.mark.parametrize("emotion", [emotion for emotion in EMOTIONS if emotion != "neutral"])
def test_prototypes_recognise_themselves(emotion: str) -> None:
    units = dict.fromkeys(FULL_STRENGTH, 0.0) | PROTOTYPES[emotion]
    scores = nearest_emotions(units, own_baseline=True)
    assert max(scores, key=scores.__getitem__) == emotion
    assert sum(scores.values()) == pytest.approx(1)


def test_resting_face_is_neutral() -> None:
    scores = nearest_emotions(dict.fromkeys(FULL_STRENGTH, 0.0), own_baseline=False)
    assert max(scores, key=scores.__getitem__) == "neutral"


# ------------------------------------------------------------------------------------------------------- voice
def tone(pitch: np.ndarray | float, seconds: float = 2.0, gain: float = 0.3) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(pitch, time.shape)) / RATE
    return gain * (np.sin(phase) + 0.5 * np.sin(2 * phase))


def test_voice_measures_level_melody_and_pace() -> None:
    time = np.arange(2 * RATE) / RATE
    flat, lively = measure_voice(tone(150.0)), measure_voice(tone(150 * 2 ** (np.sin(2 * np.pi * time) / 3)))
    assert measure_voice(tone(150.0, gain=0.03)).loudness == pytest.approx(flat.loudness - 20, abs=0.1)
    assert flat.pitch_spread < 0.3
    assert lively.pitch_spread == pytest.approx(8 * np.sin(0.4 * np.pi), abs=0.6)  # 12/3 semitones, deciles of a sine
    beats = tone(150.0) * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * time))
    assert measure_voice(beats).rate == pytest.approx(4, abs=1)


@pytest.mark.parametrize("pitch", [85.0, 130.0, 220.0, 330.0])
def test_a_steady_voice_of_any_pitch_has_no_melody(pitch: float) -> None:
    noise = np.random.default_rng(0).normal(0, 0.03, 2 * RATE)
    assert measure_voice(tone(pitch) + noise).pitch_spread < 1.0


@pytest.mark.parametrize("syllables", [3, 5, 7])
def test_rate_counts_vowels_and_not_the_silence_between(syllables: int) -> None:
    time = np.arange(2 * RATE) / RATE
    vowels = tone(180.0) * np.maximum(np.sin(np.pi * syllables * time), 0)  # half of the time is silence
    hiss = np.diff(np.random.default_rng(0).normal(0, 0.05, len(time)), n=2, prepend=(0, 0))  # high, as consonants are
    spoken, beside = measure_voice(vowels).rate, measure_voice(vowels + hiss * (np.sin(2 * np.pi * 9 * time) > 0)).rate
    assert spoken == pytest.approx(syllables, rel=0.25)
    assert beside == pytest.approx(syllables, rel=0.25)


@pytest.mark.parametrize("wave", [np.zeros(0), np.zeros(100), np.zeros(RATE), np.full(RATE, 0.2)])
def test_silence_has_no_melody(wave: np.ndarray) -> None:
    assert np.isnan(measure_voice(wave).pitch_spread)


# ------------------------------------------------------------------------------------------------------- table
def bits(found: Descriptors) -> list:
    """Every figure of some descriptors as bytes, the rest as it is."""
    return [
        np.float64(value).tobytes() if isinstance(value, float) else value
        for value in (*found.units.values(), *found.gaze, *astuple(found.voice), *vars(found).values())
        if isinstance(value, float | bool | str)
    ]


def test_table_gives_back_what_was_measured_bit_for_bit(tmp_path: Path) -> None:
    shapes = {
        "p_n": landmarks(),
        "p_m": landmarks(MOVES["brow lowerer"], roll=0.1),
        "p_x": np.full((9, 478, 2), np.nan),
    }
    measures = describe(tmp_path, shapes, {"p_n": "neutral", "p_m": None, "p_x": None})
    measures["p_m"] = Descriptors(**vars(measures["p_m"]) | {"voice": Voice(0.1 + 0.2, float("nan"), -1e-300)})
    clips = [{"clip_id": name, "corpus": "mead", "shard": "p", "status": "ok", "reason": None} for name in shapes]
    clips.append({"clip_id": "p_lost", "corpus": "mead", "shard": "p", "status": "no_face", "reason": "film it larger"})
    write_descriptors(descriptor_rows(clips, measures), tmp_path / "descriptors.parquet")
    found = read_descriptors(tmp_path / "descriptors.parquet")
    assert list(found) == [*shapes, "p_lost"]
    for name in ("p_n", "p_m"):
        assert list(found[name].units) == list(measures[name].units)
        assert bits(found[name]) == bits(measures[name])
    assert found["p_x"] == measures["p_x"] == "p_x: a face in only 0 frames, 5 are needed"
    assert found["p_lost"] == "film it larger"
    rows = tables.read_rows(tmp_path / "descriptors.parquet", DESCRIPTORS)
    assert [row["status"] for row in rows] == ["ok", "ok", "no_measures", "no_face"]


def test_every_unit_has_a_column_and_a_name() -> None:
    assert list(UNIT_COLUMNS) == list(FULL_STRENGTH)
    assert set(UNIT_COLUMNS) <= set(ACTION_UNITS)
    assert set(UNIT_COLUMNS.values()) <= set(DESCRIPTORS.names)


# ------------------------------------------------------------------------------------------------- real faces
@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Descriptors]]:
    """Descriptors of MEAD crops: actor -> emotion -> descriptors."""
    from eadnet.faces.mesh import detect_landmarks
    from eadnet.media.reading import read_video

    paths = sorted(SILENT_CLIPS.glob("*.mp4"))
    if not paths:
        pytest.skip("../shared/clips_silent is not beside the repository")
    names = {f"{path.stem.split('_')[0]}_{path.stem.split('_')[2]}": path for path in paths}
    shapes = {name: detect_landmarks(read_video(path)[::4]) for name, path in names.items()}
    found = describe(tmp_path_factory.mktemp("real"), shapes, {name: name.split("_")[1] for name in names})
    actors = sorted({name.split("_")[0] for name in names})
    return {actor: {emotion: found[f"{actor}_{emotion}"] for emotion in EMOTIONS} for actor in actors}


@pytest.mark.parametrize(
    ("emotion", "unit"),
    [
        ("happy", "lip corner puller"),
        ("surprised", "inner brow raiser"),
        ("surprised", "upper lid raiser"),
        ("angry", "brow lowerer"),
        ("angry", "lid tightener"),
        ("disgusted", "brow lowerer"),
        ("disgusted", "lid tightener"),
        ("sad", "lid tightener"),
        ("fear", "inner brow raiser"),
        ("contempt", "outer brow raiser"),
    ],
)
def test_real_faces_show_the_typical_unit(real: dict, emotion: str, unit: str) -> None:
    for actor, found in real.items():
        assert found[emotion].units[unit] > found["neutral"].units[unit] + 0.25, actor


EXPECTED = {
    "brow lowerer": {"angry", "disgusted", "sad"},
    "upper lid raiser": {"fear", "surprised"},
    "lid tightener": {"angry", "disgusted"},
    "lip corner puller": {"happy"},
    "outer brow raiser": {"fear", "surprised"},
    "inner brow raiser": {"fear", "surprised", "sad"},
    "nose wrinkler": {"disgusted"},
}
"""Emotions that show a unit by EMFACS (Friesen & Ekman 1983); no emotion of these is neutral."""


@pytest.mark.parametrize("gender", ["M", "W"])
def test_units_stand_out_where_they_belong_in_men_and_women(real: dict, gender: str) -> None:
    people = [found for actor, found in real.items() if actor.startswith(gender)]
    assert people
    areas = {}
    for unit, emotions in EXPECTED.items():
        strengths = np.array([found[emotion].units[unit] for found in people for emotion in EMOTIONS])
        shown = np.array([emotion in emotions for _ in people for emotion in EMOTIONS])
        higher = strengths[shown, None] - strengths[~shown]
        areas[unit] = ((higher > 0) + (higher == 0) / 2).mean()
    assert min(areas.values()) > 0.5, areas
    assert np.mean(list(areas.values())) > 0.75, areas


def test_real_faces_are_often_recognised_without_their_label(real: dict) -> None:
    guesses = []
    for found in real.values():
        for emotion in EMOTIONS:
            scores = nearest_emotions(found[emotion].units, found[emotion].own_baseline)
            guesses.append(max(scores, key=scores.__getitem__) == emotion)
    assert np.mean(guesses) >= 0.65  # chance is 0.125; measured: 18 of 24


# ------------------------------------------------------------------------------------------------ drawn faces
FACS_NUMBER = {name: number for number, name in UNIT_NAMES.items() if name in FULL_STRENGTH}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, int], Descriptors]:
    """Descriptors of drawn faces that sway and open and shut their mouths: (person, emotion, level) -> descriptors."""
    from eadnet.faces.mesh import detect_landmarks
    from eadnet.synthetic.expressions import expression
    from eadnet.synthetic.motion import Motion
    from eadnet.synthetic.people import sample_person
    from eadnet.synthetic.puppet import Framing, Puppet

    time, still = np.arange(6) * 0.2, np.zeros(6)
    sway = np.column_stack([0.01 * np.sin(time), still, 0.03 * np.sin(2 * time), still + 1]).astype(np.float32)
    speech = np.maximum(0.2 * np.sin(9 * time), 0)
    keys = [("M003", emotion, level) for emotion in EMOTIONS for level in (1, 3)]
    keys += [("W009", emotion, level) for _, emotion, level in keys]
    framing = Framing(192, 192, 40.0, 96.0, 82.0)
    people = {name: Puppet(sample_person(name, 0, female=name[0] == "W"), framing) for name in ("M003", "W009")}
    shapes = {}
    for name, emotion, level in keys:
        worn = expression(emotion, level)
        opening = speech * worn.speech_gain + worn.rest_opening
        motion = Motion(opening, still + 1, still, still, still, still.astype(int), sway)
        shapes[f"{name}_{emotion}_{level}"] = detect_landmarks(people[name].wear(worn).frames(motion))
    emotions = {"_".join(map(str, key)): key[1] for key in keys}
    found = describe(tmp_path_factory.mktemp("drawn"), shapes, emotions)
    return {key: found["_".join(map(str, key))] for key in keys}


@pytest.mark.parametrize("unit", FACS_NUMBER)
def test_measured_units_follow_the_drawn_ones(drawn: dict, unit: str) -> None:
    from eadnet.synthetic.expressions import action_units

    truth = [action_units(emotion, level).get(FACS_NUMBER[unit], 0.0) for _, emotion, level in drawn]
    measured = [found.units[unit] for found in drawn.values()]
    assert np.corrcoef(truth, measured)[0, 1] > 0.5


def test_drawn_emotions_are_recognised_without_their_label(drawn: dict) -> None:
    hits = []
    for (_, emotion, level), found in drawn.items():
        scores = nearest_emotions(found.units, found.own_baseline)
        hits += [max(scores, key=scores.__getitem__) == emotion] if level == 3 else []
    assert np.mean(hits) >= 0.7  # chance is 0.125
