"""What jobs ask for: of SLURM at the paper's scale, and of one machine that has some GPUs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from eadnet.config.configuration import Config
from eadnet.config.resources import Resources
from eadnet.config.section import ConfigError, parse
from metrics.spec import FAMILIES
from tests.support.paths import ROOT
from tests.support.workflow_project import Project
from workflow.requests import SNAKEMAKE_MB, Requests, idle_gpus

SNAPSHOT = Path(__file__).parent / "snapshots/paper_on_slurm.txt"
OPTIONS = {"gpus": "--gpus=", "cpus": "--cpus-per-task=", "mem": "--mem ", "time": "-t ", "nodes": "--nodes="}


# ---------------------------------------------------------------------------------------------------------- SLURM
@pytest.fixture(scope="module")
def project(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(root, tmp_path_factory.mktemp("requests"), ("config/paper.yaml",))


@pytest.fixture(scope="module")
def asked(project: Project) -> list[dict]:
    """Every job of config/paper.yaml, with what it asks SLURM for."""
    command = [sys.executable, "-m", "tests.support.asked_of_slurm", "--workflow-profile", "slurm", "--configfile"]
    done = subprocess.run(
        [*command, *project.configfiles], cwd=project.folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.mark.workflow
def test_every_rule_asks_for_what_is_written_down(asked: list[dict]):
    """Where a change is meant, EADNET_WRITE_SNAPSHOT=1 writes the file anew."""
    found = _table(asked)
    if os.environ.get("EADNET_WRITE_SNAPSHOT"):
        SNAPSHOT.write_text(found, encoding="utf-8")
    assert found == SNAPSHOT.read_text(encoding="utf-8")


@pytest.mark.workflow
def test_the_paper_is_fewer_than_3000_jobs(asked: list[dict]):
    assert 1000 < len(asked) < 3000


@pytest.mark.workflow
def test_jobs_of_seconds_stay_on_the_login_node_and_no_others(asked: list[dict]):
    local = {job["rule"] for job in asked if job["sbatch"] is None}
    light = {"collect_clips", "choose_test_clips", "make_coverage", "make_table", "draw_figure", "write_page"}
    assert light <= local and not local & {"preprocess_shard", "train_run", "summarise_scores", "score_family"}


def _table(asked: list[dict]) -> str:
    """A line for each rule and request: what is asked for, in megabytes and minutes."""
    rows = sorted({(job["rule"], *_options(job["sbatch"])) for job in asked if job["sbatch"]})
    lines = [("rule", *OPTIONS), *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) + "\n" for line in lines
    )


def _options(call: str) -> list[str]:
    found = [re.search(rf" {re.escape(option)}(\S+)", call) for option in OPTIONS.values()]
    return [match[1] if match else "-" for match in found]


# ------------------------------------------------------------------------------------------------------ functions
def _requests(resources: dict, gpus: int | None = 0, device: str = "auto") -> Requests:
    chosen = {"resources": parse(Resources, resources), "compute": {"device": device}}
    return Requests(Config(**chosen), gpus)


def test_a_second_attempt_gets_twice_as_much_up_to_the_limits():
    train = {"gpu": 1, "mem_mb": 4000, "runtime": 100}
    requests = _requests({"train": train, "limits": {"runtime": 250}}, gpus=None)
    assert [requests.memory("train")({}, attempt) for attempt in (1, 2)] == [4000 + SNAKEMAKE_MB, 8000 + SNAKEMAKE_MB]
    assert [requests.minutes("train")({}, attempt) for attempt in (1, 2, 3)] == [100, 200, 250]
    assert _requests({"train": train}).memory("train")({}, 1) == 4000  # one machine: Snakemake runs once


def test_memory_of_workers_is_that_of_each():
    requests = _requests({"preprocess": {"cores": 4, "mem_mb": 2500}})
    assert requests.memory("preprocess", per_core=True)({}, 2) == 2 * (500 + 4 * 2500)


def test_cores_of_a_training_follow_its_gpus():
    train = {"train": {"gpu": 8, "cores": 32}}
    for gpus, device, cores in ((8, "auto", 32), (1, "auto", 32), (None, "auto", 32), (0, "auto", 2), (8, "cpu", 2)):
        assert _requests(train, gpus, device).training_cores("train", lambda wildcards: 2)({}) == cores
    assert _requests(train, 8, "cpu").gpus("train")({}) == 0 and _requests(train, 0).gpus("train")({}) == 8


def test_gpus_that_no_step_can_use_are_a_warning():
    def lines(gpus: int, device: str = "auto") -> list[str]:
        return idle_gpus(_requests({"backbone": {"gpu": gpus}}, device=device).config)

    assert not lines(1) and not lines(2) and not lines(8, "cpu")  # the default step of stage 1 has two shares
    assert [line.split(":")[0] for line in lines(8)] == ["resources.backbone.gpu is 8, but the shares of a step are 2"]


def test_a_stage_on_the_cpu_takes_no_gpu():
    with pytest.raises(ConfigError, match=r"unknown key 'resources\.judge\.gpu'"):
        parse(Resources, {"judge": {"gpu": 1}}, where="resources")


@pytest.mark.parametrize("family", [name for name, item in FAMILIES.items() if item.of == "videos"])
def test_families_that_use_a_gpu_say_so(family: str):
    """They alone ask for the device: by the shared functions, or through the package syncnet-python."""
    code = (ROOT / f"metrics/families/{family}.py").read_text(encoding="utf-8")
    assert bool(re.search(r"computing_device\(|networks\.steady|syncnet_package", code)) == FAMILIES[family].uses_gpu


# ----------------------------------------------------------------------------------------------------- one machine
SHARED = """
configfile: f"{workflow.basedir}/config.yaml"
include: "workflow/rules/common.smk"

