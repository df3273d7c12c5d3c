"""Intervals of every container give the frames that a decode from the start gives, whatever the seek does."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from eadnet.media.decoding import held_frames, windowed
from eadnet.media.faults import MediaError
from eadnet.media.reading import iterate_video, probe, read_audio
from tests.support.numbered_video import FPS, LOUD, RECIPES, Recipe, number_of, write_numbered

# frames from key frame to key frame, pictures, first picture and first sound in seconds, starts of intervals
LAYOUTS = [
    (1, 55, 0.0, 0.0, (0, 1.6)),
    (12, 80, 1.4, 1.4, (0.4, 2.2)),
    (50, 120, 0.8, 0.4, (0, 2.12, 4.6)),
    (125, 160, 2.0, 2.6, (1.4, 4.92, 5.2)),
    (250, 262, 0.44, 0.4, (0, 1.08, 9, 10.32)),
]


def intervals(times: list[float], zero: float, start: float, count: int) -> list[int]:
    """The pictures that stand nearest to `count` instants after `start`."""
    instants = zero + start + np.arange(count) / FPS
    return [int(np.abs(np.array(times) - instant).argmin()) for instant in instants]


def reference(path: Path) -> tuple[list[float], float]:
    """Times of all pictures as a plain decode from the start has them, and the time that is 0 by the module's rule."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        begins = container.start_time / 1e6
        frames = [(frame.time, number_of(frame.to_ndarray(format="rgb24"))) for frame in container.decode(video)]
    assert [number for _, number in frames] == list(range(len(frames)))
    if path.suffix == ".avi":  # the times of pictures are their numbers, whatever the order of packets
        return [number / FPS for _, number in frames], 0
    first = frames[0][0]
    return [time for time, _ in frames], max(first, begins)


@pytest.mark.parametrize("suffix", RECIPES)
def test_an_interval_is_the_slice_of_a_decode_from_the_start(tmp_path, suffix):
    for gop, count, first, sound, starts in LAYOUTS:
        path = tmp_path / f"{gop}.{suffix}"
        first, sound = (0, 0) if suffix == "avi" else (first, sound)  # AVI has no time but the number of the frame
        write_numbered(path, first + np.arange(count) / FPS, gop, sound)
        times, zero = reference(path)
        for start in starts:
            wanted = intervals(times, zero, start, 4)
            assert [number_of(frame) for frame in iterate_video(path, FPS, start, 4 / FPS)] == wanted, (gop, start)
        held = windowed(list(held_frames(path, FPS, starts[-1], 10**6))[:4], None)
        assert [number_of(frame) for frame in held] == wanted
        with io.BytesIO(path.read_bytes()) as member:
            assert [number_of(frame) for frame in iterate_video(member, FPS, starts[-1], 4 / FPS)] == wanted


@pytest.mark.parametrize("lead", [-0.4, 0.025, 0.4])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "flv", "ts", "mpg"])
def test_sound_and_picture_stay_in_step(tmp_path, suffix, lead):
    path = tmp_path / f"a.{suffix}"
    write_numbered(path, 0.6 + np.arange(60) / FPS, 12, 0.6 - lead)
    for start in (0, 1.12):
        shown = [number_of(frame) for frame in iterate_video(path, FPS, start, 1.6)]
        due = next(place for place, number in enumerate(shown) if number >= LOUD) / FPS
        heard = np.flatnonzero(np.abs(read_audio(path, 16000, start)) > 0.1)[0] / 16000
        assert heard == pytest.approx(due, abs=0.05)  # half a frame, and the delay of the sound's codec


