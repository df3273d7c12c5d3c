"""Videos of several shots: each face is generated in its own shot, and what shows none stays as it was."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from eadnet.cli.main import command_line
from eadnet.config.machine import Compute
from eadnet.inference.source_video import SourceVideo, open_video
from eadnet.media.colour import Colour
from eadnet.media.reading import probe, read_video
from eadnet.media.writing import write_audio, write_video
from eadnet.pipeline import EADNetPipeline, PipelineError
from tests.support.shot_videos import LEFT, RIGHT, shots, write_shots
from tests.support.tiny_models import write_tiny_run

QUICK = {"steps": 1, "progress": False, "audio_guidance": 1.0, "text_guidance": 1.0}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return write_tiny_run(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def pipeline(run) -> EADNetPipeline:
    return EADNetPipeline.from_run(run, compute=Compute(device="cpu", precision="float32"))


def voice(frames: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, frames * 640).astype(np.float32)


def changes(made: list[np.ndarray], source: np.ndarray) -> list[slice | None]:
    """In which columns each frame differs from the source's; None where it is the same to the last bit."""
    return [_side(np.asarray(one) != other) for one, other in zip(made, source, strict=True)]


def _side(different: np.ndarray) -> slice | None:
    columns = np.flatnonzero(different.any(axis=(0, 2)))
    if not len(columns):
        return None
    return next((side for side in (LEFT, RIGHT) if side.start <= columns[0] and columns[-1] < side.stop), slice(None))


