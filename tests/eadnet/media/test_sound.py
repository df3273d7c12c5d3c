"""Sound as people bring it: channels that cancel each other, odd numbers and rates, codecs without a decoder."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
from scipy.io import wavfile

from eadnet.inference.driving_audio import Sound
from eadnet.media.faults import MediaError
from eadnet.media.reading import probe, read_audio
from eadnet.media.writing import write_audio, write_video
from tests.support.made_footage import tone
from tests.support.undecodable import without_decoder

RATE = 48000
VOICE = tone(2.0, RATE)
NOISE = np.random.default_rng(0).normal(0, 0.05, len(VOICE)).astype(np.float32)


def written(path: Path, *channels: np.ndarray, layout: str | None = None) -> Path:
    """A WAV of float channels; with a layout an MKV that states which is which."""
    wave = np.stack(channels).astype(np.float32)
    if layout is None:
        wavfile.write(path, RATE, wave.T)
        return path
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac" if len(wave) > 2 else "pcm_s16le", rate=RATE, layout=layout)
        whole = (wave.T * 32767).astype(np.int16)
        for start in range(0, len(whole), 4096):
            part = np.ascontiguousarray(whole[start : start + 4096]).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(part, "s16", layout)
            frame.sample_rate, frame.pts = RATE, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def likeness(wave: np.ndarray, voice: np.ndarray = VOICE) -> float:
    """Correlation with the voice at 16 kHz; its sign shows the channel."""
    voice = voice[::3][: len(wave)]
    return float(np.corrcoef(wave[: len(voice)], voice)[0, 1])


SILENT = np.zeros_like(VOICE)
TURNED = np.concatenate([VOICE[:RATE], -VOICE[RATE:]])


@pytest.mark.parametrize(
    ("channels", "layout", "note"),
    [
        ((VOICE, -VOICE), None, "channels of opposite phase; the left one is taken"),
        ((-0.9 * VOICE, VOICE), None, "channels of opposite phase; the right one is taken"),
        ((VOICE, NOISE - VOICE), None, "channels of opposite phase; the left one is taken"),
        ((VOICE, TURNED), None, "channels of opposite phase; the left one is taken"),
        ((SILENT, VOICE), None, "only one channel holds sound; the right one is taken"),
        (
            (VOICE, -VOICE, SILENT, 2 * NOISE, SILENT, SILENT),
            "5.1",
            "channels of opposite phase; the left one is taken",
        ),
        ((VOICE, -VOICE, VOICE / 2), None, "channels of opposite phase; channel 1 of 3 is taken"),
        ((VOICE, VOICE), None, None),
        ((VOICE, NOISE), None, None),
        ((VOICE + NOISE, VOICE - NOISE), "stereo", None),
        ((SILENT, SILENT), None, None),
    ],
    ids="opposite nearly noisy turned one_silent surround three equal unlike wide silence".split(),
)
def test_channels_that_cancel_each_other_are_not_mixed(tmp_path, channels, layout, note):
    path = written(tmp_path / ("a.mkv" if layout else "a.wav"), *channels, layout=layout)
    notes: list[str] = []
    wave = read_audio(path, notes=notes)
    assert notes == ([note] if note else [])
    if channels[0] is SILENT and channels[1] is SILENT:
        assert not wave.any()
    else:
        assert abs(likeness(wave)) > 0.9 and np.abs(wave).max() > 0.1


def test_a_part_of_it_is_decided_by_itself_and_stands_at_its_place(tmp_path):
    path = written(tmp_path / "a.wav", VOICE, TURNED)
    notes: list[str] = []
    first = read_audio(path, 16000, 0.0, 0.8, notes)
    assert notes == [] and likeness(first) > 0.99
    last = read_audio(path, 16000, 1.2, 0.5, notes)
    assert notes == ["channels of opposite phase; the left one is taken"]
    assert np.corrcoef(last, VOICE[::3][19200:27200])[0, 1] > 0.99


LINEAR = "pcm_u8 pcm_s16le pcm_s24le pcm_s32le pcm_f32le pcm_f64le".split()


@pytest.mark.parametrize(
    ("codec", "container", "rate"),
    [
        *[(codec, "wav", 44100) for codec in LINEAR],
        *[("pcm_s24le", "wav", rate) for rate in (8000, 96000, 192000)],
        ("pcm_mulaw", "wav", 8000),
        ("pcm_s16be", "aiff", 22050),
        ("flac", "flac", 192000),
    ],
)
def test_every_depth_and_rate_has_the_same_scale(tmp_path, codec, container, rate):
    path, wave = tmp_path / f"a.{container}", 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate // 2) / rate)
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        resampler = av.AudioResampler(stream.format, "mono", rate)
        frame = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), "fltp", "mono")
        frame.sample_rate = rate
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(part))
        output.mux(stream.encode())
    heard = read_audio(path)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 16000)
    assert len(heard) == pytest.approx(8000, abs=8)
    assert np.abs(heard[200:7800] - expected[200:7800]).max() < 0.03


def test_what_is_too_loud_is_clipped_and_what_is_no_number_is_silence(tmp_path):
    wave = 3 * VOICE
    wave[RATE // 2 : RATE // 2 + 10] = np.nan
    wave[RATE] = np.inf
    heard = read_audio(written(tmp_path / "a.wav", wave))
    assert np.isfinite(heard).all() and heard.max() <= 1 and heard.min() >= -1
    expected = np.clip(3 * VOICE, -1, 1)[::3]
    assert np.corrcoef(heard, expected[: len(heard)])[0, 1] > 0.98  # a number that wraps would turn its sign


def undecodable(path: Path, *, second: bool = False) -> Path:
    """A video whose first sound has a mark that FFmpeg knows no decoder for; the second, if any, is AAC."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", 25)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        sounds = [container.add_stream("aac", rate=RATE, layout="mono") for _ in range(1 + second)]
        for _ in range(25):
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")))
        container.mux(video.encode())
        for sound in sounds:
            for start in range(0, RATE, 1024):
                frame = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(VOICE[None, start : start + 1024]), "fltp", "mono"
                )
                frame.sample_rate, frame.pts = RATE, start
                container.mux(sound.encode(frame))
            container.mux(sound.encode())
    path.write_bytes(without_decoder(path.read_bytes()))
    return path


