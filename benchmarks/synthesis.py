"""Synthesis: latent frames a second in one pass, and in windows as LatentSync, AniPortrait and we use them.

    python -m benchmarks.synthesis [--device cuda] [--frames 128] [--model results/runs/full/0]
    python -m benchmarks.synthesis --batches [--device cuda] [--frames 64] [--threads 2]

The network of config.yaml with the paper's modules (random weights unless a run is named), two DDIM steps, guidance of
1.5 in two passes: all schedules do the same work a frame and window. Rounds go through the schedules in turn, so that a
drifting machine drifts for all; the median of a schedule's rounds counts, in CPU time (on a GPU, the clock's). Writes
docs/benchmarks/synthesis.csv.

`--batches` takes windows of 16 only, with 1 to 16 windows and passes in a forward (``compute.sample_batch``): the
network of config.yaml, and that of config/paper.yaml (on a CPU at a fifth of its widths, half its grid and half the
frames, whole on a GPU). It also says how far results differ from those of one by one. Writes
docs/benchmarks/synthesis_batches.csv, in which rows of other threads or devices stay.
"""

import argparse
import statistics
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import torch

from benchmarks.machine import in_turn, ratios
from benchmarks.paper_networks import CHANNELS, EADNET, TEXT, make_design
from benchmarks.paper_networks import network as paper_sizes
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
BATCHES = (1, 2, 4, 8, 16)
BATCHED = OUTPUT.with_name("synthesis_batches.csv")


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


def batches(frames: int, device: str) -> list[dict]:
    """A row per network and batch: frames a second, the pace over one by one, and the largest difference from it."""
    config = Config()
    machine = open_device(config.compute.model_copy(update={"device": device}))
    side = config.preprocess.resolution // config.autoencoder.factor
    torch.manual_seed(0)
    tiny, paper = network(None, config, machine), make_design(EADNET, paper_sizes(cut=device == "cpu"))
    for model in (tiny, paper):  # no weight is zero, so that every module acts
        for parameter in model.parameters():
            parameter.data += 0.02 * torch.randn(parameter.shape, device=parameter.device)
    paper = paper.to(machine.torch_device).eval().requires_grad_(False)
    grid, shorter = (16, frames // 2) if device == "cpu" else (32, frames)
    heard = replace(
        conditions(shorter, CHANNELS, grid), audio=torch.randn(shorter, 10, 5 * 384), text=torch.randn(*TEXT),
        text_mask=torch.ones(TEXT[0], dtype=torch.bool),
    )  # fmt: skip
    clips = {"config.yaml": (tiny, conditions(frames, config.autoencoder.channels, side), side)}
    clips["config/paper.yaml" + ", cut" * (device == "cpu")] = (paper, heard, grid)
    return [row for name, clip in clips.items() for row in _batched(name, *clip, config, machine)]


def _batched(name: str, model: EADNet, clip: Conditions, side: int, config: Config, machine: Device) -> list[dict]:
    task, made = Inpainting.make("face", 8 * side, 8), {}

    def work(batch: int) -> None:
        shared, process = config.training.shared_noise, config.backbone.diffusion
        sampler = WindowedSampler(model, task, process, config.synthesis, machine, shared, batch)
        made[batch] = sampler.latents(clip, seed=0).float().cpu()

    frames, device = len(clip.masked), machine.torch_device.type
    times = in_turn({str(batch): partial(work, batch) for batch in BATCHES}, 2, device)
    return [
        {
            "network": name, "device": device, "precision": str(machine.precision or torch.float32)[6:],
            "threads": torch.get_num_threads(), "frames": frames, "batch": batch,
            "frames_per_second": round(frames / statistics.median(row[str(batch)] for row in times), 2),
            "pace_over_one_by_one": round(1 / ratios(times, str(batch), "1")[0], 2),
            "largest_difference": f"{(made[batch] - made[1]).abs().max():.2g}",
        }
        for batch in BATCHES
    ]  # fmt: skip


def _kept(rows: list[dict]) -> list[dict]:
    """The table's rows of other devices and threads, then these."""
    same = {(row["device"], row["threads"]) for row in rows}
    old = pd.read_csv(BATCHED).to_dict("records") if BATCHED.exists() else []
    return [row for row in old if (row["device"], row["threads"]) not in same] + rows


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--frames", type=int, default=128)
    parser.add_argument("--model", help="folder of a trained run")
    parser.add_argument("--batches", action="store_true", help="windows and passes in a forward")
    parser.add_argument("--threads", type=int, help="of torch; its own choice unless given")
    chosen = parser.parse_args()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    if chosen.batches:
        rows = batches(chosen.frames, chosen.device)
        pd.DataFrame(_kept(rows)).to_csv(BATCHED, index=False)
    else:
        rows = measure(chosen.frames, chosen.model, chosen.device)
        pd.DataFrame(rows).to_csv(OUTPUT, index=False)
    for row in rows:
        print("  ".join(str(value) for value in row.values()))


if __name__ == "__main__":
    main()
