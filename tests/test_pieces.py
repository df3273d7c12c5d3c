"""A source decoded once: cut at its shots and at its longest, no frame lost, and what is broken told at its end."""

import struct
from pathlib import Path

import av
import numpy as np
import pytest
from skimage.data import astronaut, chelsea

from eadnet.config import Preprocess
from eadnet.corpora.sources import ClipSource
from eadnet.media import probe, read_video, write_video
from eadnet.preprocessing.pieces import MAX_PIXELS, Piece, cut_in_pieces


def swaying(picture: np.ndarray, frames: int) -> np.ndarray:
    """A picture that moves a little, as a head does."""
    left = (6 * np.sin(np.arange(frames) / 5)).astype(int) + 10
    return np.stack([picture[20:212, x : x + 256] for x in left])


def pieces(
    path: Path, seconds: float | None = None, start: float = 0.0, limit: float | None = None, **gates
) -> list[Piece]:
    source = ClipSource("clip", "s", "u", "p", "train", start=start, seconds=seconds, max_seconds=limit)
    return list(cut_in_pieces(source, path, probe(path), Preprocess(**gates)))


def pixels(piece: Piece) -> np.ndarray:
    return np.stack(list(piece.view()))


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    """Two shots, of 60 and of 50 frames."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    write_video(path, np.concatenate([swaying(astronaut(), 60), swaying(chelsea(), 50)]), 25)
    return path


def test_a_video_is_cut_where_its_shot_ends(film):
    first, second = pieces(film)
    assert [len(first.frames), len(second.frames)] == [60, 50]
    assert [first.clip.clip_id, second.clip.clip_id] == ["clip_0", "clip_1"]
    assert (second.clip.start, second.clip.seconds) == (60 / 25, 50 / 25)
    assert np.array_equal(np.concatenate([pixels(first), pixels(second)]), read_video(film))


def test_without_a_threshold_no_shot_is_looked_for(film):
    (piece,) = pieces(film, shot_threshold=0.0)
    assert len(piece.frames) == 110 and piece.clip.clip_id == "clip"  # one piece keeps the source's name


def test_shots_are_cut_further_where_they_are_too_long(film):
    lengths = [len(piece.frames) for piece in pieces(film, limit=1.2)]
    assert lengths == [28, 32, 28, 22] and sum(lengths) == 110  # 110 in 4 parts; a rest of up to 5 stays where it is


def test_an_interval_is_cut_into_equal_pieces_and_nothing_else(film):
    whole = read_video(film, start=0.4, seconds=1.6)
    parts = pieces(film, seconds=1.6, start=0.4, limit=1.0)
    assert [len(part.frames) for part in parts] == [20, 20] and parts[1].clip.start == pytest.approx(1.2)
    assert np.array_equal(np.concatenate([pixels(part) for part in parts]), whole)


def test_a_walk_through_some_frames_shows_these(film):
    first, _ = pieces(film)
    assert np.array_equal(np.stack(list(first.view(frames=[3, 40]))), pixels(first)[[3, 40]])


def test_a_header_that_lies_about_the_length_is_told(film, tmp_path):
    lying = tmp_path / "lying.mkv"
    lying.write_bytes(stretched(film, tmp_path / "copy.mkv", hours=5))
    assert probe(lying).seconds == 18_000
    parts = pieces(lying, limit=1.0)
    assert sum(len(part.frames) for part in parts) == 110
    assert all(part.fault is None for part in parts[:-1])
    assert parts[-1].fault.status == "truncated" and "110 of 450000 frames" in str(parts[-1].fault)


def stretched(video: Path, copy: Path, hours: int) -> bytes:
    """A video as Matroska, whose header gives a length of so many hours."""
    with av.open(str(video)) as source, av.open(str(copy), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    content = bytearray(copy.read_bytes())
    mark = content.index(b"\x44\x89\x88") + 3  # element Duration, a double of milliseconds
    struct.pack_into(">d", content, mark, hours * 3_600_000.0)
    return bytes(content)


def test_an_empty_interval_is_one_piece_without_frames(film):
    (piece,) = pieces(film, seconds=2.0, start=30.0)
    assert piece.frames == [] and piece.fault.status == "truncated" and "0 of 50 frames" in str(piece.fault)


def test_large_pictures_are_held_small(tmp_path):
    write_video(tmp_path / "large.mp4", np.zeros((3, 2160, 3840, 3), np.uint8), 25)
    (piece,) = pieces(tmp_path / "large.mp4")
    assert piece.size == (1920, 1080) and piece.zoom == 2.0
    assert next(piece.view()).shape == (1080, 1920, 3) and 1920 * 1080 == MAX_PIXELS
    assert piece.frames[0].format.name == "yuv420p"
