"""Decoded frames from a given time on: seeks that are checked, and times where the file gives none.

A seek may land anywhere: behind the target in MPEG-TS, in the middle of a group of pictures in MPEG-PS, or nowhere in
files without an index. What was decoded first is therefore compared with what was asked for.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, dropwhile
from pathlib import Path
from typing import BinaryIO

import av
import av.logging

from eadnet.media.faults import LFS_POINTER, MediaError, check_file, check_head, faults_of_one_file

Source = str | Path | BinaryIO
TIMELINE = Fraction(1, 1_000_000)
SEEK_MARGIN = 1.0  # seconds decoded before an interval, enough for audio decoders to settle
SETTLED = 0.1  # seconds of sound decoded before an interval at least: Opus, the slowest, settles in 80 ms
LATE_PICTURE = 0.1  # seconds; less is no more than the samples with which sound codecs begin, 21 to 65 ms
NO_TIMES = 0x80  # FFmpeg's AVFMT_NOTIMESTAMPS: raw streams, whose times are counted from wherever reading begins
FROM_START = ("mpeg",)  # MPEG-PS times few packets: behind a seek, pictures were timed one too early
UNSTATED = ("flv", "avi")  # they state no durations: what FFmpeg guesses depends on where reading began
NUMBERED = ("avi",)  # it numbers packets, not pictures: with B-frames a picture comes out some numbers later
USUAL_RATE = Fraction(25)
HIGHEST_RATE = 1000  # frames per second; a header that states more states its clock, not its rate


@dataclass(frozen=True)
class Decoding:
    """A stream that is being decoded.

    `first` is the first picture of the stream (None for sound), `origin` the time that counts as 0, in microseconds of
    the container; `frames` come from before the wanted time on, all with a time counted from the origin.
    """

    stream: av.VideoStream | av.AudioStream
    first: av.VideoFrame | None
    origin: int
    frames: Iterator[av.VideoFrame | av.AudioFrame]


@contextmanager
def opened(source: Source) -> Iterator[av.container.InputContainer]:
    """Open for reading; any fault of the file inside the block becomes a MediaError."""
    target = str(source) if isinstance(source, str | Path) else source
    if isinstance(target, str):
        check_file(target)
    with faults_of_one_file():
        if not isinstance(target, str):
            target.seek(0)
            check_head(target.read(len(LFS_POINTER)))
            target.seek(0)
        with av.open(target, metadata_errors="ignore") as container:
            yield container


@contextmanager
def decoded_from(
    source: Source, pick: Callable[[av.container.InputContainer], av.stream.Stream], start: float
) -> Iterator[Decoding]:
    """Decode one stream from `start` seconds on, or from a little before.

    Args:
        source: path or seekable binary file.
        pick: the stream of an opened container.
        start: seconds after the origin.

    Yields:
        The stream, whose first frame has a time of at most `start` unless the stream itself begins later.

    Raises:
        MediaError: unreadable, or not one frame.
    """
    with ExitStack() as stack:
        numbers = _Numbers()
        container, stream, frames = _begun(stack, source, pick, numbers)
        origin, first = time_zero(container), None
        if stream.type == "video":  # of sound nothing is decoded before a seek: AAC would keep its last block
            first = next(frames, None)
            if first is None:
                raise MediaError("the video stream holds no frame; copy the file again", "truncated")
            frames = chain([first], frames)
        if start > SEEK_MARGIN:
            found = _sought(container, stream, origin, start, numbers)
            if found is None:
                _, stream, found = _begun(stack, source, pick, numbers)
            frames = found
        yield Decoding(stream, first, origin, _timed(frames, stream, origin))


def time_zero(container: av.container.InputContainer) -> int:
    """The picture's start in microseconds (of sound alone the container's), from which both are counted.

    Sound that comes before has no picture, and the first one repeated would be a face that does not speak. Most sound
    codecs put some samples there, which MP4 marks to be left out and MPEG-TS or FLV do not.
    """
    origin = container.start_time or 0
    begins = next((s.start_time * s.time_base for s in moving_pictures(container) if s.start_time is not None), None)
    return origin if begins is None else max(origin, round(begins / TIMELINE))


def late_picture(container: av.container.InputContainer) -> tuple[str, ...]:
    """A clause on sound that comes before the picture, where it is more than a codec's; else nothing."""
    late = float((time_zero(container) - (container.start_time or 0)) * TIMELINE)
    return (f"{late:.2f} s of sound before the first picture are left out",) if late > LATE_PICTURE else ()


def moving_pictures(container: av.container.InputContainer) -> list[av.VideoStream]:
    """The video streams that are no cover picture."""
    covers = av.stream.Disposition.attached_pic
    return [stream for stream in container.streams.video if not stream.disposition & covers]


