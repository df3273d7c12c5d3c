"""Fusion of audio and semantics: parallel decoupled cross-attention, with the text kept away from the lips.

The abstract says that fusing modalities costs lip sync; the remedy chosen here is Hallo's region idea (arXiv
2406.08801): the text branch is damped inside a soft mouth ellipse, so audio owns the lips. The text output starts
at zero, its scale is learned.

Shape legend: F = B * T frames, B clips, T frames a clip, L image tokens, S context tokens, C channels.
"""

import torch
from torch import Tensor, nn

from eadnet.models.attention import CrossAttention, zero_initialised
from eadnet.regions import MOUTH_CENTRE, MOUTH_RADII

LIPS = 0.25
"""Squared radius, in half axes, of the ellipse inside which the mouth gate is full."""


class TextAdapter(nn.Module):
    """Frozen text-encoder states to conditioning tokens, with a learned null token that is always present.

    Dropping the text and having none are the same path: only the null token is left to attend to.
    """

    def __init__(self, input_width: int, width: int) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.LayerNorm(input_width), nn.Linear(input_width, width), nn.SiLU())
        self.output = nn.Linear(width, width)
        self.null = nn.Parameter(torch.zeros(1, 1, width))

    def forward(self, states_BSC: Tensor, mask_BS: Tensor) -> tuple[Tensor, Tensor]:
        """Returns tokens (B, 1 + S, C) and the mask (B, 1 + S) of those that may be attended to."""
        tokens = self.output(self.project(states_BSC.float()))
        null = self.null.expand(len(tokens), -1, -1).to(tokens.dtype)
        return torch.cat([null, tokens], 1), torch.cat([torch.ones_like(mask_BS[:, :1]), mask_BS], 1)


class TextPool(nn.Module):
    """One vector of a text: attention pooling, because one word of ten carries the emotion and a mean dilutes it.

    Args:
        width: C of the tokens.
        output_width: channels of the vector; it starts at zero.
        heads: independent poolings.
    """

    def __init__(self, width: int, output_width: int, heads: int = 4) -> None:
        super().__init__()
        self.score = nn.Linear(width, heads)
        self.output = zero_initialised(nn.Linear(heads * width, output_width))

    def forward(self, tokens_BSC: Tensor, mask_BS: Tensor) -> Tensor:
        """Returns (B, output_width) from the tokens that the mask keeps."""
        scores = self.score(tokens_BSC).masked_fill(~mask_BS[..., None], float("-inf"))
        pooled = scores.softmax(1).transpose(1, 2) @ tokens_BSC
        return self.output(pooled.flatten(1))


def mouth_gate(height: int, width: int, strength: float, device: torch.device | None = None) -> Tensor:
    """(height * width,) weight of the text branch: 1 away from the mouth, 1 - `strength` on the lips."""
    rows = (torch.arange(height, device=device) + 0.5) / height
    columns = (torch.arange(width, device=device) + 0.5) / width
    squared = ((rows - MOUTH_CENTRE[0]) / MOUTH_RADII[0])[:, None] ** 2
    squared = squared + ((columns - MOUTH_CENTRE[1]) / MOUTH_RADII[1])[None] ** 2
    beyond = ((squared - LIPS) / (1 - LIPS)).clamp(min=0)
    return (1 - strength * torch.exp(-0.5 * beyond**2)).flatten()


class DecoupledFusion(nn.Module):
    """audio(h) + scale * gate * text(h): both branches read the same normed tokens; the caller adds the residual.

    The audio branch carries the names of a published cross-attention layer (``attn2``), so that it loads as one.

    Args:
        width: C; heads: attention heads; audio_width, text_width: channels of the context tokens.
        gate_strength: see `mouth_gate`.
    """

    def __init__(self, width: int, heads: int, audio_width: int, text_width: int, gate_strength: float) -> None:
        super().__init__()
        self.gate_strength = gate_strength
        self.audio = CrossAttention(width, audio_width, heads)
        self.text = CrossAttention(width, text_width, heads, zero_output=True)
        self.text_scale = nn.Parameter(torch.ones(()))

    def forward(
        self, tokens_FLC: Tensor, grid: tuple[int, int], audio_FSC: Tensor, text_FSC: Tensor, text_mask_FS: Tensor
    ) -> Tensor:
        """Returns (F, L, C); L = grid[0] * grid[1]."""
        bias = torch.zeros(text_mask_FS.shape, device=tokens_FLC.device).masked_fill(~text_mask_FS, float("-inf"))
        from_text = self.text(tokens_FLC, text_FSC, bias[:, None, None].to(tokens_FLC.dtype))
        gate = mouth_gate(*grid, self.gate_strength, tokens_FLC.device).to(tokens_FLC.dtype)
        return self.audio(tokens_FLC, audio_FSC) + self.text_scale * gate[:, None] * from_text
