"""The server engine of the main environment against a real ``vllm serve`` on loopback, with a tiny Qwen3-VL.

`make test-captions` runs it; it needs the caption environment (``CAPTION_PYTHON`` names another interpreter).
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from eadnet import tables
from eadnet.captions.engines.constraint import pixel_bounds
from eadnet.captions.measures.descriptors import FULL_STRENGTH, Descriptors
from eadnet.captions.measures.table import descriptor_rows, write_descriptors
from eadnet.captions.measures.voice import Voice
from eadnet.config.captions import LanguageModel
from eadnet.data.clips import save_shard
from eadnet.tables import CAPTIONS, CLIPS
from tests.support.paths import ROOT

pytestmark = pytest.mark.captions

INTERPRETER = Path(os.environ.get("CAPTION_PYTHON", ROOT / ".venv-caption-cpu/bin/python"))
MODEL = {"frames": 3, "dtype": "float32", "max_length": 12_000, "max_answer": 3000}
CACHE_BYTES = 1 << 28
CLIPS_ASKED = 8
PATIENCE = 240  # seconds that a server may take to start


@dataclass
class Stage:
    """A shard of clips with their measures, and captioning by the command line."""

    folder: Path
    clips: Path
    descriptors: Path

    def command(self, python: Path | str, name: str, engine: dict, machine: dict, *further: str) -> list[str]:
        settings = {"engine": engine.pop("engine"), "language_model": MODEL | engine, "compared": {}}
        return [
            *(str(python), "-m", "eadnet", "caption", "--seed", "0", "--settings", json.dumps(settings)),
            *("--machine", json.dumps(machine), "--clips", str(self.clips), "--descriptors", str(self.descriptors)),
            *("--output", str(self.output(name)), *further),
        ]

    def output(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"

    def run(self, *command: object) -> subprocess.CompletedProcess:
        """Caption to the end, whatever it is."""
        return subprocess.run(self.command(*command), cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)

    def rows(self, *command: object) -> list[dict]:
        """Caption, and what all engines that ask the same model must agree on."""
        done = self.run(*command)
        assert done.returncode == 0, done.stderr[-2000:]
        rows = tables.read_rows(self.output(command[1]), CAPTIONS)
        return [{name: value for name, value in row.items() if name not in ("engine", "model")} for row in rows]


ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"},
    **{"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"},
    **{"VLLM_CPU_OMP_THREADS_BIND": "nobind", "PYTHONUNBUFFERED": "1"},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Qwen3-VL with random weights."""
    if not INTERPRETER.exists():
        pytest.fail(f"needs the caption environment ({INTERPRETER} is not there; make caption-cpu)")
    folder = tmp_path_factory.mktemp("models")
    made = [str(INTERPRETER), str(ROOT / "tests/support/tiny_vlm.py"), str(folder), "qwen3_vl"]
    subprocess.run(made, check=True, capture_output=True, env=ENVIRONMENT)
    return folder / "qwen3_vl"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Clips of moving stripes, each of its own course, with measures of their own."""
    folder = tmp_path_factory.mktemp("stage")
    wave = np.arange(64)[None, None, :, None] + np.arange(64)[None, :, None, None] * np.array([1, 2, 3])
    time_ = np.arange(12)[:, None, None, None]
    crops = {f"clip_{k}": ((wave * (k + 1) + 20 * k * time_) % 256).astype(np.uint8) for k in range(CLIPS_ASKED)}
    video = save_shard(folder, "crops", crops)
    told = {"corpus": "synthetic", "shard": "s0", "video": video, "emotion": "happy", "level": 2, "status": "ok"}
    rows = [dict.fromkeys(CLIPS.names) | told | {"clip_id": n, "sha256": f"{k:064x}"} for k, n in enumerate(crops)]
    measures = {
        name: Descriptors(
            dict.fromkeys(FULL_STRENGTH, k / 10), True, 0.05, 0.0, (0.0, 0.0), 15.0, "static", Voice(0, 0, 0)
        )
        for k, name in enumerate(crops)
    }
    made = Stage(folder, folder / "clips.parquet", folder / "descriptors.parquet")
    tables.write_table(rows, made.clips, CLIPS)
    write_descriptors(descriptor_rows(rows, measures), made.descriptors)
    return made


@dataclass
class Served:
    """A running server."""

    port: int
    process: subprocess.Popen
    log: Path

    @property
    def engine(self) -> dict:
        return {"engine": "server", "endpoint": f"http://127.0.0.1:{self.port}/v1"}

    def answered(self) -> int:
        """Chat completions so far."""
        return self.log.read_text().count('POST /v1/chat/completions HTTP/1.1" 200')

    def kill(self) -> None:
        """End it and what it started, at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(model: Path, folder: Path, port: int) -> Iterator[Served]:
    """``vllm serve`` as docs/captions.md starts it, until the end of the block."""
    bounds = json.dumps({"size": pixel_bounds(LanguageModel(**MODEL))})
    log = folder / f"serve-{time.monotonic_ns()}.log"
    command = [
        *(str(INTERPRETER.with_name("vllm")), "serve", str(model), "--served-model-name", "tiny"),
        *("--host", "127.0.0.1", "--port", str(port), "--seed", "0"),
        *("--dtype", MODEL["dtype"], "--max-model-len", str(MODEL["max_length"])),
        *("--limit-mm-per-prompt", json.dumps({"image": MODEL["frames"], "video": 0})),
        *("--mm-processor-kwargs", bounds),
        *("--structured-outputs-config", json.dumps({"backend": "guidance", "disable_any_whitespace": True})),
        *("--enforce-eager", "--kv-cache-memory-bytes", str(CACHE_BYTES), "--max-num-seqs", "16"),
    ]
    with log.open("w") as stream:
        process = subprocess.Popen(
            command, stdout=stream, stderr=subprocess.STDOUT, env=ENVIRONMENT, start_new_session=True
        )
    served = Served(port, process, log)
    try:
        _wait_for(served)
        yield served
    finally:
        if process.poll() is None:
            served.kill()


