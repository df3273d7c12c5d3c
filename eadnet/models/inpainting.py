"""The generation task: which cells of a crop are generated, and the network's input.

Shape legend: B clips, T frames, C latent channels, H latent side, S crop side.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from eadnet.faces.regions import region_mask


@dataclass(frozen=True)
class Inpainting:
    """Masks of one mode at one size.

    Attributes:
        pixels: (S, S) bool, True where the crop is generated.
        cells: (H, H) bool, the same on the latent grid.
        touched: (H, H) bool, `cells` grown by one: border latents of a masked frame are contaminated by the mask.
        portrait: whether the whole crop is generated, from the reference only.
    """

    pixels: Tensor
    cells: Tensor
    touched: Tensor
    portrait: bool

    @classmethod
    def make(cls, mode: str, resolution: int, factor: int) -> "Inpainting":
        """Masks of a mode (`faces.regions`) for crops of `resolution` pixels and latent cells of `factor` pixels."""
        side = resolution // factor
        pixels = torch.from_numpy(region_mask(mode, resolution, side))
        cells = functional.max_pool2d(pixels[None, None].float(), factor)
        touched = functional.max_pool2d(cells, 3, stride=1, padding=1)
        return cls(pixels, cells[0, 0].bool(), touched[0, 0].bool(), mode == "full")

    def to(self, device: torch.device) -> "Inpainting":
        """A copy with its masks on another device."""
        return replace(
            self, pixels=self.pixels.to(device), cells=self.cells.to(device), touched=self.touched.to(device)
        )

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns of the smallest rectangle of the crop that contains the generated region."""
        rows, columns = (self.pixels.any(axis).nonzero()[:, 0] for axis in (1, 0))
        return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)

    def hide(self, frames: Tensor) -> Tensor:
        """Frames (..., S, S) in [-1, 1] with the generated region set to 0 (grey), as LatentSync does."""
        return frames * ~self.pixels

    def base(self, masked_BTCHH: Tensor, reference_BTCHH: Tensor) -> Tensor:
        """(B, T, C, H, H) latent that the network corrects: the reference in `touched` cells, else the masked frame."""
        return torch.where(self.touched, reference_BTCHH, masked_BTCHH)

    def inputs(self, noisy_BTCHH: Tensor, masked_BTCHH: Tensor, reference_BTCHH: Tensor) -> Tensor:
        """Channels in LatentSync's order: noisy, mask, masked frame, reference; (B, T, 3 C + 1, H, H).

        The mask is 1 where the picture is kept and 0 where it is generated, as LatentSync's.
        """
        mask = (~self.cells).to(noisy_BTCHH.dtype).expand(*noisy_BTCHH.shape[:2], 1, -1, -1)
        shown = reference_BTCHH if self.portrait else masked_BTCHH
        return torch.cat([noisy_BTCHH, mask, shown, reference_BTCHH], 2)
