"""``kill -9`` of Snakemake while its jobs run, then the same command: one writer, and the same numbers."""

import signal

import pytest

from tests.slurm.submission import Controller, Submission, model_files, models
from tests.support.workflow_project import Project

pytestmark = pytest.mark.slurm


def started(project: Submission, *runs: str, config: tuple[str, ...] = ()) -> Controller:
    """A controller whose training `full` has a checkpoint."""
    controller = project.start(*model_files(*runs), config=config)
    checkpoint = project.results / "runs/full/0/checkpoint/state.pt"
    project.wait_for(checkpoint.exists, "a checkpoint", controller)
    return controller


def killed(project: Submission, *runs: str, config: tuple[str, ...] = ()) -> str:
    """The job of the training `full` after ``kill -9`` of its controller; it still runs."""
    started(project, *runs, config=config).kill()
    job = project.jobs("rule_train_run_wildcards_full_0")[0]
    assert job.state == "RUNNING"
    return job.id


def states(project: Submission, run: str) -> list[str]:
    return [job.state for job in project.jobs(f"rule_train_run_wildcards_{run}_0")]


def test_running_jobs_come_to_their_end_and_nothing_is_made_twice(after, finished: Project):
    project = after("runs/full", "runs/no_tfrm")
    config = ("resources={train: {gpu: 8}}",)
    with project.cluster.one_node():  # so that the second training waits in the queue
        job = killed(project, "full", "no_tfrm", config=config)
        said = project.run(*model_files("full", "no_tfrm"), config=config)
    waited = (
        f"waiting for jobs that an earlier run left when it was killed; what they make is kept: {job} (rule_train_run"
    )
    assert waited in said and "cancelled, left by an earlier run that was killed:" in said
    assert states(project, "full") == ["COMPLETED"] and states(project, "no_tfrm") == ["CANCELLED", "COMPLETED"]
    assert models(project.results, "full", "no_tfrm") == models(finished.results, "full", "no_tfrm")
    assert not list(project.results.glob(".*.lock"))


def test_running_jobs_are_cancelled_if_the_user_says_so(after, finished: Project):
    project = after("runs/full")
    killed(project, "full")
    said = project.run(*model_files("full"), config=("compute={left_jobs: cancel}",))
    assert "cancelled, left by an earlier run that was killed:" in said
    assert states(project, "full") == ["CANCELLED", "COMPLETED"]
    assert models(project.results, "full") == models(finished.results, "full")


def test_without_the_first_net_a_second_job_waits_for_the_first(after, finished: Project):
    project = after("runs/full")
    job = killed(project, "full")
    said = project.run(*model_files("full"), config=("compute={left_jobs: ignore}",))
    assert "earlier run" not in said
    assert states(project, "full") == ["COMPLETED", "COMPLETED"]
    log = (project.results / "logs/train_run/full_0.log").read_text(encoding="utf-8")
    assert f"another job writes it (SLURM job {job} on " in log, log
    assert models(project.results, "full") == models(finished.results, "full")


def test_two_living_controllers_have_no_folder_in_common(after, finished: Project):
    project = after("runs/full")
    first = started(project, "full")
    second = project.start(*model_files("full"))
    assert second.end() == 1
    assert f"error: results-smoke: another job writes it (process {first.process.pid} on " in second.output
    assert f"kill {first.process.pid}" in second.output and "Traceback" not in second.output
    dry = project.start("--dry-run", *model_files("no_tfrm"))
    assert dry.end() == 0, dry.output[-3000:]  # a plan disturbs no one
    first.process.send_signal(signal.SIGTERM)  # waits for its jobs
    first.end()
    assert states(project, "full") == ["COMPLETED"]
    assert models(project.results, "full") == models(finished.results, "full")
