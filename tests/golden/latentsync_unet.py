"""Reference outputs of LatentSync's own U-Net, made once by its code: ``tests/golden/latentsync_unet.json``.

To make them again, check bytedance/LatentSync out at ``COMMIT``, install its ``diffusers==0.32.2 einops==0.7.0
transformers==4.48.0`` and ``torch omegaconf`` into an environment of their own, and run there (a minute, 6 GB)

    python -m tests.golden.latentsync_unet CHECKOUT

The tests need none of it. Weights and inputs follow from names, shapes and positions by whole-number arithmetic and
single float32 products, so that they are the same bits on every machine and under every version of PyTorch. Layers that
LatentSync starts at zero are not zero here: every tensor acts on the output.

Shape legend: B clips, T frames, H, W latent grid, S audio tokens of a frame, C channels.
"""

import argparse
import hashlib
import json
import math
import re
import sys
import types
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

STORED = Path(__file__).with_suffix(".json")
REPOSITORY, COMMIT = "bytedance/LatentSync", "a229c3948406bc2cf6eaf4873e662e70c6a04746"
SETTINGS = "configs/unet/stage2.yaml"
LATENTS, INPUTS, TOKENS, AUDIO, PLACES = 4, 13, 50, 384, 24
"""Latent and input channels, audio tokens of a frame and their width, stored positions of the motion modules."""
HEIGHT, WIDTH = 16, 8
TIMES = (501, 17)
"""Diffusion times of the clips of a batch."""
SAMPLES, STRIDE = 128, 613
"""Stored values of an output, and the prime that leads from one to the next."""
PERIOD = 1048573
"""Length of the noise that all tensors are cut from: prime, so that no two rows of a weight are alike."""


BEFORE_NORMS = re.compile(
    r"(conv_in|conv[12]|time_emb_proj|proj_(in|out)|to_out\.0|net\.2)\.|(conv|conv_shortcut)\.bias"
)
"""Names of what makes or adds to the values that norms see."""


@dataclass(frozen=True)
class Case:
    """One forward pass. With a `loudness` of 0.01 norms see values so small that their epsilons show in the output."""

    widths: tuple[int, ...]
    frames: int
    clips: int = 1
    loudness: float = 1.0


PUBLISHED, NARROW = (320, 640, 1280, 1280), (32, 64, 128, 128)
CASES = {
    "published": Case(PUBLISHED, 16),
    "narrow_1": Case(NARROW, 1),
    "narrow_7": Case(NARROW, 7),
    "narrow_7_two_clips": Case(NARROW, 7, clips=2),
    "narrow_16": Case(NARROW, 16),
    "narrow_24": Case(NARROW, 24),
    "narrow_7_faint": Case(NARROW, 7, loudness=0.01),
}


@cache
def _noise() -> np.ndarray:
    """(2 * PERIOD,) float32 of mean 0 and variance 1, twice: the scrambled bits of 1, 2, 3 ..., evenly spread."""
    bits = np.arange(1, PERIOD + 1, dtype=np.uint64)
    for factor in (0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93):
        bits *= np.uint64(factor)
        bits ^= bits >> np.uint64(32)
    centred = (bits >> np.uint64(40)).astype(np.float32) * np.float32(2**-23) - np.float32(1)
    return np.tile(centred * np.float32(math.sqrt(3)), 2)


def noise(name: str, shape: tuple[int, ...], scale: float = 1.0) -> Tensor:
    """Float32 of mean 0 and standard deviation `scale`, cut from where the name's CRC-32 points, again and again."""
    first = zlib.crc32(name.encode()) % PERIOD
    cut = _noise()[first : first + min(math.prod(shape), PERIOD)] * np.float32(scale)
    return torch.from_numpy(np.resize(cut, shape))


def weight(name: str, shape: tuple[int, ...], loudness: float = 1.0) -> Tensor:
    """A parameter: by fan-in, norms around one, biases around zero; a motion module's positions as LatentSync's."""
    if name.endswith("pos_encoder.pe"):
        return positions(shape[-1])
    gain = loudness if BEFORE_NORMS.search(name) else 1.0
    if len(shape) > 1:
        return noise(name, shape, gain / math.sqrt(math.prod(shape[1:])))
    return noise(name, shape, 0.1 * gain) + float(name.endswith("weight"))


def positions(width: int) -> Tensor:
    """(1, 24, width) sinusoids: sine in even and cosine in odd channels, from rate 1 to 1/10000."""
    angles = np.arange(PLACES)[:, None] * 10000.0 ** (-np.arange(0, width, 2) / width)
    both = np.stack([np.sin(angles), np.cos(angles)], -1).reshape(1, PLACES, width)
    return torch.from_numpy(both.astype(np.float32))


