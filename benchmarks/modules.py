"""What STDA, TFRM and the fusion cost over LatentSync's U-Net: a step of training, and the forward pass of synthesis.

    python -m benchmarks.modules [--scales tiny cut full] [--device cuda] [--rounds N]

All networks share one set of LatentSync's weights and are run in turn, every round against LatentSync in that round;
the median of the rounds' ratios counts. `tiny` is the network of config.yaml (2 clips of 16 frames, 16 x 16 latents),
`cut` that of config/paper.yaml at a fifth of its widths (1 clip, 16 x 16), `full` at its own widths (1 clip, 8 x 8;
forward only, needs 12 GB). Prints, and writes docs/benchmarks/modules.csv (`modules-cuda.csv` on a GPU), in which rows
of other scales stay.
"""

import argparse
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from benchmarks.machine import Work, in_turn, keep_freed_memory, ratios
from benchmarks.paper_networks import CHANNELS, TEXT, Size, make_inputs, network
from eadnet.config.configuration import Config
from eadnet.config.networks import Network
from eadnet.device import Device, open_device
from eadnet.models.unet.levels import Modules
from eadnet.models.unet.unet import EADNet

BASE = "LatentSync"
DESIGNS = {
    BASE: Modules(),
    "+ STDA": Modules(stda="published"),
    "+ TFRM": Modules(tfrm="published"),
    "+ fusion": Modules(fusion="added"),
    "EAD-Net (all three)": Modules("published", "published", "added"),
    "extended (all three of ours)": Modules("extended", "extended", "decoupled"),
    "+ full 3-D attention": Modules(stda="full3d"),
}
FOLDER = Path(__file__).resolve().parent.parent / "docs/benchmarks"


@dataclass(frozen=True)
class Scale:
    """A network's sizes with what it is shown; `learns`: training steps are measured, too."""

    network: Network
    latents: int
    audio: str
    text: tuple[int, int]
    size: Size
    learns: bool = True


SCALES: dict[str, Callable[[], Scale]] = {
    "tiny": lambda: Scale(Config().backbone.network, Config().autoencoder.channels, "mel", (40, 384), Size(2, 16, 16)),
    "cut": lambda: Scale(network(cut=True), CHANNELS, "whisper", TEXT, Size(1, 16, 16)),
    "full": lambda: Scale(network(cut=False), CHANNELS, "whisper", TEXT, Size(1, 16, 8), learns=False),
}


def main() -> None:
    """Measure, print, write."""
    options = parse()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    machine = open_device(Config().compute.model_copy(update={"device": options.device}))
    rows = [row for name in options.scales for row in measure(name, SCALES[name](), machine, options.rounds)]
    write(FOLDER / ("modules.csv" if options.device == "cpu" else f"modules-{options.device}.csv"), pd.DataFrame(rows))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scales", nargs="+", choices=SCALES, default=list(SCALES))
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    return parser.parse_args()


def measure(name: str, scale: Scale, machine: Device, rounds: int) -> list[dict]:
    """A row for each kind of pass and design of a scale."""
    models = make_models(scale, machine)
    inputs = make_inputs(scale.size, scale.network, str(machine.torch_device), scale.latents, scale.audio, scale.text)
    found = []
    for work in ("step", "frame") if scale.learns else ("frame",):
        run = training_step if work == "step" else synthesis_pass
        works = {design: run(model, inputs, machine) for design, model in models.items()}
        times = in_turn(works, rounds, machine.torch_device.type)
        found += [_row(name, scale, work, design, times, models) for design in DESIGNS]
    return found


def make_models(scale: Scale, machine: Device) -> dict[str, EADNet]:
    """All designs; what they have of LatentSync's is the same tensors, so that memory holds it once."""
    torch.manual_seed(0)
    arguments = (scale.network, scale.latents, scale.audio, scale.text[1])
    base = EADNet(*arguments).to(machine.torch_device)
    shared, models = base.state_dict(keep_vars=True), {BASE: base}
    for design in list(DESIGNS)[1:]:
        with torch.device("meta"):
            model = EADNet(*arguments, DESIGNS[design])
        new = {
            key: torch.randn(value.shape, device=machine.torch_device) / 50
            for key, value in model.state_dict().items()
            if key not in shared
        }
        model.load_state_dict(shared | new, assign=True)
        models[design] = model.requires_grad_(True)
    return models


def training_step(model: EADNet, inputs: tuple[torch.Tensor, ...], machine: Device) -> Work:
    """Forward and backward pass."""

    def run() -> None:
        with machine.autocast():
            loss = model(*inputs).square().mean() + model.graph_regulariser()
        loss.backward()
        model.zero_grad(set_to_none=True)

    return run


def synthesis_pass(model: EADNet, inputs: tuple[torch.Tensor, ...], machine: Device) -> Work:
    """Forward pass alone."""

    def run() -> None:
        with torch.inference_mode(), machine.autocast():
            model(*inputs)

    return run


def _row(
    name: str, scale: Scale, work: str, design: str, times: list[dict[str, float]], models: dict[str, EADNet]
) -> dict:
    ratio, lower, upper = ratios(times, design, BASE)
    size, seconds = scale.size, statistics.median(row[design] for row in times)
    parameters = sum(parameter.numel() for parameter in models[design].parameters())
    per = seconds if work == "step" else seconds / (size.batch * size.frames)
    print(f"{name:5} {work:5} {design:29} {1000 * per:9.1f} ms  x {ratio:.3f} ({lower:.3f} to {upper:.3f})", flush=True)
    return {
        "scale": name,
        "size": f"{size.batch} x {size.frames} x {size.side}²",
        "pass": work,
        "design": design,
        "parameters_m": round(parameters / 1e6, 3),
        "milliseconds": f"{1000 * per:.4g}",
        "over_latentsync": round(ratio, 3),
        "lower_quartile": round(lower, 3),
        "upper_quartile": round(upper, 3),
        "rounds": len(times),
    }


def write(path: Path, rows: pd.DataFrame) -> None:
    """Put rows into the table in place of those of the same scales."""
    if path.exists():
        kept = pd.read_csv(path)
        rows = pd.concat([kept[~kept["scale"].isin(rows["scale"])], rows])
    order = rows["scale"].map(list(SCALES).index)
    rows.iloc[order.argsort(kind="stable")].to_csv(path, index=False)


if __name__ == "__main__":
    main()
