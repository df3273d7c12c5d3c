"""The pipeline: from a run to a folder and back, pictures and videos of any kind, sound of any length, the command."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from eadnet.checkpoint import CheckpointError
from eadnet.cli.main import command_line
from eadnet.config.configuration import Config
from eadnet.config.machine import Compute
from eadnet.config.section import ConfigError
from eadnet.faces.landmarks import restful_frame
from eadnet.inference.driving_audio import Sound, SoundFeatures
from eadnet.inference.source_video import SourceVideo, open_picture, open_video
from eadnet.media.decoding import MediaError
from eadnet.media.reading import probe, read_audio, read_video
from eadnet.media.spectrogram import log_mel
from eadnet.media.writing import write_audio, write_video
from eadnet.pipeline import EADNetPipeline, PipelineError, open_pipeline
from eadnet.tables import CLIPS, write_table
from tests.support.tiny_models import write_tiny_run

CPU = Compute(device="cpu", precision="float32")
QUICK = {"steps": 1, "window": 16, "overlap": 4, "progress": False}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return write_tiny_run(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def pipeline(run) -> EADNetPipeline:
    return EADNetPipeline.from_run(run, compute=CPU)


def test_an_export_of_a_run_is_a_model(run, pipeline):
    exported = run / "exports/step_000003"
    shutil.copytree(run, exported, ignore=shutil.ignore_patterns("exports"))
    opened = open_pipeline(str(exported), compute=CPU)
    assert opened.index == pipeline.index


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    """A real face, (201, 181, 3): odd sides."""
    return data.astronaut()[20:221, 130:311]


@pytest.fixture(scope="module")
def moving(tmp_path_factory, face) -> Path:
    """A video of 12 frames in which the real face drifts to the right, 2 pixels a frame."""
    path = tmp_path_factory.mktemp("video") / "moving.mp4"
    picture = data.astronaut()
    write_video(path, [picture[20:220, 140 - 2 * t : 320 - 2 * t] for t in range(12)], crf=5)
    return path


def voice(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, frames * 640).astype(np.float32)


def frames_of(pipeline: EADNetPipeline, **arguments) -> np.ndarray:
    return np.stack(list(pipeline(**QUICK | arguments).frames))


# ------------------------------------------------------------------------------------------------- folders
def test_a_saved_pipeline_makes_the_same_frames(pipeline, face, tmp_path):
    pipeline.save_pretrained(tmp_path / "one")
    loaded = EADNetPipeline.from_pretrained(tmp_path / "one", CPU)
    arguments = {"image": face, "audio": voice(5), "text": "smiles broadly, brows raised"}
    assert np.array_equal(frames_of(pipeline, **arguments), frames_of(loaded, **arguments))
    loaded.save_pretrained(tmp_path / "one")  # over itself
    loaded.save_pretrained(tmp_path / "two")
    names = [sorted(p.relative_to(tmp_path / n) for p in (tmp_path / n).rglob("*.*")) for n in ("one", "two")]
    assert names[0] == names[1] and len(names[0]) == 6


def test_the_card_says_what_it_is_and_claims_nothing(pipeline, tmp_path):
    pipeline.save_pretrained(tmp_path)
    card = (tmp_path / "README.md").read_text()
    for words in ("run `full`", "mask `face`", "3 optimiser steps", "commit `abc`", "Consent", "No metric is claimed"):
        assert words in card
    assert json.loads((tmp_path / "model_index.json").read_text())["_class_name"] == "EADNetPipeline"


def test_the_card_counts_the_clips_of_the_run_s_corpora(tmp_path):
    known = dict.fromkeys(CLIPS.names) | {"status": "ok", "split": "train", "n_frames": 9000, "fps": 25.0}
    rows = [known | {"clip_id": f"{c}{n}", "corpus": c, "speaker": str(n)} for c in ("hdtf", "mead") for n in range(5)]
    write_table(rows, tmp_path / "clips.parquet", CLIPS)
    run = write_tiny_run(tmp_path)
    assert "10 clips of 10 people, 1.00 hours in all; corpora: hdtf, mead." in (
        EADNetPipeline.from_run(run, compute=CPU).index.trained_on
    )
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"corpora": ["mead"]}))
    said = EADNetPipeline.from_run(run, compute=CPU).index.trained_on
    assert said.startswith("5 clips of 5 people, 0.50 hours in all; corpora: mead.")


def test_whisper_weights_travel_with_the_folder(pipeline, tmp_path):
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"weights")
    parts = {name: getattr(pipeline, name) for name in ("unet", "autoencoder", "configs", "index", "machine")}
    EADNetPipeline(**parts, audio_weights=weights).save_pretrained(tmp_path / "saved")
    assert EADNetPipeline.from_pretrained(tmp_path / "saved", CPU).audio_weights.read_bytes() == b"weights"


def test_folders_that_are_none_are_named(run, tmp_path):
    with pytest.raises(PipelineError, match="no pipeline.*model_index.json"):
        EADNetPipeline.from_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="neither a pipeline.*nor a run"):
        open_pipeline(tmp_path)
    with pytest.raises(PipelineError, match="audio input mel, but audio.encoder is whisper"):
        whisper = {"encoder": "whisper", "weights": "whisper-tiny"}
        network = {"audio_width": 384}
        EADNetPipeline.from_run(run, config=Config.model_validate({"audio": whisper, "backbone": {"network": network}}))


# ------------------------------------------------------------------------------------------------ the picture
def test_a_picture_is_held_and_only_the_face_changes(pipeline, face):
    frames = frames_of(pipeline, image=face, audio=voice(20))
    assert frames.shape == (20, 200, 180, 3)
    change = np.abs(frames.astype(int) - face[:200, :180]).max((0, 3))
    assert 0.05 < (change > 8).mean() < 0.4
    assert not change[:, :10].any() and not change[-10:].any()
    assert np.abs(np.diff(frames.astype(int), axis=0)).max() > 0  # the sound moves it


def test_portrait_mode_generates_more_and_says_that_it_was_not_trained_so(pipeline, face, capsys):
    trained = frames_of(pipeline, image=face, audio=voice(2))
    assert "warning" not in capsys.readouterr().err
    portrait = frames_of(pipeline, image=face, audio=voice(2), mask="full")
    assert capsys.readouterr().err == "warning: mask full, but the network was trained to generate face\n"
    still = face[:200, :180]
    assert (portrait != still).any(-1).sum() > 1.2 * (trained != still).any(-1).sum()


@pytest.mark.parametrize("form", ["plain.png", "gray.png", "alpha.png", "rotated.jpg"])
def test_pictures_of_any_form(pipeline, face, tmp_path, form):
    path, image = tmp_path / form, Image.fromarray(face)
    if form == "rotated.jpg":
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned by 90 degrees
        image.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif, quality=95)
    else:
        image.convert({"gray.png": "L", "alpha.png": "RGBA"}.get(form, "RGB")).save(path)
    assert frames_of(pipeline, image=path, audio=voice(1)).shape == (1, 200, 180, 3)


@pytest.mark.parametrize("name", ["image", "video"])
def test_no_face_is_one_line_that_names_the_file(pipeline, tmp_path, name):
    path = tmp_path / ("wall.png" if name == "image" else "wall.mp4")
    wall = np.full((96, 96, 3), 90, np.uint8)
    Image.fromarray(wall).save(path) if name == "image" else write_video(path, [wall] * 4)
    with pytest.raises(MediaError, match=rf"^{path}: no face found; give [^\n]*$"):
        pipeline(**{name: path}, audio=voice(2), **QUICK)


def test_files_and_arguments_that_do_not_fit_are_named(pipeline, face, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(MediaError, match="text.png: not readable as a picture"):
        pipeline(image=tmp_path / "text.png", audio=voice(1), **QUICK)
    with pytest.raises(MediaError, match="absent.mp4: file not found"):
        pipeline(video=tmp_path / "absent.mp4", audio=voice(1), **QUICK)
    with pytest.raises(MediaError, match="text.png: holds no sound; give a file that does"):
        pipeline(image=face, audio=tmp_path / "text.png", **QUICK)
    with pytest.raises(PipelineError, match="an image or a video"):
        pipeline(audio=voice(1), **QUICK)
    with pytest.raises(ConfigError, match="synthesis.stepz.*steps"):
        pipeline(image=face, audio=voice(1), stepz=3)


# -------------------------------------------------------------------------------------------------- the video
def test_a_short_video_runs_forth_and_back(moving):
    footage, frames = open_video(moving, 99, 48, 3.0), read_video(moving)
    assert footage.length == 12
    order = [*range(12), *reversed(range(12)), *range(12)]
    assert footage.positions(0, 36).tolist() == order
    for first, last in ((0, 36), (5, 30), (13, 15), (20, 26)):
        shown = np.stack(list(footage.frames(first, last)))
        assert np.array_equal(shown, frames[order[first:last]])
    assert footage.crops(10, 14).shape == (4, 48, 48, 3)


def test_the_crop_follows_the_face(moving):
    footage = open_video(moving, 12, 48, 0.0)
    places = footage.transforms[:, 0, 2] / footage.transforms[:, 0, 0]
    assert (places[0] - places[-1]) == pytest.approx(22, abs=4)


@pytest.mark.parametrize("frames", [5, 12, 30])
def test_the_video_lasts_as_long_as_the_sound(pipeline, moving, tmp_path, frames):
    made = pipeline(video=moving, audio=voice(frames), output=tmp_path / "out.mp4", **QUICK)
    assert made.count == frames and made.frames is None
    assert len(read_video(made.path)) == frames and probe(made.path).has_audio
    assert (probe(made.path).width, probe(made.path).height) == (180, 200)


def test_real_speech_and_video(pipeline, shared, tmp_path):
    video, speech = shared / "clips/styletalk_KristiNoem.mp4", shared / "clips/edtalk_mouth_source.wav"
    wave = read_audio(speech, 44100, seconds=1.23)
    write_audio(tmp_path / "speech.m4a", wave, 44100, channels=2)
    sound = Sound.open(tmp_path / "speech.m4a")
    made = pipeline(video=video, audio=tmp_path / "speech.m4a", output=tmp_path / "out.mp4", **QUICK)
    assert made.count == sound.frames and abs(made.count - 31) <= 2
    source, result = (read_video(path, seconds=1.0) for path in (video, made.path))
    assert result.shape == source.shape
    change = np.abs(result.astype(int) - source).mean((0, 3))
    assert np.median(change) < 4 < change.max()
    assert np.corrcoef(read_audio(made.path, seconds=1.0), sound.wave[:16000])[0, 1] > 0.95


# -------------------------------------------------------------------------------------------------- the sound
def test_features_in_pieces_equal_those_of_the_whole_wave():
    wave = voice(700)  # 28 seconds, three pieces
    features = SoundFeatures(Sound.open(wave), "mel")
    assert features.windows(0, 700).shape == (700, 23, 80)
    assert torch.allclose(features.features.float(), torch.from_numpy(log_mel(wave).T), atol=2e-3)


def test_sound_is_padded_to_whole_frames_and_empty_sound_is_refused():
    assert Sound.open(np.zeros(1, np.float32)).frames == 1 and Sound.open(np.zeros(641, np.float32)).frames == 2
    with pytest.raises(MediaError, match="expected a mono wave"):
        Sound.open(np.zeros((2, 5)))


# ---------------------------------------------------------------------------------------------- length, text
def test_text_in_any_words_changes_the_face_and_the_seed_decides_the_noise(pipeline, face):
    base = {"image": face, "audio": voice(2)}
    silent, smiling, raging = (frames_of(pipeline, **base, text=t) for t in ("", "smiles broadly", "is furious"))
    assert (silent != smiling).any() and (smiling != raging).any()
    assert np.array_equal(silent, frames_of(pipeline, **base)) and (silent != frames_of(pipeline, **base, seed=1)).any()


MEMORY = """
import resource, sys
import numpy as np
from skimage import data
from eadnet.pipeline import EADNetPipeline
from eadnet.config.machine import Compute