CASES = {
    "slide in the middle": (
        [("left", 10), ("slide", 10), ("left", 10)],
        [*[LEFT] * 10, *[None] * 10, *[LEFT] * 10],
        ["no face in 0.40-0.80 s; left as it is"],
    ),
    "two shots": ([("left", 20), ("right", 12)], [*[LEFT] * 20, *[RIGHT] * 12], ["2 shots, each by itself"]),
    "face at the end": (
        [("slide", 20), ("right", 8)],
        [*[None] * 20, *[RIGHT] * 8],
        ["only 8 of 28 frames show a face", "no face in 0.00-0.80 s; left as it is"],
    ),
    "away for three frames": (
        [("left", 8), ("wall", 3), ("left", 8)],
        [*[LEFT] * 8, *[None] * 3, *[LEFT] * 8],
        ["no face in 0.32-0.44 s; left as it is"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_only_seen_faces_are_generated_each_in_its_own_shot(pipeline, tmp_path, name, capsys):
    parts, expected, said = CASES[name]
    video = write_shots(tmp_path / "video.mp4", *parts)
    made = pipeline(video=video, audio=voice(len(expected)), **QUICK)
    assert changes(list(made.frames), read_video(video)) == expected
    lines = capsys.readouterr().err.splitlines()
    for clause in said:
        assert any(clause in note for note in made.notes)
        kind = "warning" if clause.startswith("only") else "note"
        assert any(line.startswith(f"{kind}: {video}: {clause}") for line in lines)


@pytest.mark.parametrize("flash", ["right", "slide"])
def test_a_shot_of_one_frame_never_gets_the_face_of_its_neighbours(pipeline, tmp_path, flash):
    video = write_shots(tmp_path / "video.mp4", ("left", 10), (flash, 1), ("left", 10))
    found = changes(list(pipeline(video=video, audio=voice(21), **QUICK).frames), read_video(video))
    assert found[:10] == [LEFT] * 10 and found[-10:] == [LEFT] * 10
    assert found[10] in ((None, RIGHT) if flash == "right" else (None,))


def test_a_cut_that_changes_too_soon_to_be_found_is_seen_by_the_face(pipeline, tmp_path):
    video = write_shots(tmp_path / "video.mp4", ("left", 12), ("right", 12))
    found = changes(list(pipeline(video=video, audio=voice(24), **QUICK).frames), read_video(video))
    assert (
        found[:12] == [LEFT] * 12
        and found[14:] == [RIGHT] * 10
        and set(map(str, found[12:14]))
        <= {
            str(None),
            str(RIGHT),
        }
    )


def test_a_face_that_dissolves_is_not_painted_over(pipeline, tmp_path):
    video = write_shots(tmp_path / "video.mp4", ("left", 20), ("left>slide", 12), ("slide", 15))
    made = pipeline(video=video, audio=voice(47), **QUICK)
    found = changes(list(made.frames), read_video(video))
    assert found[:18] == [LEFT] * 18 and found[22:] == [None] * 25
    assert any(note.startswith("a fade or dissolve in 0.") for note in made.notes)


def test_every_shot_has_its_own_reference_and_all_come_back_in_reverse(tmp_path):
    footage = open_video(write_shots(tmp_path / "video.mp4", ("left", 20), ("slide", 4), ("right", 16)), 99, 48, 3.0)
    stretches = footage.stretches(100)
    assert [(each.first, each.end) for each in stretches] == [(0, 20), (24, 56), (60, 100)]
    one, other, again = (footage.reference(each.shot).astype(int).mean((0, 1)) for each in stretches)
    assert one[0] > one[2] and other[0] < other[2] and (one == again).all()  # the second face is blue
    assert np.isnan(footage.transforms[20:24]).all() and np.isfinite(footage.transforms[footage.seen]).all()


def test_one_shot_of_one_face_is_aligned_as_a_whole(tmp_path):
    footage = open_video(write_shots(tmp_path / "video.mp4", ("left", 10)), 99, 48, 3.0)
    assert footage.seen.all() and not footage.notes and not footage.warnings
    assert [(each.first, each.end, each.shot) for each in footage.stretches(35)] == [(0, 35, 0)]


def test_latents_of_unseen_frames_are_not_numbers(pipeline, tmp_path):
    video = write_shots(tmp_path / "video.mp4", ("left", 6), ("wall", 8), ("left", 6))
    made = torch.stack(list(pipeline(video=video, audio=voice(20), output_type="latent", **QUICK).frames))
    missing = made.isnan().flatten(1)
    assert made.shape == (20, 4, 8, 8) and (missing.all(1) == missing.any(1)).all()
    assert missing.all(1).tolist() == [False] * 6 + [True] * 8 + [False] * 6


@pytest.mark.parametrize("colour", [None, Colour(matrix=1, primaries=1, transfer=1), Colour(full_range=True)])
def test_the_written_video_keeps_the_colours_of_its_source(pipeline, tmp_path, colour):
    video, output = tmp_path / "video.mp4", tmp_path / "out.mp4"
    write_video(video, shots(("left", 3), ("slide", 3)), crf=5, colour=colour)
    pipeline(video=video, audio=voice(6), output=output, **QUICK)
    assert probe(output).colour == probe(video).colour == (colour or Colour(stated=False))
    corner = [read_video(path)[:, -20:, -20:].astype(int) for path in (video, output)]
    assert np.abs(corner[0] - corner[1]).mean() < 2


def test_the_command_names_what_is_left_and_ends_well(run, tmp_path):
    video = write_shots(tmp_path / "video.mp4", ("left", 6), ("slide", 6))
    write_audio(tmp_path / "speech.wav", voice(12), 16000)
    given = ["--video", str(video), "--audio", str(tmp_path / "speech.wav"), "-o", str(tmp_path / "out.mp4")]
    options = ["--steps", "1", "--device", "cpu", "--no-progress"]
    done = CliRunner().invoke(command_line(), ["generate", "--model", str(run), *given, *options])
    assert done.exit_code == 0 and len(read_video(tmp_path / "out.mp4")) == 12
    assert f"note: {video}: no face in 0.24-0.48 s; left as it is\n" in done.stderr


@pytest.mark.parametrize("kind", ["same", "linked", "sound"])
def test_an_input_is_never_overwritten(pipeline, tmp_path, kind):
    video, sound = write_shots(tmp_path / "face.mp4", ("left", 2)), tmp_path / "speech.mp4"
    write_video(sound, shots(("slide", 2)), audio=voice(2))
    os.link(video, tmp_path / "linked.mp4")
    output = {"same": video, "linked": tmp_path / "linked.mp4", "sound": sound}[kind]
    before = output.read_bytes()
    with pytest.raises(
        PipelineError, match=rf"^output {re.escape(str(output))}: is an input too and would be overwrit"
    ):
        pipeline(video=video, audio=sound, output=output, **QUICK)
    assert output.read_bytes() == before


def test_a_video_that_shows_no_face_at_all_is_refused():
    with pytest.raises(ValueError, match=r"^x: no face found; give a picture or video"):
        SourceVideo("x", lambda low, high: iter(()), np.full((4, 478, 2), np.nan, np.float32), 48, 3.0, "eyes")
