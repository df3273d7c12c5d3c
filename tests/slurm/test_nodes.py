"""A training on two nodes of the cluster does the same as on one."""

import os

import pytest
import torch
from safetensors.torch import load_file

from tests.slurm.processes import ProcessWatch
from tests.slurm.submission import Submission, model_files

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can give the pretend nodes host names of their own"),
]


def trained(project: Submission, nodes: int, device: str) -> dict[str, torch.Tensor]:
    """The network of a run whose steps have two shares, each on a process of its own."""
    resources = f"resources={{train: {{nodes: {nodes}, gpu: 2}}}}"
    project.run(*model_files("full"), config=("training={processes: 2}", resources, f"compute={{device: {device}}}"))
    path = project.results / "runs/full/0/model.safetensors"
    weights = load_file(path)
    path.unlink()
    return weights


def test_two_nodes_do_the_work_of_one(after):
    project = after("runs/full")
    with ProcessWatch(project.folder) as watch:
        together = trained(project, 2, "auto")
    assert {node for command, node in watch.places if command == "train"} == {"node1", "node2"}
    record = project.cluster.record(project.jobs("rule_train_run")[0].id)
    assert record["NumNodes"] == "2" and record["TresPerJob"] == "gres:gpu:2"
    with ProcessWatch(project.folder) as watch:
        alone = trained(project, 1, "cpu")  # a process for each share, and no GPU
    assert {node for command, node in watch.places if command == "train"} == {"node1"}
    assert max((together[name] - value).abs().max() for name, value in alone.items()) < 1e-5  # sums round otherwise
