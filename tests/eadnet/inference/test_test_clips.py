"""Synthesis of test clips: whole and in two halves, baselines, faults, the choice of clips."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from eadnet.config.evaluation import DRAWN
from eadnet.config.machine import Compute
from eadnet.config.synthesis import Synthesis
from eadnet.data.clips import SAMPLES_PER_FRAME, ClipError, save_shard
from eadnet.data.selection import read_test_clips, select_clips, shuffled_audio, write_test_clips
from eadnet.features.audio import feature_steps
from eadnet.inference import sampler
from eadnet.inference.test_clips import (
    ClipGenerator,
    SynthesisInputs,
    SynthesisJob,
    generate_crops,
    synthesise,
)
from eadnet.media.reading import read_video
from eadnet.media.writing import write_video
from eadnet.provenance import commit
from eadnet.tables import CAPTIONS, CLIPS, GENERATED, TEST_CLIPS, VIDEOS, read_rows, write_table
from tests.support.encoded_texts import save_padded
from tests.support.feature_files import write_features
from tests.support.tiny_models import write_tiny_run

AWAY = 7
"""Frame in which the face of clip 3 is away."""
CPU = Compute(device="cpu", precision="float32")
SETTINGS = Synthesis(steps=1, window=16, overlap=4)
SIDE, FRAMES = 48, 40


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> SynthesisInputs:
    """Four preprocessed test clips of two people, their captions and features, and a tiny run."""
    folder = tmp_path_factory.mktemp("results")
    run = write_tiny_run(folder, SIDE)
    rows = [_write_clip(folder, number) for number in range(4)]
    write_table(rows, folder / "clips.parquet", CLIPS)
    captions = [
        dict.fromkeys(CAPTIONS.names)
        | {"clip_id": row["clip_id"], "template": "The person speaks.", "paraphrases": [], "status": "ok"}
        for row in rows
    ]
    write_table(captions, folder / "captions.parquet", CAPTIONS)
    states = np.random.default_rng(0).standard_normal((2, 5, 384)).astype(np.float16)
    mask = np.array([[False] * 5, [True] * 5])
    save_padded(folder / "tokens.safetensors", ("", "The person speaks."), states, mask)
    shape, features = (1, feature_steps("mel", FRAMES), 80), {}
    for number, row in enumerate(rows):
        features[row["clip_id"]] = torch.randn(shape, generator=torch.Generator().manual_seed(number)).half()
    audio = write_features(folder, "mel", features)
    write_test_clips(folder / "clips.parquet", 4, False, 0, folder / "test_clips.parquet")
    names = ("clips.parquet", "test_clips.parquet", "captions.parquet", "tokens.safetensors")
    models = (str(folder / "pretrained/autoencoder"), str(run))
    return SynthesisInputs(*(str(folder / name) for name in names), audio, *models)


def _write_clip(folder: Path, number: int) -> dict:
    """A moving gradient as source video, of which the crop shows the middle."""
    name = f"clip_{number}"
    ramp = np.linspace(0, 200, 96)
    frames = [
        np.stack([ramp[None] + 0 * ramp[:, None], ramp[:, None] + 0 * ramp[None], np.full((96, 96), t + 10.0)], -1)
        for t in range(FRAMES)
    ]
    frames = np.stack(frames).astype(np.uint8)
    write_video(folder / f"{name}.mp4", frames, crf=0)
    transforms = np.tile(np.float32([[1, 0, -24], [0, 1, -24]]), (FRAMES, 1, 1))
    landmarks = np.random.default_rng(number).uniform(24, 72, (FRAMES, 478, 2)).astype(np.float32)
    noise = np.random.default_rng(number).normal(0, 3000, FRAMES * SAMPLES_PER_FRAME).astype(np.int16)
    arrays = {
        "video": ("crops", {name: frames[:, 24:72, 24:72]}),
        "audio": ("audio", {name: noise}),
        "landmarks": (
            "landmarks",
            {name: landmarks, f"{name}/transform": transforms, f"{name}/seen": _seen(number)},
        ),
    }
    files = {key: save_shard(folder / name, kind, content) for key, (kind, content) in arrays.items()}
    person = number // 2
    return dict.fromkeys(CLIPS.names) | files | {
        "clip_id": name,
        "corpus": "drawn",
        "speaker": f"person_{person}",
        "sentence": str(number),
        "split": "test",
        "seen_speaker": person == 0,
        "reference": f"clip_{2 * person}",
        "source": str(folder / f"{name}.mp4"),
        "n_frames": FRAMES,
        "status": "ok",
    }  # fmt: skip


def _seen(number: int) -> np.ndarray:
    """(FRAMES,) bool: the face of clip 3 is away in one frame."""
    return (np.arange(FRAMES) != AWAY) | (number != 3)


@pytest.mark.parametrize("run", ["ground_truth", "reconstruction", "still", "shuffled_audio", "full"])
def test_videos_are_the_same_whole_and_in_two_halves(inputs, tmp_path, run):
    driven = run in ("shuffled_audio", "full")
    inputs = inputs if driven else replace(inputs, model=None)
    synthesise(SynthesisJob(inputs, SETTINGS, CPU, run, 0, "face", tmp_path / "whole"))
    generate_crops(SynthesisJob(inputs, SETTINGS, CPU, run, 0, "face", tmp_path / "crops"))
    synthesise(SynthesisJob(inputs, SETTINGS, CPU, run, 0, "face", tmp_path / "halves"), crops=tmp_path / "crops")
    whole, halves = (read_rows(tmp_path / name / "videos.parquet", VIDEOS) for name in ("whole", "halves"))
    assert {row["videos_commit"] for row in (*whole, *halves)} == {commit()}
    assert {row["model_commit"] for row in (*whole, *halves)} == {"abc" if driven else None}
    assert [row["clip_id"] for row in whole] == ["clip_1", "clip_3"]
    for row, other in zip(whole, halves, strict=True):
        assert row["status"] == "ok" and row["n_frames"] == FRAMES
        assert Path(row["video"]).read_bytes() == Path(other["video"]).read_bytes()
        assert row["driving_audio"] == other["driving_audio"] and row["text"] == other["text"]


def test_only_the_generated_region_changes(inputs, tmp_path):
    synthesise(SynthesisJob(inputs, SETTINGS, CPU, "full", 0, "face", tmp_path))
    made, source = read_video(tmp_path / "clip_1.mp4"), read_video(Path(inputs.clips).parent / "clip_1.mp4")
    change = np.abs(made.astype(int) - source).mean((0, 3))
    assert change[:24].max() < 4 and change[40:70, 40:60].mean() > 6  # the others change by compression alone


@pytest.mark.parametrize("run", ["still", "full"])
def test_a_frame_without_a_face_is_the_source_s(inputs, tmp_path, run):
    inputs = inputs if run == "full" else replace(inputs, model=None)
    synthesise(SynthesisJob(inputs, SETTINGS, CPU, run, 0, "face", tmp_path))
    made, source = read_video(tmp_path / "clip_3.mp4"), read_video(Path(inputs.clips).parent / "clip_3.mp4")
    change = np.abs(made.astype(int) - source)[:, 40:70, 40:60].mean((1, 2, 3))
    assert 2 * change[AWAY] < change[[AWAY - 1, AWAY + 1]].min()  # itself, it changes by compression alone


def test_baselines_are_what_they_are_called(inputs, tmp_path):
    stored = load_file(Path(inputs.clips).parent / "clip_1/crops.safetensors")["clip_1"]
    crops = {}
    for run in ("ground_truth", "still", "full", "shuffled_audio"):
        generate_crops(SynthesisJob(inputs, SETTINGS, CPU, run, 0, "face", tmp_path / run))
        crops[run] = load_file(tmp_path / run / "crops.safetensors")["clip_1"]
    assert torch.equal(crops["ground_truth"], stored)
    assert (crops["still"] == crops["still"][0]).all() and crops["still"].shape == stored.shape
    assert not torch.equal(crops["full"], crops["shuffled_audio"])
    heard = {
        row["clip_id"]: row["driving_audio"]
        for row in read_rows(tmp_path / "shuffled_audio/generated.parquet", GENERATED)
    }
    assert heard == {"clip_1": "clip_3", "clip_3": "clip_1"}


def test_a_clip_that_fails_is_a_row_and_the_others_are_made(inputs, tmp_path):
    rows = read_rows(inputs.clips, CLIPS)
    broken = [row | {"source": str(tmp_path / "absent.mp4")} if row["clip_id"] == "clip_3" else row for row in rows]
    broken[0]["landmarks"] = str(tmp_path / "absent.safetensors")  # the reference of clip_1
    write_table(broken, tmp_path / "clips.parquet", CLIPS)
    damaged = SynthesisInputs(**vars(inputs) | {"clips": str(tmp_path / "clips.parquet")})
    generate_crops(SynthesisJob(damaged, SETTINGS, CPU, "full", 0, "face", tmp_path))
    first, second = read_rows(tmp_path / "generated.parquet", GENERATED)
    assert first["status"] == "failed" and "absent.safetensors" in first["reason"] and second["status"] == "ok"
    synthesise(SynthesisJob(damaged, SETTINGS, CPU, "full", 0, "face", tmp_path), crops=tmp_path)
    stored, unreadable = read_rows(tmp_path / "videos.parquet", VIDEOS)
    assert stored["reason"] == first["reason"] and stored["video"] is None
    assert unreadable["status"] == "failed" and "absent.mp4: file not found" in unreadable["reason"]


def test_clips_differ_in_their_noise_and_runs_share_it_however_clips_are_cut(inputs, tmp_path, monkeypatch):
    blocks, noise = {}, sampler.frame_noise

    def watched(shape: tuple[int, ...], shared: float, seed: int, first: int = 0) -> torch.Tensor:
        made = noise(shape, shared, seed, first)
        blocks.setdefault(seed, {}).update({first + number: frame for number, frame in enumerate(made[0])})
        return made

    monkeypatch.setattr(sampler, "frame_noise", watched)

    def heard(run: str, seed: int, settings: Synthesis = SETTINGS) -> list[torch.Tensor]:
        """(T, C, H, H) noise of each clip."""
        blocks.clear()
        generate_crops(SynthesisJob(inputs, settings, CPU, run, seed, "face", tmp_path / run))
        return [torch.stack([clip[number] for number in range(FRAMES)]) for clip in blocks.values()]

    first, second = heard("full", 0)
    assert not torch.isclose(first, second).any(0).all() and (first - second).std() > 1
    assert (first[0] - first[1]).std() > 0.5  # half of the variance is the frame's own
    other = heard("full", 1)
    assert not torch.equal(first, other[0])
    monkeypatch.setattr(sampler, "BLOCK", 24)
    narrow = SETTINGS.model_copy(update={"window": 8, "overlap": 2})
    for again in (heard("no_tfrm", 0), heard("shuffled_audio", 0), heard("full", 0, narrow)):
        assert torch.equal(first, again[0]) and torch.equal(second, again[1])


@pytest.mark.parametrize(("given", "share"), [(None, 0.5), (0.25, 0.25), (0.0, 0.0), (1.0, 1.0)])
def test_noise_is_shared_as_in_training_unless_a_number_is_given(inputs, given: float | None, share: float):
    settings = SETTINGS.model_copy(update={"shared_noise": given})
    job = SynthesisJob(inputs, settings, CPU, "full", 0, "face", "unused")
    assert Synthesis().shared_noise is None
    assert ClipGenerator(job).animator.sampler.shared_noise == share


def test_crops_of_another_seed_are_refused(inputs, tmp_path):
    generate_crops(SynthesisJob(inputs, SETTINGS, CPU, "still", 0, "face", tmp_path))
    with pytest.raises(ClipError, match=r"\('still', 0\).*still with seed 1"):
        synthesise(SynthesisJob(inputs, SETTINGS, CPU, "still", 1, "face", tmp_path), crops=tmp_path)


def test_selection_takes_turns_and_does_not_depend_on_the_order(inputs):
    known = dict.fromkeys(CLIPS.names) | {"status": "ok", "split": "test", "source": "x.mp4", "corpus": "c"}
    rows = [
        known | {"clip_id": f"{s}_{e}_{n}", "speaker": s, "emotion": e, "sentence": n, "reference": f"{s}_a_0",
                 "seen_speaker": s == "seen"}
        for s in ("seen", "unseen") for e in "abc" for n in "0123"
    ]  # fmt: skip
    chosen = select_clips(rows, 12)
    assert chosen == select_clips(rows[::-1], 12) and len(chosen) == 12
    assert sum(row["seen_speaker"] for row in chosen) == 6
    assert {e: sum(row["emotion"] == e for row in chosen) for e in "abc"} == {"a": 4, "b": 4, "c": 4}
    assert not {"seen_a_0", "unseen_a_0"} & {row["clip_id"] for row in select_clips(rows, 99)}
    by_name = {row["clip_id"]: row for row in chosen}
    for clip, partner in shuffled_audio(chosen).items():
        assert by_name[clip]["speaker"] != by_name[partner]["speaker"]
        assert by_name[clip]["sentence"] != by_name[partner]["sentence"]


WITHOUT_VIDEO = """
import sys
from importlib.machinery import PathFinder

