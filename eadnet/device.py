"""Where networks run and in which precision: devices, autocast, deterministic algorithms, data-parallel groups."""

import os
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache

import torch

from eadnet.config.machine import Compute

TYPES = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


class DeviceError(ValueError):
    """The machine cannot do what the settings ask; the message names the key and the fix."""


@dataclass(frozen=True)
class Device:
    """This process's share of the hardware.

    Attributes:
        torch_device: where networks run.
        precision: autocast type, None for float32.
        rank, world: position in the data-parallel group, whose other members run the same code.
    """

    torch_device: torch.device = torch.device("cpu")
    precision: torch.dtype | None = None
    rank: int = 0
    world: int = 1

    def autocast(self) -> AbstractContextManager:
        """Mixed precision, or nothing in float32."""
        return torch.autocast(self.torch_device.type, dtype=self.precision, enabled=self.precision is not None)


CPU = Device()
"""One process on the processor, in float32."""


def open_device(compute: Compute, join: bool = False) -> Device:
    """What `compute` describes, for a process of its own: how all of it computes is settled, too (`settle`).

    Args:
        compute: device and precision; `auto` picks.
        join: whether to join the data-parallel group that ``torchrun`` started, if it did.

    Raises:
        DeviceError: no GPU where one is requested, or float16 on a CPU.
    """
    settle(compute.deterministic, compute.tf32)
    return find_device(compute, join)


def find_device(compute: Compute, join: bool = False) -> Device:
    """What `compute` describes; nothing else of the process is changed.

    Args:
        compute: device and precision; `auto` picks.
        join: as of `open_device`.

    Raises:
        DeviceError: as of `open_device`.
    """
    rank, world = (int(os.environ.get(name, default)) for name, default in (("RANK", "0"), ("WORLD_SIZE", "1")))
    rank, world = (rank, world) if join else (0, 1)
    name = compute.device
    if name == "auto":
        name = automatic()
    if name == "cuda" and not torch.cuda.is_available():
        raise DeviceError("compute.device is cuda, but torch sees no GPU; set it to auto or cpu")
    device = torch.device(name, int(os.environ.get("LOCAL_RANK", "0")) if name == "cuda" else None)
    if join and world > 1:
        _join_group(device)
    return Device(device, _precision(compute.precision, device), rank, world)


@cache
def automatic() -> str:
    """`cuda` where torch sees a GPU, else `cpu`; says so where the job was given one that torch cannot use."""
    if torch.cuda.is_available():
        return "cuda"
    given = os.environ.get("CUDA_VISIBLE_DEVICES", "-1")
    if given not in ("", "-1", "NoDevFiles"):
        built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built without CUDA"
        print(
            f"warning: this job was given GPU {given}, but torch {torch.__version__}, {built}, sees none: it runs on "
            "the CPU; compare the driver that nvidia-smi names with the torch that make environment installs",
            file=sys.stderr, flush=True,
        )  # fmt: skip
    return "cpu"


def moved(current: Device, device: str | torch.device | None = None, dtype: torch.dtype | None = None) -> Device:
    """Another place, autocast type or both.

    Args:
        current: what is to be changed.
        device: `cpu`, `cuda` or a numbered GPU; None keeps it.
        dtype: float32, bfloat16 or float16; None keeps it.

    Raises:
        DeviceError: a device that is not there, or a type that it lacks.
    """
    device = current.torch_device if device is None else _present(device)
    precision = current.precision if dtype is None else dtype
    if precision not in (torch.float32, *TYPES.values()):
        raise DeviceError(f"dtype {precision}: give torch.float32, torch.bfloat16 or torch.float16")
    if precision == torch.float16 and device.type == "cpu":
        raise DeviceError("dtype torch.float16 needs a GPU; give torch.bfloat16 or torch.float32 on a CPU")
    if precision == torch.bfloat16 and device.type == "cuda" and torch.cuda.get_device_capability(device)[0] < 8:
        name = torch.cuda.get_device_name(device)
        raise DeviceError(f"dtype torch.bfloat16: {name} lacks it; give torch.float16 or torch.float32")
    return replace(current, torch_device=device, precision=None if precision == torch.float32 else precision)


def _present(device: str | torch.device) -> torch.device:
    """The device, where this machine has it."""
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError):
        raise DeviceError(f"device {device!r}: give cpu, cuda or a numbered GPU such as cuda:0") from None
    count = torch.cuda.device_count()
    if found.type not in ("cpu", "cuda"):
        raise DeviceError(f"device {found}: networks run on cpu or cuda")
    if found.type == "cuda" and (found.index or 0) >= count:
        raise DeviceError(
            f"device {found}: torch sees {count or 'no'} GPU{'s' * (count > 1)}; give one of these or cpu"
        )
    return found


def leave(device: Device) -> None:
    """Leave the data-parallel group, if one was joined."""
    if device.world > 1:
        torch.distributed.destroy_process_group()


def has_native_bfloat16() -> bool:
    """Whether this CPU has bfloat16 instructions, and torch may use them (ATEN_CPU_CAPABILITY can forbid it).

    Without them bfloat16 is emulated, and slower than float32.
    """
    allowed = torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    return allowed and bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def settle(deterministic: bool = True, tf32: bool = False) -> None:
    """Use deterministic algorithms, and one attention for all passes.

    The transformer layers' fast path, which torch takes without gradients only, rounds otherwise, so that a loss
    between equal pictures would not be zero.

    Args:
        deterministic: whether every operation must give the same bits again; else the fastest is taken.
        tf32: whether GPUs may round the factors of float32 products and convolutions to TF32's ten bits.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic with it only
    torch.use_deterministic_algorithms(deterministic, warn_only=torch.cuda.is_available())
    torch.backends.mha.set_fastpath_enabled(False)
    # both are set, since torch's own defaults differ: convolutions in TF32, products not
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32


def _precision(name: str, device: torch.device) -> torch.dtype | None:
    if name == "auto":
        native = device.type == "cuda" or has_native_bfloat16()
        return torch.bfloat16 if native else None
    if name == "float16" and device.type == "cpu":
        raise DeviceError("compute.precision float16 needs a GPU; use bfloat16, float32 or auto on a CPU")
    return TYPES[name]


def _join_group(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.set_device(device)
    else:
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
