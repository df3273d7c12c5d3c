"""Videos as people have them: frames at any times, in any codec and container, or stored turned."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

CLOCK = Fraction(1, 1000)


def write_timed(path: Path, frames: Sequence[np.ndarray], times: Iterable[float], **settings: str) -> Path:
    """Write frames, (H, W, 3) uint8, at times in seconds; returns the path.

    `settings` are `codec`, `pix_fmt` and the tag `color_trc`; by default H.264, ``yuv420p``, none.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream(settings.get("codec", "libx264"), rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = settings.get("pix_fmt", "yuv420p")
        stream.codec_context.time_base = CLOCK
        if "color_trc" in settings:
            stream.codec_context.color_trc = int(settings["color_trc"])
        for picture, time in zip(frames, times, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = round(time / CLOCK), CLOCK
            container.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
        container.mux(stream.encode())
    return path


def turn(path: Path, across: tuple[int, int] = (0, 1), down: tuple[int, int] = (-1, 0)) -> Path:
    """Have an mp4 shown turned, as a phone does: its matrix, which PyAV cannot write, is patched.

    `across` and `down` are where a step to the right and one down lead; by default a quarter turn clockwise.
    """
    none, last = bytes(4), (1 << 30).to_bytes(4, "big")

    def matrix(*steps: int) -> bytes:
        a, b, c, d = ((step << 16).to_bytes(4, "big", signed=True) for step in steps)
        return a + b + none + c + d + 3 * none + last

    whole = path.read_bytes()
    upright = matrix(1, 0, 0, 1)
    at = whole.index(upright, whole.index(b"tkhd"))
    path.write_bytes(whole[:at] + matrix(*across, *down) + whole[at + len(upright) :])
    return path
