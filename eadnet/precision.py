"""Numerical settings of training and synthesis on CPU and GPU."""

from contextlib import AbstractContextManager

import torch


def autocast() -> AbstractContextManager:
    """bfloat16 autocast where the processor computes it natively, else none: emulation would be slower than float32."""
    if torch.cuda.is_available():
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=has_native_bfloat16())


def has_native_bfloat16() -> bool:
    """Whether this CPU has bfloat16 instructions."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def settle() -> None:
    """Use deterministic algorithms and the math attention: CPU flash attention is slow backwards in bfloat16."""
    torch.use_deterministic_algorithms(True)
    torch.backends.cuda.enable_flash_sdp(False)
