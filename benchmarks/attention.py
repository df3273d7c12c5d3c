"""The plain path of ``eadnet.models.attention`` against torch's fused call on a CPU, forward and backward.

    python -m benchmarks.attention

Peer: ``scaled_dot_product_attention`` with the same inputs, timed in turn in one process on one thread. Prints the
ratio (above 1: the plain path is quicker) at the default network's shapes, then on square score matrices of growing
size, which show where ``SMALL_SCORES`` should lie.
"""

import math
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from eadnet.models import attention as module

DTYPES = (torch.float32, torch.bfloat16)
SHAPES = {
    "self-attention, 8 x 8 grid": (48, 4, 64, 64, 18),
    "self-attention, 4 x 4 grid": (48, 4, 16, 16, 36),
    "audio, 10 tokens": (48, 4, 64, 10, 18),
    "text, 41 tokens": (48, 4, 64, 41, 18),
    "temporal strip, 16 frames": (128, 1, 16, 16, 24),
}
"""Name: batch, heads, queries, keys, channels a head; stage 1 has 24 single frames a step, stage 2 2 clips of 16."""
SIDES = (32, 64, 96, 128, 192, 256, 384)
ELEMENTS = 2**22
"""Scores in all, so that every square takes about as long."""


def plain(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """The module's own path, whatever the size."""
    limit, module.SMALL_SCORES = module.SMALL_SCORES, math.inf
    try:
        return module.attention(query, key, value)
    finally:
        module.SMALL_SCORES = limit


def seconds(function: Callable[..., Tensor], inputs: list[Tensor]) -> float:
    """One forward and backward pass."""
    started = time.perf_counter()
    function(*inputs).float().square().mean().backward()
    return time.perf_counter() - started


def compare(
    batch: int, heads: int, queries: int, keys: int, width: int, dtype: torch.dtype, rounds: int = 15
) -> tuple[float, float]:
    """Median seconds of the plain and the fused path, run in turn."""
    lengths = (queries, keys, keys)
    inputs = [torch.randn(batch, heads, length, width, dtype=dtype, requires_grad=True) for length in lengths]
    times = [(seconds(plain, inputs), seconds(scaled_dot_product_attention, inputs)) for _ in range(rounds)]
    own, fused = zip(*times[3:], strict=True)
    return statistics.median(own), statistics.median(fused)


def main() -> None:
    """Print both comparisons."""
    torch.set_num_threads(1)
    squares = {f"{side} x {side} scores": (ELEMENTS // side**2 // 4, 4, side, side, 32) for side in SIDES}
    print(f"SMALL_SCORES is {math.isqrt(module.SMALL_SCORES)} x {math.isqrt(module.SMALL_SCORES)}\n")
    print(f"{'shape':28} {'type':9} {'plain ms':>9} {'fused ms':>9} {'fused / plain':>14}")
    for name, shape in (SHAPES | squares).items():
        for dtype in DTYPES:
            own, fused = compare(*shape, dtype)
            kind = str(dtype).removeprefix("torch.")
            print(f"{name:28} {kind:9} {1000 * own:9.2f} {1000 * fused:9.2f} {fused / own:14.2f}")


if __name__ == "__main__":
    main()