pipeline = EADNetPipeline.from_run(sys.argv[1], compute=Compute(device="cpu", precision="float32"))
face, peaks = data.astronaut()[40:168, 160:288], []
for frames in (600, 3000):
    wave = np.random.default_rng(0).standard_normal(frames * 640, np.float32)
    pipeline(image=face, audio=wave, output=sys.argv[2], progress=False, steps=1, audio_guidance=1.0, text_guidance=1.0)
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
print(*peaks)
"""


def test_memory_does_not_grow_with_length(root, tmp_path):
    run = write_tiny_run(tmp_path, stda="none", tfrm="none")
    command = [sys.executable, "-c", MEMORY, str(run), str(tmp_path / "long.mp4")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    short, long = map(float, done.stdout.split())
    # the pictures alone of 2400 more frames would take 118 MB, the wave itself takes 6
    assert long < 1.1 * short and long - short < 60
    assert probe(tmp_path / "long.mp4").seconds == pytest.approx(120)


# ------------------------------------------------------------------------------------------------ the command
def test_the_command_writes_the_video(run, face, tmp_path):
    Image.fromarray(face).save(tmp_path / "face.png")
    write_audio(tmp_path / "speech.wav", voice(8), 16000)
    output = tmp_path / "out.mp4"
    files = ["--image", str(tmp_path / "face.png"), "--audio", str(tmp_path / "speech.wav"), "-o", str(output)]
    options = ["--text", "smiles broadly, brows raised", "--steps", "1", "--window", "0", "--device", "cpu"]
    done = CliRunner().invoke(
        command_line(), ["generate", "--model", str(run), *files, *options], catch_exceptions=False
    )
    assert done.exit_code == 0 and f"{output}: 8 frames, 0.3 s" in done.output and "100%" in done.output
    assert len(read_video(output)) == 8


def test_the_most_restful_frame_has_open_eyes_and_closed_lips():
    landmarks = np.zeros((3, 478, 2), np.float32)
    landmarks[:, [33, 133, 362, 263]] = [[0, 0], [3, 0], [6, 0], [9, 0]]
    landmarks[:, [159, 386], 1], landmarks[:, 14, 1] = [[-1], [-1], [0]], [2, 1, 0]  # the third blinks
    assert restful_frame(landmarks) == 1


def test_footage_of_one_picture_is_one_crop(face):
    footage = open_picture(face, 48)
    assert isinstance(footage, SourceVideo) and footage.crops(7, 99).shape == (1, 48, 48, 3)
    assert np.array_equal(footage.crops(7, 99)[0], footage.reference(0))
