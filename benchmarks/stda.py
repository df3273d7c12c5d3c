"""STDA against full 3-D attention and divided space-time attention; STDA and TFRM against AnimateDiff's layers.

    python -m benchmarks.stda [--device cuda] [--precision bfloat16] [--passes both] [--quick]

The three attentions have 96 channels in 3 heads of 32, one clip, the same projections and the same attention call
(fused where it pays); only STDA carries rotary positions, local convolutions and a gate. Each cell runs in a process
of its own; its seconds are the least of up to 30 passes after the first, its memory the peak above what stood before.
The C library is told to keep freed memory: else large maps pay more for fresh pages than for arithmetic. Cells whose
attention alone would take more than `--limit` TFLOP are skipped.

Writes docs/benchmarks/stda.{csv,png} and temporal_layers.csv (`-cuda` is added to the names on a GPU).
"""

import argparse
import csv
import ctypes
import multiprocessing
import os
import resource
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.peers import DividedAttention, MotionModule
from eadnet.models.extended.stda import ExtendedSTDA
from eadnet.models.extended.tfrm import ExtendedTFRM

CHANNELS, HEAD, RADIUS = 96, 32, 15
DESIGNS: dict[str, Callable[[], nn.Module]] = {
    "STDA": lambda: ExtendedSTDA(CHANNELS, RADIUS, head_width=HEAD),
    "spatial + temporal": lambda: DividedAttention(CHANNELS, CHANNELS // HEAD),
    "full 3-D": lambda: ExtendedSTDA(CHANNELS, RADIUS, "full3d", head_width=HEAD),
}
FOLDER = Path("docs/benchmarks")


@dataclass(frozen=True)
class Cell:
    """One measurement; seconds and megabytes are None where it was skipped, and `note` says why."""

    design: str
    grid: int
    frames: int
    seconds: float | None = None
    megabytes: float | None = None
    note: str = ""


def main() -> None:
    """Measure, print, write."""
    options = parse()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    suffix = "" if options.device == "cpu" else f"-{options.device}"
    grids, lengths = ((16,), (16, 32, 64)) if options.quick else ((16, 32), (16, 32, 64, 128, 256))
    print(f"{options.passes}, {options.precision}, {options.device}, {options.threads} threads, {CHANNELS} channels")
    cells = [report(cell(design, grid, frames, options)) for grid in grids for frames in lengths for design in DESIGNS]
    summarise(cells)
    FOLDER.mkdir(parents=True, exist_ok=True)
    write(FOLDER / f"stda{suffix}.csv", [asdict(cell) for cell in cells])
    draw(FOLDER / f"stda{suffix}.png", cells)
    places = [(96, 16)] if options.quick else [(96, 16), (320, 32)]
    write(FOLDER / f"temporal_layers{suffix}.csv", [overhead(*place, options) for place in places])


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--passes", choices=["forward", "both"], default="forward", help="both: with the backward pass")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=float, default=2.0, help="TFLOP of attention in a cell's forward pass")
    parser.add_argument("--quick", action="store_true", help="16 x 16 grid, up to 64 frames, one overhead")
    return parser.parse_args()


def keep_freed_memory() -> None:
    """Let glibc, where it is the C library, neither map large blocks by themselves nor give memory back."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(-4, 0)  # M_MMAP_MAX
        set_option(-1, 2**31 - 1)  # M_TRIM_THRESHOLD


def cell(design: str, grid: int, frames: int, options: argparse.Namespace) -> Cell:
    """Measure one design in a fresh process, or skip it."""
    pairs = score_pairs(design, grid, frames)
    if 4 * pairs * CHANNELS > options.limit * 1e12:
        gigabytes = 4 * pairs * CHANNELS / HEAD / 1e9
        return Cell(design, grid, frames, note=f"skipped: {gigabytes:.0f} GB of scores, written out or not")
    # a fork has torch loaded; it must happen before this process computes anything on threads or on the GPU
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=measure, args=(sender, design, grid, frames, options))
    process.start()
    sender.close()
    try:
        seconds, megabytes = receiver.recv()
    except EOFError:
        process.join()
        return Cell(design, grid, frames, note=f"failed with exit code {process.exitcode}")
    process.join()
    return Cell(design, grid, frames, seconds, megabytes)


def score_pairs(design: str, grid: int, frames: int) -> int:
    """Query-key pairs of a clip, without those that STDA's blocks compute outside its band."""
    tokens = frames * grid * grid
    seen = {
        "STDA": 2 * grid + min(frames, 2 * RADIUS + 1),
        "spatial + temporal": grid * grid + frames,
        "full 3-D": tokens,
    }
    return tokens * seen[design]


def measure(sender, design: str, grid: int, frames: int, options: argparse.Namespace) -> None:
    """Send the seconds and the megabytes of one design; runs in a process of its own."""
    torch.manual_seed(0)
    module = DESIGNS[design]().to(options.device)
    clip = torch.randn(1, frames, CHANNELS, grid, grid, device=options.device)
    step = steps(module, clip, options)
    before = standing(options.device)
    times = [timed(step, options.device)]
    megabytes = (peak(options.device) - before) / 1e6
    while len(times) <= 30 and sum(times) < 3:
        times.append(timed(step, options.device))
    sender.send((min(times[1:] or times), megabytes))


def steps(module: nn.Module, clip: Tensor, options: argparse.Namespace) -> Callable[[], None]:
    """A function that runs the module once."""
    backward = options.passes == "both"
    clip = clip.requires_grad_(backward)

    def step() -> None:
        with torch.set_grad_enabled(backward), precision(options):
            moved = module(clip)
        if backward:
            moved.backward(torch.ones_like(moved))

    return step


def precision(options: argparse.Namespace) -> AbstractContextManager:
    """Autocast where bfloat16 is asked for."""
    return torch.autocast(options.device, torch.bfloat16, enabled=options.precision == "bfloat16")


def timed(step: Callable[[], None], device: str) -> float:
    """Seconds that one step takes."""
    synchronise(device)
    started = time.perf_counter()
    step()
    synchronise(device)
    return time.perf_counter() - started


def synchronise(device: str) -> None:
    """Wait for the GPU, if it is one."""
    if device == "cuda":
        torch.cuda.synchronize()


def standing(device: str) -> int:
    """Bytes in use now."""
    if device == "cuda":
        return torch.cuda.memory_allocated()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def peak(device: str) -> int:
    """Most bytes that were in use in this process."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def report(cell: Cell) -> Cell:
    """Print a cell and pass it on."""
    figures = cell.note or f"{1000 * cell.seconds:10.1f} ms {cell.megabytes:10.0f} MB"
    print(f"{cell.grid:3} x {cell.grid}  T {cell.frames:4}  {cell.design:20} {figures}", flush=True)
    return cell


def summarise(cells: list[Cell]) -> None:
    """Print STDA's slopes, and the ratios to it of the other designs."""
    measured = {(cell.design, cell.grid, cell.frames): cell for cell in cells if cell.seconds}
    for grid in sorted({cell.grid for cell in cells}):
        own = [cell for cell in measured.values() if cell.design == "STDA" and cell.grid == grid]
        slopes = [slope([(cell.frames, getattr(cell, field)) for cell in own]) for field in ("seconds", "megabytes")]
        print(f"{grid} x {grid}: STDA's log-log slope over T: time {slopes[0]:.2f}, memory {slopes[1]:.2f}")
        for (design, at, frames), peer in measured.items():
            if design != "STDA" and at == grid:
                stda = measured["STDA", grid, frames]
                ratios = f"time x {peer.seconds / stda.seconds:.1f}, memory x {peer.megabytes / stda.megabytes:.1f}"
                print(f"  T {frames:4} {design:20} {ratios}")


def slope(points: list[tuple[float, float]]) -> float:
    """Least-squares slope in log-log."""
    x, y = torch.tensor(points, dtype=torch.float64).log().T
    return float(((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum())


def overhead(channels: int, grid: int, options: argparse.Namespace, frames: int = 16, rounds: int = 5) -> dict:
    """Forward and backward of STDA and TFRM against AnimateDiff's temporal layers, in turn; prints their ratio."""
    both = argparse.Namespace(**vars(options) | {"passes": "both"})
    clip = torch.randn(1, frames, channels, grid, grid, device=options.device)
    modules = {
        "animatediff": MotionModule(channels).to(options.device),
        "stda_tfrm": nn.Sequential(ExtendedSTDA(channels, RADIUS, head_width=HEAD), ExtendedTFRM(channels, 8, 4)).to(
            options.device
        ),
    }
    runs = {name: steps(module, clip.clone(), both) for name, module in modules.items()}
    times = [{name: timed(step, options.device) for name, step in runs.items()} for _ in range(rounds + 1)][1:]
    seconds = {name: statistics.median(row[name] for row in times) for name in runs}
    ratio = statistics.median(row["stda_tfrm"] / row["animatediff"] for row in times)
    print(
        f"C {channels}, {grid} x {grid}, T {frames}, forward and backward: AnimateDiff layers "
        f"{1000 * seconds['animatediff']:.1f} ms, STDA + TFRM {1000 * seconds['stda_tfrm']:.1f} ms, ratio {ratio:.2f}"
    )
    return {"channels": channels, "grid": grid, "frames": frames, **seconds, "ratio": ratio}


def write(path: Path, rows: list[dict]) -> None:
    """A CSV table."""
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(
            {name: f"{value:.4g}" if isinstance(value, float) else value for name, value in row.items()} for row in rows
        )


def draw(path: Path, cells: list[Cell]) -> None:
    """Time and memory over T, a column for each grid."""
    from matplotlib.figure import Figure

    from reports.style import BLUE, GREEN, VERMILION, figure_style

    colours = dict(zip(DESIGNS, (BLUE, GREEN, VERMILION), strict=True))
    grids = sorted({cell.grid for cell in cells})
    with figure_style():
        figure = Figure(figsize=(3.6 * len(grids) + 1, 5.4), layout="constrained")
        axes = figure.subplots(2, len(grids), sharex=True, sharey="row", squeeze=False)
        for row, (field, label) in zip(axes, (("seconds", "Time (s)"), ("megabytes", "Peak memory (MB)")), strict=True):
            row[0].set_ylabel(label)
            for axis, grid in zip(row, grids, strict=True):
                for design, colour in colours.items():
                    line = [(c.frames, getattr(c, field)) for c in cells if (c.design, c.grid) == (design, grid)]
                    axis.plot(*zip(*line, strict=True), "o-", color=colour, label=design, markersize=3.5)
                axis.set_xscale("log", base=2)
                axis.set_yscale("log")
                axis.grid(True, which="major")
        for top, bottom, grid in zip(axes[0], axes[1], grids, strict=True):
            top.set_title(f"{grid} × {grid} grid")
            bottom.set_xlabel("Frames")
            bottom.set_xticks(lengths := sorted({cell.frames for cell in cells}), [str(length) for length in lengths])
        axes[0, 0].legend()
        figure.savefig(path, metadata={"Software": None})


if __name__ == "__main__":
    main()