def _wait_for(served: Served) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(PATIENCE):
        if served.process.poll() is not None:
            break
        try:
            return direct.open(f"http://127.0.0.1:{served.port}/health", timeout=1).close()
        except OSError:
            time.sleep(1)
    pytest.fail(f"the server did not start:\n{served.log.read_text()[-3000:]}")


def test_rows_are_those_of_the_offline_engine_however_many_are_asked_at_once(
    model: Path, stage: Stage, tmp_path: Path
) -> None:
    with serving(model, tmp_path, free_port()) as served:
        alone = stage.rows(sys.executable, "alone", served.engine, {"concurrency": 1})
        together = stage.rows(sys.executable, "together", served.engine, {"concurrency": 8})
    assert [row["status"] for row in alone] == ["ok"] * CLIPS_ASKED
    assert len({row["observation"] + row["caption"] for row in alone}) == CLIPS_ASKED
    assert together == alone
    machine = {"cache_bytes": CACHE_BYTES, "max_sequences": 16, "eager": True}
    offline = stage.rows(INTERPRETER, "offline", {"engine": "vllm", "folder": str(model)}, machine)
    assert offline == alone


def test_after_a_killed_server_only_what_is_missing_is_asked_again(model: Path, stage: Stage, tmp_path: Path) -> None:
    port, cache = free_port(), ("--cache", str(tmp_path / "answers"))
    machine = {"concurrency": 1, "batch": 2, "attempts": 2, "timeout": 60}
    with serving(model, tmp_path, port) as served:
        engine = served.engine
        command = stage.command(sys.executable, "killed", dict(engine), machine, *cache)
        with subprocess.Popen(
            command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as job:
            told = next(line for line in job.stdout if "clips processed" in line)
            served.kill()
            error = job.communicate(timeout=120)[1]
    assert told.startswith(f"2 of {CLIPS_ASKED} clips processed")
    assert job.returncode == 1
    assert "127.0.0.1" in error.splitlines()[-1] and "got no answer" in error.splitlines()[-1]
    assert not stage.output("killed").exists()
    with serving(model, tmp_path, port) as served:
        mended = stage.run(sys.executable, "killed", dict(engine), machine, *cache)
        asked = served.answered()
        whole = stage.rows(sys.executable, "whole", dict(engine), {"concurrency": 8})
        assert mended.returncode == 0, mended.stderr[-2000:]
        rows = tables.read_rows(stage.output("killed"), CAPTIONS)
        assert f"2 of {CLIPS_ASKED} clips were captioned before" in mended.stdout
        assert asked == sum(row["attempts"] for row in rows[2:])
        before = served.answered()
        again = stage.run(sys.executable, "killed", dict(engine), machine, *cache)
        assert again.returncode == 0 and served.answered() == before
    assert [{name: row[name] for name in whole[0]} for row in rows] == whole
