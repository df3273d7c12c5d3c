"""A source in pieces: cut at its shots and into equal lengths, whatever its header says and however it ends."""

import struct
from pathlib import Path

import av
import numpy as np
import pytest

from eadnet.config.preprocessing import Preprocess
from eadnet.corpora.sources import ClipSource
from eadnet.data.clips import Clip
from eadnet.media.reading import iterate_video, probe, read_audio, read_video
from eadnet.media.writing import write_video
from eadnet.preprocessing.pieces import HELD_BYTES, cut_in_pieces
from tests.support.made_footage import clips_of, face, folder_reader, moving, sources_of, tone, write_talk

SETTINGS = Preprocess()


def pieces(path: Path, settings: Preprocess = SETTINGS, **bounds: float) -> list:
    """All pieces of a video."""
    source = ClipSource("clip", "clip", path.name, "someone", "train", **bounds)
    return list(cut_in_pieces(source, path, probe(path), settings))


def names(found: list) -> list[str]:
    return [piece.clip.clip_id for piece in found]


def lengths(found: list) -> list[int]:
    return [len(piece.frames) for piece in found]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Path:
    """61 frames of a head, then 54 of it from the other side and in the dark."""
    path = tmp_path_factory.mktemp("scenes") / "scenes.mp4"
    other = np.ascontiguousarray(face()[:, ::-1] // 2)
    write_video(path, [*moving(face(), 61), *moving(other, 54, 4)], 25, tone(4.6))
    return path


def test_two_shots_are_two_clips_cut_at_the_very_frame(scenes):
    first, second = pieces(scenes)
    assert names([first, second]) == ["clip_0", "clip_1"] and lengths([first, second]) == [61, 54]
    assert (first.clip.start, second.clip.start) == (0.0, 61 / 25)
    assert (first.clip.seconds, second.clip.seconds) == (61 / 25, 54 / 25)
    whole = read_video(scenes)
    assert np.array_equal(np.stack(list(second.view())), whole[61:])


def test_sound_and_pictures_of_the_second_shot_are_its_own(scenes, tmp_path):
    rows = clips_of(scenes.parent, tmp_path)
    assert rows["status"].to_dict() == {"scenes_0": "ok", "scenes_1": "ok"}
    assert rows["start"].tolist() == [0.0, 61 / 25]
    heard = Clip(rows.loc["scenes_1"].to_dict()).audio
    expected = read_audio(scenes, start=61 / 25, seconds=54 / 25)
    assert np.abs(heard[: len(expected)] - expected).max() < 1e-3 and len(heard) == 54 * 640


def test_no_threshold_and_a_fast_movement_are_no_cut(scenes, tmp_path):
    off = SETTINGS.model_copy(update={"shot_threshold": 0.0})
    assert names(pieces(scenes, off)) == ["clip"] and lengths(pieces(scenes, off)) == [115]
    path = write_talk(tmp_path / "fast.mp4", moving(face(), 100, reach=30), 4)
    assert names(pieces(path)) == ["clip"]


@pytest.mark.parametrize(("seconds", "expected"), [(2.0, [39, 39, 37]), (2.4, [58, 57]), (4.6, [115]), (60.0, [115])])
def test_long_videos_give_equal_pieces_and_no_frame_is_lost_or_doubled(scenes, seconds, expected):
    found = pieces(scenes, SETTINGS.model_copy(update={"shot_threshold": 0.0}), max_seconds=seconds)
    assert lengths(found) == expected
    seen = np.concatenate([np.stack(list(piece.view())) for piece in found])
    assert np.array_equal(seen, read_video(scenes))
    assert [piece.clip.start * 25 for piece in found] == pytest.approx(np.cumsum([0, *expected])[:-1])


def test_what_a_shot_leaves_over_is_a_row_of_its_own(scenes, tmp_path):
    assert lengths(pieces(scenes, max_seconds=2.0)) == [39, 22, 39, 15]
    rows = clips_of(scenes.parent, tmp_path, max_seconds=2.0)
    assert rows["status"].tolist() == ["ok", "too_short"] * 2 and rows["n_frames"].tolist() == [39, 22, 39, 15]


def test_an_interval_is_cut_out_of_a_video(scenes):
    (found,) = pieces(scenes, start=0.4, seconds=1.6, max_seconds=2.0)
    assert found.clip.clip_id == "clip" and found.fault is None
    assert np.array_equal(np.stack(list(found.view())), np.stack(list(iterate_video(scenes, start=0.4, seconds=1.6))))


def test_a_piece_never_holds_more_than_the_memory_allows(tmp_path, monkeypatch):
    path = write_talk(tmp_path / "a.mp4", seconds=4)
    (held,) = pieces(path)
    bytes_each = sum(plane.buffer_size for plane in held.frames[0].planes)
    assert bytes_each < 0.7 * 3 * 192 * 192  # RGB
    monkeypatch.setattr("eadnet.preprocessing.pieces.HELD_BYTES", 40 * bytes_each)
    assert lengths(pieces(path)) == [34, 34, 32]
    assert HELD_BYTES < 1e9


def remuxed(path: Path, target: Path) -> Path:
    """The same packets in another container; the container is told by the suffix."""
    with av.open(str(path)) as source, av.open(str(target), "w") as copy:
        streams = {stream.index: copy.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                copy.mux(packet)
    return target


def with_duration(path: Path, seconds: float) -> Path:
    """The same Matroska file, but its header names another length."""
    data = path.read_bytes()
    place = data.index(b"\x44\x89\x88") + 3  # Duration, in ms, eight bytes
    path.write_bytes(data[:place] + struct.pack(">d", seconds * 1000) + data[place + 8 :])
    return path


def test_a_header_that_lies_is_a_truncated_row_and_costs_nothing(tmp_path):
    (tmp_path / "videos").mkdir()
    path = remuxed(write_talk(tmp_path / "a.mp4", seconds=2), tmp_path / "videos" / "liar.mkv")
    with_duration(path, 5 * 3600)
    assert probe(path).seconds == pytest.approx(5 * 3600, abs=0.1)  # the picture begins 64 ms after the sound
    (found,) = pieces(path)
    assert 50 <= len(found.frames) <= 52 and found.fault.status == "truncated"
    row = clips_of(tmp_path / "videos", tmp_path / "out").loc["liar"]
    assert row["status"] == "truncated" and "of 449998 frames are there" in row["reason"]


def test_a_last_frame_that_claims_to_last_for_hours_is_not_repeated(tmp_path):
    path = write_talk(tmp_path / "a.mp4", seconds=2)
    data = bytearray(path.read_bytes())
    place = data.index(b"stts")  # of the video, which comes first: one entry of 50 equal frames
    assert struct.unpack(">II", data[place + 8 : place + 16]) == (1, 50)
    step = struct.unpack(">I", data[place + 16 : place + 20])[0]
    data[place + 16 : place + 20] = struct.pack(">I", step * 9000)
    path.write_bytes(data)
    found = pieces(path)
    assert sum(lengths(found)) <= 25 and found[-1].fault.status == "truncated"
    assert "of 50 frames are there" in str(found[-1].fault)


def test_a_video_of_unknown_length_is_cut_like_any_other(tmp_path):
    path = with_duration(remuxed(write_talk(tmp_path / "a.mp4", seconds=2), tmp_path / "live.mkv"), 0)
    assert probe(path).seconds == 0
    (found,) = pieces(path)
    assert found.fault is None and 50 <= len(found.frames) <= 52
    assert lengths(pieces(path, max_seconds=1.6)) == [40, len(found.frames) - 40]


def test_a_broken_tail_leaves_the_pieces_before_it_whole(tmp_path):
    (tmp_path / "videos").mkdir()
    path = write_talk(tmp_path / "videos" / "cut.mp4", moving(face(), 150), 6)
    whole = read_video(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 4 // 5])
    rows = clips_of(tmp_path / "videos", tmp_path / "out", max_seconds=2.0)
    assert rows["status"].to_dict() == {"cut_0": "ok", "cut_1": "ok", "cut_2": "truncated"}
    assert rows["n_frames"].tolist()[:2] == [50, 50] and 5 < rows.loc["cut_2", "n_frames"] < 50
    found = pieces(path, max_seconds=2.0)
    seen = np.concatenate([np.stack(list(piece.view())) for piece in found[:2]])
    assert np.array_equal(seen, whole[:100])


def test_an_interval_that_is_whole_is_used_though_its_file_is_not(tmp_path):
    path = write_talk(tmp_path / "cut.mp4", moving(face(), 150), 6)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 4 // 5])
    (before,) = pieces(path, start=1.0, seconds=2.0)
    (across,) = pieces(path, start=3.0, seconds=2.9)
    assert probe(path).truncated and before.fault is None and len(before.frames) == 50
    assert across.fault.status == "truncated" and "frames are there" in str(across.fault)


def test_names_of_pieces_do_not_meet_those_of_other_files(tmp_path):
    for name, seconds in (("a", 2), ("a_0", 1)):
        (tmp_path / "videos").mkdir(exist_ok=True)
        write_talk(tmp_path / "videos" / f"{name}.mp4", seconds=seconds)
    chosen = folder_reader(tmp_path / "videos", max_seconds=1.0)
    assert len(chosen.clips(sources_of(chosen, tmp_path / "out"))) == 2
    rows = clips_of(tmp_path / "videos", tmp_path / "out", max_seconds=1.0)
    assert rows["clip_id"].is_unique and len(rows) == 3
