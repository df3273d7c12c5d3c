"""A small video masked autoencoder (VideoMAE, arXiv 2203.12602): the representation that TREPA aligns.

16 frames become 8 x 8 x 8 tubelets of 2 frames. It replaces VideoMAE-v2, which is used at paper scale
(eadnet.published.videomae_v2).

Shape legend: B clips, 16 frames, S crop side, 512 tubelets, D width.
"""

import torch
from torch import Tensor, nn

from eadnet.config.networks import VideoMAE as Settings
from eadnet.published.videomae_v2 import VideoMAEv2

FRAMES = 16
GRID = (8, 8, 8)
TOKENS = 512


class VideoMaskedAutoencoder(nn.Module):
    """Transformer over tubelets; masked ones are reconstructed from the rest."""

    def __init__(self, settings: Settings, resolution: int) -> None:
        super().__init__()
        if resolution % GRID[1]:
            raise ValueError(f"resolution {resolution} is not a multiple of {GRID[1]}")
        self.patch = resolution // GRID[1]
        tubelet = (FRAMES // GRID[0], self.patch, self.patch)
        self.embed = nn.Conv3d(3, settings.width, tubelet, tubelet)
        self.position = nn.Parameter(0.02 * torch.randn(TOKENS, settings.width))
        self.mask_token = nn.Parameter(torch.zeros(settings.width))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                settings.width, settings.heads, settings.mlp, dropout=0.0, batch_first=True, norm_first=True
            )
            for _ in range(settings.depth)
        )
        self.reconstruct = nn.Sequential(nn.LayerNorm(settings.width), nn.Linear(settings.width, 3 * 2 * self.patch**2))
        self.register_buffer("feature_mean", torch.zeros(2 * GRID[0] - 1, settings.width))
        self.register_buffer("feature_std", torch.ones(2 * GRID[0] - 1, settings.width))

    def forward(self, video_BTCHW: Tensor, hidden_B512: Tensor | None = None) -> Tensor:
        """(B, 512, D) token states of frames (B, 16, 3, S, S) in [-1, 1]; True in `hidden` masks a tubelet."""
        # Conv3d takes (B, 3, T, S, S); its output (B, D, 8, 8, 8) becomes (B, 512, D), time slowest
        tokens = self.embed((video_BTCHW / 2 + 0.5).transpose(1, 2)).flatten(2).transpose(1, 2)
        if hidden_B512 is not None:
            tokens = torch.where(hidden_B512[..., None], self.mask_token.to(tokens.dtype), tokens)
        tokens = tokens + self.position
        for block in self.blocks:
            tokens = block(tokens)
        return tokens

    def tubelets(self, video_BTCHW: Tensor) -> Tensor:
        """(B, 512, 6 patch^2) pixels of each tubelet in [0, 1], the target of reconstruction."""
        pixels = (
            (video_BTCHW / 2 + 0.5).unfold(1, 2, 2).unfold(3, self.patch, self.patch).unfold(4, self.patch, self.patch)
        )
        # (B, 8, 3, 8, 8, 2, p, p) -> (B, 8, 8, 8, 3, 2, p, p) -> (B, 512, 6 p^2), tokens in the order of `forward`
        return pixels.permute(0, 1, 3, 4, 2, 5, 6, 7).flatten(4).flatten(1, 3)

    def pooled(self, video_BTCHW: Tensor) -> Tensor:
        """(B, D) mean token state: the feature of LatentSync's TREPA."""
        return self.features(video_BTCHW)[0]

    def tubelet_features(self, video_BTCHW: Tensor) -> Tensor:
        """(B, 15 D) spatial means of the 8 time steps, then their 7 differences, in standard deviations of real clips.

        Pooled features of small encoders do not depend on frame order; these do (docs/method.md). Differences are
        small compared with the states, so each dimension is divided by its deviation over real clips.
        """
        return self.features(video_BTCHW)[1]

    def features(self, video_BTCHW: Tensor) -> tuple[Tensor, Tensor]:
        """`pooled` (B, D) and `tubelet_features` (B, 15 D) from one forward pass."""
        steps = self(video_BTCHW).float().unflatten(1, (GRID[0], -1)).mean(2)
        changes = torch.cat([steps, steps.diff(dim=1)], 1)
        return steps.mean(1), ((changes - self.feature_mean) / self.feature_std).flatten(1)


def make_videomae(
    settings: Settings, resolution: int, checkpointing: bool = False
) -> VideoMaskedAutoencoder | VideoMAEv2:
    """The network of `settings.kind` for crops of `resolution`; the large one in bfloat16, its statistics in float32.

    Args:
        settings: kind and sizes.
        resolution: side of the crops; matters to the small network, whose patches are an eighth of it.
        checkpointing: the large network takes less memory and more time.
    """
    if settings.kind == "small":
        return VideoMaskedAutoencoder(settings, resolution)
    model = VideoMAEv2(settings, checkpointing).bfloat16()
    model.feature_mean, model.feature_std = model.feature_mean.float(), model.feature_std.float()
    return model
