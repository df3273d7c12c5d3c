"""Pipelines from the Hugging Face hub: what is fetched, what the cache gives, and one line for what goes wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from eadnet.config.machine import Compute
from eadnet.inference.hub import is_hub_id
from eadnet.pipeline import EADNetPipeline, PipelineError, open_pipeline
from tests.support.hub_server import COMMIT, serving_hub
from tests.support.tiny_models import write_tiny_run

NAME = "someone/ead-net"
CPU = Compute(device="cpu", precision="float32")
FETCH = """
import json, sys
from eadnet.inference.hub import pipeline_folder
try:
    print(pipeline_folder(**json.loads(sys.argv[1])))
except ValueError as error:
    print(f"{type(error).__name__}: {error}")
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """A pipeline's folder that also holds what no pipeline needs."""
    folder = tmp_path_factory.mktemp("saved")
    run = write_tiny_run(tmp_path_factory.mktemp("results"))
    EADNetPipeline.from_run(run, compute=CPU).save_pretrained(folder)
    (folder / "samples").mkdir()
    (folder / "samples/large.bin").write_bytes(b"large")
    (folder / "unet/model.pkl").write_bytes(b"unsafe")
    return folder


def fetched(root: Path, address: str, cache: Path, **arguments) -> str:
    """What a process that knows that hub prints: the folder, or the error's line."""
    environment = {**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(cache), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_CACHE"):
        environment.pop(name, None)
    given = json.dumps({"name": NAME, "cache_dir": str(cache)} | arguments)
    command = [sys.executable, "-c", FETCH, given]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_repository_is_fetched_once_without_what_no_pipeline_needs(root, saved, tmp_path):
    with serving_hub(NAME, saved) as hub:
        folder = Path(fetched(root, hub.address, tmp_path))
        files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        networks = {f"{net}/{file}" for net in ("unet", "autoencoder") for file in ("config.json", "model.safetensors")}
        assert files == hub.fetched() == networks | {"model_index.json", "README.md"}
        hub.asked.clear()
        assert fetched(root, hub.address, tmp_path, revision="v1") == str(folder) and not hub.fetched()
    assert folder.name == COMMIT
    loaded = EADNetPipeline.from_pretrained(NAME, CPU, cache_dir=tmp_path, local_files_only=True)
    kept = EADNetPipeline.from_pretrained(saved, CPU)
    pairs = zip(loaded.unet.parameters(), kept.unet.parameters(), strict=True)
    assert all((one == other).all() for one, other in pairs)


def test_the_cache_serves_where_the_hub_is_gone(root, saved, tmp_path):
    with serving_hub(NAME, saved) as hub:
        folder, address = fetched(root, hub.address, tmp_path), hub.address
    assert fetched(root, address, tmp_path) == folder
    assert Path(folder, "model_index.json").is_file()


def test_a_token_opens_a_guarded_repository(root, saved, tmp_path):
    with serving_hub(NAME, saved, token="secret") as hub:
        said = fetched(root, hub.address, tmp_path)
        assert said == (
            f"PipelineError: {NAME}: neither a folder here nor a repository that {hub.address} shows you; "
            "check the name, or give token="
        )
        assert Path(fetched(root, hub.address, tmp_path, token="secret"), "model_index.json").is_file()


def test_a_hub_or_revision_that_is_not_there_is_one_line(root, saved, tmp_path):
    with serving_hub(NAME, saved) as hub:
        said = fetched(root, hub.address, tmp_path, revision="v9")
        assert said.startswith(f"PipelineError: {NAME}: {hub.address} has no revision 'v9' of it; give") and one(said)
        address = hub.address
    said = fetched(root, address, tmp_path)
    assert said.startswith(
        f"PipelineError: {NAME}: no folder here, and {address} gave no answer (ConnectError"
    ) and one(said)
    said = fetched(root, address, tmp_path, name="someone/bad--name")
    assert "neither a folder here nor a name that the hub allows" in said and one(said)


def one(line: str) -> bool:
    return "\n" not in line


def test_what_is_not_in_the_cache_is_one_line(tmp_path):
    words = rf"^{NAME}: no folder here, and it is not whole in the hub's cache; allow the download, or give a folder$"
    with pytest.raises(PipelineError, match=words):
        EADNetPipeline.from_pretrained(NAME, cache_dir=tmp_path, local_files_only=True)


def test_folders_win_and_paths_are_no_names_of_the_hub(saved, tmp_path, monkeypatch):
    assert is_hub_id(NAME) and is_hub_id(Path(NAME))
    assert not any(
        map(is_hub_id, ["folder", "./one/two", "/one/two", "results/runs/full/0", "../one", "one/", "~/one"])
    )
    monkeypatch.chdir(tmp_path)
    Path("someone").mkdir()
    Path(NAME).symlink_to(saved)
    assert not is_hub_id(NAME) and open_pipeline(NAME, compute=CPU).index.resolution == 48
