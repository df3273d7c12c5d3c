"""STDA, extended: strip attention along width, height and time.

The paper's STDA sums along width and height (docs/method.md). This one runs three strip attentions in parallel
(`eadnet.models.extended.strips`) and weights the three directions by a gate computed from motion. The temporal strip is
banded, so that weights trained on short clips work at any length, with time and memory linear in it.

Shape legend: B clips, T frames, C channels, H height, W width, S directions, N heads of a direction, D channels a head.
"""

import torch
from torch import Tensor, nn

from eadnet.config.networks import Network
from eadnet.models.attention import zero_initialised
from eadnet.models.extended.light_strips import LightSTDA
from eadnet.models.extended.strips import BandedStrip, Strip, check_maps
from eadnet.models.extended.volume import Volume

DIRECTIONS = {
    "extended": ("width", "height", "time"),
    "extended_no_gate": ("width", "height", "time"),
    "extended_temporal_only": ("time",),
    "extended_spatial_only": ("width", "height"),
    "full3d": ("volume",),
}
"""The directions of each variant of the attention."""

VARIANTS = (*DIRECTIONS, "extended_light")


def make_stda(channels: int, network: Network, variant: str) -> nn.Module:
    """The STDA of a U-Net level.

    Args:
        channels: of the level's maps.
        network: gives temporal_radius, temporal_chunk, strip_head and rotary_base.
        variant: one of `VARIANTS`.

    Returns:
        a module from (B, T, C, H, W) to the same.

    Raises:
        ValueError: the variant is unknown, or the channels do not suit it.
    """
    if variant == "extended_light":
        return LightSTDA(channels, network.temporal_radius)
    return ExtendedSTDA(
        channels, network.temporal_radius, variant, network.strip_head, network.temporal_chunk, network.rotary_base
    )


class ExtendedSTDA(nn.Module):
    """Residual strip attention over a clip's feature maps; the identity when newly made.

    Args:
        channels: C; each of the S directions gets the largest number of heads that fits into C / S channels.
        radius: R, the temporal strip's band: frame i attends to frames j with |i - j| <= R.
        variant: a key of `DIRECTIONS`.
        head_width: D, even.
        chunk: largest number of frames in a block of the temporal strip; changes speed and memory, not results.
        rotary_base: the longest rotary wavelength is about 2 pi of it, in positions.
    """

    def __init__(
        self,
        channels: int,
        radius: int,
        variant: str = "extended",
        head_width: int = 32,
        chunk: int = 64,
        rotary_base: float = 100.0,
    ) -> None:
        super().__init__()
        if variant not in DIRECTIONS:
            raise ValueError(f"STDA has no variant {variant!r}; choose one of {', '.join(VARIANTS)}")
        directions = DIRECTIONS[variant]
        heads = channels // len(directions) // head_width
        if not heads or head_width % 2:
            raise ValueError(
                f"STDA {variant!r} needs an even head_width of at most channels / {len(directions)}, "
                f"got channels {channels} and head_width {head_width}"
            )
        self.channels, self.split = channels, (len(directions), 3, heads, head_width)
        inner = len(directions) * heads * head_width
        make = {
            "time": lambda: BandedStrip(heads, head_width, rotary_base, radius, chunk),
            "height": lambda: Strip("height", heads, head_width, rotary_base),
            "width": lambda: Strip("width", heads, head_width, rotary_base),
            "volume": lambda: Volume(head_width, rotary_base),
        }
        self.norm = nn.LayerNorm(channels)
        self.to_query_key_value = nn.Linear(channels, 3 * inner, bias=False)
        self.strips = nn.ModuleList(make[direction]() for direction in directions)
        gated = variant != "extended_no_gate" and len(directions) > 1
        self.gate = DirectionGate(channels, len(directions)) if gated else None
        self.to_output = zero_initialised(nn.Linear(inner, channels))

    def forward(self, maps_BTCHW: Tensor) -> Tensor:
        """Returns maps of the same shape; any T, H and W."""
        check_maps(maps_BTCHW, self.channels)
        normed = self.norm(maps_BTCHW.permute(0, 1, 3, 4, 2))  # (B, T, H, W, C): LayerNorm and Linear act on the last
        # the last axis becomes (S, 3, N, D); unbind splits S: one (B, T, H, W, 3, N, D) a direction
        by_direction = self.to_query_key_value(normed).unflatten(-1, self.split).unbind(4)
        # (B, T, H, W, S, N * D), S kept apart for the gate
        mixed = torch.stack([strip(parts) for strip, parts in zip(self.strips, by_direction, strict=True)], -2)
        if self.gate is not None:
            mixed = mixed * self.gate(normed).to(mixed.dtype)[:, :, None, None, :, None]
        return maps_BTCHW + self.to_output(mixed.flatten(-2)).permute(0, 1, 4, 2, 3)  # back to (B, T, C, H, W)


class DirectionGate(nn.Module):
    """Weights of the directions in each frame, from its mean features and their change since the frame before.

    Args:
        channels: C.
        directions: S.
    """

    def __init__(self, channels: int, directions: int) -> None:
        super().__init__()
        self.to_weights = nn.Sequential(
            nn.Linear(2 * channels, channels // 2),
            nn.SiLU(),
            zero_initialised(nn.Linear(channels // 2, directions)),
        )

    def forward(self, normed_BTHWC: Tensor) -> Tensor:
        """Returns (B, T, S), positive, with sum S over directions; all 1 at initialisation."""
        mean = normed_BTHWC.mean((2, 3))
        motion = mean.diff(dim=1, prepend=mean[:, :1]).abs()  # zero for the first frame
        weights = self.to_weights(torch.cat([mean, motion], -1)).softmax(-1)
        return weights.shape[-1] * weights
