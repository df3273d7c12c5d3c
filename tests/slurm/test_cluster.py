"""The pretend cluster itself: what the other tests rely on, and that nothing of it is left."""

import os
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster, running

pytestmark = pytest.mark.slurm

ALL = "0,1,2,3,4,5,6,7"


def processes(root: Path) -> list[str]:
    """Command lines of processes that name a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        found += [line] if f"{root}/" in line else []
    return found


def test_a_step_over_two_nodes_has_all_their_gpus(cluster: Cluster):
    said = cluster.ask(
        "srun", "--nodes=2", "--ntasks-per-node=1", "--gpus-per-node=8",
        "sh", "-c", "echo $SLURMD_NODENAME $(uname -n) $SLURM_PROCID $CUDA_VISIBLE_DEVICES",
    )  # fmt: skip
    hosts = cluster.nodes if os.geteuid() == 0 else [os.uname().nodename] * 2
    assert sorted(said.splitlines()) == [f"node1 {hosts[0]} 0 {ALL}", f"node2 {hosts[1]} 1 {ALL}"]


def test_a_job_without_gpus_sees_none_of_them(cluster: Cluster):
    assert cluster.ask("srun", "sh", "-c", "echo [$CUDA_VISIBLE_DEVICES]").strip() == "[]"


def test_no_daemon_and_no_folder_outlives_a_cluster(cluster: Cluster):
    with running(nodes=1) as second:
        second.ask("sbatch", "--output=/dev/null", "--wrap=sleep 600")
        assert len(processes(second.root)) >= 3
    assert processes(second.root) == [] and not second.root.exists()
    assert processes(cluster.root) != []


def test_a_daemon_that_does_not_start_is_named(cluster: Cluster):
    with pytest.raises(RuntimeError, match="slurmd-2 ended; .*fatal"), running(gpus=0):
        pass
