"""Media in and out: constant rate, sync, rotation, damage."""

import io
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from eadnet.media.decoding import MediaError, Window
from eadnet.media.reading import iterate_video, probe, read_audio, read_video
from eadnet.media.writing import write_audio, write_video
from tests.support.lossless import write_lossless
from tests.support.odd_videos import turn

RATE = 16000


@pytest.fixture
def frames() -> np.ndarray:
    """(50, 48, 64, 3): a bright bar that moves one pixel a frame over a dark ramp."""
    ramp = np.linspace(20, 90, 64, dtype=np.float32)[None, None, :, None]
    clip = np.broadcast_to(ramp, (50, 48, 64, 3)).astype(np.uint8).copy()
    for index in range(50):
        clip[index, :, index : index + 8] = 220
    return clip


@pytest.fixture
def tone() -> np.ndarray:
    """Two seconds of a chirp, whose every part differs."""
    time = np.arange(2 * RATE) / RATE
    return (0.4 * np.sin(2 * np.pi * (200 + 300 * time) * time)).astype(np.float32)


def test_reading_changes_no_value(tmp_path, frames):
    write_lossless(tmp_path / "a.mp4", frames, 25)
    assert np.array_equal(read_video(tmp_path / "a.mp4"), frames)


def test_same_input_gives_same_bytes(tmp_path, tone):
    noise = np.random.default_rng(0)
    frames = noise.integers(0, 255, (50, 48, 64, 3), dtype=np.uint8)  # where x264's lookahead went astray
    made = set()
    for _ in range(100):
        ballast = noise.bytes(int(noise.integers(1, 3_000_000)))  # other memory each time
        write_video(tmp_path / "a.mp4", frames, 25, tone)
        made.add((tmp_path / "a.mp4").read_bytes())
        del ballast
    assert len(made) == 1


def test_sound_and_picture_survive_together(tmp_path, frames, tone):
    path = tmp_path / "a.mp4"
    write_video(path, iter(frames), 25, tone, crf=4)
    info = probe(path)
    assert (info.width, info.height, info.fps, info.seconds, info.has_audio) == (64, 48, 25.0, 2.0, True)
    assert np.abs(read_video(path).astype(int) - frames).mean() < 6  # chroma is halved
    assert np.corrcoef(read_audio(path)[: len(tone)], tone)[0, 1] > 0.99


def test_file_objects_are_read_like_paths(tmp_path, frames, tone):
    write_video(tmp_path / "a.mp4", frames, 25, tone)
    stream = io.BytesIO((tmp_path / "a.mp4").read_bytes())
    assert np.array_equal(read_video(stream), read_video(tmp_path / "a.mp4"))
    assert np.array_equal(read_audio(stream), read_audio(tmp_path / "a.mp4"))


@pytest.mark.parametrize("rate, count", [(30, 42), (12, 104), (50, 25)])
def test_any_rate_becomes_25(tmp_path, frames, rate, count):
    write_lossless(tmp_path / "a.mp4", frames, rate)
    resampled = read_video(tmp_path / "a.mp4")
    assert len(resampled) == pytest.approx(count, abs=1)
    shown = [int(np.argmin(np.abs(frames.astype(int) - frame).mean(axis=(1, 2, 3)))) for frame in resampled]
    nearest = np.arange(len(resampled)) / 25 * rate
    assert np.abs(shown - nearest).max() <= 0.51 + 1


def test_an_interval_is_the_slice_of_the_whole(tmp_path, frames, tone):
    path = tmp_path / "a.mp4"
    write_video(path, frames, 25, tone)
    assert np.array_equal(np.stack(list(iterate_video(path, start=0.8, seconds=0.6))), read_video(path)[20:35])
    part = read_audio(path, start=1.2, seconds=0.5)
    assert np.allclose(part, read_audio(path)[19200:27200], atol=2e-3)


def test_a_window_is_cut_then_scaled(tmp_path, frames):
    write_lossless(tmp_path / "a.mp4", frames, 25)

    def cut(window: Window) -> np.ndarray:
        return np.stack(list(iterate_video(tmp_path / "a.mp4", window=window)))

    assert np.array_equal(cut(Window(10, 4, 32, 40)), frames[:, 4:44, 10:42])
    assert cut(Window(0, 0, 64, 48, 24)).shape == (50, 24, 32, 3)


def test_stereo_48k_becomes_mono_16k(tmp_path, tone):
    high = np.repeat(tone, 3)
    write_audio(tmp_path / "a.m4a", high, 48000, channels=2)
    mono = read_audio(tmp_path / "a.m4a")
    assert abs(len(mono) - 2 * RATE) < 1100
    assert np.corrcoef(mono[: len(tone)], tone)[0, 1] > 0.97


def test_wav_keeps_samples(tmp_path, tone):
    write_audio(tmp_path / "a.wav", tone, RATE)
    assert np.abs(read_audio(tmp_path / "a.wav") - tone).max() < 1e-4


