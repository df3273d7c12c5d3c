"""Damaged videos as files: frames and sound through the encoders that videos pass on their way.

Files are ``.mp4``, whose edit lists state the delay of a sound encoder. One thread each, so that the same
input gives the same bytes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np

from eadnet.provenance import atomic_path

SOUND_RATE = 48000
"""Samples a second of the sound of damaged videos: what AAC, MP3 and Opus are most often given."""
SECOND = SOUND_RATE  # samples that are given to an encoder at once
PICTURE = {
    # x264's lookahead reads memory that it has not written (docs/log.md)
    "libx264": {"preset": "veryfast", "x264-params": "bframes=0:rc-lookahead=0:no-mbtree=1"},
    "libx265": {"preset": "superfast", "x265-params": "log-level=error:pools=none:frame-threads=1"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "7", "threads": "1"},
}
SOUND = ("flac", "aac", "libmp3lame", "libopus")


@dataclass(frozen=True)
class Encoding:
    """How a damaged video is stored: encoders, rate of the picture, its `crf`, and `bits` a second of the sound.

    FLAC loses nothing and has no rate.
    """

    crf: int
    fps: float = 25
    picture: str = "libx264"
    sound: str = "flac"
    bits: int = 0


def write_film(path: Path, frames: Iterable[np.ndarray], sound: np.ndarray, encoding: Encoding) -> None:
    """Write a video with its sound; all or nothing.

    Args:
        path: ``.mp4`` to write.
        frames: (H, W, 3) uint8 RGB each, at least one; H and W even.
        sound: (n,) float32 in [-1, 1] at 48 kHz.
        encoding: how.
    """
    frames = iter(frames)
    first = next(frames)
    options = {"fflags": "+bitexact", "movflags": "+faststart"}
    with atomic_path(path) as temporary, av.open(str(temporary), "w", options=options) as container:
        picture = _picture_stream(container, first.shape, encoding)
        wave = _sound_stream(container, encoding)
        for index, frame in enumerate(chain([first], frames)):
            shown = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            shown.pts, shown.time_base = index, 1 / picture.codec_context.framerate
            container.mux(picture.encode(shown))
        container.mux(picture.encode())
        for part in _seconds(sound):
            container.mux(wave.encode(part))
        container.mux(wave.encode())


def _picture_stream(container: av.container.OutputContainer, shape: tuple, encoding: Encoding) -> av.VideoStream:
    stream = container.add_stream(encoding.picture, Fraction(encoding.fps).limit_denominator(1001))
    stream.height, stream.width, stream.pix_fmt = *shape[:2], "yuv420p"
    stream.bit_rate = 0  # VP9 would hold it beside the crf
    stream.codec_context.thread_count = 1
    stream.options = {"crf": str(encoding.crf), "flags": "+bitexact", **PICTURE[encoding.picture]}
    return stream


def _sound_stream(container: av.container.OutputContainer, encoding: Encoding) -> av.AudioStream:
    stream = container.add_stream(encoding.sound, rate=SOUND_RATE, layout="mono")
    stream.codec_context.thread_count = 1
    if encoding.bits:
        stream.bit_rate = encoding.bits
    stream.options = {"flags": "+bitexact", "strict": "experimental"}
    return stream


def _seconds(sound: np.ndarray) -> Iterator[av.AudioFrame]:
    """The wave in parts; PyAV brings them to the format and the frame length of the encoder."""
    for start in range(0, len(sound), SECOND):
        part = np.ascontiguousarray(sound[None, start : start + SECOND], np.float32)
        frame = av.AudioFrame.from_ndarray(part, "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, start, Fraction(1, SOUND_RATE)
        yield frame
