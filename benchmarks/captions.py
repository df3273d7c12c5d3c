"""Captions by a language model: vLLM's batches against one by one, transformers and a server, and what our code adds.

    python -m benchmarks.captions [--python .venv-caption-cpu/bin/python] [--requests 16 64 256]

A tiny random Qwen3-VL in float32 on one core, four frames of 64 x 64 pixels a request, whole answers under the real
schema. Every way runs in a process of its own in the caption environment and answers four other requests first; the
column `same_texts` counts the requests that got the very text of vLLM's batch, so that all wrote as many tokens. Paces
are over one by one, in wall time and, where a process does all by itself, in CPU time, for which a busy machine counts
for little. The last row is ``LanguageEngine`` with clips on disk: what it costs in CPU time outside vLLM's calls
(frames, messages, reading answers), in percent of what these cost. Writes docs/benchmarks/captions.csv.
"""

import argparse
import hashlib
import importlib
import json
import os
import resource
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.stopwatch import Stopwatch
from eadnet.captions.engines.constraint import pixel_bounds
from eadnet.captions.engines.conversations import Conversation
from eadnet.captions.engines.language import LanguageEngine
from eadnet.captions.measures.descriptors import FULL_STRENGTH, Descriptors
from eadnet.captions.measures.voice import Voice
from eadnet.captions.prompt import prompt_for
from eadnet.captions.requests import Request
from eadnet.config.captions import LanguageModel
from eadnet.config.machine import Captioning
from eadnet.data.clips import save_shard

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "docs/benchmarks/captions.csv"
MODEL = {"dtype": "float32", "prompt": "frames_and_units", "frames": 4, "max_answer": 2000, "retries": 0}
CACHE_BYTES = 256 << 20
WARMING = 4
CONCURRENCY = (1, 8, 32)
SERVED = 64  # requests to the server
OURS = 64  # clips of the last row
QUIET = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}


# ------------------------------------------------------------------------------- in the caption environment
def question(number: int) -> Conversation:
    """A request about striped frames, measures and all, of which no two are alike."""
    units = {unit: (number * k % 11) / 10 for k, unit in enumerate(FULL_STRENGTH)}
    measures = Descriptors(units, True, number / 100, 0.0, (0.0, 0.0), 15.0, "static", Voice(0, 0, 0))
    row = {"clip_id": f"clip_{number}", "emotion": None, "level": None}
    prompt = prompt_for(MODEL["prompt"])
    asked = prompt.question(Request(row, measures), MODEL["frames"])
    return Conversation(row["clip_id"], prompt.text, asked, tuple(_crops(number, MODEL["frames"])))


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """One way in this process: seconds, peak memory, a digest of every text, and why answers are not whole.

    Args:
        job: `engine` (a module of ``eadnet.captions.engines``), `model`, `machine`, `requests`, and `apart`: whether
            they are asked one by one.
    """
    backend = _backend(job)
    backend.answer([question(10**6 + k) for k in range(WARMING)])
    asked = [question(k) for k in range(job["requests"])]
    started, worked = time.perf_counter(), time.process_time()
    answers = [backend.answer([chat])[0] for chat in asked] if job["apart"] else backend.answer(asked)
    seconds, worked = time.perf_counter() - started, time.process_time() - worked
    broken = [answer.failure or answer.finish_reason for answer in answers if answer.finish_reason != "stop"]
    return {
        "seconds": seconds,
        "cpu_seconds": worked,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "texts": [hashlib.sha256(answer.text.encode()).hexdigest() for answer in answers],
        "broken": broken,
    }


