"""Synthesis: latent frames a second in one pass, and in windows as LatentSync, AniPortrait and we use them.

    python -m benchmarks.synthesis [--device cuda] [--frames 128] [--model results/runs/full/0]

The network of config.yaml with the paper's modules (random weights unless a run is named), two DDIM steps, guidance of
1.5 in two passes: all schedules do the same work a frame and window. Rounds go through the schedules in turn, so that a
drifting machine drifts for all; the median of a schedule's rounds counts, in CPU time (on a GPU, the clock's). Writes
docs/benchmarks/synthesis.csv.
"""

import argparse
import statistics
from functools import partial
from pathlib import Path

import pandas as pd
import torch

from benchmarks.machine import in_turn, ratios
from eadnet.checkpoint import load_weights, read_config
from eadnet.config.configuration import Config
from eadnet.config.section import parse
from eadnet.config.training import Training
from eadnet.device import Device, open_device
from eadnet.inference.sampler import Conditions, WindowedSampler, window_starts
from eadnet.models.inpainting import Inpainting
from eadnet.models.loading import make_unet
from eadnet.models.unet.levels import Modules, run_modules
from eadnet.models.unet.unet import EADNet

OUTPUT = Path(__file__).resolve().parent.parent / "docs/benchmarks/synthesis.csv"
SCHEDULES = {
    "single pass": {"window": None},
    "windows of 64, overlap 8": {"window": 64, "overlap": 8},
    "windows of 16, overlap 4 (default; AniPortrait)": {"window": 16, "overlap": 4},
    "windows of 16, overlap 4, shifting starts (paper.yaml)": {"window": 16, "overlap": 4, "shift": 7},
    "windows of 16, no overlap (LatentSync)": {"window": 16, "overlap": 0},
}
ROUNDS = 5


def network(run: str | None, config: Config, machine: Device) -> EADNet:
    """The trained network of a run, or the default's with random weights."""
    if run:
        described = read_config(run, "network", "training")
        model = make_unet(described, run_modules(parse(Training, described["training"])))
        load_weights(run, model)
    else:
        torch.manual_seed(0)
        modules = Modules("published", "published", "added")
        model = EADNet(config.backbone.network, config.autoencoder.channels, modules=modules)
    return model.to(machine.torch_device).eval().requires_grad_(False)


def conditions(frames: int, channels: int, side: int) -> Conditions:
    """Random conditions of a clip."""
    return Conditions(
        masked=torch.randn(frames, channels, side, side),
        reference=torch.randn(channels, side, side),
        audio=torch.randn(frames, 23, 80),
        text=torch.randn(40, 384),
        text_mask=torch.ones(40, dtype=torch.bool),
    )


def measure(frames: int, run: str | None, device: str) -> list[dict]:
    """A row per schedule: windows, seconds and frames a second, and the pace over that of the single pass."""
    config = Config()
    machine = open_device(config.compute.model_copy(update={"device": device}))
    side = config.preprocess.resolution // config.autoencoder.factor
    model, task = network(run, config, machine), Inpainting.make("face", config.preprocess.resolution, 6)
    clip = conditions(frames, config.autoencoder.channels, side)
    works = {}
    for name, changes in SCHEDULES.items():
        settings = config.synthesis.model_copy(update=changes)
        generator = WindowedSampler(
            model, task, config.backbone.diffusion, settings, machine, config.training.shared_noise
        )
        works[name] = partial(generator.latents, clip, seed=0)
    times = in_turn(works, ROUNDS, device)
    return [_row(name, frames, times, device) for name in SCHEDULES]


def _row(name: str, frames: int, times: list[dict[str, float]], device: str) -> dict:
    changes = SCHEDULES[name]
    windows = len(window_starts(frames, changes["window"], changes["overlap"])) if changes["window"] else 1
    seconds = statistics.median(row[name] for row in times)
    return {
        "schedule": name,
        "device": device,
        "frames": frames,
        "windows": windows,
        "seconds": round(seconds, 3),
        "frames_per_second": round(frames / seconds, 1),
        "pace_over_single_pass": round(1 / ratios(times, name, "single pass")[0], 2),
    }


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--frames", type=int, default=128)
    parser.add_argument("--model", help="folder of a trained run")
    chosen = parser.parse_args()
    rows = measure(chosen.frames, chosen.model, chosen.device)
    pd.DataFrame(rows).to_csv(OUTPUT, index=False)
    for row in rows:
        print("  ".join(str(value) for value in row.values()))


if __name__ == "__main__":
    main()
