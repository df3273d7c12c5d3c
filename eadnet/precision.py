"""Numerical settings of training and synthesis on CPU."""

from contextlib import AbstractContextManager

import torch


def autocast() -> AbstractContextManager:
    """bfloat16 autocast where the processor computes it natively, else none: emulation would be slower than float32."""
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=has_native_bfloat16())


def has_native_bfloat16() -> bool:
    """Whether this CPU has bfloat16 instructions."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def settle() -> None:
    """Use deterministic algorithms and one attention for all passes.

    CPU flash attention is slow backwards in bfloat16; the transformer layers' fast path, which torch takes without
    gradients only, rounds otherwise, so that a loss between equal pictures would not be zero.
    """
    torch.use_deterministic_algorithms(True)
    torch.backends.mha.set_fastpath_enabled(False)
    torch.backends.cuda.enable_flash_sdp(False)
