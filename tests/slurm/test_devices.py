"""Jobs of the workflow's own rules get GPUs of their own, as many as the rules state."""

import time
from pathlib import Path

import pytest

from tests.slurm.processes import ProcessWatch
from tests.slurm.submission import model_files, models
from tests.support.workflow_project import Project

pytestmark = pytest.mark.slurm

NETWORKS = ("autoencoder", "syncnet", "videomae")


def network_bytes(results: Path) -> list[bytes]:
    return [(results / f"pretrained/{name}/model.safetensors").read_bytes() for name in NETWORKS]


def test_jobs_with_a_gpu_each_see_different_ones(after, finished: Project):
    project = after(*(f"pretrained/{name}" for name in NETWORKS))
    with ProcessWatch(project.folder) as watch:
        project.run(*(f"results-smoke/pretrained/{name}/model.safetensors" for name in NETWORKS))
    commands = {f"pretrain-{name}": {1} for name in NETWORKS}
    assert watch.counts() == commands and watch.shared() == []
    assert max(map(len, watch.looks)) >= 2, "no two jobs ran at the same time"
    assert network_bytes(project.results) == network_bytes(finished.results)


def test_jobs_with_all_gpus_of_a_node_never_overlap(after, finished: Project):
    project = after("runs/full", "runs/no_tfrm")
    with ProcessWatch(project.folder) as watch, project.cluster.one_node():
        project.run(*model_files("full", "no_tfrm"), config=("resources={train: {gpu: 8}}",))
    assert watch.counts() == {"train": {8}} and watch.at_once("train") == 1
    first, second = (project.cluster.record(job.id) for job in project.jobs("rule_train_run"))
    assert first["TresPerJob"] == "gres:gpu:8" and first["NodeList"] == second["NodeList"] == "node1"
    (begun, ended), (next_begun, _) = sorted((job["StartTime"], job["EndTime"]) for job in (first, second))
    assert begun < ended <= next_begun
    assert models(project.results, "full", "no_tfrm") == models(finished.results, "full", "no_tfrm")


def test_a_user_without_gpus_asks_for_none(after):
    project = after("pretrained/videomae")
    with ProcessWatch(project.folder) as watch:
        project.run("results-smoke/pretrained/videomae/model.safetensors", config=("compute={device: cpu}",))
    assert watch.counts() == {"pretrain-videomae": {0}}
    assert "TresPerJob" not in project.cluster.record(project.jobs("rule_pretrain_videomae")[0].id)


def test_a_job_of_one_node_is_not_spread_over_two(after):
    project = after("runs/full")
    for node in project.cluster.nodes:  # half of the GPUs of each
        project.cluster.ask("sbatch", f"--nodelist={node}", "--gpus=4", "--output=/dev/null", "--wrap=sleep 600")
    controller = project.start(*model_files("full"), config=("resources={train: {gpu: 8}}",))
    project.wait_for(lambda: project.jobs("rule_train_run"), "a submitted training", controller)
    time.sleep(5)
    (job,) = project.jobs("rule_train_run")
    assert job.state == "PENDING" and project.cluster.record(job.id)["Reason"] in ("Resources", "Priority", "None")
    controller.kill()
