"""Which video belongs to which reference: odd names, names of two truths, lists of pairs, and what is no video."""

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eadnet.config.section import ConfigError
from eadnet.media.writing import write_audio, write_video
from eadnet.tables import read_rows
from metrics.cli import score
from metrics.external.given import match_given
from metrics.external.matching import match_names
from metrics.external.pair_list import match_listed
from metrics.external.references import read_labels
from metrics.external.strays import stray_lines
from metrics.tables import SCORES
from tests.support.made_footage import write_talk

NFC, NFD = (unicodedata.normalize(form, "Zoë_été") for form in ("NFC", "NFD"))


def paired(video: str, *references: str, others: tuple[str, ...] = ()) -> str | None:
    """The reference, without suffix, that a video is paired with beside `others`; None without one."""
    found = match_names([f"{name}.mp4" for name in (video, *others)], [f"{name}.mp4" for name in references])
    return next((key for key, (name, _) in found.pairs.items() if name == f"{video}.mp4"), None)


# -------------------------------------------------------------------------------------------------------- odd names
@pytest.mark.parametrize(
    ("video", "references", "wanted"),
    [
        (NFD, [NFC, "b"], NFC),
        (f"{NFC}_ours", [NFD, "b"], NFD),
        ("Happy_01", ["happy_01", "b"], "happy_01"),
        ("HAPPY_01-Ours", ["happy_01", "happy_010"], "happy_01"),
        ("clip", ["Clip", "CLIP"], None),  # either
        ("Clip", ["Clip", "CLIP"], "Clip"),
        ("my clip (2) ours", ["my clip", "my clip (2)"], "my clip (2)"),
        (" clip ", ["clip", "b"], "clip"),
        ("1", ["001", "002"], None),
        ("0010_x", ["001", "0010"], "0010"),
        ("clip.v2.final", ["clip", "clip.v2"], "clip.v2"),
        ("mine_clip", ["clip", "b"], None),  # what stands before may be the name of whose face it is
        ("clip+x", ["clip", "b"], "clip"),
    ],
)
def test_odd_names(video: str, references: list[str], wanted: str | None) -> None:
    assert paired(video, *references) == wanted


@pytest.mark.parametrize(
    ("video", "references", "wanted"),
    [
        ("001_002", ["001", "002"], None),
        ("001-002_ours", ["001", "002"], None),
        ("001_001", ["001", "002"], "001"),
        ("001_002", ["001"], None),  # the other reference was not given
        ("001_002_ours", ["001", "003"], None),
        ("001_wav2lip", ["001", "002"], "001"),
        ("M003_hap_1_001_W015_sad_2_004", ["M003_hap_1_001", "W015_sad_2_004"], None),
        ("M003_M003_hap_1_001", ["M003_hap_1_001", "W015_sad_2_004"], "M003_hap_1_001"),
        ("W015_M003_hap_1_001", ["M003_hap_1_001", "W015_sad_2_004"], None),
        ("a1##a1", ["a1", "b2"], "a1"),
        ("a1##b2", ["a1", "b2"], None),
        ("a1##song", ["a1", "b2"], None),
        ("face##a1", ["a1", "b2"], None),
        ("M003##front##happy##001", ["M003##front##happy##001", "b2"], "M003##front##happy##001"),
        ("M003##front##happy##001_ours", ["M003##front##happy##001", "b2"], "M003##front##happy##001"),
    ],
)
def test_names_of_two_truths(video: str, references: list[str], wanted: str | None) -> None:
    assert paired(video, *references) == wanted


def test_files_of_one_name_are_distinguished_by_their_folder() -> None:
    references = [f"{folder}/00{number}.mp4" for folder in ("M003/happy", "W015/sad") for number in (1, 2)]
    found = match_names(["W015/sad/001_ours.mp4", "M003/happy/001_002.mp4", "001_x.mp4"], references)
    assert dict(found.pairs) == {"W015/sad/001": ("W015/sad/001_ours.mp4", "W015/sad/001.mp4")}
    assert "M003/happy/001.mp4, M003/happy/002.mp4" in found.ambiguous["M003/happy/001_002.mp4"]
    many = match_names(["x/a_1.mp4"], [f"{folder}/a.mp4" for folder in range(9)])
    assert many.ambiguous["x/a_1.mp4"].startswith("x/a_1.mp4 fits 0/a.mp4, 1/a.mp4, 2/a.mp4, 3/a.mp4 and 5 more; ")


