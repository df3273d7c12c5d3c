"""Pictures that are rare: transparent, of an absurd size, of changing size, or without a decoder."""

import errno
import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from eadnet.media.decoding import held_frames, windowed
from eadnet.media.faults import MediaError, faults_of_one_file
from eadnet.media.reading import iterate_video, probe, read_video
from tests.support.numbered_video import FPS, write_numbered

RED = (200, 30, 30)


def encode(path: Path, codec: str, pix_fmt: str, pictures: list[np.ndarray], **options: str) -> None:
    """Pictures (H, W, 3 or 4) at 10 a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, 10, options=options)
        stream.height, stream.width, stream.pix_fmt = *pictures[0].shape[:2], pix_fmt
        stream.codec_context.thread_count = 1
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, "rgba" if picture.shape[2] == 4 else "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def red_square(background: tuple[int, int, int, int]) -> list[np.ndarray]:
    """Twenty pictures in which an opaque red square moves four pixels to the right each time."""
    pictures = np.tile(np.array(background, np.uint8), (20, 64, 96, 1))
    for number, picture in enumerate(pictures):
        picture[16:48, 4 * number : 4 * number + 16] = (*RED, 255)
    return list(pictures)


def write_gif(path: Path, pictures: list[np.ndarray]) -> None:
    first, *others = [Image.fromarray(picture) for picture in pictures]
    first.save(path, save_all=True, append_images=others, duration=100, loop=0, disposal=2)


@pytest.mark.parametrize("name", ["a.gif", "vp9.webm", "vp8.webm", "qtrle.mov"])
def test_transparent_pictures_are_laid_on_white_and_it_is_said(tmp_path, name):
    path, pictures = tmp_path / name, red_square((0, 0, 0, 0))
    fast = {"deadline": "realtime", "cpu-used": "8", "auto-alt-ref": "0"}
    match name:
        case "a.gif":
            write_gif(path, pictures)
        case "qtrle.mov":
            encode(path, "qtrle", "argb", pictures)
        case _:
            encode(path, {"vp8.webm": "libvpx", "vp9.webm": "libvpx-vp9"}[name], "yuva420p", pictures, **fast)
    info = probe(path)
    assert info.notes == ("transparent parts flattened on white",) and (info.fps, info.seconds) == (10, 2)
    frames = read_video(path)
    assert frames.shape == (50, 64, 96, 3)
    for place in (0, 25, 49):
        left = 4 * (place * 10 // FPS)
        assert np.abs(frames[place, 32, left + 8].astype(int) - RED).max() < 12
        assert frames[place, 5, 80].min() > 250 and frames[place, 60, left + 8].min() > 250
    held = np.stack(list(windowed(held_frames(path, FPS, 0, 10**6), None)))
    assert np.abs(held.astype(int) - frames).max() <= 2
    assert np.array_equal(list(iterate_video(path, FPS, 1.4, 0.12)), frames[35:38])


def test_an_opaque_gif_says_nothing(tmp_path):
    write_gif(tmp_path / "a.gif", [picture[..., :3] for picture in red_square((0, 90, 0, 255))])
    assert probe(tmp_path / "a.gif").notes == ()
    assert read_video(tmp_path / "a.gif")[0, 5, 80].tolist() == [0, 90, 0]


@pytest.mark.parametrize("size", [(1, 1), (2, 40), (16, 9000)])
def test_absurd_sizes_are_one_line_with_the_limits(tmp_path, size):
    encode(tmp_path / "a.mkv", "ffv1", "yuv444p", [np.zeros((*size, 3), np.uint8)])
    for read in (probe, read_video, lambda path: list(held_frames(path, FPS, 0, 100))):
        with pytest.raises(MediaError, match=f"pictures of {size[1]}x{size[0]} pixels; 16x16 to 8192x8192 can be read"):
            read(tmp_path / "a.mkv")


def test_a_codec_without_decoder_is_named(tmp_path):
    write_numbered(tmp_path / "a.mp4", np.arange(30) / FPS, 12, 0)
    (tmp_path / "b.mp4").write_bytes((tmp_path / "a.mp4").read_bytes().replace(b"avc1", b"zzzz"))
    for read in (probe, read_video):
        with pytest.raises(MediaError, match=r"no decoder for codec .*zzzz.*; convert the video to H.264") as caught:
            read(tmp_path / "b.mp4")
        assert caught.value.status == "no_video" and "\n" not in str(caught.value)


def test_the_first_stream_that_can_be_decoded_is_read(tmp_path):
    """Two video streams, of which the first loses the name of its codec."""
    path, pictures = tmp_path / "a.mp4", red_square((0, 90, 0, 255))
    with av.open(str(path), "w") as container:
        streams = [container.add_stream(codec, 10) for codec in ("mpeg4", "libx264")]
        for stream in streams:
            stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        for number, picture in enumerate(pictures):
            for stream in streams:
                frame = av.VideoFrame.from_ndarray(picture[..., :3].copy(), "rgb24")
                frame.pts, frame.time_base = number, Fraction(1, 10)
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode())
    path.write_bytes(path.read_bytes().replace(b"mp4v", b"zzzz"))
    assert len(read_video(path)) == 50 and probe(path).seconds == 2


def test_pictures_that_change_their_size_keep_that_of_the_first(tmp_path):
    parts = []
    for name, size in (("a.ts", (64, 96)), ("b.ts", (96, 64))):
        encode(tmp_path / name, "mpeg2video", "yuv420p", [np.full((*size, 3), 120, np.uint8)] * 10)
        parts.append((tmp_path / name).read_bytes())
    (tmp_path / "both.ts").write_bytes(parts[0] + parts[1])
    frames = list(iterate_video(tmp_path / "both.ts"))
    assert {frame.shape for frame in frames} == {(64, 96, 3)}


class Failing(io.BytesIO):
    """A file whose reading fails after the header with what is given."""

    def __init__(self, content: bytes, fault: Exception) -> None:
        super().__init__(content)
        self._fault = fault

    def read(self, size: int = -1) -> bytes:
        """Fail instead of giving what stands behind the first 4 KB."""
        if self.tell() > 4096:
            raise self._fault
        return super().read(min(size, 4096))


@pytest.mark.parametrize(
    "fault", [ValueError("odd\nnumber"), IndexError(3), UnicodeDecodeError("utf8", b"\xff", 0, 1, "?")]
)
def test_any_fault_of_one_file_is_its_own(tmp_path, fault):
    write_numbered(tmp_path / "a.mkv", np.arange(200) / FPS, 1, 0)
    with pytest.raises(MediaError, match="copy or convert the file again") as caught:
        list(iterate_video(Failing((tmp_path / "a.mkv").read_bytes(), fault)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_full_disk_and_an_interruption_are_not_the_files(fault):
    with pytest.raises(type(fault)) as caught, faults_of_one_file():
        raise fault
    assert caught.value is fault