def test_sound_without_a_decoder_is_named(tmp_path):
    path = undecodable(tmp_path / "a.mp4")
    with pytest.raises(MediaError, match=r"its sound \(codec apac\) has no decoder here; convert it to AAC") as caught:
        read_audio(path)
    assert caught.value.status == "no_audio" and "\n" not in str(caught.value)
    assert not probe(path).has_audio
    with pytest.raises(MediaError, match=r"a\.mp4: its sound \(codec apac\) has no decoder here; convert it to AAC$"):
        Sound.open(path)


def test_the_first_sound_with_a_decoder_is_heard(tmp_path):
    path = undecodable(tmp_path / "a.mp4", second=True)
    assert probe(path).has_audio
    assert likeness(read_audio(path)[:15000]) > 0.98
    assert likeness(read_audio(io.BytesIO(path.read_bytes()))[:15000]) > 0.98


def test_a_layout_that_changes_on_the_way_is_followed(tmp_path):
    """As broadcasts do: two ADTS streams, mono and stereo, one behind the other."""
    for name, channels in (("mono", 1), ("stereo", 2)):
        with av.open(str(tmp_path / f"{name}.aac"), "w", format="adts") as container:
            stream = container.add_stream("aac", rate=RATE, layout=name)
            for start in range(0, len(VOICE), 1024):
                part = np.repeat(VOICE[None, start : start + 1024], channels, axis=0)
                frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), "fltp", name)
                frame.sample_rate, frame.pts = RATE, start
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    path = tmp_path / "both.aac"
    path.write_bytes((tmp_path / "mono.aac").read_bytes() + (tmp_path / "stereo.aac").read_bytes())
    wave = read_audio(path)
    assert len(wave) == pytest.approx(4 * 16000, abs=4000) and np.abs(wave[-16000:]).max() > 0.2


def test_the_sound_for_people_is_taken_in_blocks_and_is_the_same(tmp_path):
    path = written(tmp_path / "a.wav", VOICE, -VOICE)
    sound = Sound.open(path)
    assert sound.notes == ("channels of opposite phase; the left one is taken",) and sound.rate == RATE
    blocks = list(sound.blocks())
    assert len(blocks) > 5 and np.abs(np.concatenate(blocks) - VOICE).max() < 1e-3
    frames = np.zeros((50, 64, 64, 3), np.uint8)
    write_video(tmp_path / "blocks.mp4", frames, 25, sound.blocks(), sound.rate)
    write_video(tmp_path / "whole.mp4", frames, 25, sound.muxed, sound.rate)
    assert (tmp_path / "blocks.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    assert likeness(read_audio(tmp_path / "blocks.mp4")) > 0.98


def test_a_wave_is_its_own_sound_for_people_without_the_padding(tmp_path):
    sound = Sound.open(VOICE[::3][:1000].astype(np.float64))
    assert sound.frames == 2 and sound.notes == () and np.array_equal(sound.muxed, VOICE[::3][:1000])


def test_a_sound_of_zeros_is_said(tmp_path):
    path = written(tmp_path / "a.wav", 0 * VOICE, 0 * VOICE)
    assert Sound.open(path).notes == ("it is silent, so that nothing moves the lips",)


def test_sound_that_is_gone_when_it_is_written_names_its_file(tmp_path):
    write_audio(tmp_path / "a.wav", VOICE[::3], 16000)
    sound = Sound.open(tmp_path / "a.wav")
    (tmp_path / "a.wav").unlink()
    with pytest.raises(MediaError, match=r"a\.wav: file not found"):
        write_video(tmp_path / "a.mp4", np.zeros((5, 64, 64, 3), np.uint8), 25, sound.blocks(), sound.rate)
    assert not list(tmp_path.iterdir())


def test_reported_sounds(failing):
    notes: list[str] = []
    assert np.abs(read_audio(failing / "06_antiphase.wav", notes=notes)).max() > 0.1 and len(notes) == 1
    with pytest.raises(MediaError, match="codec"):
        read_audio(failing / "03_undecodable_sound.mp4")
