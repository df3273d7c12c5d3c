"""The whole smoke run through SLURM: every job asks for what the configuration states, and the results are the same."""

import re
from pathlib import Path

import pandas as pd
import pytest

from eadnet.config.configuration import load
from tests.slurm.cluster import Cluster
from tests.slurm.submission import LONG, Submission
from tests.support.workflow_project import Project
from workflow.requests import SNAKEMAKE_MB

pytestmark = pytest.mark.slurm

STAGES = {
    "preprocess_shard": "preprocess",
    "pretrain_autoencoder": "autoencoder",
    "pretrain_backbone": "backbone",
    "train_run": "train",
    "synthesise_videos": "synthesise",
    "measure_videos": "measure",
    "compare_sets": "compare_sets",
}
"""Stages of some rules, in ``resources``."""
VOLATILE = ["model_commit", "videos_commit", "commit"]


@pytest.fixture(scope="module")
def submitted(cluster: Cluster, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Submission:
    """A fresh copy in which the whole smoke workflow has run through SLURM."""
    made = Submission(cluster, Project(root, tmp_path_factory.mktemp("submitted")).folder)
    made.run("--jobs", "4", timeout=4 * LONG)  # as many at a time as the memory of a small machine holds
    return made


def test_scores_and_summary_are_those_of_a_local_run(submitted: Submission, finished: Project):
    for name in ("scores.parquet", "summary.parquet", "tables/ablation.parquet", "runs/full/0/train.parquet"):
        here, there = (
            pd.read_parquet(results / name).drop(columns=VOLATILE, errors="ignore")
            for results in (submitted.results, finished.results)
        )
        pd.testing.assert_frame_equal(here, there, check_exact=True)


def test_networks_are_those_of_a_local_run(submitted: Submission, finished: Project):
    paths = sorted(path.relative_to(finished.results) for path in finished.results.rglob("model.safetensors"))
    assert len(paths) >= 9
    for path in paths:
        assert (submitted.results / path).read_bytes() == (finished.results / path).read_bytes(), path


def test_every_job_succeeded_at_the_first_attempt(submitted: Submission):
    jobs = submitted.jobs()
    assert {job.state for job in jobs} == {"COMPLETED"} and len({job.work for job in jobs}) == len(jobs) > 50


def test_nothing_is_left_to_do_there_or_here(submitted: Submission):
    assert "Nothing to be done" in submitted.run()
    assert not list(submitted.results.rglob("*.lock"))


@pytest.mark.parametrize("rule", STAGES)
def test_jobs_ask_for_what_is_stated(submitted: Submission, rule: str):
    need = getattr(load({}).resources, STAGES[rule])
    jobs = [job for job in submitted.jobs() if re.fullmatch(rf"rule_{rule}(_wildcards_.+)?", job.work)]
    assert jobs
    for job in jobs:
        record = submitted.cluster.record(job.id)
        memory = need.mem_mb + (500 if rule == "preprocess_shard" else 0) + SNAKEMAKE_MB
        hours, minutes = divmod(need.runtime, 60)
        gpus = f"gres:gpu:{need.gpu}" if getattr(need, "gpu", 0) else None
        assert record["MinMemoryNode"] == f"{memory}M" and record["NumCPUs"] == str(need.cores)
        assert record["TimeLimit"] == f"{hours:02}:{minutes:02}:00" and record.get("TresPerJob") == gpus
