"""How time and memory of STDA and TFRM grow with the map and with the clip, beside attention of other kinds.

    python -m benchmarks.scaling [--device cuda] [--precision bfloat16] [--passes both] [--quick]

One clip of 96 channels: 16 frames on grids of 8 to 128 pixels a side, then 16 to 256 frames on 16 x 16. The attentions
have 3 heads of 32 and the same attention call (fused where it pays); ours carries rotary positions, local convolutions
and a gate. Each cell runs in a process of its own; its seconds are the least of up to 30 passes after the first, its
memory the peak above what stood before. Cells whose attention alone would take more than `--limit` TFLOP are skipped.

Prints slopes in log-log; writes docs/benchmarks/scaling.{csv,png} (`-cuda` is added to the names on a GPU).
"""

import argparse
import csv
import multiprocessing
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.machine import Work, keep_freed_memory, peak, standing, timed
from benchmarks.peers import DividedAttention
from eadnet.models.extended.stda import ExtendedSTDA
from eadnet.models.temporal.stda import STDA
from eadnet.models.temporal.tfrm import TFRM

CHANNELS, HEAD, RADIUS = 96, 32, 15
FRAMES, GRID = 16, 16
"""The one where the other grows."""


class OnClips(nn.Module):
    """Runs a module of maps (F, C, H, W) on a clip."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, maps_BTCHW: Tensor) -> Tensor:
        """Returns maps of the same shape."""
        return self.module(maps_BTCHW.flatten(0, 1)).view_as(maps_BTCHW)


DESIGNS: dict[str, Callable[[], nn.Module]] = {
    "STDA": lambda: OnClips(STDA(CHANNELS)),
    "TFRM": lambda: TFRM(CHANNELS),
    "extended STDA": lambda: ExtendedSTDA(CHANNELS, RADIUS, head_width=HEAD),
    "spatial + temporal": lambda: DividedAttention(CHANNELS, CHANNELS // HEAD),
    "full 3-D": lambda: ExtendedSTDA(CHANNELS, RADIUS, "full3d", head_width=HEAD),
}
FOLDER = Path(__file__).resolve().parent.parent / "docs/benchmarks"


@dataclass(frozen=True)
class Cell:
    """One measurement; seconds and megabytes are None where it was skipped, and `note` has the cause."""

    grows: str
    design: str
    grid: int
    frames: int
    seconds: float | None = None
    megabytes: float | None = None
    note: str = ""

    @property
    def extent(self) -> int:
        """Pixels of a frame, or frames: what grows."""
        return self.grid**2 if self.grows == "map" else self.frames


def main() -> None:
    """Measure, print, write."""
    options = parse()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    grids, lengths = ((8, 16, 32), (16, 32, 64)) if options.quick else ((8, 16, 32, 64, 128), (16, 32, 64, 128, 256))
    places = [("map", grid, FRAMES) for grid in grids] + [("clip", GRID, frames) for frames in lengths]
    print(f"{options.passes}, {options.precision}, {options.device}, {options.threads} threads, {CHANNELS} channels")
    cells = [report(cell(design, *place, options)) for place in places for design in DESIGNS]
    summarise(cells)
    suffix = "" if options.device == "cpu" else f"-{options.device}"
    FOLDER.mkdir(parents=True, exist_ok=True)
    write(FOLDER / f"scaling{suffix}.csv", cells)
    draw(FOLDER / f"scaling{suffix}.png", cells)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--passes", choices=["forward", "both"], default="forward", help="both: with the backward pass")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--limit", type=float, default=0.5, help="TFLOP of attention in a cell's forward pass")
    parser.add_argument("--quick", action="store_true", help="grids up to 32 x 32, clips up to 64 frames")
    return parser.parse_args()


def cell(design: str, grows: str, grid: int, frames: int, options: argparse.Namespace) -> Cell:
    """Measure one design in a fresh process, or skip it."""
    operations = 4 * score_pairs(design, grid, frames) * CHANNELS / 1e12
    if operations > options.limit:
        return Cell(grows, design, grid, frames, note=f"skipped: {operations:.1f} TFLOP of attention")
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
        return Cell(grows, design, grid, frames, note=f"failed with exit code {process.exitcode}")
    process.join()
    return Cell(grows, design, grid, frames, seconds, megabytes)


def score_pairs(design: str, grid: int, frames: int) -> int:
    """Query-key pairs of a clip, without those that blocks compute outside the extended STDA's band."""
    tokens = frames * grid * grid
    seen = {
        "extended STDA": 2 * grid + min(frames, 2 * RADIUS + 1),
        "spatial + temporal": grid * grid + frames,
        "full 3-D": tokens,
    }
    return tokens * seen.get(design, 0)


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


