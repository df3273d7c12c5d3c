"""Real files with real faults, one shard: each is a row with the right word, and the verb ends well."""

import ctypes
import os
import shutil
import subprocess
import wave
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skimage.data

from eadnet.data.clips import Clip
from eadnet.media.writing import write_video
from eadnet.tables import SOURCES, read_table
from tests.support.made_footage import clips_in, face, finished, moving, preprocess_command, tone, write_talk
from tests.support.paths import ROOT
from tests.support.small_disk import mounted_disk
from tests.support.undecodable import without_decoder

HOSTILE = ("$(touch x) `id`;rm -rf.mp4", "new\nline.mp4", "-rf.mp4", "日本 {wild}.mp4", os.fsdecode(b"\xff\xfe.mp4"))


def odd(picture: np.ndarray, path: Path) -> None:
    """A video of odd width and height, which H.264 in 4:2:0 cannot hold but other codecs can."""
    import av

    with av.open(str(path), "w") as container:
        video, sound = container.add_stream("ffv1", 25), container.add_stream("pcm_s16le", 16000, layout="mono")
        video.height, video.width, video.pix_fmt = *picture.shape[:2], "bgr0"
        for frame in moving(picture, 30):
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24")))
        container.mux(video.encode())
        samples = av.AudioFrame.from_ndarray(np.int16(tone(1.2) * 32767)[None], "s16", "mono")
        samples.sample_rate = 16000
        container.mux(sound.encode(samples))
        container.mux(sound.encode())


def write_wav(path: Path, width: int, opposite: bool = False) -> None:
    """A WAV of 16-bit numbers, or of 32-bit floats (`wave` knows none), perhaps in two channels of opposite phase."""
    if width == 16:
        with wave.open(str(path), "wb") as stream:
            stream.setparams((1, 2, 44100, 0, "NONE", ""))
            stream.writeframes(np.int16(tone(1.2, 44100) * 32767).tobytes())
        return
    from scipy.io import wavfile

    sound = tone(1.2, 48000)
    wavfile.write(path, 48000, np.stack([sound, -sound], 1) if opposite else sound)


@pytest.fixture(scope="module")
def shard(tmp_path_factory) -> tuple[Path, pd.DataFrame, subprocess.CompletedProcess]:
    """A folder of faults, the clips made of it, and what the verb said."""
    videos, output = tmp_path_factory.mktemp("videos"), tmp_path_factory.mktemp("clips")
    head, sound = face(), tone(1.2)
    write_talk(videos / "good.mp4")
    (videos / "zero.mp4").write_bytes(b"")
    (videos / "text.mp4").write_text("not a video\n" * 1000)
    whole = write_talk(videos / "cut.mp4", seconds=3).read_bytes()
    (videos / "cut.mp4").write_bytes(whole[: len(whole) * 2 // 3])
    (videos / "no_index.mp4").write_bytes(whole[:600])
    write_video(videos / "no_audio.mp4", moving(head, 30), 25)
    write_video(videos / "digital_silence.mp4", moving(head, 30), 25, np.zeros_like(sound))
    write_talk(videos / "no_face.mp4", moving(skimage.data.coffee()[:192, :192], 30))
    write_talk(videos / "two_faces.mp4", moving(np.concatenate([head, head[:, ::-1]], axis=1), 30))
    write_talk(videos / "edge.mp4", moving(np.ascontiguousarray(head[:, 62:]), 30, reach=0))
    write_talk(videos / "one_frame.mp4", moving(head, 1), 0.04)
    odd(face()[:191, :189], videos / "odd.mkv")
    for width in (16, 32):
        write_video(videos / f"wav{width}.mp4", moving(head, 30), 25)
        write_wav(videos / f"wav{width}.wav", width)
    write_video(videos / "opposite.mp4", moving(head, 30), 25)
    write_wav(videos / "opposite.wav", 32, opposite=True)
    (videos / "undecodable.mp4").write_bytes(without_decoder((videos / "good.mp4").read_bytes()))
    for name in HOSTILE:
        shutil.copy(videos / "good.mp4", videos / name)
    done = finished(preprocess_command(videos, output))
    return output, clips_in(output), done


def test_the_verb_ends_well_and_says_what_became_of_every_clip(shard):
    _, rows, done = shard
    assert done.returncode == 0 and "Traceback" not in done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(rows) + 1 and lines[-1].startswith(
        f"{(rows['status'] == 'ok').sum()} of {len(rows)} clips"
    )
    for line, row in zip(lines, rows.to_dict("records"), strict=False):
        assert f"{row['clip_id']}: {row['status']}" in line


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("good", "ok", None),
        ("text", "unreadable", "not readable as media"),
        ("cut", "truncated", "copy"),
        ("no_index", "unreadable", "not readable as media"),
        ("no_audio", "no_audio", ".wav of the same name"),
        ("digital_silence", "silent", "preprocess.silence_db"),
        ("no_face", "no_face", "preprocess.min_detected"),
        ("two_faces", "two_faces", "preprocess.max_second_face"),
        ("one_frame", "too_short", "preprocess.min_frames"),
        ("odd", "ok", None),
        ("wav16", "ok", None),
        ("wav32", "ok", None),
        ("opposite", "ok", "channels of opposite phase; the left one is taken"),
        ("undecodable", "no_audio", "its sound (codec apac) has no decoder here; convert it to AAC"),
    ],
)
def test_each_file_has_its_word_and_its_mend(shard, name, status, words):
    row = shard[1].loc[name]
    assert row["status"] == status, row["reason"]
    assert words is None or (words in row["reason"] and "\n" not in row["reason"])


