"""A video by itself: the rate of its frames and the sound that it carries."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from eadnet.media.decoding import MediaError
from eadnet.media.reading import read_audio
from eadnet.media.spectrogram import SAMPLE_RATE
from eadnet.media.suffixes import AUDIO_SUFFIXES
from metrics.tables import FPS

SAME_RATE = 0.01  # frames a second; less is the rounding of a container
MOST = 120  # frames a second; more is the clock of a container, not a camera
DENOMINATOR = 1001  # of the broadcast rates, such as 30000/1001


def native_rate(fps: float | None) -> Fraction:
    """The rate at which a video is decoded as it is; 25 where the file states none that can be one."""
    if not fps or fps > MOST or abs(fps - FPS) <= SAME_RATE:
        return Fraction(FPS)
    return Fraction(fps).limit_denominator(DENOMINATOR)


def read_own_sound(video: str | Path, notes: list[str] | None = None) -> np.ndarray | None:
    """The sound of a video, (n,) float32 at 16 kHz; of the sound file of its name beside it where it carries none.

    Args:
        video: the file.
        notes: gets what is said about the sound, in clauses.

    Returns:
        None where there is neither.

    Raises:
        MediaError: the file is unreadable.
    """
    beside = [Path(video).with_suffix(suffix) for suffix in AUDIO_SUFFIXES]
    for path in (Path(video), *beside):
        if path == Path(video) or path.is_file():
            try:
                return read_audio(path, SAMPLE_RATE, notes=notes)
            except MediaError as fault:
                if fault.status != "no_audio":
                    raise
    return None
