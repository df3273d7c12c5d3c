"""Features in a file per shard: the same in any batches; what a kill, a changed input and a damaged shard leave."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from eadnet.checkpoint import save_model
from eadnet.config.networks import Audio, Autoencoder
from eadnet.data.clips import ClipError
from eadnet.data.tensor_files import TensorFileError
from eadnet.features.audio import AudioFeatures
from eadnet.features.audio_encoding import encode_audio
from eadnet.features.latents import FULL, MASKED, Latents, cache_latents
from eadnet.features.shards import shards_identity
from eadnet.models.autoencoder import make_autoencoder
from eadnet.tables import CLIPS, read_rows, write_table
from tests.support.talking_clips import write_talking_clips

SMALL = Autoencoder(factor=4, channels=6, encoder_width=8, decoder_width=8, detail_width=8)


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> list[str]:
    """Tables of three shards of two clips each."""
    folder = tmp_path_factory.mktemp("shards")
    for number in range(3):
        own = folder / f"s{number}"
        write_talking_clips(own, train=1, test=1, frames=26 + number)
        _rename(own, number)
    return [str(folder / f"s{number}/clips.parquet") for number in range(3)]


def _rename(folder: Path, number: int) -> None:
    """Clips of a shard have names, and a digest of their crops, of their own."""
    from safetensors.numpy import load_file, save_file

    rows = read_rows(folder / "clips.parquet", CLIPS)
    names = {row["clip_id"]: f"s{number}_{row['clip_id']}" for row in rows}
    for path in folder.glob("*.safetensors"):
        arrays = load_file(path)
        renamed = {names[key.split("/")[0]] + key[len(key.split("/")[0]) :]: value for key, value in arrays.items()}
        save_file(renamed, path)
    rows = [row | {"clip_id": names[row["clip_id"]], "reference": None, "sha256": f"{number}"} for row in rows]
    write_table(rows, folder / "clips.parquet", CLIPS)


@pytest.fixture(scope="module")
def autoencoder(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("autoencoder")
    torch.manual_seed(0)
    save_model(folder, make_autoencoder(SMALL), {"autoencoder": SMALL.model_dump(mode="json")})
    return str(folder)


def _times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in sorted(folder.glob("*.safetensors"))}


def test_latents_are_the_same_in_any_batches(shards: list[str], autoencoder: str, tmp_path: Path):
    cache_latents(shards, autoencoder, "face", tmp_path / "one/mead/0.json")
    several = [tmp_path / f"several/mead/{number}.json" for number in range(2)]
    cache_latents(shards[:2], autoencoder, "face", several[0])
    cache_latents(shards[2:], autoencoder, "face", several[1])
    one, other = Latents.read([tmp_path / "one/mead/0.json"]), Latents.read(several)
    rows = torch.randint(0, 2 * (26 + 27 + 28), (7, 3), generator=torch.Generator().manual_seed(0))
    assert one.start == other.start and list(one.start.values()) == [0, 26, 52, 79, 106, 134]
    for name in (FULL, MASKED):
        assert one.take(name, rows).shape == (7, 3, 6, 8, 8)
        assert torch.equal(one.take(name, rows), other.take(name, rows))
        assert torch.equal(one.take(name, rows)[4, 1], one.take(name, rows[4, 1]))
    digests = [shards_identity(paths, "encode-latents") for paths in ([tmp_path / "one/mead/0.json"], several)]
    assert digests[0] == digests[1] and set(digests[0]) == {f"mead/s{n}.safetensors" for n in range(3)}


def test_a_degraded_shard_is_the_same_in_any_batch(shards: list[str], tmp_path: Path):
    rows = [row for table in shards for row in read_rows(table, CLIPS)]
    write_table(rows, tmp_path / "clips.parquet", CLIPS)
    settings, pool = Audio(variants=2), tmp_path / "clips.parquet"
    encode_audio(shards, settings, 3, tmp_path / "one/0.json", None, pool)
    for number, table in enumerate(shards):
        encode_audio([table], settings, 3, tmp_path / f"several/{number}.json", None, pool)
    one = AudioFeatures.read([tmp_path / "one/0.json"])
    other = AudioFeatures.read([tmp_path / f"several/{number}.json" for number in range(3)])
    for row in rows:
        assert one.variants(row["clip_id"]) == (2 if row["split"] == "train" else 1)
        assert torch.equal(one.span(row["clip_id"], 0, 26), other.span(row["clip_id"], 0, 26))


def test_only_what_belongs_to_other_inputs_is_made_again(shards: list[str], autoencoder: str, tmp_path: Path):
    tables = [str(tmp_path / f"s{number}/clips.parquet") for number in range(3)]
    for table, shard in zip(tables, shards, strict=True):
        shutil.copytree(Path(shard).parent, Path(table).parent)
    index, folder = tmp_path / "latents/0.json", tmp_path / "latents"
    cache_latents(tables, autoencoder, "face", index)
    before, listed = _times(folder), index.read_bytes()
    cache_latents(tables, autoencoder, "face", index)
    assert _times(folder) == before and index.read_bytes() == listed
    rows = read_rows(tables[1], CLIPS)
    write_table([row | {"sha256": "other crops"} for row in rows], tables[1], CLIPS)
    (folder / "s2.safetensors").write_bytes((folder / "s2.safetensors").read_bytes()[:-1])  # cut short
    (folder / ".s2.abc.safetensors").write_bytes(b"left by a killed process")
    cache_latents(tables, autoencoder, "face", index)
    after = _times(folder)
    assert [name for name in before if after[name] != before[name]] == ["s1.safetensors", "s2.safetensors"]
    assert not list(folder.glob(".s2*"))
    one, other = (json.loads(text)["files"] for text in (listed, index.read_bytes()))
    assert [new == old for new, old in zip(one, other, strict=True)] == [True, False, True]
    for changed in ({"version": 1}, {"mask": "lower"}):
        before = _times(folder)
        cache_latents(tables, autoencoder, **{"mask": "face", "output": index, **changed})
        assert not set(before.values()) & set(_times(folder).values())


def test_a_damaged_shard_is_one_line_and_the_others_are_made(shards, autoencoder, tmp_path: Path, capsys):
    table = tmp_path / "s1/clips.parquet"
    shutil.copytree(Path(shards[1]).parent, table.parent)
    rows = read_rows(table, CLIPS)
    for kind in ("crops", "audio"):
        (table.parent / f"{kind}.safetensors").write_bytes(b"damaged")
    paths = {"video": str(table.parent / "crops.safetensors"), "audio": str(table.parent / "audio.safetensors")}
    write_table([row | paths for row in rows], table, CLIPS)
    tables = [shards[0], str(table), shards[2]]
    with pytest.raises(TensorFileError, match="s1/crops.safetensors is unreadable .*; delete it and run again"):
        cache_latents(tables, autoencoder, "face", tmp_path / "latents/0.json")
    with pytest.raises(ClipError, match="s1/audio.safetensors is unreadable"):
        encode_audio(tables, Audio(), 0, tmp_path / "audio/0.json", None)
    lines = [line for line in capsys.readouterr().err.splitlines() if "unreadable" in line]
    assert len(lines) == 2 and all(line.startswith(str(table)) for line in lines)
    for kind in ("latents", "audio"):
        assert list(_times(tmp_path / kind)) == ["s0.safetensors", "s2.safetensors"]
        assert not (tmp_path / kind / "0.json").exists()


def test_a_shard_without_a_usable_clip_has_no_file(shards: list[str], autoencoder: str, tmp_path: Path):
    table = tmp_path / "s1/clips.parquet"
    write_table([row | {"status": "no_face"} for row in read_rows(shards[1], CLIPS)], table, CLIPS)
    cache_latents([str(table), shards[0]], autoencoder, "face", tmp_path / "latents/0.json")
    assert list(_times(tmp_path / "latents")) == ["s0.safetensors"]
    cache_latents([str(table)], autoencoder, "face", tmp_path / "latents/1.json")
    both = [tmp_path / f"latents/{number}.json" for number in (0, 1)]
    assert list(Latents.read(both).start.values()) == [0, 26]
    with pytest.raises(TensorFileError, match="no usable clip in .*1.json"):
        Latents.read(both[1:])


def test_a_killed_job_loses_one_shard(shards: list[str], autoencoder: str, tmp_path: Path):
    """kill -9 when the first shard is there: the same command keeps it and ends with the same files."""
    options = [word for table in shards for word in ("--clips", table)]
    command = [sys.executable, "-m", "eadnet", "encode-latents", "--mask", "face", "--autoencoder", autoencoder]
    command += [*options, "--compute", json.dumps({"device": "cpu", "precision": "float32"})]
    killed, first = tmp_path / "killed", tmp_path / "killed/s0.safetensors"
    process = subprocess.Popen([*command, "--output", str(killed / "0.json")], stderr=subprocess.DEVNULL)
    while not first.exists():
        assert process.poll() is None
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = _times(killed)
    subprocess.run([*command, "--output", str(killed / "0.json")], check=True, stderr=subprocess.DEVNULL)
    assert {name: time for name, time in _times(killed).items() if name in before} == before
    cache_latents(shards, autoencoder, "face", tmp_path / "whole/0.json")
    assert (killed / "0.json").read_bytes() == (tmp_path / "whole/0.json").read_bytes()


@pytest.mark.parametrize(
    "text",
    [
        '{"kind": 1',
        "[]",
        '{"kind": "mel", "files": [{"path": "a"}]}',
        '{"kind": "mel", "files": ["a"]}',
        '{"kind": "mel", "files": [{"path": "a", "sha256": "", "clips": 3}]}',
    ],
)
def test_what_is_no_index_is_one_line_with_the_fix(text: str, tmp_path: Path):
    (tmp_path / "0.json").write_text(text)
    with pytest.raises(TensorFileError, match=r"0.json is no index \(\w+\); delete it and run encode-latents again"):
        Latents.read([tmp_path / "0.json"])


def test_an_absent_file_of_a_shard_is_one_line_with_the_fix(shards: list[str], autoencoder: str, tmp_path: Path):
    cache_latents(shards[:1], autoencoder, "face", tmp_path / "0.json")
    (tmp_path / "s0.safetensors").unlink()
    with pytest.raises(TensorFileError, match="s0.safetensors is unreadable .*; delete the .json files beside it"):
        Latents.read([tmp_path / "0.json"]).take(FULL, torch.zeros(1, dtype=torch.long))
    cache_latents(shards[:1], autoencoder, "face", tmp_path / "0.json")
    assert (tmp_path / "s0.safetensors").exists()
