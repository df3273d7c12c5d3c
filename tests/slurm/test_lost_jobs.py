"""A job that ends before its time comes back, with more memory, and goes on where it was; the numbers stay the same."""

import pytest

from tests.slurm.submission import model_files, models
from tests.support.workflow_project import Project

pytestmark = pytest.mark.slurm

TOO_LITTLE = 500
"""Megabytes for a training that takes 1,070, beside the 350 for Snakemake: too few for the first attempt."""


def states(project) -> list[str]:
    return [job.state for job in project.jobs("rule_train_run_wildcards_full_0")]


def test_a_cancelled_training_goes_on_from_its_checkpoint(after, finished: Project):
    project = after("runs/full")
    controller = project.start(*model_files("full"))
    checkpoint = project.results / "runs/full/0/checkpoint/state.pt"
    project.wait_for(checkpoint.exists, "a checkpoint", controller)
    project.cluster.ask("scancel", project.jobs("rule_train_run")[0].id)
    assert controller.end() == 0, controller.output[-6000:]
    assert states(project) == ["CANCELLED", "COMPLETED"]
    log = (project.results / "logs/train_run/full_0.log").read_text(encoding="utf-8")
    assert "resuming at step" in log, log
    assert models(project.results, "full") == models(finished.results, "full")
    assert not (project.results / "runs/full/0/checkpoint").exists()


def test_a_job_over_its_memory_is_killed_and_comes_back_with_more(after, finished: Project):
    project = after("runs/full")
    project.run(*model_files("full"), config=(f"resources={{train: {{mem_mb: {TOO_LITTLE}}}}}",))
    assert states(project)[0] == "FAILED" and states(project)[-1] == "COMPLETED"
    asked = [project.cluster.record(job.id)["MinMemoryNode"] for job in project.jobs("rule_train_run")]
    assert asked == [f"{TOO_LITTLE * attempt + 350}M" for attempt in range(1, len(asked) + 1)]
    assert models(project.results, "full") == models(finished.results, "full")