ABSENT = "cv2 av mediapipe".split()


class Finder(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in ABSENT else super().find_spec(name, path, target)


sys.meta_path[:] = [Finder if finder is PathFinder else finder for finder in sys.meta_path]
from eadnet.cli.main import main

main()
"""


def test_the_verb_generate_crops_needs_neither_opencv_nor_pyav(root, inputs, tmp_path):
    given = {name: path for name, path in vars(inputs).items() if name != "corpora"} | {"audio": inputs.audio[0]}
    given |= {"settings": SETTINGS.model_dump_json(), "compute": CPU.model_dump_json(), "run": "full", "seed": "0"}
    given |= {"output": str(tmp_path / "bare")}
    options = [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", value)]
    command = [sys.executable, "-c", WITHOUT_VIDEO, "generate-crops", *options]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    generate_crops(SynthesisJob(inputs, SETTINGS, CPU, "full", 0, "face", tmp_path / "here"))
    bare, here = (load_file(tmp_path / name / "crops.safetensors") for name in ("bare", "here"))
    assert all(torch.equal(bare[name], here[name]) for name in here)


def test_the_draw_is_of_each_corpus_seeded_and_keeps_what_a_lost_clip_does_not_touch(tmp_path):
    known = dict.fromkeys(CLIPS.names) | {"status": "ok", "split": "test", "source": "x.mp4", "seen_speaker": False}
    rows = [
        known | {"clip_id": f"{corpus}_{person}_{n:02d}", "corpus": corpus, "speaker": str(person), "emotion": None,
                 "sentence": str(n), "reference": f"{corpus}_{person}_00"}
        for corpus, people in (("hdtf", 2), ("mead", 5)) for person in range(people) for n in range(12)
    ]  # fmt: skip

    def chosen(rows: list[dict], count: int = 40, draw: bool = True, seed: int = 0) -> tuple[list[dict], list[str]]:
        write_table(rows, tmp_path / "clips.parquet", CLIPS)
        lines = write_test_clips(tmp_path / "clips.parquet", count, draw, seed, tmp_path / "test_clips.parquet")
        return read_rows(tmp_path / "test_clips.parquet", TEST_CLIPS), lines

    table, lines = chosen(rows)
    drawn = {row["clip_id"] for row in table if row["drawn"]}
    assert lines == [
        "hdtf: 22 test clips, 22 drawn by paper30-v1 (30 wanted: the test set has no more)",
        "mead: 40 test clips, 30 drawn by paper30-v1",
    ]
    assert sum(name.startswith("mead") for name in drawn) == DRAWN and not any(name.endswith("_00") for name in drawn)
    assert (
        chosen(rows[::-1])[0] == table and {row["clip_id"] for row in chosen(rows, seed=1)[0] if row["drawn"]} != drawn
    )
    lost = sorted(name for name in drawn if name.startswith("mead"))[0]
    fewer = {row["clip_id"] for row in chosen([row for row in rows if row["clip_id"] != lost])[0] if row["drawn"]}
    assert drawn - fewer == {lost} and len(fewer) == len(drawn)  # the next one steps in, the others stay
    without, lines = chosen(rows, count=4, draw=False)
    assert (
        len(without) == 8
        and all(row["drawn"] for row in without)
        and lines == ["hdtf: 4 test clips", "mead: 4 test clips"]
    )
    assert read_test_clips(tmp_path / "test_clips.parquet", ("mead",)) == [
        row["clip_id"] for row in without if row["corpus"] == "mead"
    ]
    with pytest.raises(ClipError, match="no usable test clip"):
        chosen([row | {"split": "train"} for row in rows])
