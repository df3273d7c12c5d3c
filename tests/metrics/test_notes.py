"""What was done to a video, and what differs in it or its reference, stands in its rows of scores."""

from pathlib import Path

import numpy as np
import pytest

from eadnet.media.reading import probe
from eadnet.media.writing import write_video
from metrics import score
from metrics.measuring.footage_notes import compared_sound, faceless, picture_notes
from metrics.measuring.timing import storage_notes
from metrics.scoring.pairs import Pair
from metrics.scoring.score import stamp
from metrics.scoring.values import Value
from metrics.spec import needs_of
from tests.support.made_footage import face, moving, tone
from tests.support.odd_videos import turn, write_timed

FRAMES = 10
KEYS = ("psnr@crop", "landmark_jitter@mediapipe")
UNEVEN = np.cumsum([0, 0.04, 0.04, 0.12, 0.04, 0.02, 0.06, 0.04, 0.02, 0.02])


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """A wave that is like no other."""
    return np.random.default_rng(seed).uniform(-0.3, 0.3, round(seconds * 16000)).astype(np.float32)


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict]]:
    """Rows of scores by metric and video, of a face in all forms against itself, and of itself against all forms."""
    root = tmp_path_factory.mktemp("notes")
    frames, sound = np.stack(list(moving(face(), FRAMES))), tone(FRAMES / 25)
    late = np.concatenate([np.zeros(1280, np.float32), sound])[: len(sound)]
    forms = {
        "same": (frames, 25, sound), "fast": (frames, 30, sound[: 16000 * FRAMES // 30]),
        "small": (frames[:, :160, :160], 25, sound), "short": (frames[:7], 25, sound), "late": (frames, 25, late),
        "long": (np.concatenate([frames, frames[:3]]), 25, np.concatenate([sound, sound[:1920]])),
        "other": (frames, 25, noise(FRAMES / 25)), "half_heard": (frames, 25, sound[:3200]), "mute": (frames, 25, None),
        "turned": (np.rot90(frames, 1, axes=(1, 2)), 25, sound),
    }  # fmt: skip
    for name, (pictures, fps, wave) in forms.items():
        write_video(root / f"made/{name}.mp4", pictures, fps, wave)
        write_video(root / f"true/{name}.mp4", pictures, fps, wave)
    for folder in (root / "made", root / "true"):
        turn(folder / "turned.mp4")
        write_timed(folder / "uneven.mp4", frames, UNEVEN)
    even = np.arange(FRAMES) / 25
    write_timed(root / "made/moving.gif", frames, even, codec="gif", pix_fmt="rgb8")
    write_timed(root / "made/web.webm", frames, even, codec="libvpx")
    write_timed(root / "made/hlg.mp4", frames, even, color_trc="18")
    truth = {f"of_{name}.mp4": name for name in ("fast", "half_heard", "mute", "turned", "uneven")}
    for name in truth:
        (root / "made" / name).write_bytes((root / "made/same.mp4").read_bytes())
    pairs = {path.name: f"{truth.get(path.name, 'same')}.mp4" for path in sorted((root / "made").iterdir())}
    found = score(root / "made", root / "true", KEYS, pairs=pairs, resolution=64)
    rows: dict[str, dict[str, dict]] = {key: {} for key in KEYS}
    for row in found.rows:
        video = row["clip_id"] if "." in row["clip_id"] else f"of_{row['clip_id']}.mp4"  # a reference of one video
        rows[row["metric"]][video] = row | {"path": root / "made" / video}
    return rows


@pytest.mark.parametrize(
    ("video", "note"),
    [
        ("fast.mp4", "30.00 fps brought to 25"),
        ("small.mp4", "160x160 scaled to 192x192"),
        ("short.mp4", "7 frames, the clip has 10; the shorter counts"),
        ("long.mp4", "13 frames, the clip has 10; the shorter counts"),
        ("late.mp4", "its sound comes +80 ms late"),
        ("mute.mp4", "no sound, so the pair rests on names alone"),
        ("moving.gif", "no sound, so the pair"),
        ("web.webm", "no sound, so the pair"),
        ("turned.mp4", "stored turned by 270 degrees"),
        ("uneven.mp4", "frames at uneven times, 0.020 to 0.120 s apart"),
        ("of_fast.mp4", "the reference: 30.00 fps brought to 25"),
        ("of_turned.mp4", "the reference: stored turned by 270 degrees"),
        ("of_uneven.mp4", "the reference: frames at uneven times"),
        ("of_mute.mp4", "the reference: no sound, so the sounds were not compared"),
        ("of_half_heard.mp4", "the reference: its sound ends 0.1"),
    ],
)
def test_what_compares_with_the_clip_has_the_note(notes: dict, video: str, note: str) -> None:
    row = notes["psnr@crop"][video]
    assert row["value"] > 0 and note in row["notes"]
    assert not video.startswith("of_") or "reference" not in str(notes["landmark_jitter@mediapipe"][video]["notes"])


@pytest.mark.parametrize(
    ("video", "note"),
    [
        ("fast.mp4", "30.00 fps brought to 25"),
        ("half_heard.mp4", "its sound ends 0.1"),
        ("mute.mp4", "no sound"),
        ("moving.gif", "no sound: a .gif holds none"),
        ("turned.mp4", "stored turned by"),
        ("uneven.mp4", "frames at uneven times"),
        ("other.mp4", "its sound is not the clip's"),
    ],
)
def test_what_sees_the_video_alone_has_the_note(notes: dict, video: str, note: str) -> None:
    assert note in notes["landmark_jitter@mediapipe"][video]["notes"]


def test_an_ordinary_pair_has_no_notes_and_other_sound_no_value(notes: dict) -> None:
    assert all(notes[key]["same.mp4"]["notes"] is None for key in KEYS)
    other = notes["psnr@crop"]["other.mp4"]
    assert other["value"] is None and other["status"] == "wrong_audio" and "not the clip's" in other["reason"]


def test_what_reading_does_to_the_signal_is_said(notes: dict) -> None:
    for key in KEYS:
        row = notes[key]["hlg.mp4"]
        assert row["value"] is not None and all(note in row["notes"] for note in probe(row["path"]).notes)


def test_steady_frames_of_every_container_are_no_note(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (12, 64, 64, 3), np.uint8)
    for suffix in (".mp4", ".mkv", ".mov", ".ts", ".flv", ".webm", ".avi"):
        codec = "libvpx" if suffix == ".webm" else "libx264"
        path = write_timed(tmp_path / f"a{suffix}", frames, np.arange(12) / 25, codec=codec)
        assert storage_notes(path) == picture_notes(str(path), probe(path)) == (), suffix
    write_video(tmp_path / "a.mp4", frames, 30000 / 1001)
    assert storage_notes(tmp_path / "a.mp4") == ()


@pytest.mark.parametrize(
    ("late", "status"), [(0, None), (4000, None), (15999, None), (16000, "beyond_range"), (-19200, "beyond_range")]
)
def test_sound_that_is_later_than_is_searched_has_no_lag(late: int, status: str | None) -> None:
    wave = noise(6)
    own = np.roll(wave, late)
    heard = compared_sound("a.mp4", own, (wave * 32767).astype(np.int16))
    assert (heard.refusal and heard.refusal.status) == status
    said = f"its sound comes {late / 16:+.0f} ms late"
    if status:
        assert f"{said}, beyond the 1000 ms either way" in str(heard.refusal)
    else:
        assert heard.notes == ((said,) if late else ())


def test_a_sound_of_zeros_is_no_sound_that_was_compared() -> None:
    heard = compared_sound("a.mp4", np.zeros(16000, np.float32), np.rint(noise(1) * 32767).astype(np.int16))
    assert heard.refusal is None and heard.notes == ("its sound is silent, so the pair rests on names alone",)


def test_frames_without_a_face_are_counted() -> None:
    assert faceless(np.array([True, False, True, False])) == ("no face in 2 of its 4 frames, the first at 0.04 s",)
    assert faceless(np.ones(4, bool)) == ()


def test_another_sound_is_not_a_late_one() -> None:
    heard = compared_sound("a.mp4", noise(4, seed=1), (noise(4) * 32767).astype(np.int16))
    assert heard.refusal.status == "wrong_audio" and "pair it with the video it imitates" in str(heard.refusal)


def test_a_row_of_a_set_counts_the_notes_of_its_clips(tmp_path: Path) -> None:
    rates = ("30.00 fps brought to 25; its sound comes +80 ms late", "29.97 fps brought to 25", None)
    pairs = [
        Pair({"clip_id": str(place), "level": None}, tmp_path, 9, "ok", None, notes=notes, own_notes="own")
        for place, notes in enumerate(rates)
    ]
    values = [Value("fid@corpus-v1", None, 3.0, 3, notes="warning: few"), Value("psnr@crop", "1", 30.0, 9)]
    of_set, of_clip = stamp(values, pairs, "run", 0, {})
    aligned = needs_of("fid@corpus-v1") in ("frames", "timing")
    rate = "2 of 3 clips: 29.97–30.00 fps brought to 25; 1 of 3 clips: its sound comes +80 ms late"
    assert of_set["notes"] == f"{rate if aligned else '3 of 3 clips: own'}; warning: few"
    assert of_clip["notes"] == rates[1]
