"""Our extension of the fusion: a text branch in addition to the attention to audio, damped at the lips.

Fusing modalities can reduce lip sync. As in Hallo (arXiv 2406.08801), regions separate them: the text branch is damped
inside a soft mouth ellipse, so that audio controls the lips.

Shape legend: F = B * T frames, B clips, T frames a clip, L image tokens of a frame, S text tokens, C image channels,
E text channels.
"""

import torch
from torch import Tensor, nn

from eadnet.faces.regions import MOUTH_CENTRE, MOUTH_RADII
from eadnet.models.attention import CrossAttention
from eadnet.models.constants import constant

LIPS = 0.25
"""Squared radius, in half axes, of the ellipse inside which the mouth gate is full."""


class TextAdapter(nn.Module):
    """Frozen text-encoder states to conditioning tokens, with a learned null token that is always present.

    Dropped text and absent text are the same case: attention has only the null token, so its softmax is defined.
    """

    def __init__(self, input_width: int, width: int) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.LayerNorm(input_width), nn.Linear(input_width, width), nn.SiLU())
        self.output = nn.Linear(width, width)
        self.null = nn.Parameter(torch.zeros(1, 1, width))

    def forward(self, states_BSC: Tensor, mask_BS: Tensor) -> tuple[Tensor, Tensor]:
        """Returns tokens (B, 1 + S, C), the null token first, and their mask (B, 1 + S), True for null and text."""
        tokens = self.output(self.project(states_BSC.float()))
        null = self.null.expand(len(tokens), -1, -1).to(tokens.dtype)
        return torch.cat([null, tokens], 1), torch.cat([torch.ones_like(mask_BS[:, :1]), mask_BS], 1)


@constant
def mouth_gate(height: int, width: int, strength: float, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(height * width,) weight of the text: 1 away from the mouth, 1 - `strength` on the lips."""
    rows = (torch.arange(height, device=device) + 0.5) / height
    columns = (torch.arange(width, device=device) + 0.5) / width
    squared = ((rows - MOUTH_CENTRE[0]) / MOUTH_RADII[0])[:, None] ** 2
    squared = squared + ((columns - MOUTH_CENTRE[1]) / MOUTH_RADII[1])[None] ** 2
    # 0 on the lips, 1 on the border of the mouth's ellipse, growing outside; the gate falls off as a Gaussian of it
    beyond = ((squared - LIPS) / (1 - LIPS)).clamp(min=0)
    return (1 - strength * torch.exp(-0.5 * beyond**2)).flatten().to(dtype)


class TextAttention(nn.Module):
    """scale * gate * attention of image tokens to a clip's text; the sum with the attention to audio is the output.

    Keys and values are projected once a clip, because its frames share the text. The output is zero at initialisation.

    Args:
        width: C.
        heads: attention heads.
        text_width: E.
        gate_strength: see `mouth_gate`.
    """

    def __init__(self, width: int, heads: int, text_width: int, gate_strength: float) -> None:
        super().__init__()
        self.gate_strength = gate_strength
        self.attention = CrossAttention(width, text_width, heads, zero_output=True)
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, tokens_FLC: Tensor, grid: tuple[int, int], text_BSE: Tensor, text_mask_BS: Tensor) -> Tensor:
        """Update of the image tokens by the text; the frames of a clip must be contiguous along F.

        Args:
            tokens_FLC: (F, L, C) image tokens, F a multiple of B, L = grid[0] * grid[1].
            grid: height and width of a frame's tokens.
            text_BSE: (B, S, E) text tokens.
            text_mask_BS: (B, S) bool, True where attention is allowed; at least one token a clip (`TextAdapter`).

        Returns:
            (F, L, C).
        """
        bias = torch.zeros_like(text_mask_BS, dtype=tokens_FLC.dtype).masked_fill(~text_mask_BS, float("-inf"))
        # (F, L, C) -> (B, T, L, C) -> (B, T * L, C): all tokens of a clip are queries of one attention to its text
        by_clip = tokens_FLC.unflatten(0, (len(text_BSE), -1)).flatten(1, 2)
        attended = self.attention(by_clip, text_BSE, bias[:, None, None]).view_as(tokens_FLC)
        gate = mouth_gate(tokens_FLC, *grid, self.gate_strength)
        return (self.scale * gate)[:, None].to(attended.dtype) * attended
