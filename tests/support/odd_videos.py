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


def turn(path: Path) -> Path:
    """Have an mp4 shown a quarter turn clockwise, as a phone does: its matrix, which PyAV cannot write, is patched."""
    one, minus, last = (number.to_bytes(4, "big", signed=True) for number in (1 << 16, -(1 << 16), 1 << 30))
    none, whole = bytes(4), path.read_bytes()
    upright, turned = one + 3 * none + one + 3 * none + last, none + one + none + minus + 4 * none + last
    at = whole.index(upright, whole.index(b"tkhd"))
    path.write_bytes(whole[:at] + turned + whole[at + len(upright) :])
    return path
