"""Explicit softmax attention against torch's fused one, forward and backward, at the U-Net's shapes.

    python benchmarks/attention.py

Prints seconds and their ratio, measured in turn in one process; peer: `scaled_dot_product_attention`. Why it matters:
`eadnet/models/attention.py` uses the explicit form on the small grids of the default configuration.
"""

import statistics
import time

import torch
from torch.nn.functional import scaled_dot_product_attention

from eadnet.models.attention import attention
from eadnet.precision import autocast

SHAPES = {
    "self-attention, 8 x 8 grid": (48, 4, 64, 64, 24),
    "self-attention, 4 x 4 grid": (48, 4, 16, 16, 48),
    "audio, 10 tokens": (48, 4, 64, 10, 24),
    "text, 41 tokens": (48, 4, 64, 41, 24),
}
"""Name: batch, heads, queries, keys, channels a head."""


def seconds(function, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> float:
    """One forward and backward pass."""
    started = time.perf_counter()
    with autocast():
        function(query, key, value).float().square().mean().backward()
    return time.perf_counter() - started


def compare(batch: int, heads: int, queries: int, keys: int, width: int, rounds: int = 30) -> tuple[float, float]:
    """Median seconds of the explicit and the fused form, run in turn."""
    query = torch.randn(batch, heads, queries, width, dtype=torch.bfloat16, requires_grad=True)
    key, value = (torch.randn(batch, heads, keys, width, dtype=torch.bfloat16, requires_grad=True) for _ in range(2))
    times = [
        (seconds(attend, query, key, value), seconds(scaled_dot_product_attention, query, key, value))
        for _ in range(rounds)
    ]
    explicit, fused = zip(*times[5:], strict=True)
    return statistics.median(explicit), statistics.median(fused)


def main() -> None:
    """Print the comparison for every shape."""
    torch.set_num_threads(1)
    print(f"{'shape':30} {'explicit ms':>12} {'fused ms':>10} {'fused / explicit':>17}")
    for name, shape in SHAPES.items():
        explicit, fused = compare(*shape)
        print(f"{name:30} {1000 * explicit:12.2f} {1000 * fused:10.2f} {fused / explicit:17.2f}")


if __name__ == "__main__":
    main()
