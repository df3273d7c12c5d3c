"""A decode of a video from its start by a plain loop: what readers must agree with."""

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

SLACK = 0.02
"""Frames by which an instant may be rounded to the other side."""


@dataclass(frozen=True)
class Shown:
    """A picture, upright, and the second at which it appears, counted from the first one."""

    time: float
    picture: np.ndarray


def cannot_be_opened(path: Path) -> bool:
    """Whether FFmpeg itself refuses a file, as it does with a transport stream of two pictures."""
    try:
        with av.open(str(path)):
            return False
    except av.error.FFmpegError:
        return True


def decode_plainly(path: Path, rotation: int = 0) -> list[Shown]:
    """All pictures of the first stream that is no cover; `rotation` in degrees, clockwise.

    Time starts with the first picture.
    """
    shown = []
    with av.open(str(path)) as container:
        stream = next(stream for stream in container.streams.video if not stream.disposition & 1024)
        stream.thread_type = "NONE"
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                upright = np.rot90(frame.to_ndarray(format="rgb24"), -rotation // 90)
                shown.append(Shown(float(frame.pts * frame.time_base), upright))
    start = shown[0].time if shown else 0.0
    times = sorted(picture.time - start for picture in shown)  # AVI numbers packets, which are not in order of display
    return [Shown(time, picture.picture) for time, picture in zip(times, shown, strict=True)]


def fitting(shown: list[Shown], place: int, fps: int) -> list[int]:
    """Indices of the pictures that may stand at frame `place` of a constant rate: the nearest in time, up to rounding.

    The first picture also stands for what comes before it, the last for what comes after.
    """
    begins = [picture.time * fps + 0.5 for picture in shown]
    ends = [*begins[1:], np.inf]
    return [
        index
        for index, (begin, end) in enumerate(zip(begins, ends, strict=True))
        if (index == 0 or np.floor(begin - SLACK) <= place) and place < np.floor(end + SLACK)
    ]
