"""Which part of the aligned crop is generated, by mask mode. Numpy only."""

from typing import get_args

import numpy as np

from eadnet.config.training import Mask

MOUTH_CENTRE = (0.63, 0.5)
MOUTH_RADII = (0.12, 0.18)
"""Row and column of the mouth's centre and half axes, as shares of the aligned crop (docs/data.md)."""
_REGIONS = {  # top bottom left right
    "lower": (0.4375, 1.0, 0.125, 0.875),
    "face": (0.0625, 1.0, 0.125, 0.875),
    "wide_lower": (0.4375, 1.0, 0.0625, 0.9375),
    "wide_face": (0.0625, 1.0, 0.0625, 0.9375),
}
_OUTLINE = (
    (95, 9, 247), (128, 9, 248), (150, 11, 246), (170, 12, 244), (180, 18, 239), (190, 24, 232), (200, 33, 224),
    (210, 43, 215), (220, 57, 203), (230, 76, 186), (238, 95, 167), (243, 142, 143),
)  # fmt: skip
_BRIDGE = (128, 78, 178)
"""LatentSync's mask in 256 pixels, read off its `latentsync/utils/mask.png` (commit a229c39): rows with the first
column inside and the first behind; and of the notch for the nose's bridge the row where it ends, and its columns."""


def region_mask(mode: Mask, resolution: int, cells: int) -> np.ndarray:
    """The generated region of the crop, aligned to its grid of latent cells.

    It ends with the crop: the throat's shadow shows how far the jaw has dropped. LatentSync's own is round, ends
    soon below the chin, and leaves brows and eyes to be seen. Whole cells cost it its smooth border: with 32 x 32 of
    them, intersection over union with LatentSync's mask is 0.96 in 256 x 256 pixels, and 0.92 with that mask as its
    U-Net gets it (the first pixel of each cell, hence half a cell further down and right than the pixels it hides).

    Args:
        mode: ``lower`` half of the face, ``face`` from the brows down, or ``full``; ``wide_lower`` and ``wide_face``
            for LatentSync's template, of which a face fills more of the width; ``latentsync`` for its template and
            weights, the region that these have seen.
        resolution: side of the mask, a multiple of `cells` (equal to it gives the mask of the latent).
        cells: latent cells a side.

    Returns:
        (resolution, resolution) bool, True where pixels are generated.

    Raises:
        ValueError: `resolution` is no multiple of `cells`, or the mode is unknown.
    """
    if resolution % cells:
        raise ValueError(f"mask resolution {resolution} is no multiple of {cells} cells")
    known = get_args(Mask)
    if mode not in known:
        raise ValueError(f"unknown mask mode '{mode}'; use {', '.join(known[:-1])} or {known[-1]}")
    mask = _latentsync(cells) if mode == "latentsync" else _rectangle(mode, cells)
    return mask.repeat(resolution // cells, axis=0).repeat(resolution // cells, axis=1)


def _rectangle(mode: str, cells: int) -> np.ndarray:
    mask = np.zeros((cells, cells), bool)
    top, bottom, left, right = (round(share * cells) for share in _REGIONS.get(mode, (0.0, 1.0, 0.0, 1.0)))
    mask[top:bottom, left:right] = True
    return mask


def _latentsync(cells: int) -> np.ndarray:
    """(cells, cells) bool: cells whose centre lies inside the outline."""
    centres = (np.arange(cells) + 0.5) * 256 / cells
    row, column = centres[:, None], centres[None]
    rows, left, right = np.transpose(_OUTLINE)
    inside = (column >= np.interp(row, rows, left)) & (column < np.interp(row, rows, right))
    bottom, start, end = _BRIDGE
    bridge = (row < bottom) & (column >= start) & (column < end)
    return inside & ~bridge & (row >= rows[0]) & (row < rows[-1])
