"""Reading video and audio with PyAV: constant frame rate, mono speech, upright square pixels.

Frames are (H, W, 3) uint8 RGB, waves are float32 in [-1, 1]. Time starts with the picture (of sound alone with the
container), so that sound and picture read from one file stay in step. Sources are paths or seekable binary files (for
example tar members). Every fault of a file surfaces as a `MediaError` with a one-line reason.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import av
import numpy as np

from eadnet.media.colour import Colour, colour_of, notes_of
from eadnet.media.decoding import (
    Window,
    frames_at,
    is_cut_short,
    upright_size,
    video_stream,
)
from eadnet.media.faults import MediaError
from eadnet.media.seeking import TIMELINE, Source, decoded_from, late_picture, time_zero
from eadnet.media.sound import has_sound, read_mono


@dataclass(frozen=True)
class MediaInfo:
    """What a container states about itself, after rotation and with square pixels.

    `seconds` is the length of the video stream (of the container where that is unknown), `fps` its mean rate,
    `colour` what a video made from this one should state, `notes` what is done to its pictures beyond the ordinary,
    a clause each.
    """

    width: int
    height: int
    fps: float
    seconds: float
    has_audio: bool
    truncated: bool
    colour: Colour = Colour()
    notes: tuple[str, ...] = ()


def probe(source: Source) -> MediaInfo:
    """Describe a video without decoding it (but for its first frame).

    Raises:
        MediaError: not a media file, no video stream, or pictures too small or too large.
    """
    heard = has_sound(source)  # first: two readers of one open file would move it under each other
    with decoded_from(source, video_stream, 0) as decoding:
        video, first = decoding.stream, decoding.first
        container = video.container
        width, height = upright_size(video, first)
        return MediaInfo(
            width=width,
            height=height,
            fps=float(video.average_rate or video.guessed_rate or 0),
            seconds=_length(container, video),
            has_audio=heard,
            truncated=is_cut_short(container, source),
            colour=colour_of(first),
            notes=(*notes_of(first), *late_picture(container)),
        )


def _length(container: av.container.InputContainer, video: av.VideoStream) -> float:
    """Seconds of the video stream, or from the origin to the end of the container."""
    if video.duration:
        return float(video.duration * video.time_base)
    # headers count from the start on; FFmpeg's Matroska states where the last frame ends
    begin = 0 if container.format.name.startswith("matroska") else max(container.start_time or 0, 0)
    lead = time_zero(container) - begin
    return float(max((container.duration or 0) - lead, 0) * TIMELINE)


def iterate_video(
    source: Source,
    fps: int | Fraction = 25,
    start: float = 0.0,
    seconds: float | None = None,
    window: Window | None = None,
) -> Iterator[np.ndarray]:
    """Yield the frames of a video at a constant rate, one at a time.

    Frames are repeated or dropped to the nearest instant of the new rate (``fps=round=near``); rotation metadata is
    applied, interlaced pictures are woven out, non-square pixels are stretched.

    Args:
        source: path or seekable binary file.
        fps: frames per second that come out.
        start: seconds after the first picture at which the first frame stands.
        seconds: length to read; None reads to the end.
        window: rectangle to cut out and scale, in upright source pixels.

    Yields:
        (H, W, 3) uint8 RGB frames.

    Raises:
        MediaError: unreadable, no video stream, or damaged on the way.
    """
    frames = frames_at(source, fps, start, window)
    return islice(frames, None if seconds is None else round(seconds * fps))


def read_video(source: Source, fps: int = 25, seconds: float | None = None) -> np.ndarray:
    """Read a whole video, (T, H, W, 3) uint8 RGB with T >= 1; arguments and errors as `iterate_video`."""
    frames = list(iterate_video(source, fps, seconds=seconds))
    if not frames:
        raise MediaError("no video frame; copy the file again", "truncated")
    return np.stack(frames)


def read_audio(
    source: Source,
    sample_rate: int = 16000,
    start: float = 0.0,
    seconds: float | None = None,
    notes: list[str] | None = None,
) -> np.ndarray:
    """Read the sound as one mono wave whose first sample stands at `start`.

    Sound that begins late is padded with zeros, gaps are filled, so that sample n belongs to time start + n / rate. The
    first stream that can be decoded is read. Its channels are mixed; where they cancel each other (opposite phase), or
    only one holds sound, one channel is taken.

    Args:
        source: path or seekable binary file, of a video or of sound alone.
        sample_rate: samples per second that come out.
        start: seconds after the first picture, of sound alone after its own start.
        seconds: length to read; None reads to the end. The result may be shorter, where the sound ends early.
        notes: gets a clause such as "channels of opposite phase; the left one is taken".

    Returns:
        (n,) float32 in [-1, 1].

    Raises:
        MediaError: unreadable, no audio stream with a decoder, or no sample.
    """
    wave, mix = read_mono(source, sample_rate, start, seconds)
    if notes is not None and mix.note:
        notes.append(mix.note)
    return wave if seconds is None else wave[: round(seconds * sample_rate)]
