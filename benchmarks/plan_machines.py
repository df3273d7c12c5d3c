"""Machines that ``benchmarks.plan`` estimates for: GPUs by their makers' data sheets, or cores alone."""

import os
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """A kind of GPU: dense bfloat16 TFLOP/s with float32 accumulation (half of a figure "with sparsity"), and GB."""

    tflops: float
    gigabytes: float


CARDS = {
    "H100": Card(989.0, 80),  # NVIDIA H100 data sheet, SXM: 1,979 with sparsity; 80 GB
    "H200": Card(989.0, 141),  # NVIDIA H200 data sheet, SXM: 1,979 with sparsity; 141 GB
    "A100-80": Card(312.0, 80),  # NVIDIA A100 data sheet: 312 (624 with sparsity); 80 GB
    "A100-40": Card(312.0, 40),  # the same; 40 GB
    "L40S": Card(362.0, 48),  # NVIDIA L40S data sheet: 362.05 (733 with sparsity); 48 GB
    "4090": Card(165.2, 24),  # NVIDIA Ada architecture white paper, table of the GeForce RTX 4090: 165.2; 24 GB
}
CORES_A_GPU = 16
"""Assumed CPU cores for each GPU of a node."""


@dataclass(frozen=True)
class Machine:
    """What jobs run on: nodes that are all alike.

    Attributes:
        name: as given.
        card: its GPUs' kind; None without.
        gpus, cores: of one node.
        nodes: how many.
    """

    name: str
    card: Card | None
    gpus: int
    cores: int
    nodes: int = 1


def parse_machine(text: str, nodes: int = 1, cores: int | None = None) -> Machine:
    """The machine of `8xH100`, `A100-80` or `cpu:16`; `cpu` alone is this machine's cores.

    Raises:
        ValueError: none of them, or no node or core.
    """
    if min(nodes, 1 if cores is None else cores) < 1:
        raise ValueError("--nodes and --cores: at least 1")
    processor = re.fullmatch(r"cpu(?::([1-9]\d*))?", text)
    if processor:
        return Machine(text, None, 0, cores or int(processor[1] or os.cpu_count() or 1), nodes)
    cards = re.fullmatch(r"(?:([1-9]\d*)x)?(.+)", text)
    if not cards or cards[2] not in CARDS:
        raise ValueError(f"--machine {text}: give cpu:CORES, or GPUs such as 8xH100 of {', '.join(CARDS)}")
    count = int(cards[1] or 1)
    return Machine(text, CARDS[cards[2]], count, cores or CORES_A_GPU * count, nodes)
