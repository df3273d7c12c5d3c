"""Which part of the aligned crop is generated, by mask mode. Numpy only."""

from typing import Literal

import numpy as np

MaskMode = Literal["lower", "face", "wide_lower", "wide_face", "full"]
Template = Literal["eyes", "latentsync"]
MOUTH_CENTRE = (0.63, 0.5)
MOUTH_RADII = (0.12, 0.18)
"""Row and column of the mouth's centre and half axes, as shares of the aligned crop (docs/data.md)."""
_REGIONS = {  # top bottom left right
    "lower": (0.4375, 1.0, 0.125, 0.875),
    "face": (0.0625, 1.0, 0.125, 0.875),
    "wide_lower": (0.4375, 1.0, 0.0625, 0.9375),
    "wide_face": (0.0625, 1.0, 0.0625, 0.9375),
}


def region_mask(mode: MaskMode, resolution: int, cells: int) -> np.ndarray:
    """The generated region of the crop, aligned to its grid of latent cells.

    It ends with the crop: the throat's shadow tells how far the jaw has dropped.

    Args:
        mode: ``lower`` half of the face, ``face`` from the brows down, or ``full``; ``wide_lower`` and ``wide_face``
            for LatentSync's template, of which a face fills more of the width.
        resolution: side of the mask, a multiple of `cells` (equal to it gives the mask of the latent).
        cells: latent cells a side.

    Returns:
        (resolution, resolution) bool, True where pixels are generated.

    Raises:
        ValueError: `resolution` is no multiple of `cells`, or the mode is unknown.
    """
    if resolution % cells:
        raise ValueError(f"mask resolution {resolution} is no multiple of {cells} cells")
    if mode != "full" and mode not in _REGIONS:
        raise ValueError(f"unknown mask mode '{mode}'; use {', '.join(_REGIONS)} or full")
    mask = np.ones((cells, cells), bool)
    if mode != "full":
        top, bottom, left, right = (round(share * cells) for share in _REGIONS[mode])
        mask[:] = False
        mask[top:bottom, left:right] = True
    return mask.repeat(resolution // cells, axis=0).repeat(resolution // cells, axis=1)