def codec_name(container: av.container.InputContainer, stream: av.stream.Stream) -> str:
    """The codec as FFmpeg names it, or its four letters: all that is known of a stream that has no decoder."""
    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)  # the description comes through FFmpeg's log
    try:
        described = container.dumps_format()
    finally:
        av.logging.set_level(level)
    found = re.search(rf"Stream #0:{stream.index}\b.*: (?:Video|Audio): (?:none \()?([\w-]+)", described)
    return found[1] if found else "unknown"


def usual_duration(stream: av.stream.Stream) -> Fraction:
    """Seconds from frame to frame as the header has them, for frames that do not state it."""
    rate = getattr(stream, "average_rate", None) or getattr(stream, "guessed_rate", None)
    return 1 / (rate if rate and rate <= HIGHEST_RATE else USUAL_RATE)


def _begun(
    stack: ExitStack, source: Source, pick: Callable, numbers: "_Numbers"
) -> tuple[av.container.InputContainer, av.stream.Stream, Iterator[av.frame.Frame]]:
    """The source opened anew, its stream, and the frames from its very start."""
    stack.close()
    container = stack.enter_context(opened(source))
    stream = pick(container)
    return container, stream, _decoded(container, stream, numbers)


def _sought(
    container: av.container.InputContainer, stream: av.stream.Stream, origin: int, start: float, numbers: "_Numbers"
) -> Iterator[av.frame.Frame] | None:
    """Frames from before `start` on; None where only decoding from the very start can give them."""
    latest = start if stream.type == "video" else start - SETTLED
    margin = SEEK_MARGIN
    while margin < start and container.format.name not in FROM_START and not container.format.flags & NO_TIMES:
        try:
            container.seek(origin + int((start - margin) / TIMELINE), backward=True)
            frames = _from_key(_decoded(container, stream, numbers))
            landed = next(frames, None)
        except av.error.FFmpegError:  # no index, no seek: FLV says "Operation not permitted"
            return None
        if landed is not None and landed.pts is None:
            return None
        if landed is not None and landed.pts * landed.time_base - origin * TIMELINE <= latest:
            return chain([landed], frames)
        margin *= 2
    return None


def _from_key(frames: Iterator[av.frame.Frame]) -> Iterator[av.frame.Frame]:
    """Without the frames before the first key frame, which lack the pictures that they refer to."""
    return dropwhile(lambda frame: isinstance(frame, av.VideoFrame) and not frame.key_frame, frames)


def _timed(frames: Iterator[av.frame.Frame], stream: av.stream.Stream, origin: int) -> Iterator[av.frame.Frame]:
    """Frames timed from the origin; one without a time (AVI with B-frames, raw streams) follows the one before."""
    moving, unstated = stream.type == "video", stream.container.format.name in UNSTATED
    unit = TIMELINE if moving else stream.time_base
    following = Fraction(0) if stream.start_time is None else stream.start_time * stream.time_base - origin * TIMELINE
    for frame in frames:
        tick = frame.time_base or stream.time_base
        time = following if frame.pts is None else frame.pts * tick - origin * TIMELINE
        # without its duration the last frame of a video would be dropped
        stated = 0 if moving and unstated else frame.duration * tick
        duration = stated or (usual_duration(stream) if moving else Fraction(0))
        frame.time_base, frame.pts, frame.duration = unit, round(time / unit), round(duration / unit)
        following = time + (duration if moving else Fraction(frame.samples, frame.sample_rate))
        yield frame


class _Numbers:
    """Gives pictures of AVI their time: a packet's number, less the packets that go in before a picture comes out."""

    def __init__(self) -> None:
        self._delay: int | None = None

    def apply(self, frames: list[av.VideoFrame], first_packet: int | None) -> None:
        for frame in frames:
            if frame.dts is None or first_packet is None:
                frame.pts = None
                continue
            if self._delay is None:
                self._delay = frame.dts - first_packet
            frame.pts = frame.dts - self._delay


def _decoded(
    container: av.container.InputContainer, stream: av.stream.Stream, numbers: _Numbers
) -> Iterator[av.frame.Frame]:
    """Frames of a stream; packets cut in two, by a seek at its start or by the end of the file, are left out."""
    decode = _decoder(stream)
    started, first_packet = False, None
    numbered = stream.type == "video" and container.format.name in NUMBERED
    for packet in container.demux(stream):
        try:
            frames = decode(packet)
        except av.error.InvalidDataError:
            if started and not packet.is_corrupt:
                raise
            continue
        started = started or bool(frames)
        if numbered:
            first_packet = packet.dts if first_packet is None else first_packet
            numbers.apply(frames, first_packet)
        yield from frames


def _decoder(stream: av.stream.Stream) -> Callable[[av.Packet], list[av.frame.Frame]]:
    """How packets are decoded; FFmpeg's own VP8 and VP9 decoders leave transparency out, so libvpx does these."""
    libvpx = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
    if stream.metadata.get("alpha_mode") == "1" and stream.codec_context.name in libvpx:
        return av.CodecContext.create(libvpx[stream.codec_context.name], "r").decode
    return stream.decode
