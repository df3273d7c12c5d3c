"""The losses of twenty steps of a small run with every loss on: what a refactoring must reproduce.

    python -m tests.golden.losses --write

writes ``tests/golden/losses.json`` anew; do so only in a commit that means to change the numbers. Float32, one thread,
CPU. Another processor rounds otherwise, hence the tolerance; it is far below what any change of the method makes.
"""

import argparse
import json
import platform
import tempfile
from pathlib import Path

import torch

from eadnet.provenance import commit
from tests.support.toy_training import CPU, Toy, logged_losses, train_toy, training_settings, write_toy

GOLDEN = Path(__file__).with_suffix(".json")
COMMAND = "python -m tests.golden.losses --write"
TOLERANCE = 1e-4
ALLOWS = (
    "another instruction set (from SSE to AVX-512), which sums float32 in another order, "
    "through twenty steps of AdamW on one thread; relative"
)
SETTINGS = {
    "losses": {"lpips": 0.1},
    "x0_gate": "snr",
    "adaptation": {"steps": 4, "batch_size": 1, "learning_rate": 3e-4, "warmup": 2},
    "optimiser": {"steps": 16, "batch_size": 1, "accumulate": 2, "learning_rate": 3e-4, "warmup": 2},
    "checkpoint_every": 100,
    "ema": 0.9,
}


def main() -> None:
    """Write the file, or show the losses."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="replace the recorded losses")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        losses = train_golden(write_toy(Path(folder)), Path(folder, "run"))
    made = {"commit": commit(), "torch": torch.__version__, "machine": platform.machine()}
    text = (
        json.dumps({"command": COMMAND, **made, "tolerance": TOLERANCE, "allows": ALLOWS, "losses": losses}, indent=1)
        + "\n"
    )
    if options.write:
        GOLDEN.write_text(text)
    else:
        print(text)


def train_golden(toy: Toy, output: Path) -> dict[str, list[float]]:
    """Values of every loss, step by step."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    train_toy(toy, output, training_settings(**SETTINGS), CPU)
    torch.set_num_threads(threads)
    return {name: [float(f"{value:.7g}") for _, value in steps] for name, steps in logged_losses(output).items()}


if __name__ == "__main__":
    main()
