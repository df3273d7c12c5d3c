"""A training on two nodes of the cluster does the same as on one."""

import os

import pytest

from tests.slurm.processes import ProcessWatch
from tests.slurm.submission import Submission, model_files, models

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can give the pretend nodes host names of their own"),
]


def trained(project: Submission, nodes: int) -> bytes:
    """The network of a run whose steps have two shares, each on a process of its own."""
    config = ("training={processes: 2}", f"resources={{train: {{nodes: {nodes}, gpu: 2}}}}")
    project.run(*model_files("full"), config=(*config, *(("compute={device: cpu}",) if nodes == 1 else ())))
    return models(project.results, "full")["full"]


def test_two_nodes_do_the_work_of_one(after):
    project = after("runs/full")
    with ProcessWatch(project.folder) as watch:
        together = trained(project, nodes=2)
    assert {node for command, node in watch.places if command == "train"} == {"node1", "node2"}
    record = project.cluster.record(project.jobs("rule_train_run")[-1].id)
    assert record["NumNodes"] == "2" and record["TresPerJob"] == "gres:gpu:2"
    (project.results / "runs/full/0/model.safetensors").unlink()
    assert trained(project, nodes=1) == together
