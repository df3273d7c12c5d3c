"""How many processes train together: CPU cores are not ranks, and every rank takes as many shares of a step."""

from math import gcd

from eadnet.config.training import Backbone, Training


def ranks(shares: int, gpus: int, threads: int) -> int:
    """How many processes share the work of a step.

    Args:
        shares: shares of a step (`common_shares`).
        gpus: GPUs that the job sees; 0 trains on the CPU.
        threads: on a CPU, the most processes that are useful; ignored where there are GPUs.

    Returns:
        The largest divisor of `shares` that fits: 8 shares on 3, 5, 6 or 7 GPUs take 2, 4, 4 or 4.
    """
    places = gpus or max(1, threads)
    return next(count for count in range(min(places, shares), 0, -1) if shares % count == 0)


def layout(shares: int, nodes: int, gpus: int, threads: int) -> tuple[int, int]:
    """How the processes of a step lie on several nodes, all of which hold the same number of them.

    Args:
        shares: shares of a step.
        nodes: nodes of the job.
        gpus: GPUs of each; 0 trains on the CPU.
        threads: of each, as of `ranks`.

    Returns:
        Nodes that are used and processes on each: the most processes, and of those cases the fewest nodes.
    """
    found = [(used, ranks(shares // used, gpus, threads)) for used in range(1, nodes + 1) if shares % used == 0]
    return max(found, key=lambda pair: (pair[0] * pair[1], -pair[0]))


def common_shares(settings: Backbone | Training) -> int:
    """Shares that the steps of all phases have in common: data-parallel shares times accumulated batches."""
    phases = (settings.optimiser, getattr(settings, "adaptation", None))
    return settings.processes * gcd(*(phase.accumulate for phase in phases if phase))
