"""HDR pictures (PQ and HLG, ITU-R BT.2100) turned into BT.709 of ordinary light, by a table of colours.

Light of at most half of graphics white (203 cd/m2, ITU-R BT.2408) keeps its value; brighter light is pressed together
so that 1000 cd/m2 is the brightest of BT.709: Reinhard's extended curve (Photographic Tone Reproduction, 2002, eq. 4)
above the knee. It acts on the largest of red, green and blue, hence hues stay. FFmpeg's zscale is not in PyAV's wheels,
and swscale's own conversion prepares each graph for seconds.
"""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from av.filter import Graph
from av.video.reformatter import ColorTrc

HDR = {ColorTrc.SMPTE2084: "smpte2084", ColorTrc.ARIB_STD_B67: "arib-std-b67"}
SIZE = 33
"""Entries of the table along each axis; between them FFmpeg interpolates (tetrahedra)."""
GRAPHICS_WHITE, PEAK = 203.0, 1000.0
KNEE = 0.5
SCREEN_GAMMA = 2.4  # ITU-R BT.1886
BT2020_TO_BT709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])
"""ITU-R BT.2087."""
BT2020_LUMA = np.array([0.2627, 0.6780, 0.0593])


def tone_mapped(signal: np.ndarray, transfer: str) -> np.ndarray:
    """Colours of BT.709 for colours of PQ or HLG.

    Args:
        signal: (..., 3) red, green and blue of BT.2020 primaries, coded by the transfer curve, 0 to 1.
        transfer: ``smpte2084`` (PQ) or ``arib-std-b67`` (HLG).

    Returns:
        (..., 3) red, green and blue as coded for a screen of gamma 2.4, 0 to 1.
    """
    light = {"smpte2084": _pq_light, "arib-std-b67": _hlg_light}[transfer](signal) / GRAPHICS_WHITE
    light = (light @ BT2020_TO_BT709.T).clip(0, None)
    largest = light.max(-1, keepdims=True)
    return (light * _pressed(largest) / np.maximum(largest, 1e-9)).clip(0, 1) ** (1 / SCREEN_GAMMA)


def add_tone_mapping(graph: Graph, frame: av.VideoFrame) -> list:
    """The filters that turn pictures like this one into BT.709; none unless it is HDR."""
    if frame.color_trc not in HDR:
        return []
    with TemporaryDirectory() as folder:
        table = Path(folder) / "table.cube"
        table.write_bytes(_table(HDR[frame.color_trc]))
        lookup = graph.add("lut3d", file=str(table), interp="tetrahedral")
    return [
        graph.add("format", "gbrp10"),
        lookup,
        graph.add("setparams", "color_primaries=bt709:color_trc=bt709"),
        graph.add("scale", "out_color_matrix=bt709:out_range=tv"),
        graph.add("format", "yuv420p"),
    ]


def _pq_light(signal: np.ndarray) -> np.ndarray:
    """Light in cd/m2 (SMPTE ST 2084)."""
    root = signal ** (32 / 2523)
    return 10000 * (np.maximum(root - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * root)) ** (16384 / 2610)


def _hlg_light(signal: np.ndarray) -> np.ndarray:
    """Light in cd/m2 of a screen of 1000 cd/m2, whose gamma over the scene's luminance is 1.2 (ITU-R BT.2100)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return PEAK * np.maximum(scene @ BT2020_LUMA, 1e-9)[..., None] ** 0.2 * scene


def _pressed(light: np.ndarray) -> np.ndarray:
    """Light as it is up to the knee, above pressed so that `PEAK` becomes 1."""
    above = np.maximum(light - KNEE, 0) / (1 - KNEE)
    most = (PEAK / GRAPHICS_WHITE - KNEE) / (1 - KNEE)
    curve = above * (1 + above / most**2) / (1 + above)
    return np.where(light > KNEE, np.minimum(KNEE + (1 - KNEE) * curve, 1), light)


@cache
def _table(transfer: str) -> bytes:
    """The table as a .cube file, in which red changes fastest."""
    axis = np.linspace(0, 1, SIZE)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    colours = tone_mapped(np.stack([red, green, blue], -1).reshape(-1, 3), transfer)
    rows = "\n".join(f"{red:.6f} {green:.6f} {blue:.6f}" for red, green, blue in colours.tolist())
    return f"LUT_3D_SIZE {SIZE}\n{rows}\n".encode()