def test_an_empty_file_is_accounted_for_and_offers_no_clip(shard):
    output, rows, _ = shard
    sources = read_table(output / "sources.parquet", SOURCES).set_index("source_id")
    assert sources.loc["zero", "status"] == "empty" and "zero" not in rows.index
    videos = sources["uri"].str.endswith((".mp4", ".mkv"))
    assert set(sources[videos & (sources["status"] == "ok")].index) == set(rows.index)


def test_a_face_at_the_edge_is_a_whole_clip(shard):
    row = shard[1].loc["edge"].to_dict()
    assert row["status"] == "ok" and Clip(row).crops.shape == (30, 96, 96, 3)
    assert Clip(row).landmarks[..., 0].min() < 10  # pixels from the left edge


def test_odd_sizes_lose_one_row_and_one_column(shard):
    row = shard[1].loc["odd"]
    assert (row["width"], row["height"]) == (188, 190)


def test_sound_beside_is_taken_whatever_its_numbers(shard):
    for name in ("wav16", "wav32", "opposite"):
        heard = Clip(shard[1].loc[name].to_dict()).audio
        assert len(heard) == 30 * 640 and np.corrcoef(heard, tone(1.2)[: len(heard)])[0, 1] > 0.99


def test_hostile_names_give_the_clips_of_the_same_content(shard):
    _, rows, done = shard
    same = rows[rows["sha256"] == rows.loc["good", "sha256"]].drop(["good", "wav16", "wav32", "opposite"])
    assert len(same) == len(HOSTILE) and same["clip_id"].str.fullmatch(r"folder_[A-Za-z0-9_-]+").all()
    assert not (ROOT / "x").exists() and "\udcff" not in done.stdout


def obey_rights() -> None:
    """Root may read everything by two capabilities; give them up for the program that comes next."""
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP; refused, and needless, but for root


def test_a_file_that_may_not_be_read_is_a_row(tmp_path):
    videos, output = tmp_path / "videos", tmp_path / "clips"
    videos.mkdir()
    write_talk(videos / "locked.mp4")
    write_talk(videos / "open.mp4")
    command = preprocess_command(videos, output)  # acquired while it could be read
    (videos / "locked.mp4").chmod(0)
    done = finished(command, obey_rights)
    assert done.returncode == 0, done.stderr
    rows = clips_in(output)
    assert rows["status"].to_dict() == {"locked": "unreadable", "open": "ok"}
    assert "Permission denied" in rows.loc["locked", "reason"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_full_disk_is_one_line_and_room_lets_it_finish(tmp_path, workers):
    videos = tmp_path / "videos"
    videos.mkdir()
    for name in "abc":
        write_talk(videos / f"{name}.mp4", seconds=1)
    with mounted_disk(tmp_path / "disk", "2m") as disk:
        command = preprocess_command(videos, disk / "clips", "--workers", workers)
        done = finished(command)
        faults = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
        mend = "no space left on the disk; make room and run again: finished clips are kept"
        assert faults == [f"error: {disk / 'clips'}: {mend}"]
        assert not (disk / "clips" / "clips.parquet").exists()
        subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
        again = finished(command)
        assert again.returncode == 0 and "sources kept from an earlier run" in again.stdout
        rows = clips_in(disk / "clips")
        assert rows["status"].tolist() == ["ok"] * 3 and rows["sha256"].nunique() == 1  # three times one talk
        assert not list((disk / "clips").glob(".*"))