def test_rotation_metadata_is_honoured(tmp_path, frames):
    """A phone's video: the container says by how much to turn; PyAV cannot write that, so the matrix is patched in."""
    path = tmp_path / "a.mp4"
    write_lossless(path, frames, 25)
    upright = (0x10000).to_bytes(4, "big") + bytes(12) + (0x10000).to_bytes(4, "big") + bytes(12) + b"\x40" + bytes(3)
    turned = bytes(4) + (0x10000).to_bytes(4, "big") + bytes(4) + (-0x10000 & 0xFFFFFFFF).to_bytes(4, "big")
    turned += bytes(16) + b"\x40" + bytes(3)
    whole = path.read_bytes()
    at = whole.index(upright, whole.index(b"tkhd"))
    path.write_bytes(whole[:at] + turned + whole[at + len(upright) :])
    assert np.array_equal(read_video(path), np.rot90(frames, -1, axes=(1, 2)))  # a quarter turn clockwise
    assert (probe(path).width, probe(path).height) == (48, 64)


def test_late_sound_is_padded_into_sync(tmp_path, frames, tone):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        video, audio = container.add_stream("libx264", 25), container.add_stream("pcm_s16le", RATE, layout="mono")
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for frame in frames:
            container.mux(video.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(video.encode())
        sound = av.AudioFrame.from_ndarray((tone[None, :8000] * 32767).astype(np.int16), "s16", "mono")
        sound.sample_rate, sound.pts = RATE, RATE // 2
        container.mux(audio.encode(sound))
        container.mux(audio.encode())
    wave = read_audio(path)
    assert not wave[:7900].any()
    assert np.corrcoef(wave[8000:16000], tone[:8000])[0, 1] > 0.99


def _status(action) -> str:
    with pytest.raises(MediaError) as caught:
        action()
    assert "\n" not in str(caught.value)
    return caught.value.status


def test_faults_have_a_status_and_one_line(tmp_path, frames, tone):
    write_video(tmp_path / "mute.mp4", frames, 25)
    write_audio(tmp_path / "sound.wav", tone, RATE)
    (tmp_path / "text.mp4").write_text("not a video")
    (tmp_path / "empty.mp4").touch()
    assert _status(lambda: read_audio(tmp_path / "mute.mp4")) == "no_audio"
    assert _status(lambda: probe(tmp_path / "sound.wav")) == "no_video"
    for name in ("text.mp4", "empty.mp4", "absent.mp4"):
        assert _status(lambda name=name: probe(tmp_path / name)) == "unreadable"


def test_a_cut_file_is_known_by_its_index(tmp_path, frames, tone):
    path = tmp_path / "a.mp4"
    write_video(path, frames, 25, tone)
    assert not probe(path).truncated
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert probe(path).truncated
    assert 0 < len(read_video(path)) < 50


def test_odd_sizes_are_refused_and_leave_nothing(tmp_path, frames):
    with pytest.raises(ValueError, match="even"):
        write_video(tmp_path / "a.mp4", frames[:, :47], 25)
    with pytest.raises(ValueError, match="frame 1"):
        write_video(tmp_path / "a.mp4", [frames[0], frames[0, :40]], 25)
    assert list(tmp_path.iterdir()) == []


def test_interlaced_and_oblong_pixels_come_out_square_and_whole(tmp_path, frames):
    path = tmp_path / "a.mpg"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", 25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)  # 16:9 in all
        stream.options = {"flags": "+ildct+ilme", "qscale": "2"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode())
    video = read_video(path)
    assert video.shape[1:] == (48, 86, 3) and len(video) == pytest.approx(50, abs=1)
    assert (probe(path).width, probe(path).height) == (86, 48)
    squeezed = cv2.resize(video[10], (64, 48), interpolation=cv2.INTER_AREA)
    assert np.abs(squeezed.astype(int) - frames[10]).mean() < 8


@pytest.mark.parametrize("across", [(1, 0), (-1, 0), (0, 1), (0, -1)])
@pytest.mark.parametrize("side", [1, -1])
def test_turned_and_mirrored_pictures_are_shown_as_their_matrix_says(tmp_path, across, side):
    corner = np.zeros((48, 64, 3), np.uint8)
    corner[:16, :24] = 255  # of one corner, longer than high: no turn or mirror gives it again
    down = (-across[1] * side, across[0] * side)
    write_video(tmp_path / "a.mp4", [corner] * 3, 25)
    shown = read_video(turn(tmp_path / "a.mp4", across, down))[0] > 128
    rows, columns = np.nonzero(corner[..., 0])
    places = np.stack([columns, rows], 1) @ [across, down]  # of white pixels in the picture that is shown
    places -= np.minimum(np.array([63 * across[0] + 47 * down[0], 63 * across[1] + 47 * down[1]]), 0)
    wanted = np.zeros_like(shown[..., 0])
    wanted[places[:, 1], places[:, 0]] = True
    assert (shown[..., 0] == wanted).mean() > 0.99
