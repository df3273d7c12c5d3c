"""Reference values of the picture metrics, made once by the packages that the field uses.

``python -m tests.golden.pictures PACKAGES`` writes ``tests/golden/pictures.json``; PACKAGES is a folder into which
``pip install --no-deps --target PACKAGES lpips==0.1.4 pytorch-fid==0.3.0 clean-fid==0.1.35 torchvision==0.28.0 scipy
tqdm`` installed them. The tests need none of these: they rebuild the same weights and pictures from seeds of NumPy's
frozen `RandomState` and compare.
"""

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

STORED = Path(__file__).with_suffix(".json")
TOLERANCES = {
    "lpips": 1e-5, "inception": 1e-4, "clean": 1e-3, "kid": 1e-9,
    "allow": "another instruction set (from SSE to AVX-512) or number of threads, which sum float32 in another order"
    "; kid: the same in float64, relative",
}  # fmt: skip
TRUNK_SEEDS = {"alex": 11, "vgg": 12}
HEAD_SEED, INCEPTION_SEED, PICTURE_SEED, KERNEL_SEED = 13, 14, 15, 16


def pictures(count: int, height: int, width: int, seed: int = PICTURE_SEED) -> np.ndarray:
    """(count, height, width, 3) uint8: noise in blocks of 4 pixels under finer noise."""
    random = np.random.RandomState(seed)
    coarse = random.randint(0, 256, (count, -(-height // 4), -(-width // 4), 3))
    blocks = coarse.repeat(4, axis=1).repeat(4, axis=2)[:, :height, :width]
    return np.clip(blocks + random.randint(-20, 21, blocks.shape), 0, 255).astype(np.uint8)


def weights(shapes: Mapping[str, torch.Size], seed: int) -> dict[str, torch.Tensor]:
    """Random weights in the order of the names, under which activations neither vanish nor grow."""
    random, made = np.random.RandomState(seed), {}
    for name in sorted(shapes):
        shape = tuple(shapes[name])
        if name.endswith("num_batches_tracked"):
            continue
        values = random.standard_normal(shape)
        if len(shape) > 1:
            values *= math.sqrt(2 / math.prod(shape[1:]))
        elif name.endswith("running_var") or name.endswith("weight"):
            values = 1 + 0.1 * np.tanh(values)
        else:
            values *= 0.1
        made[name] = torch.from_numpy(values.astype(np.float32))
    return made


def heads(widths: tuple[int, ...]) -> dict[str, torch.Tensor]:
    """Random LPIPS heads by their published names."""
    random = np.random.RandomState(HEAD_SEED)
    return {
        f"lin{stage}.model.1.weight": torch.from_numpy(random.uniform(0, 1, (1, width, 1, 1)).astype(np.float32))
        for stage, width in enumerate(widths)
    }


def kernel_features() -> tuple[np.ndarray, np.ndarray]:
    """Two (60, 32) sets of features."""
    random = np.random.RandomState(KERNEL_SEED)
    return random.standard_normal((60, 32)), 1.2 * random.standard_normal((60, 32)) + 0.3


def _load_packages(folder: str) -> torch.library.Library:
    """Make torchvision importable beside a torch that it was not built for: two of its operators are declared."""
    sys.path.insert(0, folder)
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library  # the operators live as long as this does


def _lpips(net: str) -> dict[str, list[float]]:
    import lpips

    found = {}
    for kind, official in (("random_heads", False), ("official_heads", True)):
        model = lpips.LPIPS(net=net, pnet_rand=True, pretrained=official, verbose=False)
        state = model.net.state_dict()
        ours = {name: "features." + name.partition(".")[2] for name in state}  # theirs are slice1.0.weight and so on
        made = weights({ours[name]: value.shape for name, value in state.items()}, TRUNK_SEEDS[net])
        model.net.load_state_dict({name: made[ours[name]] for name in state})
        if not official:
            model.load_state_dict(heads(tuple(model.chns)), strict=False)
        one, other = (torch.from_numpy(pictures(3, 64, 80, seed)).permute(0, 3, 1, 2) / 127.5 - 1 for seed in (1, 2))
        with torch.no_grad():
            found[kind] = [float(model(a[None], b[None])) for a, b in zip(one, other, strict=True)]
    return found


def _inception() -> dict[str, list[list[float]]]:
    from pytorch_fid import inception

    inception.load_state_dict_from_url = lambda *_, **__: None
    built: list[torch.nn.Module] = []
    torch.nn.Module.load_state_dict, load = lambda self, state: built.append(self), torch.nn.Module.load_state_dict
    whole = inception.InceptionV3([3])
    torch.nn.Module.load_state_dict = load
    state = built[0].state_dict()
    shapes = {name: value.shape for name, value in state.items() if not name.startswith("fc.")}
    built[0].load_state_dict(weights(shapes, INCEPTION_SEED), strict=False)
    whole.eval()
    small = torch.from_numpy(pictures(2, 96, 96)).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        features = whole(small)[0].flatten(1)
    return {"features": [[float(f"{value:.7g}") for value in row[::32]] for row in features]}


def _clean() -> list[float]:
    from cleanfid.resize import build_resizer

    resized = build_resizer("clean")(pictures(1, 420, 380)[0])
    return [float(f"{value:.7g}") for value in resized[::23, ::29].flatten()]


def _kernel() -> float:
    """KID of one subset that is the whole of both sets, so that nothing hangs on chance."""
    from cleanfid.fid import kernel_distance

    return kernel_distance(*kernel_features(), num_subsets=1)


def main() -> None:
    """Write the stored values."""
    kept = _load_packages(sys.argv[1])
    packages = "lpips 0.1.4, pytorch-fid 0.3.0, clean-fid 0.1.35, torchvision 0.28.0"
    stored = {"command": "python -m tests.golden.pictures PACKAGES", "packages": packages, "torch": torch.__version__}
    stored |= {"tolerances": TOLERANCES}
    stored |= {"lpips": {net: _lpips(net) for net in TRUNK_SEEDS}, "inception": _inception(), "clean": _clean()}
    stored |= {"kid": _kernel()}
    STORED.write_text(json.dumps(stored, indent=1) + "\n")
    del kept


if __name__ == "__main__":
    main()
