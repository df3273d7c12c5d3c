"""Reading video and audio with PyAV: constant frame rate, mono speech, upright square pixels.

Frames are (H, W, 3) uint8 RGB, waves are float32 in [-1, 1]. Time starts at the container's own start, so that sound
and picture read from one file stay in step (`eadnet.media.seeking.time_zero` says where a first picture that is a
little late counts as the start). Sources are paths or seekable binary files (for example tar members). Every fault of a
file surfaces as a `MediaError` with a one-line reason.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import av
import numpy as np

from eadnet.media.colour import Colour, colour_of, notes_of
from eadnet.media.decoding import (
    Window,
    audio_graph,
    filtered,
    frames_at,
    is_cut_short,
    upright_size,
    video_stream,
)
from eadnet.media.faults import MediaError
from eadnet.media.seeking import TIMELINE, Source, decoded_from, time_zero


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
    with decoded_from(source, video_stream, 0) as decoding:
        video, first = decoding.stream, decoding.first
        container = video.container
        width, height = upright_size(video, first)
        return MediaInfo(
            width=width,
            height=height,
            fps=float(video.average_rate or video.guessed_rate or 0),
            seconds=_length(container, video),
            has_audio=bool(container.streams.audio),
            truncated=is_cut_short(container, source),
            colour=colour_of(first),
            notes=notes_of(first),
        )


def _length(container: av.container.InputContainer, video: av.VideoStream) -> float:
    """Seconds of the video stream, or from the origin to the end of the container."""
    if video.duration:
        return float(video.duration * video.time_base)
    lead = time_zero(container) - (container.start_time or 0)
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
        start: seconds after the container's start at which the first frame stands.
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
    source: Source, sample_rate: int = 16000, start: float = 0.0, seconds: float | None = None
) -> np.ndarray:
    """Read the sound as one mono wave whose first sample stands at `start`.

    Sound that begins late is padded with zeros, gaps are filled, so that sample n belongs to time start + n / rate.

    Args:
        source: path or seekable binary file, of a video or of sound alone.
        sample_rate: samples per second that come out.
        start: seconds after the container's start.
        seconds: length to read; None reads to the end. The result may be shorter, where the sound ends early.

    Returns:
        (n,) float32 in [-1, 1].

    Raises:
        MediaError: unreadable, no audio stream, or no sample.
    """
    with decoded_from(source, _audio_stream, start) as sound:
        pipeline = audio_graph(sound.stream, sample_rate)
        wanted = None if seconds is None else round(seconds * sample_rate)
        wave = _joined(filtered(sound.frames, pipeline), round(start * sample_rate), wanted)
    if not len(wave):
        raise MediaError("the audio stream holds no sample; put a .wav of the same name beside it", "no_audio")
    return np.clip(wave[:wanted], -1, 1)


def _audio_stream(container: av.container.InputContainer) -> av.AudioStream:
    if not container.streams.audio:
        raise MediaError("no audio stream; put a .wav of the same name beside it", "no_audio")
    return container.streams.audio[0]


def _joined(frames: Iterable[av.AudioFrame], first: int, wanted: int | None) -> np.ndarray:
    """One float32 wave from sample `first` on, with zeros where the sound begins later; at least `wanted` long."""
    parts, count, lead = [np.empty(0, np.float32)], 0, None
    for frame in frames:
        samples = frame.to_ndarray()[0]
        if lead is None:  # samples before `first`, still to be left out
            lead = first - round(frame.pts * frame.time_base * frame.sample_rate)
            samples = np.pad(samples, (max(-lead, 0), 0))
        parts.append(samples[max(lead, 0) :])
        lead -= len(samples)
        count += len(parts[-1])
        if wanted is not None and count >= wanted:
            break
    return np.concatenate(parts)
