"""Training: pace and loader wait at the default's size, step time, memory and operations at the paper's.

    PYTHONPATH=tests python -m benchmarks.training --scale tiny [--device cuda] [--steps N]
    python -m benchmarks.training --scale paper [--device cuda] [--steps N] [--cut] [--compile] [--channels-last]

`tiny` runs the two stages of config.yaml as they are, on random shards of the default's sizes, with batches drawn in
the step and ahead of it, in turn. `paper` takes steps of the U-Net of config/paper.yaml (random weights; 4 clips of 16
frames, 32 x 32 latents): LatentSync's, EAD-Net, our extensions, and stage 1's frame-wise one; on a CPU, or with
`--cut`, at a fifth of the widths, on one clip and a 16 x 16 grid. Each cell runs in a process of its own; its seconds
(of the CPU, not of the clock, where no GPU is used) are the median after a first step, its memory the peak above what
stood before. Operations are counted for the full size in any case (``benchmarks.training_tables``).

Writes docs/benchmarks/training.csv, in which rows of the other scale or device stay, and training.md from it.
"""

import argparse
import itertools
import json
import multiprocessing
import statistics
import tempfile
from pathlib import Path

import torch

from benchmarks.machine import keep_freed_memory, peak, standing, timed
from benchmarks.paper_networks import (
    DESIGNS,
    Size,
    denoising_loss,
    make_design,
    make_inputs,
    network,
    unet_operations,
)
from benchmarks.training_tables import FULL, PEAK, Row, counts, shown, update
from eadnet.config.machine import Compute
from eadnet.config.networks import Autoencoder, SyncNet, VideoMAE
from eadnet.config.training import Backbone, Training
from eadnet.device import open_device

SMALL = Size(1, 16, 16)
ROUNDS = 2


def main() -> None:
    """Measure, print, write."""
    options = parse()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    update(tiny(options) if options.scale == "tiny" else [*paper(options), *counts()])


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--scale", choices=["tiny", "paper"], default="tiny")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cut", action="store_true", help="paper: a fifth of the widths, always so on a CPU")
    parser.add_argument("--compile", action="store_true", help="paper: torch.compile, too; always so on a GPU")
    parser.add_argument("--channels-last", action="store_true", help="paper: that memory format, too; always on a GPU")
    return parser.parse_args()


# ---------------------------------------------------------------------------------------------------------- tiny
def tiny(options: argparse.Namespace) -> list[Row]:
    """Both stages of config.yaml, with batches drawn in the step and ahead of it, in turn."""
    from tests.support.toy_training import Sizes, write_toy  # stands with the tests

    sizes = Sizes(96, 60, 24, Autoencoder(), SyncNet(), VideoMAE(), Backbone(), tokens=40, text_width=384)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        toy = write_toy(Path(folder), sizes)
        for stage in ("backbone", "run"):
            logs = {prefetch: [] for prefetch in (0, 2)}
            for turn, prefetch in itertools.product(range(ROUNDS), logs):
                output = Path(folder, f"{stage}_{turn}_{prefetch}")
                logs[prefetch] += _stage(stage, toy, output, prefetch, options)
            rows += [_paced(stage, prefetch, log, options) for prefetch, log in logs.items()]
    return rows


def _stage(stage: str, toy: object, output: Path, prefetch: int, options: argparse.Namespace) -> list[dict]:
    """Lines of the scalars of a few real steps, without the first, which starts things up."""
    from eadnet.training.backbone import train_backbone
    from tests.support.toy_training import train_toy

    compute = Compute(device=options.device, prefetch=prefetch)
    cut = {"optimiser": {"steps": options.steps + 1}, "validation": {"every": 0, "batches": 1, "frames": 1, "steps": 1}}
    if stage == "backbone":
        settings = _shortened(Backbone(), cut)
        train_backbone(toy.inputs, settings, compute, 0, toy.supervisors.autoencoder, None, str(output))
    else:
        train_toy(toy, output, _shortened(Training(), cut), compute)
    lines = map(json.loads, (output / "scalars.jsonl").read_text().splitlines())
    return [line for line in lines if "seconds" in line][1:]


def _shortened(section: Backbone | Training, changes: dict[str, dict]) -> Backbone | Training:
    nested = {name: getattr(section, name).model_copy(update=values) for name, values in changes.items()}
    return section.model_copy(update=nested)