def test_a_mark_that_all_videos_share_is_a_methods() -> None:
    assert paired("001_512", "001", "002", others=("002_512",)) == "001"
    assert paired("001_512", "001", "002", others=("002_513",)) is None


def test_what_is_ambiguous_says_why_and_how_to_repair_it() -> None:
    found = match_names(["001_002.mp4", "a1##b2.mp4", "c.mp4"], ["001.mp4", "002.mp4", "a1.mp4", "c.mp4"])
    line = "001_002.mp4 fits 001.mp4, 002.mp4; rename it, or list the pairs (--pairs)"
    assert found.absence("001") == found.absence("002") == ("ambiguous", line) and line in found.lines()
    assert found.absence("a1")[0] == "ambiguous" and "SOURCE##AUDIO" in found.absence("a1")[1]
    assert dict(found.pairs) == {"c": ("c.mp4", "c.mp4")}


# ---------------------------------------------------------------------------------------------------- lists of pairs
def listed(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "pairs.csv"
    path.write_text(text, encoding="utf-8-sig")
    return path


def test_a_list_pairs_what_names_cannot(tmp_path: Path) -> None:
    path = listed(tmp_path, "reference,generated,mine\n 002,001_002.mp4,x\n\ntruth/001.mp4 , 002_001\n")
    found = match_listed(path, ["a/001_002.mp4", "002_001.avi", "other.mp4"], ["002.mp4", "truth/001.mp4"])
    assert dict(found.pairs) == {
        "002": ("a/001_002.mp4", "002.mp4"), "truth/001": ("002_001.avi", "truth/001.mp4"),
    }  # fmt: skip
    shared = match_listed({"a": "t", "b": "t"}, ["a.mp4", "b.mp4"], ["t.mp4"])
    assert dict(shared.pairs) == {"a.mp4": ("a.mp4", "t.mp4"), "b.mp4": ("b.mp4", "t.mp4")}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("generated\na\n", "has no column reference; it needs generated and reference"),
        ("", "has no column generated"),
        ("generated,reference\n", "lists no pair"),
        ("generated,reference\nz,t\n", "'z' is no video of its folder"),
        ("generated,reference\na\n", "'' is no video of its folder"),
        ("generated,reference\na,t\na.mp4,t\n", "names 'a.mp4' twice"),
        ("generated,reference\nc,t\n", "'c' may be 'x/c.mp4' or 'y/c.mp4'; write the whole path"),
    ],
)
def test_a_wrong_list_is_one_line(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=f"pairs.csv: {fault}") as raised:
        match_listed(listed(tmp_path, text), ["a.mp4", "x/c.mp4", "y/c.mp4"], ["t.mp4"])
    assert "\n" not in str(raised.value)


CELLS = st.sampled_from(
    ["clip_id", "emotion", "level", "generated", "reference", "a", "happy", "1", "²", "9" * 30, "é"]
)
TABLES = st.lists(st.lists(CELLS | st.text(max_size=6), max_size=4).map(",".join), max_size=6).map("\n".join)
FILES = st.binary(max_size=80) | st.builds(
    lambda mark, head, text, end: mark + head + text.encode(errors="surrogatepass") + end,
    st.sampled_from([b"", b"\xef\xbb\xbf", b"\xff\xfe"]),
    st.sampled_from([b"", b"clip_id,emotion,level\n", b"generated,reference\r\n", b'"generated","reference"\n']),
    TABLES, st.sampled_from([b"", b"\x00", b'"', b"\xff", b"\r"]),
)  # fmt: skip


