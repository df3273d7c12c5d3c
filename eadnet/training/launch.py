"""Start a stage on several processes with ``torchrun``, which hands each its rank; the stage joins them itself."""

import ctypes
import os
import signal
import sys

import torch

from eadnet.config.machine import Compute
from eadnet.config.training import Backbone, Training
from eadnet.training.ranks import common_shares, ranks

PR_SET_PDEATHSIG = 1


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
        _end_with_parent()
        return False
    threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
    gpus = torch.cuda.device_count() if compute.device != "cpu" else 0
    processes = ranks(common_shares(settings), gpus, min(threads, settings.processes))
    if processes == 1:
        return False
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import main as torchrun

    os.environ["OMP_NUM_THREADS"] = str(max(1, threads // processes))  # else each process takes the threads of all
    try:
        torchrun(["--standalone", f"--nproc-per-node={processes}", "-m", "eadnet", *sys.argv[1:]])
    except ChildFailedError as error:
        sys.exit(f"error: {len(error.failures)} of {processes} processes failed; their own message stands above")
    return True


def _end_with_parent() -> None:
    """Where ``torchrun`` is killed, its processes would go on and write beside those of the next attempt (Linux)."""
    set_option = getattr(ctypes.CDLL(None), "prctl", None)
    if set_option is not None:
        set_option(PR_SET_PDEATHSIG, signal.SIGKILL)
