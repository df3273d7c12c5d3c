"""What a user sees when the input is bad: one line that names what to mend, exit code 1, no traceback."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from eadnet.checkpoint import CheckpointError, TrainingState, load_weights, read_config, save_model
from eadnet.config.configuration import load
from eadnet.config.corpora import MEAD, Corpora, FolderCorpus
from eadnet.config.section import ConfigError
from eadnet.corpora.files import CorpusError
from eadnet.corpora.folder import FolderReader
from eadnet.corpora.mead import MEADReader
from eadnet.corpora.shards import list_shards, unused_folders
from eadnet.data.clip_set import ClipSet
from eadnet.data.tensor_files import TensorFileError
from eadnet.features.latents import Latents
from eadnet.tables import CLIPS, TableError, read_table
from metrics.judges import JudgeError, read_report
from metrics.judges import load as load_judge
from metrics.spec import check_families, families_of

HOSTILE = ("q'u\"o;te $(touch x) `id`.mp4", "new\nline.mp4", "-rf.mp4", ";rm -rf x.mp4", "日本.mp4", "{wild}.mp4")


def one_line_fault(root: Path, *command: str, **environment: str) -> str:
    """Run a command that must fail; its one line of error."""
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, timeout=60, env={**os.environ, **environment}
    )
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    assert len(lines + done.stdout.splitlines()) == 1, done.stderr + done.stdout
    return (lines + done.stdout.splitlines())[0]


# -------------------------------------------------------------------------------------- Python and configuration
@pytest.mark.parametrize("python", ["/nowhere/python3.11", "shim"])
def test_an_unsupported_python_is_refused_before_anything_is_installed(root: Path, tmp_path: Path, python: str):
    shim = tmp_path / "python3.13"
    shim.write_text("#!/bin/sh\nexit 1\n")  # what Python 3.13 answers to the question for its version
    shim.chmod(0o755)
    chosen = str(shim) if python == "shim" else python
    make = ("make", "--silent", "environment", f"PYTHON={chosen}", f"VENV={tmp_path / 'venv'}")
    message = one_line_fault(root, *make, MAKEFLAGS="", MAKELEVEL="0")
    assert "error: Python 3.11 or 3.12 is needed" in message
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize("seeds", [[], [1, 1]])
def test_seeds_must_be_there_and_differ(seeds: list[int]):
    with pytest.raises(ConfigError, match="seeds must name one training seed or more, each once"):
        load({"seeds": seeds})


@pytest.mark.parametrize("names", [["imag"], [], ["image", "image"]])
def test_a_wrong_list_of_metric_families_names_the_key_and_the_families(names: list[str]):
    with pytest.raises(ConfigError, match="config: evaluation.metrics: .*use any of image, "):
        check_families(names)
    check_families(families_of("videos"))


@pytest.mark.parametrize("fault", ["{bad", '{"origon": 1}', '{"origin": 3}', "[]"])
def test_broken_settings_are_one_line(root: Path, tmp_path: Path, fault: str):
    acquire = ("acquire", "--corpus", "mead", "--shard", "M003", "--root", str(tmp_path))
    output = ("--output", str(tmp_path / "sources.parquet"))
    message = one_line_fault(root, sys.executable, "-m", "eadnet", *acquire, "--settings", fault, *output)
    assert message.startswith("error: config: ")


# ------------------------------------------------------------------------------------------------------- corpora
def test_folders_that_are_no_actors_are_named(tmp_path: Path):
    for name in ("M003", "Z999", "m003", ".cache"):
        (tmp_path / name).mkdir()
    corpora = Corpora(hdtf=None, ravdess=None, mead=MEAD(origin="local", path=str(tmp_path)))
    assert list_shards(corpora) == {"mead": ("M003",)}
    lines = unused_folders(corpora)
    assert [line.split("'")[1] for line in lines] == ["Z999", "m003"]
    assert all("rename or remove it" in line for line in lines)
    assert unused_folders(Corpora()) == []


@pytest.mark.parametrize("shard", ["Z999", "m003", "../M003", ""])
def test_a_shard_that_is_no_actor_is_refused(tmp_path: Path, shard: str):
    for name in ("Z999", "m003", "M003"):
        (tmp_path / name).mkdir()
    with pytest.raises(CorpusError, match="mead has no shard .*actors such as M003"):
        MEADReader(MEAD(), tmp_path / "M003", shard)


def test_an_empty_actor_is_a_row_with_the_mend(tmp_path: Path):
    (tmp_path / "M003").mkdir()
    reader = MEADReader(MEAD(), tmp_path, "M003")
    (row,) = reader.sources()
    assert row["status"] == "missing" and "put video.tar and audio.tar there" in row["reason"]
    assert reader.clips(pd.DataFrame([row])) == []


def test_hostile_file_names_are_only_names(tmp_path: Path):
    for name in HOSTILE:
        (tmp_path / name).write_bytes(b"x")
    reader = FolderReader(FolderCorpus(path=str(tmp_path), shard_size=9), tmp_path, "000")
    clips = reader.clips(pd.DataFrame(reader.sources()))
    assert len({clip.clip_id for clip in clips}) == len(HOSTILE)
    assert all(clip.clip_id.replace("_", "").replace("-", "").isalnum() and clip.clip_id.isascii() for clip in clips)
    for clip in clips:
        with reader.opened(clip) as media:
            assert media.video.read_bytes() == b"x"


# ----------------------------------------------------------------------------------------------- tables and models
def test_an_absent_table_says_so(tmp_path: Path):
    with pytest.raises(TableError, match="clips.parquet: no such table; run the stage that makes it"):
        read_table(tmp_path / "clips.parquet", CLIPS)


def test_damaged_arrays_are_named(tmp_path: Path):
    path = tmp_path / "crops.safetensors"
    path.write_bytes(b"not safetensors at all")
    row = dict.fromkeys(CLIPS.names) | {"clip_id": "one", "n_frames": 30, "video": str(path)}
    with pytest.raises(TensorFileError, match="crops.safetensors is unreadable .*; delete it and run again"):
        _ = ClipSet([row]).crops[0]
    for latents in (path, tmp_path / "absent.json"):
        with pytest.raises(TensorFileError, match=latents.name):
            Latents.read([latents])


@pytest.mark.parametrize("text", ["{}", "[]", '{"a', "", "\0\0"])
def test_a_damaged_model_config_names_the_file(tmp_path: Path, text: str):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match="config.json: .*; delete .* and run again"):
        read_config(tmp_path, "network")


@pytest.mark.parametrize("text", ["{}", "[]", '{"a', ""])
def test_a_damaged_judge_names_the_file(tmp_path: Path, text: str):
    for name, read in (("config.json", load_judge), ("report.json", read_report)):
        (tmp_path / name).write_text(text)
        with pytest.raises(JudgeError, match=f"{name}: .*; delete the folder and train the judge again"):
            read(tmp_path)


def test_weights_of_another_shape_say_which(tmp_path: Path):
    save_model(tmp_path, torch.nn.Linear(3, 2), {})
    with pytest.raises(CheckpointError, match="size mismatch for weight.*; delete .* and run again") as fault:
        load_weights(tmp_path, torch.nn.Linear(4, 2))
    assert "\n" not in str(fault.value)


def test_any_damage_to_a_training_state_starts_over_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture):
    state = TrainingState(tmp_path, "digest")
    state.save({"weights": torch.zeros(100)})
    path = tmp_path / "checkpoint" / "state.pt"
    whole = path.read_bytes()
    noise = np.random.default_rng(0).bytes(500)
    damaged = [b"", b"hello world", whole[: len(whole) // 2], noise, b"\x80\x02" + noise, pickle.dumps(3, protocol=2)]
    for content in damaged:
        path.write_bytes(content)
        assert state.load() is None
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and error.endswith("; starting over\n"), content[:20]
    torch.save([1], path)
    assert state.load() is None


def test_synthesis_on_a_damaged_table_is_one_line(root: Path, tmp_path: Path):
    (tmp_path / "clips").write_bytes(b"not a table")
    names = ("clips", "test-clips", "captions", "tokens", "audio", "autoencoder", "model", "output")
    options = {name: tmp_path / name for name in names}
    given = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    command = ("synthesise", "--settings", json.dumps({"steps": 1}), "--run", "full", "--seed", "0", *given)
    message = one_line_fault(root, sys.executable, "-m", "eadnet", *command)
    assert message.startswith("error: ") and "delete it and run again" in message
