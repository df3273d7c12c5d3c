"""Any videos by the same protocol: matched names, refused pairs, and the command line."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from eadnet.config.section import ConfigError
from eadnet.media.reading import read_audio, read_video
from eadnet.media.writing import write_video
from eadnet.tables import read_rows
from metrics.external.matching import match_names
from metrics.measuring.own_sound import compare_sound
from metrics.scoring.own_video import read_own_sound
from metrics.tables import SCORES


# ------------------------------------------------------------------------------------------------- name matching
def test_names_are_matched_by_path_then_stem_then_beginning() -> None:
    found = match_names(
        ["a/one.mp4", "b/one.avi", "two_ours.wmv", "x/three.mp4", "notes.txt"],
        ["a/one.mp4", "b/one.mp4", "two.mp4", "three.mov"],
    )
    assert found.pairs == {
        "a/one": ("a/one.mp4", "a/one.mp4"), "b/one": ("b/one.avi", "b/one.mp4"),
        "two": ("two_ours.wmv", "two.mp4"), "three": ("x/three.mp4", "three.mov"),
    }  # fmt: skip
    assert found.lines() == ["4 pairs, 0 references without a video, 0 videos without a reference, 0 ambiguous"]


def test_what_has_no_partner_or_several_is_told() -> None:
    found = match_names(["one.mp4", "one_b.mp4", "four.mp4"], ["one.mp4", "one_b.mp4", "two.mp4"])
    assert found.pairs == {"one": ("one.mp4", "one.mp4"), "one_b": ("one_b.mp4", "one_b.mp4")}
    assert (found.missing, found.unknown) == (("two.mp4",), ("four.mp4",))
    assert "no video for reference two.mp4; make it, or rename it" in found.lines()
    twice = match_names(["one_x.mp4", "one_y.mp4"], ["one.mp4"])
    assert twice.pairs == {} and tuple(twice.ambiguous) == ("one_x.mp4", "one_y.mp4") and twice.missing == ("one.mp4",)
    line = "one_x.mp4, one_y.mp4 all fit one.mp4; keep one of them"
    assert twice.lines()[1:] == [line] and twice.absence("one") == ("ambiguous", line)
    same_stem = match_names(["one.mp4"], ["a/one.mp4", "b/one.mp4"])
    assert same_stem.pairs == {} and same_stem.missing == ("a/one.mp4", "b/one.mp4")
    assert same_stem.lines()[-1] == "one.mp4 fits a/one.mp4, b/one.mp4; rename it, or list the pairs (--pairs)"
    namesakes = match_names(["a.mp4"], ["a.mp4", "a.avi"])
    assert namesakes.pairs == {} and len(namesakes.missing) == 1
    assert "a.avi, a.mp4 are references of one name" in namesakes.absence("a")[1]


def test_the_longest_beginning_wins() -> None:
    assert match_names(["a_b_ours.mp4"], ["a.mp4", "a_b.mp4"]).pairs == {"a_b": ("a_b_ours.mp4", "a_b.mp4")}
    assert match_names(["ab.mp4"], ["a.mp4"]).pairs == {}


# ----------------------------------------------------------------------------------------------------- own sound
def speech(seed: int, seconds: float = 2.0) -> np.ndarray:
    """(n,) int16 noise whose loudness changes as that of syllables."""
    rng = np.random.default_rng(seed)
    loudness = np.interp(np.arange(int(16000 * seconds)) / 4000, np.arange(int(4 * seconds) + 1),
                         rng.random(int(4 * seconds) + 1))  # fmt: skip
    return np.round(6000 * loudness * rng.standard_normal(len(loudness))).clip(-32768, 32767).astype(np.int16)


def as_float(wave: np.ndarray) -> np.ndarray:
    return wave.astype(np.float32) / 32768


def test_the_same_sound_is_known_after_encoding_and_delay(tmp_path: Path) -> None:
    wave, frames = speech(1), np.zeros((50, 64, 64, 3), np.uint8)
    write_video(tmp_path / "same.mp4", frames, audio=as_float(wave))
    write_video(tmp_path / "late.mp4", frames, audio=as_float(np.roll(wave, 1600)))
    write_video(tmp_path / "other.mp4", frames, audio=as_float(speech(2)))
    write_video(tmp_path / "mute.mp4", frames)
    alike, late = compare_sound(read_own_sound(tmp_path / "same.mp4"), wave)
    assert alike > 0.9 and abs(late) < 160
    alike, late = compare_sound(read_own_sound(tmp_path / "late.mp4"), wave)
    assert alike > 0.8 and late == pytest.approx(1600, abs=160)
    assert compare_sound(read_own_sound(tmp_path / "other.mp4"), wave)[0] < 0.2
    assert compare_sound(read_own_sound(tmp_path / "mute.mp4"), wave) is None
    assert compare_sound(read_own_sound(tmp_path / "same.mp4"), np.zeros_like(wave)) is None


def test_half_of_a_recording_is_that_recording() -> None:
    wave = speech(3)
    wave[: len(wave) // 2] //= 8  # most of its power is in the other half
    alike, late = compare_sound(as_float(wave[: len(wave) // 2]), wave)
    assert alike > 0.99 and late == 0
    assert compare_sound(as_float(speech(4)[: len(wave) // 2]), wave)[0] < 0.2


# -------------------------------------------------------------------------------------------------- command line
def write_wmv(path: Path, frames: np.ndarray, wave: np.ndarray) -> None:
    """Frames (T, H, W, 3) and sound (n,) int16 as Windows Media, 25 frames a second."""
    with av.open(path, "w") as container:
        video, sound = container.add_stream("wmv2", rate=25), container.add_stream("wmav2", rate=16000, layout="mono")
        video.height, video.width, video.pix_fmt, video.bit_rate = *frames.shape[1:3], "yuv420p", 8_000_000
        sound.bit_rate = 32_000  # the default is more than Windows Media allows at this rate
        for frame in frames:
            container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        samples = av.AudioFrame.from_ndarray(as_float(wave)[None], format="fltp", layout="mono")
        samples.sample_rate = 16000
        container.mux(sound.encode(samples))
        container.mux(video.encode() + sound.encode())


@pytest.fixture(scope="module")
def folders(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A second of a real speaker as reference; itself, a damaged copy, one with wrong sound, and one too short."""
    root = tmp_path_factory.mktemp("anybody")
    source = shared / "clips/grid_lwbsza.mpg"
    frames, wave = read_video(source, seconds=1.4), read_audio(source, seconds=1.4)
    wave = np.round(wave * 32767).astype(np.int16)
    names = ("exact", "noisy", "wrong_sound", "short", "absent", "windows")
    for name in names:
        write_video(root / f"reference/{name}.mp4", frames, audio=as_float(wave), crf=12)
    rng = np.random.default_rng(0)
    noisy = np.clip(frames + rng.normal(0, 25, frames.shape), 0, 255).astype(np.uint8)
    write_video(root / "generated/exact.mp4", frames, audio=as_float(wave), crf=12)
    write_video(root / "generated/noisy_ours.mp4", noisy[:-2], audio=as_float(wave), crf=12)
    write_video(root / "generated/wrong_sound.mp4", frames, audio=as_float(speech(3)), crf=12)
    write_video(root / "generated/short.mp4", frames[:10], crf=12)
    write_wmv(root / "generated/windows.WMV", frames, wave)
    write_video(root / "generated/stray.mp4", frames[:10], crf=12)
    return root / "generated", root / "reference"