rule all:
    input: expand("seen/narrow_{number}", number=range(5)), "seen/wide_0"

rule job:
    output: "seen/{kind}_{number}"
    resources: gpu=lambda wildcards: 8 if wildcards.kind == "wide" else 1
    shell:
        r'''
        python -m eadnet.jobs.gpus {resources.gpu} sh -c '
            mkdir -p running && touch running/$$ && sleep 0.7
            echo "{resources.gpu} $CUDA_VISIBLE_DEVICES $(ls running | wc -l)" >{output}; rm running/$$'
        '''
"""


@pytest.mark.workflow
@pytest.mark.parametrize(("options", "gpus"), [([], "0,1"), (["--resources", "gpu=1"], "0")])
def test_jobs_share_the_gpus_of_a_machine(project: Project, tmp_path: Path, options: list[str], gpus: str):
    """A pretend driver lists two; Snakemake, its resources and the picker are the real ones."""
    driver, work = tmp_path / "bin/nvidia-smi", tmp_path / "work"
    driver.parent.mkdir()
    work.mkdir()
    driver.write_text("#!/bin/sh\necho 'GPU 0: pretended'; echo 'GPU 1: pretended'\n")
    driver.chmod(0o755)
    (project.folder / "shared.smk").write_text(SHARED)
    kept = {name: value for name, value in os.environ.items() if not re.match("SLURM_|CUDA_VISIBLE", name)}
    path = f"{driver.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "-s", "shared.smk", "--directory", str(work), "--cores", "6", *options],
        cwd=project.folder, env=kept | {"PATH": path, "EADNET_GPU_LOCKS": str(tmp_path / "locks")},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    seen = {path.name: path.read_text().split() for path in (work / "seen").iterdir()}
    names = gpus.split(",")
    assert seen.pop("wide_0") == [str(len(names)), gpus, "1"]
    assert len(seen) == 5 and all(count == "1" and name in names for count, name, _ in seen.values())
    assert max(int(together) for _, _, together in seen.values()) == len(names)
