"""A face that is not seen all the time: what becomes of the gaps, and which seconds the rows name."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from eadnet.config.preprocessing import Preprocess
from eadnet.corpora.sources import ClipSource
from eadnet.data.clips import Clip
from eadnet.media.reading import MediaInfo, read_audio, read_video
from eadnet.media.writing import write_video
from eadnet.preprocessing.framing import Framed
from eadnet.preprocessing.gaps import cut_at_gaps, gap_note
from eadnet.preprocessing.pieces import Piece
from tests.support.made_footage import clips_of, face, moving, tone, write_talk

SETTINGS = Preprocess()
UNCUT = SETTINGS.model_copy(update={"shot_threshold": 0.0})


def framed(pattern: str, start: float = 0.0) -> Framed:
    """A piece whose frames show a face where `pattern` has an x; `x*30` is x thirty times."""
    seen = "".join(part[0] * int(part[2:] or 1) if "*" in part else part for part in pattern.split())
    landmarks = np.where(np.array([mark == "x" for mark in seen])[:, None, None], 0, np.nan)
    clip = ClipSource("a", "a", "a.mp4", "someone", "train", start=start)
    frames = [None] * len(seen)  # nothing looks at them here
    piece = Piece(clip, frames, MediaInfo(64, 64, 25.0, 1.0, False, False))
    return Framed(piece, None, np.broadcast_to(landmarks, (len(seen), 478, 2)).astype(np.float32), 0.0)


@pytest.mark.parametrize(
    ("pattern", "spans"),
    [
        ("x*75", [(0, 75)]),
        ("x*30 .*5 x*40", [(0, 75)]),  # the longest gap that stays inside
        ("x*30 .*6 x*40", [(0, 30), (36, 76)]),
        (".*2 x*60 .*1", [(2, 62)]),
        ("x*30 .*6 x*10 .*6 x*30", [(0, 30), (52, 82)]),  # what is too short for a clip is no clip
        ("x*20 .*7 x*60", [(27, 87)]),
        (".*50", [(0, 50)]),
        (" ".join(["x*4 .*8"] * 12), [(0, 144)]),  # a profile that is found now and then: one row, as a whole
        (" ".join(["x*3 .*4"] * 12), [(0, 84)]),
        ("x*60 .*8 " + " ".join(["x*2 .*3"] * 20), [(0, 60)]),
        ("x*20 .*6 x*24 .*6", [(26, 50)]),
    ],
)
def test_stretches_that_last_are_clips_and_a_flickering_face_is_no_heap_of_them(pattern, spans):
    settings = SETTINGS if pattern != "x*20 .*6 x*24 .*6" else SETTINGS.model_copy(update={"min_detected": 0.5})
    whole = framed(pattern, start=3.0)
    parts = cut_at_gaps(whole, settings)
    begun = [round((part.piece.clip.start - 3) * 25) for part in parts]
    assert (
        list(zip(begun, [first + len(part.landmarks) for first, part in zip(begun, parts, strict=True)], strict=True))
        == spans
    )
    assert [len(part.piece.frames) for part in parts] == [end - first for first, end in spans]


def test_every_second_that_is_left_out_is_named():
    notes = [part.piece.notes for part in cut_at_gaps(framed(".*5 x*30 .*20 x*40 .*30", start=2.0), SETTINGS)]
    assert notes == [
        ("2.00-2.20 s left out: no lasting face",),
        ("3.40-4.20 s left out: no lasting face", "5.80-7.00 s left out: no lasting face"),
    ]
    assert gap_note(framed("x*30 .*2 x*43", start=1.0), SETTINGS) == "no face in 2 of 75 frames: 2.20-2.28 s"
    assert gap_note(framed("x*30"), SETTINGS) is None


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory) -> Path:
    """A head for 30 frames, a wall for 3, the head for 30, the wall for 12, the head for 30."""
    path = tmp_path_factory.mktemp("interrupted") / "a.mp4"
    frames = list(moving(face(), 105))
    wall = cv2.GaussianBlur(face(), (0, 0), 30)
    frames[30:33], frames[63:75] = [wall] * 3, [wall] * 12
    write_video(path, frames, 25, tone(4.2))
    return path


def test_a_video_is_cut_at_a_long_gap_and_masked_in_a_short_one(interrupted, tmp_path):
    rows = clips_of(interrupted.parent, tmp_path, UNCUT, test_share=1.0)
    assert rows["status"].to_dict() == {"a_0": "ok", "a_1": "ok"}
    first, second = rows.loc["a_0"], rows.loc["a_1"]
    # the mesh may follow a face into a frame, or find it one frame late
    assert first["n_frames"] == pytest.approx(63, abs=1) and first["unseen"] == pytest.approx(3, abs=1)
    assert "no face in" in first["reason"] and "left out" not in first["reason"]
    assert second["n_frames"] == pytest.approx(30, abs=1) and second["unseen"] == 0
    assert second["start"] == pytest.approx(3.0, abs=0.05) and "s left out: no lasting face" in second["reason"]
    clip = Clip(second.to_dict())
    begun = round(second["start"] * 25)
    kept = read_video(second["source"]).astype(int)
    assert np.abs(kept - read_video(interrupted)[begun : begun + len(kept)]).mean() < 2
    expected = read_audio(interrupted, start=second["start"], seconds=len(kept) / 25)
    assert np.abs(clip.audio[: len(expected)] - expected).max() < 1e-3
    unseen = Clip(first.to_dict())
    assert int((~unseen.seen).sum()) == first["unseen"] and np.isnan(unseen.landmarks[~unseen.seen]).all()


def test_a_fade_is_left_out_and_said_and_no_crop_shows_it(tmp_path):
    (tmp_path / "videos").mkdir()
    page = np.full_like(face(), 235)
    page[20:180:12, 20:170] = 40
    share = np.clip((np.arange(130) - 39) / 13, 0, 1) - np.clip((np.arange(130) - 79) / 13, 0, 1)
    frames = [np.rint(a * (1 - s) + page * s).astype(np.uint8) for a, s in zip(moving(face(), 130), share, strict=True)]
    write_talk(tmp_path / "videos" / "a.mp4", frames, 5.2)
    rows = clips_of(tmp_path / "videos", tmp_path / "out")
    assert rows["status"].to_dict() == {"a_0": "ok", "a_1": "no_face", "a_2": "ok"}
    assert rows["n_frames"].sum() == pytest.approx(130 - 2 * 12, abs=6)
    assert "a fade or dissolve from 1.6" in rows.loc["a_0", "reason"]
    assert "a fade or dissolve at 3.2" in rows.loc["a_2", "reason"] and "s is left out" in rows.loc["a_2", "reason"]
    for name in ("a_0", "a_2"):
        crops = Clip(rows.loc[name].to_dict()).crops.astype(float)
        assert np.abs(crops - crops[len(crops) // 2]).mean(axis=(1, 2, 3)).max() < 12


def test_what_was_done_to_the_signal_stands_in_the_row(failing, tmp_path):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos/hlg.mp4").write_bytes((failing / "10_hlg.mp4").read_bytes())
    rows = clips_of(tmp_path / "videos", tmp_path / "clips", SETTINGS)
    assert "HDR (arib-std-b67) tone-mapped to BT.709" in rows.loc["hlg", "reason"]