def test_two_folders_are_scored(root: Path, folders: tuple[Path, Path], tmp_path: Path) -> None:
    generated, reference = folders
    (tmp_path / "labels.csv").write_text("clip_id,emotion,level\nexact,happy,2\n")
    done = subprocess.run(
        [sys.executable, "-m", "metrics", "score", generated, reference, "--metrics",
         "image,landmarks,temporal,lip_sync", "--labels", tmp_path / "labels.csv", "--run", "ours", "--resolution",
         "128", "-o", tmp_path / "scores.parquet"], cwd=root, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "5 pairs, 1 references without a video, 1 videos without a reference" in done.stderr
    rows = {(row["clip_id"], row["metric"]): row for row in read_rows(tmp_path / "scores.parquet", SCORES)}
    assert {row["run"] for row in rows.values()} == {"ours"}
    assert rows["exact", "psnr@region"]["value"] > 38 > 28 > rows["noisy", "psnr@region"]["value"]
    assert rows["exact", "mouth_correlation@mediapipe"]["value"] > 0.99
    assert rows["exact", "psnr@region"]["emotion"] == "happy" and rows["exact", "psnr@region"]["emotion_level"] == 2
    assert rows["noisy", "psnr@region"]["n"] == 33
    assert rows["windows", "psnr@region"]["status"] == "ok" and rows["windows", "psnr@region"]["value"] > 28
    statuses = {name: rows[name, "psnr@region"]["status"] for name in ("wrong_sound", "short", "absent")}
    assert statuses == {"wrong_sound": "wrong_audio", "short": "wrong_length", "absent": "missing"}
    assert rows["exact", "lse_c@corpus-v1"]["status"] == "no_judge"
    assert "33 frames, the clip has 35; the shorter counts" in done.stderr
    table, reasons = done.stdout.split("\n\n")
    assert re.search(r"^psnr@region +dB +↑ +[\d.]+ +[-\d.]+ to [\d.]+ +3 clips +50%$", table, re.MULTILINE)
    assert re.search(r"^lse_c@corpus-v1.*: no judges were given; train them, or give --judges$", reasons, re.MULTILINE)
    assert "1 of 6 clips: " in reasons and "its sound is not the clip's" in reasons


def test_a_video_is_scored_as_json(root: Path, folders: tuple[Path, Path], tmp_path: Path) -> None:
    """Two files are a pair whatever they are called; nothing but JSON is printed, nothing is written."""
    generated, reference = folders
    command = [sys.executable, "-m", "metrics", "score", generated / "noisy_ours.mp4", reference / "exact.mp4"]
    command += ["--metrics", "PSNR,ssim@crop,fid", "--json", "--assets", f'{{"folder": "{tmp_path}/weights"}}']
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = {entry["key"]: entry for entry in json.loads(done.stdout)["metrics"]}
    assert list(found) == ["psnr@region", "ssim@crop", "fid@pytorch-fid"]
    psnr, fid = found["psnr@region"], found["fid@pytorch-fid"]
    assert (psnr["unit"], psnr["direction"], psnr["n"], psnr["counted"]) == ("dB", "↑", 33, "frames")
    assert 15 < psnr["value"] < 30 and fid["value"] is None and fid["status"] == "weights_absent"
    assert re.search(r"inception-fid \(95.6 MB, licence: Apache-2.0\); run again with --download", fid["reason"])
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["nowhere"], "nowhere: no such file or folder"),
        (["README.md"], "README.md: not named as a video"),
        (["GIVEN", "--metrics", "image,beauty"], "unknown metric 'beauty'"),
        (["GIVEN", "--metrics", "psnr@regoin"], "did you mean psnr@region"),
        (["GIVEN", "--metrics", "captions"], "family 'captions' scores captions, not videos"),
        (["GIVEN", "--assets", '{"foldr": "x"}'], "did you mean 'folder'"),
        (["GIVEN", "--metrics", "fid@clean", "--assets", '{"folder": "nowhere"}'], "run again with --download"),
    ],
)
def test_wrong_options_are_one_line(root: Path, folders: tuple[Path, Path], words: list[str], fault: str) -> None:
    words = [str(folders[0]) if word == "GIVEN" else word for word in [*words[:1], str(folders[1]), *words[1:]]]
    done = subprocess.run([sys.executable, "-m", "metrics", "score", *words], cwd=root, capture_output=True, text=True)
    assert done.returncode == 1 and fault in done.stderr and done.stderr.count("\n") == 1


def test_a_label_that_is_no_emotion_is_named(tmp_path: Path) -> None:
    from metrics.external.references import read_labels

    (tmp_path / "labels.csv").write_text("clip_id,emotion\na,joyful\n")
    with pytest.raises(ConfigError, match="a: emotion 'joyful' is none of angry"):
        read_labels(tmp_path / "labels.csv")
    (tmp_path / "labels.csv").write_text("clip_id,emotion\na,calm\n")
    assert read_labels(tmp_path / "labels.csv")["a"]["emotion"] == "calm"
