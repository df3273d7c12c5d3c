"""How a file stores its frames, where that is not plainly one after the other and upright."""

from pathlib import Path

import numpy as np

from eadnet.media.decoding import video_stream
from eadnet.media.faults import MediaError
from eadnet.media.seeking import decoded_from, opened

UNEVEN = 1.5  # times the usual step between frames; less is the rounding of a container's clock
ROUNDING = 0.002  # seconds by which containers round a time


def storage_notes(path: str | Path) -> tuple[str, ...]:
    """Clauses on frames that are stored turned, or at uneven times; none for an ordinary file.

    Reads the file's packets, and decodes one frame.
    """
    try:
        with decoded_from(path, video_stream, 0) as decoding:
            turned = decoding.first.rotation % 360
        with opened(path) as container:
            stream = video_stream(container)
            times = [packet.pts * packet.time_base for packet in container.demux(stream) if packet.pts is not None]
    except MediaError:
        return ()  # decoding it says so
    steps = np.diff(np.sort(np.array(times, np.float64)))
    return tuple(filter(None, (f"stored turned by {turned} degrees" if turned else None, _uneven(steps[steps > 0]))))


def _uneven(steps: np.ndarray) -> str | None:
    """That frames follow each other at differing steps, (n,) seconds."""
    if len(steps) < 2:
        return None
    usual, least, most = np.median(steps), steps.min(), steps.max()
    if most <= UNEVEN * usual + ROUNDING and least >= usual / UNEVEN - ROUNDING:
        return None
    return f"frames at uneven times, {least:.3f} to {most:.3f} s apart"
