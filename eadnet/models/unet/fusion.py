"""Fusion as published: the mean of the projected text is added to every audio token.

EAD-Net (arXiv 2604.23325), section 3.4:

    f_c = f_a + lambda * mean over tokens of (W f_t + b)

f_c replaces LatentSync's audio features as the context of the cross-attention. Lambda is learned and starts at 0.3. W
and b start at zero (the paper does not state their initialisation), so that a new network gets the same context as
LatentSync's. Dropped or absent text adds nothing.

Shape legend: B clips, T frames, A audio tokens of a frame, S text tokens, C audio channels, E text channels.
"""

import torch
from torch import Tensor, nn

from eadnet.models.attention import zero_initialised

INITIAL_SCALE = 0.3


class AddedText(nn.Module):
    """f_c of f_a and f_t.

    Args:
        text_width: E.
        audio_width: C.
    """

    def __init__(self, text_width: int, audio_width: int) -> None:
        super().__init__()
        self.project = zero_initialised(nn.Linear(text_width, audio_width))
        self.scale = nn.Parameter(torch.tensor(INITIAL_SCALE))

    def forward(self, audio_BTAC: Tensor, text_BSE: Tensor, mask_BS: Tensor) -> Tensor:
        """Returns (B, T, A, C); `mask_BS` (B, S) bool is True for tokens of text, False for padding."""
        added_BC = self.scale * self.pooled(text_BSE, mask_BS)  # one vector a clip, for all its frames and tokens
        return audio_BTAC + added_BC[:, None, None].to(audio_BTAC.dtype)

    def pooled(self, text_BSE: Tensor, mask_BS: Tensor) -> Tensor:
        """(B, C) mean over tokens of W f_t + b; zero for a text of no token."""
        # a mean over unmasked tokens as (B, 1, S) @ (B, S, C); without any token all weights, and so b's too, are zero
        weights = mask_BS.to(text_BSE.dtype) / mask_BS.sum(1, keepdim=True).clamp(min=1)
        return (weights[:, None] @ self.project(text_BSE).to(weights.dtype))[:, 0]
