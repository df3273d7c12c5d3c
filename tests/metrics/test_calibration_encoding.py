"""What encoders and players do to a video: sound and picture pass real encoders, and the ordinary path scores them."""

from pathlib import Path

import av
import numpy as np
import pytest
from scipy.signal import correlate, correlation_lags

from eadnet.media.reading import probe, read_audio, read_video
from eadnet.tables import CLIPS, read_rows
from metrics.calibration.calibrate import calibrate
from metrics.calibration.damage import DAMAGES
from metrics.calibration.damaged_videos import choose_takes, encoding_of, read_sound, write_damaged
from metrics.calibration.encoding import SOUND_RATE, write_film
from metrics.calibration.responses import BLIND, SEES, summarise
from metrics.families.image import compare
from metrics.measuring import passes
from metrics.scoring.settings import ScoringSettings
from tests.support.metrics_fixture import RESOLUTION, draw, smooth_noise, unsearched, write_corpus

REGION = np.ones((RESOLUTION, RESOLUTION), bool)


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return draw(smooth_noise(np.random.default_rng(0), 25), (200, 160, 130), 0.5)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"), people=3, clips=1)


def speech(seconds: float = 1.0) -> np.ndarray:
    """Something like speech at 48 kHz: bursts of a voice with many partials and of noise."""
    time, random = np.arange(round(48000 * seconds)) / 48000, np.random.default_rng(0)
    voice = sum(np.sin(2 * np.pi * 140 * partial * time) / partial for partial in range(1, 60))
    loud = np.interp(time, np.linspace(0, seconds, 11), random.random(11))
    return (0.2 * loud * voice + 0.02 * random.standard_normal(len(time))).astype(np.float32)


def lag_of(sound: np.ndarray, true: np.ndarray) -> int:
    """Samples by which a sound comes late."""
    count = min(len(sound), len(true))
    found = correlate(sound[:count], true[:count], method="fft")
    return int(correlation_lags(count, count)[found.argmax()])


def test_a_delay_is_silence_before_the_sound() -> None:
    wave = speech()
    for amount, late in zip(DAMAGES["sound_delay"].amounts, (480, 960, 1024, 1440, 3072), strict=True):
        found = DAMAGES["sound_delay"].sound(wave, SOUND_RATE, amount)
        assert len(found) == len(wave) and not found[:late].any()
        assert np.array_equal(found[late:], wave[: len(wave) - late])


def test_a_short_filter_folds_high_tones_into_speech() -> None:
    tone = np.sin(2 * np.pi * 11000 * np.arange(48000) / 48000).astype(np.float32)  # folds to 5 kHz
    low = np.sin(2 * np.pi * 500 * np.arange(48000) / 48000).astype(np.float32)
    change = DAMAGES["resampled_sound"].sound
    folded = [float(np.std(change(tone, SOUND_RATE, amount)[4800:-4800])) for amount in (16, 4, 1)]
    assert folded[0] < 0.01 and folded == sorted(folded) and folded[-1] > 0.2
    kept = change(low, SOUND_RATE, 16)
    assert len(kept) == len(low) and np.abs(kept - low)[4800:-4800].max() < 0.02


@pytest.mark.parametrize("name", ["aac", "mp3", "opus"])
def test_sound_encoders_keep_time_and_lose_more_at_lower_rates(name: str, frames: np.ndarray, tmp_path: Path) -> None:
    wave, losses = speech(), []
    for amount in (128, 32):
        write_film(tmp_path / "film.mp4", frames, wave, encoding_of(DAMAGES[name], amount))
        with av.open(str(tmp_path / "film.mp4")) as container:
            assert container.streams.audio[0].codec_context.name.startswith(name)
        found = read_audio(tmp_path / "film.mp4", SOUND_RATE)
        assert abs(lag_of(found, wave)) <= 2  # the edit list takes the encoder's delay away
        losses.append(float(np.abs(found[:48000] - wave).mean()))
    assert 0 < losses[0] < losses[1]


@pytest.mark.parametrize(("name", "codec"), [("h265", "hevc"), ("vp9", "vp9")])
def test_picture_encoders_lose_more_at_higher_crf(name: str, codec: str, frames: np.ndarray, tmp_path: Path) -> None:
    damage, quality = DAMAGES[name], []
    for amount in (damage.amounts[0], damage.amounts[-1]):
        write_film(tmp_path / "film.mp4", frames[:10], speech(0.4), encoding_of(damage, amount))
        with av.open(str(tmp_path / "film.mp4")) as container:
            assert container.streams.video[0].codec_context.name.startswith(codec)
        seen = read_video(tmp_path / "film.mp4")
        assert len(seen) == 10
        quality.append(compare(seen, frames[:10], REGION).psnr_region)
    assert 100 > quality[0] > quality[1] + 3


def test_files_repeat_themselves_and_keep_all_of_an_undamaged_sound(frames: np.ndarray, tmp_path: Path) -> None:
    for codec in (*(DAMAGES[name] for name in ("blur", "aac", "h265", "vp9", "opus", "mp3")),):
        for name in ("one", "two"):
            write_film(tmp_path / f"{name}.mp4", frames[:8], speech(), encoding_of(codec, codec.amounts[0]))
        assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes(), codec.name
    write_film(tmp_path / "film.mp4", frames, speech(), encoding_of(DAMAGES["blur"], 0.1))
    assert np.abs(read_audio(tmp_path / "film.mp4", SOUND_RATE) - speech()).max() < 1e-4


def test_a_damaged_video_carries_its_damaged_sound(corpus: Path, tmp_path: Path) -> None:
    take = choose_takes(read_rows(corpus, CLIPS), 1, 25, "all")[0]
    true = read_sound(take.row)
    assert len(true) == 25 * 1920 and lag_of(true, read_sound(take.row)) == 0
    rows = write_damaged([take], DAMAGES["sound_delay"], tmp_path)
    for amount, late in ((10, 480), (64, 3072)):
        assert lag_of(read_audio(rows[amount][0]["video"], SOUND_RATE), true) == pytest.approx(late, abs=2)
    rows = write_damaged([take], DAMAGES["frame_rate"], tmp_path)
    assert probe(rows[15][0]["video"]).fps == 15 and len(read_video(rows[15][0]["video"])) == 25


def test_the_ordinary_path_scores_encoded_videos(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "find_faces", unsearched)
    settings = ScoringSettings(None, "full", RESOLUTION, 16)
    names = ("opus", "vp9", "frame_rate", "moved_crop")
    table = calibrate(corpus, ["image"], settings, tmp_path / "c.parquet", names, 3, 25, "all", lambda line: None)
    assert set(table.status) == {"ok"}
    psnr = summarise(table).set_index(["metric", "damage"]).loc["psnr@crop"]
    assert psnr.verdict["opus"] == BLIND and psnr.absolute["opus"] == 0  # the picture is the undamaged one
    assert psnr.verdict["vp9"] == psnr.verdict["moved_crop"] == psnr.verdict["frame_rate"] == SEES
    assert psnr.signed["moved_crop"] < -3 and psnr.largest["moved_crop"] >= psnr.absolute["moved_crop"]