def inputs(case: Case) -> tuple[Tensor, Tensor, Tensor]:
    """(B, T, 13, H, W) latents whose contrast differs from frame to frame, (B,) times, (B, T, S, 384) audio tokens."""
    latents = noise("latents", (case.clips, case.frames, INPUTS, HEIGHT, WIDTH))
    contrast = 0.5 + torch.arange(case.frames) % 4 / 2
    times = torch.tensor(TIMES[: case.clips])
    return latents * contrast[:, None, None, None], times, noise("audio", (case.clips, case.frames, TOKENS, AUDIO))


def summary(output: Tensor) -> dict[str, Any]:
    """Shape, mean, standard deviation and sampled values of a (B, T, z, H, W) output, with their flat indices."""
    flat = output.flatten().double()
    indices = [number * STRIDE % len(flat) for number in range(SAMPLES)]
    values = [float(f"{value:.8g}") for value in flat[indices].tolist()]
    return {
        "shape": list(output.shape),
        "mean": flat.mean().item(),
        "standard_deviation": flat.std().item(),
        "indices": indices,
        "values": values,
    }


def digest(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """SHA-256 of the sorted names with their shapes."""
    lines = (f"{name} {'x'.join(map(str, shapes[name]))}\n" for name in sorted(shapes))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


# ---------------------------------------------------------------------------------------------- with LatentSync's code
def main() -> None:
    """Write the reference values."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkout", type=Path, help="folder of bytedance/LatentSync at COMMIT")
    checkout = parser.parse_args().checkout
    torch.set_num_threads(1)
    stored = provenance()
    network = latentsync(checkout, PUBLISHED)
    stored |= {
        "tensors": len(network.state_dict()),
        "shapes": digest(_shapes(network)),
        "positions": _positions(network),
    }
    stored["outputs"] = {}
    for name, case in CASES.items():
        if name != "published":
            network = latentsync(checkout, case.widths, case.loudness)
        stored["outputs"][name] = summary(predicted(network, case))
        print(name, {key: stored["outputs"][name][key] for key in ("shape", "mean", "standard_deviation")}, flush=True)
    STORED.write_text(_lines(stored))


def provenance() -> dict[str, Any]:
    """What made the values, and what they allow for."""
    import diffusers
    import einops

    versions = f"torch {torch.__version__}, diffusers {diffusers.__version__}, einops {einops.__version__}"
    return {
        "code": f"{REPOSITORY}@{COMMIT}: latentsync/models/unet.py UNet3DConditionModel with {SETTINGS}",
        "command": "python -m tests.golden.latentsync_unet CHECKOUT",
        "versions": f"{versions}, numpy {np.__version__}, float32 on a CPU, one thread",
        "changes": "latentsync.utils.util, which reads video files, is an empty module with the name zero_rank_log; "
        "block_out_channels as named by the case; motion modules and conv_in, conv_out not left at zero",
        "tolerance": 1e-4,
        "allow": "relative to the norm of all values: another instruction set (from SSE to AVX-512), number of threads "
        "or order of sums in float32",
    }


def latentsync(checkout: Path, widths: tuple[int, ...], loudness: float = 1.0) -> torch.nn.Module:
    """LatentSync's U-Net with our weights; its positions stay its own."""
    from omegaconf import OmegaConf

    video_reading = types.ModuleType("latentsync.utils.util")
    video_reading.zero_rank_log = None
    sys.modules.setdefault(video_reading.__name__, video_reading)
    if str(checkout) not in sys.path:
        sys.path.insert(0, str(checkout))
    from latentsync.models.unet import UNet3DConditionModel

    settings = OmegaConf.to_container(OmegaConf.load(checkout / SETTINGS).model)
    network = UNet3DConditionModel.from_config(settings | {"block_out_channels": list(widths)}).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(weight(name, tuple(parameter.shape), loudness))
    return network


def predicted(network: torch.nn.Module, case: Case) -> Tensor:
    """(B, T, z, H, W) output of LatentSync's U-Net, which itself has channels before frames."""
    latents, times, audio = inputs(case)
    with torch.no_grad():
        return network(latents.transpose(1, 2), times, encoder_hidden_states=audio).sample.transpose(1, 2)


def _shapes(network: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def _positions(network: torch.nn.Module) -> list[float]:
    """The last place in the first motion module's table."""
    tables = {name: value for name, value in network.named_buffers() if name.endswith("pos_encoder.pe")}
    return [float(f"{value:.8g}") for value in next(iter(tables.values()))[0, -1].tolist()]


def _lines(stored: dict[str, Any]) -> str:
    """JSON with one line an entry."""
    outputs = ",\n".join(f'  "{name}": {json.dumps(output)}' for name, output in stored["outputs"].items())
    rest = [f' "{key}": {json.dumps(value)}' for key, value in stored.items() if key != "outputs"]
    return "{\n" + ",\n".join([*rest, f' "outputs": {{\n{outputs}\n }}']) + "\n}\n"


if __name__ == "__main__":
    main()
