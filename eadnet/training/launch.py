"""Start a stage on several processes with ``torchrun``, which hands each its rank; the stage joins them itself.

On one node ``torchrun`` runs in this process. In a SLURM job of several nodes ``srun`` starts one on each; they find
each other at the first node. Started by hand (``torchrun --nnodes ... -m -- eadnet train ...``), they join.
"""

import ctypes
import os
import signal
import subprocess
import sys

import torch

from eadnet.config.machine import Compute
from eadnet.config.training import Backbone, Training
from eadnet.training.ranks import common_shares, layout

PR_SET_PDEATHSIG = 1
FIRST_PORT, PORTS = 20_000, 10_000
"""Below the ports that Linux gives away by itself."""


def runs_elsewhere(settings: Backbone | Training, compute: Compute) -> bool:
    """Run this very command line on several processes: one for each GPU, or on a CPU as many as the run states.

    Args:
        settings: of the stage; they say into how many shares a step can be divided.
        compute: where networks run.

    Returns:
        True if it has been run by others and there is nothing left to do; False if this process is to do the work: it
        is one of those that were started, or the only one.

    Raises:
        SystemExit: a process failed; its own message stands above.
    """
    if "RANK" in os.environ:
        _end_with_parent(signal.SIGKILL)
        return False
    threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
    gpus = torch.cuda.device_count() if compute.device != "cpu" else 0
    hosts = _hosts()
    nodes, processes = layout(common_shares(settings), len(hosts) or 1, gpus, min(threads, settings.processes))
    if nodes * processes == 1:
        return False
    os.environ["OMP_NUM_THREADS"] = str(max(1, threads // processes))  # else each process takes the threads of all
    command = for_torchrun(sys.argv[1:])
    if nodes > 1:
        _run_on_nodes(hosts[:nodes], processes, command)
    else:
        _run_here(processes, command)
    return True


def for_torchrun(arguments: list[str]) -> list[str]:
    """The words of `torchrun` that run the project's command line with these arguments.

    Without the ``--``, torchrun takes ``--run`` for a short form of an option of its own, and ends.
    """
    return ["-m", "--", "eadnet", *arguments]


def srun_command(hosts: list[str], job: int, processes: int, command: list[str]) -> list[str]:
    """What starts one ``torchrun`` on each node of a job.

    Args:
        hosts: names of the nodes; the others meet at the first.
        job: number of the job, from which the port follows: jobs on one node must not meet.
        processes: to start on each node.
        command: what they run.
    """
    nodes = str(len(hosts))
    # --overlap: it runs inside a step that holds what the job has; a node that fails must not leave the others waiting
    srun = ["srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", "--overlap", "--kill-on-bad-exit=1"]
    srun += ["--cpu-bind=none", f"--nodelist={','.join(hosts)}"]
    meeting = [f"--rdzv-endpoint={hosts[0]}:{FIRST_PORT + job % PORTS}", "--rdzv-backend=c10d", f"--rdzv-id={job}"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", f"--nnodes={nodes}", f"--nproc-per-node={processes}"]
    return [*srun, *torchrun, *meeting, *command]


def _run_here(processes: int, command: list[str]) -> None:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import main as torchrun

    try:
        torchrun(["--standalone", f"--nproc-per-node={processes}", *command])
    except ChildFailedError as error:
        sys.exit(f"error: {len(error.failures)} of {processes} processes failed; their own message stands above")


def _run_on_nodes(hosts: list[str], processes: int, command: list[str]) -> None:
    srun = srun_command(hosts, int(os.environ["SLURM_JOB_ID"]), processes, command)
    code = subprocess.run(srun, preexec_fn=lambda: _end_with_parent(signal.SIGTERM)).returncode
    if code:
        sys.exit(f"error: srun on {', '.join(hosts)} ended with {code}; the processes' own message stands above")


def _hosts() -> list[str]:
    """Names of the nodes of this SLURM job; none outside SLURM."""
    job = os.environ.get("SLURM_JOB_ID")
    if job is None:
        return []
    # Snakemake removes all that SLURM says of nodes from the environment of a job that starts its own steps
    listed = os.environ.get("SLURM_JOB_NODELIST") or _asked("squeue", "--noheader", f"--jobs={job}", "--format=%N")
    return _asked("scontrol", "show", "hostnames", listed).split()


def _asked(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout.strip()


def _end_with_parent(kind: signal.Signals) -> None:
    """Where the parent is killed, its processes would go on and write beside those of the next attempt (Linux)."""
    set_option = getattr(ctypes.CDLL(None), "prctl", None)
    if set_option is not None:
        set_option(PR_SET_PDEATHSIG, kind)
