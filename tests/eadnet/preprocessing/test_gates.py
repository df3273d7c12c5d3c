"""The gates of preprocessing: what each refuses, what its reason says, and which one speaks first."""

import re

import pytest

from eadnet.config.preprocessing import Preprocess
from eadnet.media.writing import write_video
from eadnet.preprocessing.gates import GATES, SEARCHED, judge
from eadnet.published.syncnet_v2 import SHIFT
from tests.support.made_footage import clips_of, face, moving, tone, write_talk

SETTINGS = Preprocess()
GOOD = {
    "split": "train",
    "n_frames": 100,
    "detected": 1.0,
    "second_face": 0.0,
    "face_size": 120.0,
    "loudness": -20.0,
    "blur": 0.4,
    "sync_offset": 2.0,
    "sync_confidence": 5.0,
    "quality": 60.0,
}
LIMITS = SETTINGS.model_copy(update={"max_blur": 0.6})
FAULTS = [
    ("too_short", {"n_frames": 24}, "min_frames", ("24", "25")),
    ("no_face", {"detected": 0.42}, "min_detected", ("42%", "90%")),
    ("two_faces", {"second_face": 0.35}, "max_second_face", ("35%", "10%")),
    ("too_small", {"face_size": 31.0}, "min_face", ("31", "48")),
    ("silent", {"loudness": -71.0}, "silence_db", ("-71", "-60")),
    ("blurred", {"blur": 0.83}, "max_blur", ("0.83", "0.6")),
    ("out_of_sync", {"sync_confidence": 1.2}, "min_sync_confidence", ("1.2", "3")),
    ("out_of_sync", {"sync_offset": -9.0}, "max_offset", ("-9", "6")),
    ("poor_quality", {"quality": 31.4}, "min_quality", ("31.4", "40")),
]


@pytest.mark.parametrize("late", [-15.0, 15.0])
def test_an_offset_at_the_edge_of_the_search_is_no_offset(late):
    assert SEARCHED == SHIFT
    permissive = SETTINGS.model_copy(update={"max_offset": 15})
    found, reason = judge(GOOD | {"sync_offset": late}, permissive)
    assert found == "out_of_sync" and reason.startswith("beyond_range: ") and f"{late:+.0f}" not in reason
    assert judge(GOOD | {"sync_offset": late * 14 / 15}, permissive) is None


@pytest.mark.parametrize(("status", "change", "key", "numbers"), FAULTS)
def test_each_gate_names_its_key_and_both_numbers(status, change, key, numbers):
    found, reason = judge(GOOD | change, LIMITS)
    assert found == status and reason.endswith(f"(preprocess.{key})") and hasattr(SETTINGS, key)
    for number in numbers:
        assert re.search(rf"(?<![\d.]){re.escape(number)}(?![\d])", reason), reason


AT_THE_LIMIT = {
    "split": "train",
    "n_frames": 25,
    "detected": 0.9,
    "second_face": 0.1,
    "face_size": 48.0,
    "loudness": -60.0,
    "blur": 0.6,
    "sync_offset": 6.0,
    "sync_confidence": 3.0,
    "quality": 40.0,
}


def test_what_is_good_or_just_at_the_limits_passes():
    assert judge(GOOD, LIMITS) is None
    assert judge(AT_THE_LIMIT, LIMITS) is None
    assert judge(GOOD | {"sync_offset": None, "sync_confidence": None}, LIMITS) is None  # unmeasured
    assert judge(GOOD | {"quality": None}, LIMITS) is None


def test_syncnet_which_scores_the_test_clips_does_not_choose_them():
    out = {"sync_confidence": 1.2, "sync_offset": -9.0}
    assert judge(GOOD | out, LIMITS)[0] == judge(GOOD | out | {"split": "val"}, LIMITS)[0] == "out_of_sync"
    assert judge(GOOD | out | {"split": "test"}, LIMITS) is None


def test_the_first_gate_in_order_speaks():
    order = [status for status, _ in GATES]
    assert order == "too_short no_face two_faces too_small silent blurred out_of_sync poor_quality".split()
    worst = GOOD.copy()
    for status, change, *_ in reversed(FAULTS):
        worst |= change
        assert judge(worst, LIMITS)[0] == status


def test_no_face_at_all_is_refused_whatever_the_share_and_before_its_size_is_asked_for():
    row = GOOD | {"detected": 0.0, "face_size": None, "blur": None}
    status, reason = judge(row, LIMITS.model_copy(update={"min_detected": 0.0}))
    assert status == "no_face" and "0%" in reason


def test_a_clip_without_sound_is_told_that_before_its_loudness_and_blur_but_after_its_picture(tmp_path):
    videos = tmp_path / "videos"
    videos.mkdir()
    for name, frames in (("deaf", 25), ("short", 20)):
        write_video(videos / f"{name}.mp4", moving(face(), frames), 25)
    write_video(videos / "quiet.mp4", moving(face(), 25), 25, 1e-5 * tone(1.0))
    write_talk(videos / "soft.mp4", seconds=1.0)
    rows = clips_of(videos, tmp_path / "clips", SETTINGS.model_copy(update={"max_blur": 0.0}))
    assert rows["status"].to_dict() == {"deaf": "no_audio", "short": "too_short", "quiet": "silent", "soft": "blurred"}
    assert rows["loudness"].isna().to_dict() == {"deaf": True, "short": True, "quiet": False, "soft": False}
    assert rows["face_size"].gt(48).all() and rows["blur"].between(0.01, 0.99).all()  # measured all the same
