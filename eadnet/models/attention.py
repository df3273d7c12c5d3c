"""Multi-head attention with an explicit softmax, and rotary positions.

On CPUs the fused attention's bfloat16 backward pass took a third of a U-Net step (docs/log.md), so the tiny grids
used here go through two matrix products and a softmax; results agree with torch's to rounding.

Shape legend: B batch, L query length, S key length, C channels, N heads, D channels a head.
"""

import torch
from torch import Tensor, nn


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None) -> Tensor:
    """Softmax attention.

    Args:
        query: (..., L, D).
        key: (..., S, D).
        value: (..., S, D).
        bias: broadcastable to (..., L, S), added to the logits; minus infinity forbids a pair.

    Returns:
        (..., L, D) in the type of `value`.
    """
    logits = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    if bias is not None:
        logits = logits + bias
    return logits.softmax(-1).to(value.dtype) @ value


def rotary(values: Tensor, positions: Tensor, base: float = 100.0) -> Tensor:
    """Rotate channel pairs by angles proportional to position (RoFormer, arXiv 2104.09864, eq. 34).

    Args:
        values: (..., L, D) with D even.
        positions: (L,).
        base: the longest wavelength is about 2 pi base.

    Returns:
        (..., L, D); dot products of rotated queries and keys depend only on relative positions.
    """
    half = values.shape[-1] // 2
    frequencies = base ** (-torch.arange(half, dtype=torch.float32, device=values.device) / half)
    angles = positions[:, None].float() * frequencies
    cosine, sine = angles.cos().to(values.dtype), angles.sin().to(values.dtype)
    first, second = values[..., :half], values[..., half:]
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], -1)


def zero_initialised(module: nn.Module) -> nn.Module:
    """Set all parameters of a module to zero, so that the branch it ends starts as the identity."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


class CrossAttention(nn.Module):
    """Attention from image tokens to context tokens (or to themselves), without residual.

    Args:
        width: channels of the image tokens.
        context_width: channels of the context tokens; None for self-attention.
        heads: number of heads; divides `width`.
        zero_output: start with a zero output projection.
    """

    def __init__(self, width: int, context_width: int | None = None, heads: int = 4, zero_output: bool = False) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} is not a multiple of {heads} heads")
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.to_query = nn.Linear(width, width, bias=False)
        self.to_key_value = nn.Linear(context_width or width, 2 * width, bias=False)
        self.to_output = nn.Linear(width, width)
        if zero_output:
            zero_initialised(self.to_output)

    def forward(self, tokens_BLC: Tensor, context_BSC: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """Attend; `bias` (B, 1, 1, S) is added to the logits. Returns (B, L, C)."""
        normed = self.norm(tokens_BLC)
        key, value = self.to_key_value(normed if context_BSC is None else context_BSC).chunk(2, -1)
        mixed = attend(self._split(self.to_query(normed)), self._split(key), self._split(value), bias)
        return self.to_output(mixed.transpose(1, 2).flatten(2))

    def _split(self, tokens: Tensor) -> Tensor:
        return tokens.unflatten(-1, (self.heads, -1)).transpose(1, 2)