def steps(module: nn.Module, clip: Tensor, options: argparse.Namespace) -> Work:
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
    """Autocast where bfloat16 is requested."""
    return torch.autocast(options.device, torch.bfloat16, enabled=options.precision == "bfloat16")


def report(cell: Cell) -> Cell:
    """Print a cell and pass it on."""
    figures = cell.note or f"{1000 * cell.seconds:10.2f} ms {cell.megabytes:10.0f} MB"
    print(f"{cell.grid:3} x {cell.grid:<3}  T {cell.frames:4}  {cell.design:20} {figures}", flush=True)
    return cell


def summarise(cells: list[Cell]) -> None:
    """Print every design's slopes, and its ratios to STDA at the largest place that both were measured at."""
    for grows, name in (("map", "pixels"), ("clip", "frames")):
        own = {c.extent: c for c in cells if (c.grows, c.design) == (grows, "STDA")}
        for design in DESIGNS:
            line = [c for c in cells if (c.grows, c.design) == (grows, design) and c.seconds]
            slopes = [slope([(c.extent, getattr(c, field)) for c in line]) for field in ("seconds", "megabytes")]
            last = line[-1]
            ratio = last.seconds / own[last.extent].seconds
            print(
                f"over {line[0].extent} to {last.extent} {name}: {design:20} slope of time {slopes[0]:.2f}, of memory "
                f"{slopes[1]:.2f}; at {last.extent} {ratio:.1f} times STDA's time"
            )


def slope(points: list[tuple[float, float]]) -> float:
    """Least-squares slope in log-log."""
    x, y = torch.tensor(points, dtype=torch.float64).log().T
    return float(((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum())


def write(path: Path, cells: list[Cell]) -> None:
    """A CSV table."""
    rows = [asdict(cell) for cell in cells]
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(
            {name: f"{value:.4g}" if isinstance(value, float) else value for name, value in row.items()} for row in rows
        )


def draw(path: Path, cells: list[Cell]) -> None:
    """Time and memory, a column for what grows, beside a line that is linear in it."""
    from matplotlib.figure import Figure

    from reports.style import BLUE, GREEN, MUTED, ORANGE, PURPLE, VERMILION, figure_style

    colours = dict(zip(DESIGNS, (BLUE, ORANGE, PURPLE, GREEN, VERMILION), strict=True))
    titles = {
        "map": (f"A larger map ({FRAMES} frames)", "Pixels of the map", lambda cell: f"{cell.grid}²"),
        "clip": (f"A longer clip ({GRID} × {GRID})", "Frames", lambda cell: str(cell.frames)),
    }
    with figure_style():
        figure = Figure(figsize=(8.2, 6), layout="constrained")
        axes = figure.subplots(2, 2, sharex="col", sharey="row")
        for column, (grows, (title, name, shown)) in zip(axes.T, titles.items(), strict=True):
            here = [cell for cell in cells if cell.grows == grows]
            for axis, (field, unit) in zip(column, (("seconds", 1000), ("megabytes", 1)), strict=True):
                for design, colour in colours.items():
                    line = [cell for cell in here if cell.design == design and cell.seconds]
                    values = [unit * getattr(cell, field) for cell in line]
                    axis.plot([cell.extent for cell in line], values, "o-", color=colour, label=design, markersize=3.5)
                own = [cell for cell in here if cell.design == "STDA"]
                last = unit * getattr(own[-1], field)
                linear = [last * cell.extent / own[-1].extent for cell in own]
                axis.plot([cell.extent for cell in own], linear, ":", color=MUTED, label="linear", zorder=0)
                axis.set_xscale("log", base=2)
                axis.set_yscale("log")
                axis.minorticks_off()
            column[1].set_xticks([cell.extent for cell in own], [shown(cell) for cell in own])
            column[0].set_title(title)
            column[1].set_xlabel(name)
        axes[0, 0].set_ylabel("Time (CPU ms)" if "cuda" not in path.name else "Time (ms)")
        axes[1, 0].set_ylabel("Peak memory (MB)")
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=6)
        figure.savefig(path, metadata={"Software": None})


if __name__ == "__main__":
    main()