def measure_ours(job: dict[str, Any]) -> dict[str, Any]:
    """CPU seconds inside and outside vLLM's calls while ``LanguageEngine`` captions clips on disk."""
    backend = _backend(job)
    engine = LanguageEngine("vllm", backend, prompt_for(MODEL["prompt"]), LanguageModel(**job["model"]))
    with tempfile.TemporaryDirectory() as folder:
        video = save_shard(folder, "crops", {f"clip_{k}": _crops(k, 50) for k in range(job["requests"])})
        measures = Descriptors(
            dict.fromkeys(FULL_STRENGTH, 0.3), True, 0.1, 0.0, (0.0, 0.0), 9.0, "static", Voice(0, 0, 0)
        )
        known = {"video": video, "emotion": "happy", "level": 2}
        requests = [Request(known | {"clip_id": f"clip_{k}"}, measures) for k in range(job["requests"])]
        engine.caption(requests[:WARMING])
        watch = Stopwatch()
        inside = [(backend.engine, "enqueue_chat", "vLLM"), (backend.engine.llm_engine, "step", "vLLM")]
        started = time.perf_counter()
        with watch.watching(inside), watch.stage("ours"):
            engine.caption(requests)
    return {"seconds": time.perf_counter() - started, **watch.seconds}


def _backend(job: dict[str, Any]) -> Any:
    module = importlib.import_module(f"eadnet.captions.engines.{job['engine']}")
    folder = job["model"].get("folder")
    return module.make_backend(
        LanguageModel(**job["model"]), Captioning(**job["machine"]), folder and Path(folder), "tiny"
    )


def _crops(number: int, count: int, side: int = 64) -> np.ndarray:
    """Stripes that move: (count, side, side, 3) uint8."""
    down, across, when = np.arange(side)[:, None, None], np.arange(side)[:, None], np.arange(count)[:, None, None, None]
    shades = down * (number % 5 + 1) + across * (number % 7 + 1) * np.array([1, 2, 3]) + when * (number * 17 % 251)
    return (shades % 256).astype(np.uint8)


# ------------------------------------------------------------------------------------------------- here
def compare(python: Path, counts: Sequence[int]) -> list[dict[str, Any]]:
    """Rows of the table."""
    with tempfile.TemporaryDirectory() as folder:
        _call(python, [str(ROOT / "tests/support/tiny_vlm.py"), folder, "qwen3_vl"])
        model = MODEL | {"folder": f"{folder}/qwen3_vl"}
        rows = []
        for count in counts:
            rows += _offline(python, model, count)
            print(*rows[-3:], sep="\n", flush=True)
        rows += _served(python, model, Path(folder))
        job = {"engine": "vllm", "model": model, "machine": {"cache_bytes": CACHE_BYTES}, "requests": OURS}
        found = _call(python, ["-m", "benchmarks.captions", "--ours", json.dumps(job)])
    share = round(100 * found["ours"] / found["vLLM"], 2)
    ours = {"cpu_seconds": round(found["ours"] + found["vLLM"], 2), "our_code_percent_of_vllm": share}
    return [*rows, _row("vLLM, batched, with LanguageEngine", OURS, found["seconds"], **ours)]