def write_raw(path: Path, source: Path, keep: slice) -> None:
    """The packets of a video alone, without container and times, or only some of them."""
    with av.open(str(source)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    path.write_bytes(b"".join(packets[keep]))


def test_streams_without_times_are_counted(tmp_path):
    write_numbered(tmp_path / "a.ts", np.arange(80) / FPS, 12, None)
    write_raw(tmp_path / "a.h264", tmp_path / "a.ts", slice(None))
    assert [number_of(frame) for frame in iterate_video(tmp_path / "a.h264", FPS, 2, 0.2)] == list(range(50, 55))
    assert len(list(iterate_video(tmp_path / "a.h264"))) == 80


@pytest.mark.parametrize("bframes", [0, 2])
def test_h264_in_avi_comes_in_the_order_of_display(tmp_path, bframes):
    recipe = Recipe("libx264", "mp2", (("preset", "ultrafast"), ("bf", str(bframes))), bframes)
    write_numbered(tmp_path / "a.avi", np.arange(80) / FPS, 12, 0, recipe)
    assert [number_of(frame) for frame in iterate_video(tmp_path / "a.avi")] == list(range(80))
    assert [number_of(frame) for frame in iterate_video(tmp_path / "a.avi", FPS, 2, 0.2)] == list(range(50, 55))


def test_a_file_cut_inside_a_group_of_pictures_is_read_from_its_first_whole_picture(tmp_path):
    path, cut = tmp_path / "a.ts", tmp_path / "cut.ts"
    write_numbered(path, np.arange(80) / FPS, 12, 0)
    whole = path.read_bytes()
    cut.write_bytes(whole[len(whole) // 4 // 188 * 188 :])  # packets of MPEG-TS have 188 bytes
    with av.open(str(cut)) as container:
        begins = container.start_time / 1e6
        pictures = {frame.time: number_of(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)}
    times = np.array(list(pictures))
    assert len(times) < 75 and list(pictures.values())[-1] == 79
    for start in (0, 1.2):
        nearest = [times[np.abs(times - begins - start - place / FPS).argmin()] for place in range(20)]
        shown = [number_of(frame) for frame in iterate_video(cut, FPS, start, 20 / FPS)]
        assert np.abs(np.subtract(shown, [pictures[time] for time in nearest])).max() <= 1  # between two pictures


@pytest.mark.parametrize("suffix", ["mkv", "ts", "mp4"])
def test_a_gap_is_a_fault_and_not_one_frame_for_seconds(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    times = np.arange(75) / FPS
    times[40:] += 4
    write_numbered(path, times, 12, 0)
    read = []
    with pytest.raises(MediaError, match=r"no picture between 1\.\d and 5\.6 s; cut the file there") as caught:
        read += iterate_video(path)
    assert caught.value.status == "truncated"
    assert [number_of(frame) for frame in iterate_video(path, FPS, 6, 0.2)] == list(range(50, 55))
    assert [number_of(frame) for frame in iterate_video(path, FPS, 1, 0.2)] == list(range(25, 30))


def test_times_that_start_again_are_a_fault(tmp_path):
    write_numbered(tmp_path / "a.ts", np.arange(75) / FPS, 12, 0)
    once = (tmp_path / "a.ts").read_bytes()
    (tmp_path / "twice.ts").write_bytes(once + once)
    with pytest.raises(MediaError, match="jump from 3.0 back to 0.0 s"):
        list(iterate_video(tmp_path / "twice.ts"))


def test_a_wrong_rate_in_the_header_loses_no_frame(tmp_path):
    fast = Recipe("mpeg4", "mp2")
    write_numbered(tmp_path / "a.mkv", np.arange(50) / FPS, 12, None, fast)
    with av.open(str(tmp_path / "a.mkv")) as source, av.open(str(tmp_path / "b.mkv"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.codec_context.framerate = Fraction(90000)
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream, packet.duration = stream, 0
                target.mux(packet)
    assert [number_of(frame) for frame in iterate_video(tmp_path / "b.mkv")] == list(range(50))


@pytest.mark.parametrize("name", ["04_gop125.ts", "05_sound_before_picture.flv", "12_two_seconds.ts"])
def test_reported_files_give_the_frames_of_their_mp4(failing, name):
    source = failing / name
    with av.open(str(source)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert probe(source).seconds == pytest.approx(len(frames) / FPS, abs=0.041)
    for start in (0, 1.4, len(frames) / FPS - 0.2):
        first = round(start * FPS)
        assert np.array_equal(list(iterate_video(source, FPS, start, 0.2)), frames[first : first + 5])


@pytest.mark.parametrize("suffix", ["mkv", "webm"])
def test_the_length_of_matroska_that_begins_late_is_that_of_its_pictures(tmp_path, suffix):
    path = tmp_path / f"late.{suffix}"
    write_numbered(path, 3 + np.arange(30) / FPS, 30, 3)
    assert probe(path).seconds == pytest.approx(30 / FPS, abs=0.3)  # its sound ends a little later
