"""The workflow with the real vLLM: the rule runs the interpreter of the caption environment on a drawn shard.

`make test-captions` runs it; it needs the caption environment (``CAPTION_PYTHON`` names another interpreter).
"""

import os
import subprocess
from pathlib import Path

import pytest

from eadnet.tables import CAPTIONS, read_table
from tests.support.paths import ROOT
from tests.support.workflow_project import Project

pytestmark = pytest.mark.captions

INTERPRETER = Path(os.environ.get("CAPTION_PYTHON", ROOT / ".venv-caption-cpu/bin/python"))
SHARD = "results-smoke/captions/main/mead/M003.parquet"


@pytest.fixture(scope="module")
def project(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A fresh copy of the workflow with a tiny Qwen3-VL beside it."""
    if not INTERPRETER.exists():
        pytest.fail(f"needs the caption environment ({INTERPRETER} is not there; make caption-cpu)")
    made = Project(root, tmp_path_factory.mktemp("captioned"))
    command = [str(INTERPRETER), str(ROOT / "tests/support/tiny_vlm.py"), str(made.folder / "models"), "qwen3_vl"]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    return made


def settings(**model: object) -> list[str]:
    told = {"folder": "models/qwen3_vl", "frames": 3, "dtype": "float32", "max_length": 12000, "max_answer": 3000}
    words = ", ".join(f"{key}: {value}" for key, value in (told | model).items())
    return [f"captions={{engine: vllm, compared: {{blind: null}}, language_model: {{{words}}}}}",
            f"compute={{captioning: {{interpreter: {INTERPRETER}, cache_bytes: 268435456}}}}"]  # fmt: skip


def test_a_shard_is_captioned_by_vllm_and_not_asked_twice(project: Project) -> None:
    run = ["--cores", "2", SHARD, "--configfile", *project.configfiles, "--config", *settings()]
    for _ in range(2):
        done = subprocess.run(
            ["python", "-m", "snakemake", *run], cwd=project.folder, capture_output=True, text=True, timeout=900
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        captions = read_table(project.folder / SHARD, CAPTIONS)
        assert set(captions["engine"]) == {"vllm"} and captions["model"].str.startswith("qwen3_vl@sha256:").all()
        assert (captions["status"] == "ok").mean() > 0.8
        made = captions.to_dict("list")
        log = (project.results / "logs/caption_shard/main_mead_M003.log").read_text(encoding="utf-8")
        (project.folder / SHARD).unlink()
    usable, captioned = captions["attempts"].notna().sum(), (captions["status"] == "ok").sum()
    assert f"{captioned} of {usable} clips were captioned before" in log
    assert made["caption"] == captions["caption"].tolist()


def test_a_changed_prompt_or_frame_count_asks_again(project: Project) -> None:
    for change in ({"prompt": "frames"}, {"frames": 4}):
        run = [
            "--dry-run",
            "--cores",
            "2",
            SHARD,
            "--configfile",
            *project.configfiles,
            "--config",
            *settings(**change),
        ]
        done = subprocess.run(["python", "-m", "snakemake", *run], cwd=project.folder, capture_output=True, text=True)
        assert "caption_shard" in done.stdout + done.stderr, done.stderr
