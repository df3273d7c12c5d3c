"""The workflow with the real vLLM: the rule runs the interpreter of the caption environment on drawn shards.

`make test-captions` runs it; it needs the caption environment (``CAPTION_PYTHON`` names another interpreter).
"""

import os
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from eadnet.tables import CAPTIONS, read_table
from tests.support.paths import ROOT
from tests.support.workflow_project import Project

pytestmark = pytest.mark.captions

INTERPRETER = Path(os.environ.get("CAPTION_PYTHON", ROOT / ".venv-caption-cpu/bin/python"))
BATCH = "results-smoke/captions/main/mead/0.parquet"
ACTORS = "corpora={mead: {synthetic: {train_actors: 1, test_actors: 1, seconds: 2.0, size: 160}}}"


@pytest.fixture(scope="module")
def project(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A fresh copy of the workflow with a tiny Qwen3-VL beside it."""
    if not INTERPRETER.exists():
        pytest.fail(f"needs the caption environment ({INTERPRETER} is not there; make caption-cpu)")
    made = Project(root, tmp_path_factory.mktemp("captioned"))
    command = [str(INTERPRETER), str(ROOT / "tests/support/tiny_vlm.py"), str(made.folder / "models"), "qwen3_vl"]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    return made


def settings(shards: int = 0, **model: object) -> list[str]:
    told = {"folder": "models/qwen3_vl", "frames": 3, "dtype": "float32", "max_length": 12000, "max_answer": 3000}
    words = ", ".join(f"{key}: {value}" for key, value in (told | model).items())
    return [f"captions={{engine: vllm, compared: {{blind: null}}, language_model: {{{words}}}}}",
            f"compute={{captioning: {{interpreter: {INTERPRETER}, cache_bytes: 268435456}}}}",
            f"resources={{caption_model: {{shards: {shards}}}}}", ACTORS]  # fmt: skip


def snakemake(project: Project, *options: str, config: list[str]) -> str:
    """What a run to the end prints."""
    command = ["python", "-m", "snakemake", "--cores", "2", BATCH, *options]
    done = subprocess.run(
        [*command, "--configfile", *project.configfiles, "--config", *config],
        cwd=project.folder, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def captioned(project: Project, shards: int) -> tuple[pd.DataFrame, str]:
    """The table of the first batch of so many shards, and the log of its job."""
    snakemake(project, config=settings(shards))
    log = (project.results / "logs/caption_batch/main_mead_0.log").read_text(encoding="utf-8")
    return read_table(project.folder / BATCH, CAPTIONS), log


def test_shards_are_captioned_by_one_vllm_and_not_asked_twice(project: Project) -> None:
    made, log = captioned(project, shards=2)
    assert set(made["engine"]) == {"vllm"} and made["model"].str.startswith("qwen3_vl@sha256:").all()
    assert made["shard"].nunique() == 2 and (made["status"] == "ok").groupby(made["shard"]).mean().min() > 0.8
    again, log = captioned(project, shards=1)  # other batches: the same answers
    first = made[made["shard"] == again["shard"].iloc[0]]
    pd.testing.assert_frame_equal(again, first.reset_index(drop=True))
    usable, done = first["attempts"].notna().sum(), (first["status"] == "ok").sum()
    assert f"{done} of {usable} clips were captioned before" in log


def test_a_changed_prompt_or_frame_count_asks_again(project: Project) -> None:
    for change in ({"prompt": "frames"}, {"frames": 4}):
        assert "caption_batch" in snakemake(project, "--dry-run", config=settings(1, **change))
