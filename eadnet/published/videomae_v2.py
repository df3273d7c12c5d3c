"""The encoder of VideoMAE-v2 (arXiv 2303.16727), whose features TREPA and the content-debiased FVD compare.

A plain vision transformer over tubelets of 2 frames, as OpenGVLab/VideoMAEv2 `modeling_finetune.py` and LatentSync
`trepa/third_party/VideoMAEv2/videomaev2_finetune.py` build it; the published ViT-g has patches of 14 pixels of 224,
1408 channels, 40 blocks, 16 heads. The class head is left out. Written here rather than taken from transformers: that
one rebuilds its position table in Python loops and copies it to the device at every pass.

Shape legend: B clips, T = 16 frames, S crop side, G = size / patch, L = 8 G^2 tubelets, D width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from eadnet.config.networks import VideoMAE as Settings
from eadnet.published.resizing import resized

FRAMES = 16
STEPS = 8


class VideoMAEv2(nn.Module):
    """Frozen features of 16 frames, computed in the type of the weights, also under autocast.

    Weights are kept in bfloat16, not float16: TREPA's gradients are so small that float16 would round them to zero.

    Args:
        settings: `width`, `depth`, `heads`, `mlp`, `patch` and `size`.
        checkpointing: recompute activations in the backward pass, a block at a time.
    """

    def __init__(self, settings: Settings, checkpointing: bool = False) -> None:
        super().__init__()
        if settings.size % settings.patch or settings.width % settings.heads:
            raise ValueError(
                "videomae: expected size a multiple of patch and width of heads, got size "
                f"{settings.size}, patch {settings.patch}, width {settings.width}, heads {settings.heads}"
            )
        width, tubelet = settings.width, (FRAMES // STEPS, settings.patch, settings.patch)
        self.size, self.checkpointing = settings.size, checkpointing
        self.embed = nn.Conv3d(3, width, tubelet, tubelet)
        self.blocks = nn.ModuleList(Block(width, settings.heads, settings.mlp) for _ in range(settings.depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.register_buffer("position", sinusoids(STEPS * (settings.size // settings.patch) ** 2, width))
        self.register_buffer("feature_mean", torch.zeros(2 * STEPS - 1, width))
        self.register_buffer("feature_std", torch.ones(2 * STEPS - 1, width))

    def forward(self, video_BTCHW: Tensor) -> Tensor:
        """(B, L, D) token states of frames (B, 16, 3, S, S) in [-1, 1].

        As LatentSync's `trepa/loss.py`: bicubic to `size`, to [0, 1], clamped, no mean and deviation of ImageNet.
        """
        if video_BTCHW.shape[1:3] != (FRAMES, 3):
            raise ValueError(f"video: expected {FRAMES} frames of 3 channels, got {tuple(video_BTCHW.shape[1:3])}")
        pixels = (resized(video_BTCHW, (self.size, self.size), "bicubic") / 2 + 0.5).clamp(0, 1)
        with torch.autocast(pixels.device.type, enabled=False):
            tokens = self.embed(pixels.transpose(1, 2).to(self.embed.weight.dtype)).flatten(2).transpose(1, 2)
            tokens = tokens + self.position
            for block in self.blocks:
                checkpointed = self.checkpointing and torch.is_grad_enabled()
                tokens = checkpoint(block, tokens, use_reentrant=False) if checkpointed else block(tokens)
        return tokens

    def pooled(self, video_BTCHW: Tensor) -> Tensor:
        """(B, D) norm of the mean token state: the feature of LatentSync's TREPA."""
        return self.features(video_BTCHW)[0]

    def tubelet_features(self, video_BTCHW: Tensor) -> Tensor:
        """(B, 15 D) norms of the 8 time steps' spatial means, then their differences, in deviations of real clips."""
        return self.features(video_BTCHW)[1]

    def features(self, video_BTCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Both of the above from one pass."""
        steps = self(video_BTCHW).float().unflatten(1, (STEPS, -1)).mean(2)
        pooled, steps = self._normed(steps.mean(1)), self._normed(steps)
        changes = torch.cat([steps, steps.diff(dim=1)], 1)
        return pooled, ((changes - self.feature_mean) / self.feature_std).flatten(1)

    def _normed(self, states: Tensor) -> Tensor:
        """Means are normed in float32: small differences between clips are all that TREPA sees."""
        weight, bias = self.norm.weight.float(), self.norm.bias.float()
        return functional.layer_norm(states, weight.shape, weight, bias, self.norm.eps)


class Block(nn.Module):
    """Self-attention and feed-forward, each after a norm and with a shortcut."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.expand = nn.Linear(width, hidden)
        self.contract = nn.Linear(hidden, width)

    def forward(self, tokens_BLD: Tensor) -> Tensor:
        """Returns (B, L, D)."""
        query, key, value = self.qkv(self.norm1(tokens_BLD)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value)
        tokens = tokens_BLD + self.project(attended.transpose(1, 2).flatten(2))
        return tokens + self.contract(functional.gelu(self.expand(self.norm2(tokens))))


def sinusoids(count: int, width: int) -> Tensor:
    """(count, width) fixed positions: sines and cosines take turns over channels (arXiv 1706.03762, section 3.5)."""
    pair = torch.arange(width, dtype=torch.float64) // 2
    angles = torch.arange(count, dtype=torch.float64)[:, None] / 10000 ** (2 * pair / width)
    return torch.where(torch.arange(width) % 2 == 0, angles.sin(), angles.cos()).float()


def from_published(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Parameters of `VideoMAEv2` from those of a published fine-tuned encoder (`vit_g_hybrid_pt_1200e_ssv2_ft.pth`).

    Queries and values have a bias, keys have none; the class head is dropped.
    """
    renamed = {}
    for name, value in weights.items():
        if name.endswith("attn.q_bias"):
            prefix = name.removesuffix("attn.q_bias")
            renamed[f"{prefix}qkv.bias"] = torch.cat([value, torch.zeros_like(value), weights[f"{prefix}attn.v_bias"]])
        elif not name.startswith("head.") and not name.endswith("attn.v_bias"):
            for published, own in _NAMES.items():
                name = name.replace(published, own)
            renamed[name] = value
    return renamed


_NAMES = {
    "patch_embed.proj.": "embed.",
    "fc_norm.": "norm.",
    "attn.qkv.": "qkv.",
    "attn.proj.": "project.",
    "mlp.fc1.": "expand.",
    "mlp.fc2.": "contract.",
}
