"""Multi-head attention on torch's fused kernels, and rotary positions.

On CPUs the fused kernel's backward pass takes several times as long as two matrix products and a softmax while the
score matrix is small (benchmarks/attention.py), so small grids take that path there; results agree to rounding.

Shape legend: B batch, L query length, S key length, C channels, N heads, D channels a head.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from eadnet.models.constants import constant

SMALL_SCORES = 128 * 128
"""Largest L * S that the plain path takes on a CPU."""


def attention(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None) -> Tensor:
    """Softmax attention, in one fused call.

    Args:
        query: (..., L, D).
        key: (..., S, D).
        value: (..., S, D).
        bias: broadcastable to (..., L, S), added to the logits; minus infinity forbids a pair.

    Returns:
        (..., L, D).
    """
    if query.device.type == "cpu" and query.shape[-2] * key.shape[-2] <= SMALL_SCORES:
        logits = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        logits = logits if bias is None else logits + bias
        return logits.softmax(-1).to(value.dtype) @ value
    return scaled_dot_product_attention(query, key, value, attn_mask=None if bias is None else bias.to(query.dtype))


def rotary(values: Tensor, base: float = 100.0) -> Tensor:
    """Rotate channel pairs by angles proportional to position (RoFormer, arXiv 2104.09864, eq. 34).

    Args:
        values: (..., L, D) with D even.
        base: the longest wavelength is about 2 pi base.

    Returns:
        (..., L, D); dot products of rotated queries and keys depend only on relative positions.
    """
    # one matrix product: several elementwise passes over the maps are slower (benchmarks/scaling.py)
    return torch.einsum("...ld,lde->...le", values, _turns_LDD(values, *values.shape[-2:], base))


@constant
def _turns_LDD(length: int, width: int, base: float, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(L, D, D) for each position a matrix that rotates channel i with channel i + D / 2."""
    half = width // 2
    frequencies = base ** (-torch.arange(half, dtype=torch.float32, device=device) / half)
    angles = torch.arange(length, device=device)[:, None].float() * frequencies
    cosine, sine = torch.diag_embed(angles.cos()), torch.diag_embed(angles.sin())
    return torch.cat([torch.cat([cosine, sine], -1), torch.cat([-sine, cosine], -1)], -2).to(dtype)


def zero_initialised(module: nn.Module) -> nn.Module:
    """Set all parameters of a module to zero, so that the branch it ends starts as the identity."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


class CrossAttention(nn.Module):
    """Attention from image tokens to context tokens (or to themselves), without norm and residual.

    Parameters carry diffusers' names (``to_q to_k to_v to_out.0``), so that published attention layers load.

    Args:
        width: channels of the image tokens.
        context_width: channels of the context tokens; None for self-attention.
        heads: number of heads; divides `width`.
        zero_output: start with a zero output projection.
    """

    def __init__(self, width: int, context_width: int | None, heads: int, zero_output: bool = False) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} is not a multiple of {heads} heads")
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context_width or width, width, bias=False)
        self.to_v = nn.Linear(context_width or width, width, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])
        if zero_output:
            zero_initialised(self.to_out)

    def forward(self, tokens_BLC: Tensor, context_BSC: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """Attend; `bias` (B, 1, 1, S) is added to the logits. Returns (B, L, C)."""
        context = tokens_BLC if context_BSC is None else context_BSC
        query, key, value = self.to_q(tokens_BLC), self.to_k(context), self.to_v(context)
        mixed = attention(self._split(query), self._split(key), self._split(value), bias)
        return self.to_out[0](mixed.transpose(1, 2).flatten(2))  # (B, N, L, D) -> (B, L, N * D)

    def _split(self, tokens: Tensor) -> Tensor:
        return tokens.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, L, C) -> (B, N, L, D)