def _paced(stage: str, prefetch: int, log: list[dict], options: argparse.Namespace) -> Row:
    settings = Backbone() if stage == "backbone" else Training()
    clips = settings.optimiser.batch_size * settings.processes
    size = Size(clips, settings.frames, 96 // Autoencoder().factor)
    seconds = statistics.median(line["seconds"] for line in log)
    waited = sum(line["loader_seconds"] for line in log) / sum(line["seconds"] for line in log)
    machine = open_device(Compute(device=options.device))
    row = Row(
        "tiny", options.device, f"{stage}, {prefetch} batches ahead", shown(size), _named(machine.precision),
        options.threads, seconds=seconds, samples=clips / seconds, tokens=size.tokens / seconds, wait=waited,
    )  # fmt: skip
    print(f"{row.design:30} {seconds:.3f} s/step, waits {100 * waited:.1f} %", flush=True)
    return row


# --------------------------------------------------------------------------------------------------------- paper
def paper(options: argparse.Namespace) -> list[Row]:
    """Steps of the U-Net in all designs, with and without checkpointing (and compiling, and channels last)."""
    size, cut = (SMALL, True) if options.cut or options.device == "cpu" else (FULL, False)
    compiling = (False, True) if options.compile or options.device == "cuda" else (False,)
    layouts = (False, True) if options.channels_last or options.device == "cuda" else (False,)
    speed = _in_a_process(_matrix_speed, options)
    operations = {design: unet_operations(design, size, cut).operations / 1e12 for design in DESIGNS}
    rows = []
    for design, *how in itertools.product(DESIGNS, (False, True), compiling, layouts):
        way = dict(zip(("checkpointing", "compiled", "channels_last"), how, strict=True))
        measured = _in_a_process(_measure, options, design, size, cut, way)
        row = _row(design, size, way, operations[design], speed, measured, options)
        print(row, flush=True)
        rows.append(row)
    return rows


def _row(
    design: str,
    size: Size,
    way: dict[str, bool],
    operations: float,
    speed: float,
    measured: dict,
    options: argparse.Namespace,
) -> Row:
    seconds = measured.get("seconds")
    paces = {}
    if seconds:
        paces = {"samples": size.batch / seconds, "tokens": size.tokens / seconds, "mfu": operations / seconds / speed}
    how = {"precision": measured["precision"], "threads": options.threads, "tflop": operations}
    how |= {**way, "note": measured.get("note", "")}
    figures = {name: measured.get(name) for name in ("seconds", "megabytes")}
    return Row("paper", options.device, design, shown(size), **how, **figures, **paces)


def _in_a_process(work, *arguments):
    """What a function returns in a fresh process; a fork has torch loaded, but must come before a GPU is used."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=lambda: sender.send(work(*arguments)))
    process.start()
    sender.close()
    try:
        return receiver.recv()
    except EOFError:
        raise SystemExit(f"{work.__name__}{arguments[1:]} failed; its message stands above") from None
    finally:
        process.join()


def _measure(options: argparse.Namespace, design: str, size: Size, cut: bool, way: dict[str, bool]) -> dict:
    """Seconds and peak memory of full steps: forward, backward, AdamW."""
    machine, sizes = open_device(Compute(device=options.device)), network(cut)
    torch.manual_seed(0)
    before = standing(options.device)
    found = {"precision": _named(machine.precision)}
    try:
        layout = torch.channels_last if way["channels_last"] else None
        model = make_design(design, sizes).to(machine.torch_device, memory_format=layout).train()
        model.checkpoint_gradients(way["checkpointing"])
        inputs = make_inputs(size, sizes, options.device)
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
        predict = torch.compile(model) if way["compiled"] else model

        def step() -> None:
            with machine.autocast():
                loss = denoising_loss(model, inputs, predict)
            loss.backward()
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

        times = [timed(step, options.device) for _ in range(options.steps + 1)]
    except torch.OutOfMemoryError:
        return found | {"note": "out of memory"}
    if way["compiled"]:
        found["note"] = f"first step, with compiling: {times[0]:.0f} s"
    return found | {"seconds": statistics.median(times[1:]), "megabytes": (peak(options.device) - before) / 1e6}


def _matrix_speed(options: argparse.Namespace) -> float:
    """TFLOP/s that the machine reaches: its data sheet's, or that of a large matrix product."""
    machine = open_device(Compute(device=options.device))
    if options.device == "cuda":
        name = torch.cuda.get_device_name()
        known = [speed for card, speed in PEAK.items() if card in name]
        if known:
            return known[0]
    side = 8192 if options.device == "cuda" else 1536
    matrix = torch.randn(side, side, device=machine.torch_device, dtype=machine.precision or torch.float32)
    times = [timed(lambda: matrix @ matrix, options.device) for _ in range(6)]
    return 2 * side**3 / min(times) / 1e12


def _named(precision: torch.dtype | None) -> str:
    return str(precision or torch.float32).removeprefix("torch.")


if __name__ == "__main__":
    main()
