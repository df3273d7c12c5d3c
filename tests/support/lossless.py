"""Videos whose every RGB value survives, to compare what is read with what was drawn."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def write_lossless(path: Path, frames: np.ndarray, fps: float = 25) -> None:
    """Write frames (T, H, W, 3) uint8, H and W even, as H.264 in RGB."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264rgb", Fraction(fps), {"qp": "0", "preset": "veryfast"})
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "rgb24"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(stream.encode())