@given(content=FILES)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_whatever_a_csv_file_holds_is_read_or_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "given.csv"
    path.write_bytes(content)
    for read in (read_labels, lambda file: match_listed(file, ["a.mp4"], ["é.mp4"])):
        try:
            read(path)
        except ConfigError as fault:
            assert str(fault).startswith(f"{path}: ") and str(fault).isprintable()


def test_a_csv_file_that_is_none_is_one_line(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.csv"):
        with pytest.raises(ConfigError, match="cannot be read"):
            read_labels(path)


# -------------------------------------------------------------------------------------------------- what is no video
def test_numbered_pictures_are_named_with_the_command_that_joins_them(tmp_path: Path) -> None:
    for clip in ("clip 1", "clip2"):
        for number in (7, 8, 9):
            picture = tmp_path / "out" / clip / f"f_{number:05d}.png"
            picture.parent.mkdir(parents=True, exist_ok=True)
            picture.touch()
    command = f"ffmpeg -framerate 25 -start_number 7 -i '{tmp_path}/out/clip 1/f_%05d.png' -c:v libx264"
    with pytest.raises(ConfigError) as raised:
        match_given(tmp_path / "out", None)
    assert command in str(raised.value) and str(raised.value).endswith(".mp4', and so on for 1 more folder")
    (tmp_path / "out/one.mp4").touch()
    *_, matches = match_given(tmp_path / "out", None)
    assert list(matches.pairs) == ["one"] and command in matches.remarks[0]


def test_sound_without_a_video_and_files_that_are_none_are_said(tmp_path: Path) -> None:
    for name in ("one.mp4", "one.wav", "two.WAV", "notes.txt", "cover.png"):
        (tmp_path / name).touch()
    os.symlink(tmp_path / "gone", tmp_path / "three.mp4")
    lines = stray_lines(tmp_path)
    assert "sound without a video of its name (two.WAV) is not used" in lines[0]
    assert "three.mp4: a link that leads to no file" in lines[1] and len(lines) == 2


@pytest.mark.parametrize(("name", "fault"), [("a.wav", "sound, not a video"), ("a.PNG", "a picture, not a video")])
def test_sound_or_a_picture_is_no_video(tmp_path: Path, name: str, fault: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(ConfigError, match=f"{name}: {fault}"):
        match_given(tmp_path / name, None)


# ------------------------------------------------------------------------------------------------------ command line
def test_silent_videos_of_two_names_are_rows_until_a_list_pairs_them(tmp_path: Path, capsys) -> None:
    """A face and another one's words: the folder of a method that was driven by other people's sound."""
    for name in ("001", "002"):
        write_talk(tmp_path / f"ref/{name}.mp4", seconds=0.4)
    for name in ("001_002", "002_001"):
        write_video(tmp_path / f"gen/{name}.mp4", np.full((10, 192, 192, 3), 90, np.uint8))
    write_audio(tmp_path / "gen/voice.wav", np.zeros(1600, np.float32), 16000)
    options = {"metrics": "psnr@crop", "resolution": 64, "output": tmp_path / "scores.parquet"}
    with pytest.raises(ConfigError, match="nothing was scored: .*001_002.mp4 fits 001.mp4, 002.mp4; rename it"):
        score(tmp_path / "gen", tmp_path / "ref", **options)
    rows = read_rows(tmp_path / "scores.parquet", SCORES)
    assert [row["status"] for row in rows] == ["ambiguous"] * 2 and "001_002.mp4 fits 001.mp4" in rows[0]["reason"]
    assert "sound without a video of its name (voice.wav)" in capsys.readouterr().err
    pairs = listed(tmp_path, "generated,reference\n001_002,002\n002_001,001\n")
    score(tmp_path / "gen", tmp_path / "ref", pairs=pairs, **options)
    rows = read_rows(tmp_path / "scores.parquet", SCORES)
    assert {row["clip_id"]: row["status"] for row in rows} == {"001": "ok", "002": "ok"}
    assert "no sound, so the pair rests on names alone" in rows[0]["notes"]
