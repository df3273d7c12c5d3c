"""Start a stage on several processes with ``torchrun``, which hands each its rank; the stage joins them itself."""

import os
import sys
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from eadnet.training_settings import Compute


def runs_elsewhere(processes: int, compute: "Compute") -> bool:
    """Run this very command line on `processes` processes, on as many GPUs where they are used.

    Returns:
        True if it has been run by others and there is nothing left to do; False if this process is to do the work: it is
        one of those that were started, or the only one.
    """
    if compute.device != "cpu" and torch.cuda.is_available():
        processes = min(processes, torch.cuda.device_count())
    if processes == 1 or "RANK" in os.environ:
        return False
    from torch.distributed.run import main as torchrun

    torchrun(["--standalone", f"--nproc-per-node={processes}", "-m", "eadnet", *sys.argv[1:]])
    return True