def _offline(python: Path, model: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """One by one, batched, and by transformers."""
    ways = {
        "vLLM, one by one": ("vllm", {"cache_bytes": CACHE_BYTES}, True),
        "vLLM, batched": ("vllm", {"cache_bytes": CACHE_BYTES}, False),
        "transformers, batches of 8": ("transformers", {"max_sequences": 8}, False),
    }
    found = {}
    for name, (engine, machine, apart) in ways.items():
        job = {"engine": engine, "model": model, "machine": machine, "requests": count, "apart": apart}
        found[name] = _call(python, ["-m", "benchmarks.captions", "--measure", json.dumps(job)])
    slowest = found["vLLM, one by one"]
    texts = found["vLLM, batched"]["texts"]
    return [
        _row(
            name,
            count,
            values["seconds"],
            cpu_seconds=round(values["cpu_seconds"], 2),
            pace_over_one_by_one=round(slowest["seconds"] / values["seconds"], 2),
            cpu_pace_over_one_by_one=round(slowest["cpu_seconds"] / values["cpu_seconds"], 2),
            peak_mb=round(values["peak_mb"]),
            same_texts=_same(values["texts"], texts),
        )
        for name, values in found.items()
    ]


def _served(python: Path, model: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """The server engine, with more and more requests under way."""
    rows = []
    with _server(python, model, folder / "server.log") as (process, port):
        asked = {name: value for name, value in model.items() if name != "folder"}
        asked["endpoint"] = f"http://127.0.0.1:{port}/v1"
        for concurrency in CONCURRENCY:
            job = {"engine": "server", "model": asked, "machine": {"concurrency": concurrency}, "requests": SERVED}
            found = _call(python, ["-m", "benchmarks.captions", "--measure", json.dumps(job | {"apart": False})])
            name = f"vllm serve, {concurrency} at once"
            rows.append(_row(name, SERVED, found["seconds"], peak_mb=round(_peak(process.pid))))
            rows[-1]["pace_over_one_by_one"] = round(rows[0]["seconds"] / rows[-1]["seconds"], 2)
            print(rows[-1], flush=True)
    return rows


@contextmanager
def _server(python: Path, model: dict[str, Any], log: Path) -> Iterator[tuple[subprocess.Popen, int]]:
    """A server of vLLM on a free port of this machine, until the end of the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    bounds = json.dumps({"size": pixel_bounds(LanguageModel(**model))})
    options = [
        *("--model", model["folder"], "--host", "127.0.0.1", "--port", str(port), "--dtype", model["dtype"]),
        *("--max-model-len", "8192", "--limit-mm-per-prompt", '{"image": 4, "video": 0}'),
        *("--mm-processor-kwargs", bounds, "--kv-cache-memory-bytes", str(CACHE_BYTES), "--enforce-eager"),
        *("--structured-outputs-config", '{"backend": "guidance", "disable_any_whitespace": true}'),
    ]
    with log.open("w") as stream:
        process = subprocess.Popen(
            [python, "-m", "vllm.entrypoints.openai.api_server", *options],
            env=os.environ | QUIET,
            stdout=stream,
            stderr=stream,
        )
        try:
            _wait(process, port, log)
            yield process, port
        finally:
            process.terminate()
            process.wait(30)


def _wait(process: subprocess.Popen, port: int, log: Path) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(300):
        try:
            return direct.open(f"http://127.0.0.1:{port}/health", timeout=1).close()
        except OSError:
            time.sleep(1)
        if process.poll() is not None:
            break
    raise SystemExit(f"the server did not start:\n{log.read_text()[-3000:]}")


def _peak(process: int) -> float:
    """Megabytes that a process and its descendants held at most, added up (VmHWM of /proc)."""
    held = 0.0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:
            continue  # it has just ended
        if int(lines["Pid"]) == process:
            held += int(lines["VmHWM"].split()[0]) / 1024
        elif int(lines["PPid"]) == process:
            held += _peak(int(lines["Pid"]))
    return held


def _call(python: Path, arguments: list[str]) -> dict[str, Any]:
    """Run a program in the caption environment; its last line of output, read as JSON where it is JSON.

    Raises:
        SystemExit: it failed, or got an answer that is not whole.
    """
    done = subprocess.run([python, *arguments], cwd=ROOT, env=os.environ | QUIET, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    last = done.stdout.strip().rpartition("\n")[2]
    found = json.loads(last) if last.startswith("{") else {}
    if found.get("broken"):
        raise SystemExit(f"not all answers are whole: {found['broken']}")
    return found


def _same(first: Sequence[str], second: Sequence[str]) -> int:
    return sum(one == other for one, other in zip(first, second, strict=False))


def _row(way: str, requests: int, seconds: float, **further: Any) -> dict[str, Any]:
    measured = ("cpu_seconds", "pace_over_one_by_one", "cpu_pace_over_one_by_one", "peak_mb", "same_texts")
    empty = (*measured, "our_code_percent_of_vllm")
    known = {"way": way, "requests": requests, "seconds": round(seconds, 2), "per_second": round(requests / seconds, 2)}
    return known | dict.fromkeys(empty, "") | further


def main() -> None:
    """Measure, print and write the table; or one way of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", type=Path, default=ROOT / ".venv-caption-cpu/bin/python")
    parser.add_argument("--requests", type=int, nargs="+", default=[16, 64, 256])
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--ours", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure or chosen.ours:
        found = measure(json.loads(chosen.measure)) if chosen.measure else measure_ours(json.loads(chosen.ours))
        print(json.dumps(found))
        return
    rows = compare(chosen.python, chosen.requests)
    pd.DataFrame(rows).to_csv(OUTPUT, index=False)
    for row in rows:
        print("  ".join(str(value) for value in row.values()))


if __name__ == "__main__":
    main()
